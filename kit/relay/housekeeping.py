"""Beside the sending: look how much waits, and remove what was sent long ago. On a connection of its own."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any

from kit.relay import metrics
from kit.relay.outbox import DATABASE_ERRORS, close, connect
from kit.telemetry import log

_LOOK_SECONDS = 2.0
_PRUNE_SECONDS = 60.0
_AT_ONCE = 1_000
_COUNTED = 100_000

_WAITING = """
    select (select count(*) from (select from outbox where published_at is null and parked_at is null limit $1) w),
           coalesce((select extract(epoch from now() - created_at) from outbox
                     where published_at is null and parked_at is null order by sequence limit 1), 0),
           (select count(*) from outbox where parked_at is not null)
"""
_PRUNE = """
    delete from outbox where id in
        (select id from outbox where published_at < now() - $1::interval order by published_at limit $2)
"""


class Housekeeping:
    """Looks every two seconds, removes every minute; `heard` is when the database last answered."""

    def __init__(self, url: str, *, name: str, retention: timedelta) -> None:
        self._url = url
        self._name = name
        self._retention = retention
        self.heard = time.monotonic()

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                await self._rounds()
            except DATABASE_ERRORS as error:
                log.warning("no look at the outbox", reason=type(error).__name__)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _rounds(self) -> None:
        connection = await connect(self._url, name=self._name)
        pruned = 0.0
        try:
            while True:
                await self._look(connection)
                if time.monotonic() - pruned > _PRUNE_SECONDS:
                    await self._prune(connection)
                    pruned = time.monotonic()
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            await close(connection)

    async def _look(self, connection: Any) -> None:
        waiting, oldest, parked = await connection.fetchrow(_WAITING, _COUNTED)
        metrics.UNPUBLISHED.set(waiting)
        metrics.OLDEST.set(float(oldest))
        metrics.PARKED.set(parked)
        self.heard = time.monotonic()

    async def _prune(self, connection: Any) -> None:
        """Small batches: no long transaction, no long lock. Both relays may do it."""
        while True:
            status = await connection.execute(_PRUNE, self._retention, _AT_ONCE)
            if int(status.rpartition(" ")[2]) < _AT_ONCE:
                return
