"""Group commit: the concurrent calls of one process share one transaction.

A lane gathers the commands that wait while the last batch is being committed and runs them together. One bad command
never fails its neighbours: set-oriented use-cases answer a Fault in its place, and a batch that fails as a whole is run
again one by one. Measured here: six times the throughput of one transaction per call, with one committer (two make
smaller batches that wait for each other's rows; docs/adr/0005).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from time import monotonic
from typing import Generic, TypeVar

from prometheus_client import Counter, Histogram

from kit import errors
from kit.errors import Fault, Kind
from kit.telemetry import log

C = TypeVar("C")
R = TypeVar("R")

CAP = 256
"""Most commands in one transaction: larger batches gained nothing and lengthen the tail."""

_TAKES = 4
"""A batch waits for its crowd at most as long as so many of the last batch took: on a busy machine, where a transaction
is dear, for longer. Measured here: docs/adr/0029."""

_LONGEST_SECONDS = 0.04

_REMEMBERED = 1 / 3
"""Of the callers who are missing, the share that is still reckoned with after a batch. Measured here: callers who are
in two lanes in turn are held up when more is remembered, and make smaller batches when none is."""

_SIZES = Histogram(
    "group_commit_batch_size", "Commands per transaction.", ["lane"], buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
)
_SPLITS = Counter("group_commit_splits_total", "Batches that failed as a whole and were run one by one.", ["lane"])


@dataclass(slots=True)
class _Waiting(Generic[C, R]):
    command: C
    answer: asyncio.Future[R]


class Crowd:
    """How many callers have lately been in a lane at once: who waits for them shares a transaction, which costs nearly
    the same for one as for many. When all of them are there again, nobody else is worth waiting for, and who calls
    alone waits for nobody."""

    def __init__(self) -> None:
        self._size = 0.0
        self._patience = 0.0

    @property
    def size(self) -> int:
        """As many are worth waiting for."""
        return round(self._size)

    @property
    def patience(self) -> float:
        """Seconds that they are worth waiting for."""
        return self._patience

    def seen(self, callers: int, *, took: float) -> None:
        """So many were in the lane when a batch was done that took so many seconds."""
        missing = max(0.0, self._size - callers)
        self._size = callers + missing * _REMEMBERED
        self._patience = min(_TAKES * took, _LONGEST_SECONDS)


class GroupCommit(Generic[C, R]):
    """A lane. `run(commands)` is one transaction and answers one result or Fault per command, in order."""

    def __init__(
        self,
        run: Callable[[Sequence[C]], Awaitable[Sequence[R | Fault]]],
        *,
        lane: str,
        cap: int = CAP,
        waiting: int = 4096,
    ) -> None:
        self._run = run
        self._lane = lane
        self._cap = cap
        self._waiting_limit = waiting
        self._waiting: deque[_Waiting[C, R]] = deque()
        self._wake = asyncio.Event()
        self._crowd = Crowd()
        self._awaited = 0
        self._complete = asyncio.Event()
        self._committer: asyncio.Task[None] | None = None
        self._closing = False
        self._sizes = _SIZES.labels(lane)

    async def __call__(self, command: C) -> R:
        """The command's result, once its transaction is committed. Raises its Fault."""
        if self._closing:
            raise errors.unavailable("the service")
        if len(self._waiting) >= self._waiting_limit:
            raise errors.overloaded()
        if self._committer is None:
            self._committer = asyncio.create_task(self._commit(), name=f"lane {self._lane}", context=Context())
        item: _Waiting[C, R] = _Waiting(command, asyncio.get_running_loop().create_future())
        self._waiting.append(item)
        self._wake.set()
        if len(self._waiting) >= self._awaited:
            self._complete.set()
        return await item.answer

    async def close(self) -> None:
        """Commit what waits, then stop."""
        self._closing = True
        self._wake.set()
        self._complete.set()
        if self._committer is not None:
            await self._committer

    async def _commit(self) -> None:
        while self._waiting or not self._closing:
            await self._gather()
            if batch := self._next():
                self._sizes.observe(len(batch))
                began = monotonic()
                await self._settle(batch)
                self._crowd.seen(len(batch) + len(self._waiting), took=monotonic() - began)
            elif not self._closing:
                self._wake.clear()
                await self._wake.wait()

    async def _gather(self) -> None:
        """If somebody waits, let the others come who have lately been here at once."""
        self._awaited = min(self._crowd.size, self._cap)
        if self._closing or not 0 < len(self._waiting) < self._awaited:
            return
        self._complete.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._crowd.patience):
                await self._complete.wait()

    def _next(self) -> list[_Waiting[C, R]]:
        batch: list[_Waiting[C, R]] = []
        while self._waiting and len(batch) < self._cap:
            item = self._waiting.popleft()
            if not item.answer.done():  # its caller has given up: the deadline passed, or the client went away
                batch.append(item)
        return batch

    async def _settle(self, batch: list[_Waiting[C, R]]) -> None:
        try:
            outcomes = await self._run([item.command for item in batch])
        except Exception as error:  # noqa: BLE001 - every waiting caller must be answered
            if len(batch) > 1 and not _hopeless(error):
                _SPLITS.labels(self._lane).inc()
                log.warning("batch split", lane=self._lane, size=len(batch), error=type(error).__name__)
                for item in batch:
                    if not item.answer.done():  # alone each may wait for a lock, and the callers' time runs out
                        await self._settle([item])
                return
            outcomes = [error if isinstance(error, Fault) else _logged(error, self._lane)] * len(batch)
        for item, outcome in zip(batch, outcomes, strict=True):
            if item.answer.done():
                continue
            if isinstance(outcome, Fault):
                item.answer.set_exception(outcome)
            else:
                item.answer.set_result(outcome)


def _hopeless(error: Exception) -> bool:
    """Whether every command alone would fail the same way."""
    return isinstance(error, Fault) and error.kind in {Kind.UNAVAILABLE, Kind.RESOURCE_EXHAUSTED}


def _logged(error: Exception, lane: str) -> Fault:
    log.error("lane failed", lane=lane, exc_info=error)
    return errors.internal()
