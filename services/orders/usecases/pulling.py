"""Pulling: ask the platforms of shops for the orders that changed there, and take them in. Platforms are asked outside
of transactions; every page is one transaction of `ingest_orders`, which ignores what it knows.

Pages are read from the last to the first. An order that changes meanwhile leaves the window, and those behind it move
towards the first page, where they are still to be read. If orders come into the window instead, or fewer were seen than
it has, the round does not count: the shop's position stays, and the window is read once more.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar
from uuid import UUID

from kit.errors import Fault, conflict, unavailable
from kit.telemetry import log
from services.orders.domain.ingest import PlatformOrder, RowResult
from services.orders.domain.pull import LEASE, PAUSE, Page, Period, Pull
from services.orders.usecases import ingest
from services.orders.usecases.ingest import IngestOrders, ingest_orders

_AT_ONCE = 4

P = ParamSpec("P")
R = TypeVar("R")


class Platform(Protocol):
    """A shop on another platform, as it is asked here."""

    @property
    def name(self) -> str:
        """The platform's name."""

    async def changed(self, period: Period, page: int) -> Page:
        """A page of the orders that changed in a period; the first is 0. Raises a Fault when it can't be had; its
        `retry_after` is how long the platform wants to be left alone."""


class Transactions(Protocol):
    """Where the use-cases run, one transaction each."""

    async def write(self, fn: Callable[Concatenate[Any, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a use-case in one transaction."""


class Pulls(Protocol):
    """How far shops were asked."""

    def begin(self, shops: Mapping[str, datetime], now: datetime) -> None:
        """Store new ones for shops that exist, each from an instant on."""

    def claim(self, shops: Sequence[str], lease: UUID, *, now: datetime, until: datetime, limit: int) -> list[Pull]:
        """Take shops whose time has come, and that nobody has; those that others lock are passed over."""

    def keep(self, pull: Pull, until: datetime) -> bool:
        """Hold a round for longer; answers False when it is somebody else's by now."""

    def advance(self, pull: Pull, position: datetime, *, now: datetime, due: datetime) -> None:
        """End a round that is still ours: all that changed before `position` is known."""

    def defer(self, pull: Pull, reason: str, due: datetime) -> None:
        """End a round that is still ours, and came to nothing."""


class Work(ingest.Work, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def pulls(self) -> Pulls:
        """How far shops were asked."""


@dataclass(frozen=True, slots=True)
class Round:
    """What became of a round: how many orders by outcome, why it failed if it did, and how far behind its shop is."""

    platform: str
    reason: str
    lag: timedelta
    outcomes: Counter[str] = field(default_factory=Counter)


def claim_pulls(unit: Work, shops: Mapping[str, datetime]) -> list[Pull]:
    """Take some of the shops whose time has come; those that nobody ever asked begin at their instants."""
    unit.pulls.begin(shops, unit.now)
    return unit.pulls.claim(sorted(shops), unit.new_id(), now=unit.now, until=unit.now + LEASE, limit=_AT_ONCE)


def take_in(unit: Work, pull: Pull, rows: Sequence[PlatformOrder | Fault]) -> list[RowResult]:
    """Take in a page. Raises a Fault when the round is somebody else's by now."""
    if not unit.pulls.keep(pull, unit.now + LEASE):
        raise conflict()
    return ingest_orders(unit, IngestOrders(pull.shop, rows))


def end_pull(unit: Work, pull: Pull) -> None:
    """The round is done."""
    due = unit.now if pull.behind else unit.now + PAUSE
    unit.pulls.advance(pull, pull.period.end, now=unit.now, due=due)


def defer_pull(unit: Work, pull: Pull, fault: Fault) -> None:
    """The round came to nothing; the shop is left alone for a while."""
    unit.pulls.defer(pull, fault.reason, unit.now + pull.pause(fault.retry_after))


class Pulling:
    """Pulls the orders of shops, each from its platform; `since` says from when on. `tell` hears of each round."""

    def __init__(
        self,
        transactions: Transactions,
        platforms: Mapping[str, Platform],
        *,
        since: Mapping[str, datetime],
        tell: Callable[[Round], None],
    ) -> None:
        self._transactions = transactions
        self._platforms = platforms
        self._since = since
        self._tell = tell

    async def sweep(self) -> int:
        """One round for each of some shops whose time has come; answers for how many."""
        pulls = await self._transactions.write(claim_pulls, self._since)
        await asyncio.gather(*(self._round(pull) for pull in pulls))
        return len(pulls)

    async def _round(self, pull: Pull) -> None:
        platform, reason = self._platforms[pull.shop], ""
        outcomes: Counter[str] = Counter()
        try:
            await self._read(pull, platform, outcomes)
            await self._transactions.write(end_pull, pull)
        except Fault as fault:
            reason = fault.reason
            log.warning(
                "pull failed", shop=pull.shop, platform=platform.name, reason=reason, failures=pull.failures + 1
            )
            await self._transactions.write(defer_pull, pull, fault)
        known = pull.position if reason else pull.period.end
        self._tell(Round(platform.name, reason, pull.now - known, outcomes))

    async def _read(self, pull: Pull, platform: Platform, outcomes: Counter[str]) -> None:
        """Take in all that changed. Raises a Fault unless it is sure that nothing is missing."""
        page = first = await platform.changed(pull.period, 0)
        seen: set[str] = set()
        for number in range(first.last, -1, -1):
            if first.last:
                page = await platform.changed(pull.period, number)
            await self._take_in(pull, page, outcomes)
            seen |= {tid for tid, _ in page.rows}
        if page.total > first.total or len(seen) < page.total:
            raise unavailable(f"a window of {platform.name} that stands still")

    async def _take_in(self, pull: Pull, page: Page, outcomes: Counter[str]) -> None:
        # A page that tells an order twice tells it as it was and as it is: one after the other.
        rows: list[list[tuple[str, PlatformOrder | Fault]]] = []
        for tid, row in page.rows:
            if not rows or tid in {known for known, _ in rows[-1]}:
                rows.append([])
            rows[-1].append((tid, row))
        for batch in rows:
            results = await self._transactions.write(take_in, pull, [row for _, row in batch])
            outcomes.update(result.outcome.value.lower() for result in results)
            for (tid, _), result in zip(batch, results, strict=True):
                if result.fault is not None:
                    log.error("pulled order rejected", shop=pull.shop, tid=tid, reason=result.fault.reason)
