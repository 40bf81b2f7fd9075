"""The outbox as the relay sees it: what is to be sent next, and what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

DATABASE_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
"""What a connection fails with. Whatever it was, the way out is a new connection.

An `InternalClientError` is what asyncpg says when the server hung up while nothing was asked, and that is being read in
the moment in which something is.
"""

_CONNECT_SECONDS = 5.0
_STATEMENT_SECONDS = 30.0
# Each service has its own database, so one number does for all: "kehu", and which lock of ours.
_LOCK = (0x6B656875, 1)

_PENDING = """
    select id, sequence, aggregateid, type, payload, headers, subject_version, created_at, attempts
    from outbox
    where published_at is null and parked_at is null and sequence > $1 and aggregateid <> all($2::text[])
    order by sequence limit $3
"""
_MARK = """
    update outbox set published_at = now(), last_error = null
    where id = any($1::uuid[]) and published_at is null
"""
_FAIL = """
    update outbox set attempts = attempts + 1, last_error = $2,
        parked_at = case when attempts + 1 >= $3 then now() end
    where id = $1
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One event that waits to be sent."""

    id: UUID
    sequence: int
    aggregateid: str
    type: str
    payload: str
    headers: str
    subject_version: int
    created_at: datetime
    attempts: int


class Outbox:
    """One connection to a service's database: it holds the lock, reads and marks.

    All on one connection: when it is lost the lock is lost with it, and nothing more can be marked.
    """

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._woken = asyncio.Event()

    @classmethod
    async def connect(cls, url: str, *, name: str) -> Outbox:
        """Raises one of DATABASE_ERRORS."""
        return cls(await connect(url, name=name))

    async def lead(self) -> bool:
        """Become the active relay of the service, if there is none."""
        return bool(await self._connection.fetchval("select pg_try_advisory_lock($1, $2)", *_LOCK))

    async def pending(self, *, after: int, without: Collection[str], limit: int) -> list[Row]:
        """The oldest unsent events with a sequence `after` that, except those of the aggregates in `without`."""
        rows = await self._connection.fetch(_PENDING, after, list(without), limit)
        return [Row(*row) for row in rows]

    async def mark(self, ids: Sequence[UUID]) -> None:
        """These are with the broker."""
        if ids:
            await self._connection.execute(_MARK, ids)

    async def fail(self, row_id: UUID, reason: str, *, attempts: int) -> None:
        """This one was refused; the last of so many `attempts` parks it."""
        await self._connection.execute(_FAIL, row_id, reason, attempts)

    async def wait(self, seconds: float) -> None:
        """Until `wake`, or the time is up."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return

    def wake(self) -> None:
        """End the waiting."""
        self._woken.set()

    def abort(self) -> None:
        """Hang up at once; a statement under way fails."""
        self._connection.terminate()

    async def close(self) -> None:
        """Give up the lock and the connection."""
        await close(self._connection)


async def connect(url: str, *, name: str) -> Any:
    """A connection to the service's database. Raises one of DATABASE_ERRORS."""
    settings = {"application_name": name, "timezone": "UTC", "jit": "off"}
    return await asyncpg.connect(
        url, timeout=_CONNECT_SECONDS, command_timeout=_STATEMENT_SECONDS, server_settings=settings
    )


async def close(connection: Any) -> None:
    """Close, or hang up if that does not work."""
    try:
        await connection.close(timeout=_CONNECT_SECONDS)
    except DATABASE_ERRORS:
        connection.terminate()
