"""Run a use-case in one transaction. Nobody else opens, commits or rolls back.

`AsyncDatabase` serves `grpc.aio` (asyncpg; the use-case runs in SQLAlchemy's greenlet, so it is written
synchronously), `Database` serves workers and tools (psycopg2). Both take the same factory of units of work, so the same
use-case runs in both.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from time import perf_counter
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, runtime_checkable

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from kit.clock import Clock, utc_now
from kit.db import metrics, timeouts
from kit.db.faults import RETRIED, Constraints, sqlstate, translate
from kit.telemetry import log

U = TypeVar("U")
R = TypeVar("R")
P = ParamSpec("P")

Factory = Callable[[Connection, datetime], U]
"""Makes the unit of work that use-cases see from a connection inside a transaction and the present instant."""

Committed = Callable[[U], object]
"""Is told of each unit of work once its transaction is committed: the place to count what happened."""

ATTEMPTS = 4
_CONNECT_SECONDS = 5
_POOL_WAIT_SECONDS = 2
_RECYCLE_SECONDS = 1800


@runtime_checkable
class Finishing(Protocol):
    """A unit of work that has something to write right before the commit: what transactions queue for, so that none
    holds it while it waits for something else."""

    def finish(self) -> None:
        """Write it."""


class _Base(Generic[U]):
    """What both have in common: the factory, the clock, and when to try again."""

    def __init__(
        self, unit: Factory[U], constraints: Constraints | None, clock: Clock, committed: Committed[U] | None
    ) -> None:
        self._unit = unit
        self._committed = committed
        self._constraints = constraints or {}
        self._clock = clock

    def _body(
        self, fn: Callable[Concatenate[U, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> Callable[[Connection], tuple[U, R]]:
        def body(connection: Connection) -> tuple[U, R]:
            unit = self._unit(connection, self._clock())
            result = fn(unit, *args, **kwargs)
            if isinstance(unit, Finishing):
                unit.finish()
            return unit, result

        return body

    def _tell(self, unit: U) -> None:
        """The transaction is committed, and stays so whatever becomes of the counting."""
        if self._committed is not None:
            try:
                self._committed(unit)
            except Exception as error:  # noqa: BLE001 - a wrong count must not make a right answer fail
                log.error("not counted", exc_info=error)

    def _again(self, error: SQLAlchemyError | OSError, attempt: int, *, committing: bool) -> bool:
        """Whether the transaction surely did nothing and is worth another try.

        A connection lost during COMMIT leaves open whether it took effect, so that is never tried again here: the
        caller repeats the call with the same request id.
        """
        if attempt >= ATTEMPTS or committing or not isinstance(error, DBAPIError):
            return False
        again = sqlstate(error) in RETRIED or (error.connection_invalidated and attempt == 1)
        if again:
            metrics.RETRIES.labels(sqlstate(error) or "connection").inc()
        return again

    def _pause(self, attempt: int) -> float:
        return random.uniform(0.2, 1.0) * 0.01 * (1 << attempt)  # noqa: S311 - jitter, not a secret

    @contextmanager
    def _translated(self, operation: str) -> Iterator[None]:
        """Driver errors as Faults; and how long it took."""
        began, outcome = perf_counter(), "refused"
        try:
            yield
            outcome = "ok"
        except (SQLAlchemyError, OSError) as error:
            outcome = "error"
            fault = translate(error, self._constraints)
            if fault.transient:
                # Only the first line: the lines of detail below it repeat the values of the row.
                said = str(error.args[0] if error.args else error).partition("\n")[0]
                log.warning("database refused", reason=fault.reason, error=said)
            raise fault from error
        finally:
            metrics.TRANSACTION.labels(operation, outcome).observe(perf_counter() - began)


class AsyncDatabase(_Base[U]):
    """A pool of asyncpg connections for one `serve` process."""

    def __init__(
        self,
        url: str,
        unit: Factory[U],
        *,
        constraints: Constraints | None = None,
        committed: Committed[U] | None = None,
        clock: Clock = utc_now,
        pool_size: int = 8,
        statement_timeout_ms: int = 5_000,
        name: str = "kehu",
    ) -> None:
        super().__init__(unit, constraints, clock, committed)
        settings = {
            "application_name": name,
            "timezone": "UTC",
            "jit": "off",
            **timeouts.session(statement_ms=statement_timeout_ms),
        }
        self._engine = create_async_engine(
            make_url(url).set(drivername="postgresql+asyncpg"),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=_POOL_WAIT_SECONDS,
            pool_recycle=_RECYCLE_SECONDS,
            connect_args={"server_settings": settings, "timeout": _CONNECT_SECONDS},
        )
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        metrics.watch(self._engine.sync_engine)

    async def write(self, fn: Callable[Concatenate[U, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `fn(unit, ...)` in one transaction and commit it. Raises a Fault; then nothing is kept.

        A serialization failure or deadlock is tried again, so `fn` must have no effect outside the unit.
        """
        attempt, body = 1, self._body(fn, *args, **kwargs)
        with self._translated("write"):
            while True:
                committing = False
                try:
                    async with self._connected(self._engine) as connection, connection.begin() as transaction:
                        unit, result = await connection.run_sync(body)
                        committing = True
                        await transaction.commit()
                        self._tell(unit)
                        return result
                except (SQLAlchemyError, OSError) as error:
                    if not self._again(error, attempt, committing=committing):
                        raise
                await asyncio.sleep(self._pause(attempt))
                attempt += 1

    async def read(self, fn: Callable[Concatenate[U, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `fn(unit, ...)` that only reads: each statement sees what is committed, and needs no round trip more."""
        attempt, body = 1, self._body(fn, *args, **kwargs)
        with self._translated("read"):
            while True:
                try:
                    async with self._connected(self._reading) as connection:
                        return (await connection.run_sync(body))[1]
                except (SQLAlchemyError, OSError) as error:
                    if not self._again(error, attempt, committing=False):
                        raise
                attempt += 1

    async def ping(self) -> None:
        """Ask the server for a sign of life. Raises a Fault if there is none."""
        with self._translated("ping"):
            async with self._connected(self._reading) as connection:
                await connection.execute(text("select 1"))

    async def warm(self, connections: int) -> None:
        """Open connections before the first calls come."""
        await asyncio.gather(*(self.ping() for _ in range(connections)))

    async def close(self) -> None:
        """Give the connections back."""
        await self._engine.dispose()

    @asynccontextmanager
    async def _connected(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        connection, began = engine.connect(), perf_counter()
        if self._must_open(engine):
            await _whole(connection)
        else:
            await connection.start()
        metrics.WAIT.observe(perf_counter() - began)
        try:
            yield connection
        finally:
            await asyncio.shield(asyncio.create_task(connection.close()))

    @staticmethod
    def _must_open(engine: AsyncEngine) -> bool:
        pool = engine.pool
        return isinstance(pool, AsyncAdaptedQueuePool) and pool.checkedin() == 0 and pool.overflow() < 0


class Database(_Base[U]):
    """A pool of psycopg2 connections for one worker process or tool; cooperative under eventlet."""

    def __init__(
        self,
        url: str,
        unit: Factory[U],
        *,
        constraints: Constraints | None = None,
        committed: Committed[U] | None = None,
        clock: Clock = utc_now,
        pool_size: int = 4,
        statement_timeout_ms: int = 30_000,
        name: str = "kehu",
    ) -> None:
        super().__init__(unit, constraints, clock, committed)
        from kit.db import arrays  # noqa: PLC0415 - a server, which imports this module too, never loads psycopg2

        arrays.register()
        settings = {"timezone": "UTC", "jit": "off", **timeouts.session(statement_ms=statement_timeout_ms)}
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        self._engine = create_engine(
            make_url(url).set(drivername="postgresql+psycopg2"),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=_POOL_WAIT_SECONDS,
            pool_recycle=_RECYCLE_SECONDS,
            connect_args={"options": options, "application_name": name, "connect_timeout": _CONNECT_SECONDS},
        )
        metrics.watch(self._engine)

    def write(self, fn: Callable[Concatenate[U, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """As `AsyncDatabase.write`."""
        attempt, body = 1, self._body(fn, *args, **kwargs)
        with self._translated("write"):
            while True:
                committing = False
                try:
                    with self._connect() as connection, connection.begin() as transaction:
                        unit, result = body(connection)
                        committing = True
                        transaction.commit()
                        self._tell(unit)
                        return result
                except (SQLAlchemyError, OSError) as error:
                    if not self._again(error, attempt, committing=committing):
                        raise
                time.sleep(self._pause(attempt))
                attempt += 1

    def read(self, fn: Callable[Concatenate[U, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `fn(unit, ...)` that only reads, in one transaction."""
        return self.write(fn, *args, **kwargs)

    def ping(self) -> None:
        """Ask the server for a sign of life. Raises a Fault if there is none."""
        with self._translated("ping"), self._connect() as connection:
            connection.execute(text("select 1"))

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def _connect(self) -> Connection:
        began = perf_counter()
        connection = self._engine.connect()
        metrics.WAIT.observe(perf_counter() - began)
        return connection


async def _whole(connection: AsyncConnection) -> None:
    """Start a connection that must be opened first; being cancelled meanwhile waits for the end of that.

    Half a connection belongs to nobody: neither the driver nor the pool would close it.
    """
    opening = asyncio.ensure_future(connection.start())
    try:
        await asyncio.shield(opening)
    except asyncio.CancelledError:
        await asyncio.wait([opening])
        if opening.exception() is None:
            await connection.close()
        raise


def sync_url(url: str) -> Any:
    """The address for tools that make their own engine (migrations)."""
    return make_url(url).set(drivername="postgresql+psycopg2")
