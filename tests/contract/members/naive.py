"""Points as a child would keep them: a list of lots in the order of spending, and a number for what is owed.

It knows nothing of accounts, transfers or SQL, and is only right because it is simple.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

FOREVER = datetime.max.replace(tzinfo=UTC)


@dataclass
class NaiveLot:
    """Points that were granted together."""

    number: int
    source: str
    granted: datetime
    starts: datetime | None
    ends: datetime | None
    pending: int = 0
    available: int = 0
    held: int = 0
    lapsed: int = 0

    def order(self) -> tuple[datetime, datetime, int]:
        """What expires first is spent first, then what was granted first."""
        return self.ends or FOREVER, self.granted, self.number

    def left(self) -> tuple[datetime | None, int, int, int]:
        """What can be compared with the ledger's lots."""
        return self.ends, self.pending, self.available, self.held


Parts = list[tuple[NaiveLot | None, int]]


@dataclass
class NaiveWallet:
    """One member's points."""

    debt: int = 0
    lots: list[NaiveLot] = field(default_factory=list)
    numbers: Iterable[int] = field(default_factory=count)

    def balances(self) -> tuple[int, int, int, int]:
        """Pending, available, held, owed."""
        return (
            sum(lot.pending for lot in self.lots),
            sum(lot.available for lot in self.lots),
            sum(lot.held for lot in self.lots),
            self.debt,
        )

    def left(self) -> list[tuple[datetime | None, int, int, int]]:
        """All lots of which something is left."""
        found = [lot.left() for lot in self.lots if lot.pending or lot.available or lot.held]
        return sorted(found, key=lambda left: (left[0] is None, left[0].timestamp() if left[0] else 0, *left[1:]))

    def pay_debt(self, points: int) -> int:
        """What of these points remains once the debt is paid as far as they go."""
        paid = min(points, self.debt)
        self.debt -= paid
        return points - paid

    def grant(
        self, points: int, source: str, now: datetime, starts: datetime | None = None, ends: datetime | None = None
    ) -> None:
        """Points come in, to be spent from `starts` on (by default now) and until `ends`."""
        self.grant_late(points, source, now, starts or now, ends, now=now)

    def grant_late(
        self,
        points: int,
        source: str,
        granted: datetime,
        starts: datetime | None,
        ends: datetime | None,
        *,
        now: datetime,
    ) -> None:
        """Points come in now for something of before; without `starts` they wait until something happens."""
        lot = NaiveLot(next(iter(self.numbers)), source, granted, starts, ends)
        if starts is None or starts > now:
            lot.pending = points
        else:
            lot.available = self.pay_debt(points)
        self.lots.append(lot)

    def complete(self, source: str, starts: datetime, ends: datetime | None, now: datetime) -> None:
        """What waited for this has its time now."""
        for lot in self.lots:
            if lot.source == source and lot.pending and lot.starts is None:
                lot.starts, lot.ends = starts, ends
        self.mature(now)

    def take(self, points: int) -> Parts:
        """Take available points in the order of spending; the part that no lot gives is owed."""
        parts: Parts = []
        for lot in sorted(self.lots, key=NaiveLot.order):
            taken = min(points, lot.available)
            if taken:
                lot.available -= taken
                points -= taken
                parts.append((lot, taken))
        if points:
            self.debt += points
            parts.append((None, points))
        return parts

    def hold(self, points: int) -> Parts:
        """Set points aside."""
        parts = self.take(points)
        for lot, taken in parts:
            assert lot is not None
            lot.held += taken
        return parts

    def confirm(self, parts: Parts, points: int, now: datetime) -> Parts:
        """Spend the first of the held points, and give the others back."""
        spent, rest = divide(parts, points)
        for lot, taken in spent:
            assert lot is not None
            lot.held -= taken
        self.release(rest, now)
        return spent

    def release(self, parts: Parts, now: datetime) -> None:
        """Give held points back, unless their time is over."""
        for lot, taken in parts:
            assert lot is not None
            lot.held -= taken
            lot.available += self.pay_debt(taken)
        self.lapse(now)

    def give_back(self, parts: Parts, source: str, now: datetime) -> None:
        """Spent points return to their lots; where the time is over they are gone, where there is no lot there is a new
        one."""
        here = [(lot if lot in self.lots else None, points) for lot, points in parts]
        alive = [(lot, points) for lot, points in here if lot and not (lot.ends and lot.ends <= now)]
        for lot, points in alive:
            lot.available += self.pay_debt(points)
        for gone, points in here:
            if gone and gone.ends and gone.ends <= now:
                gone.lapsed += points
        fresh = sum(points for lot, points in here if lot is None)
        if fresh:
            self.grant(fresh, source, now)

    def claw_back(self, points: int, source: str) -> None:
        """Points that a source had granted go back."""
        for lot in [lot for lot in sorted(self.lots, key=NaiveLot.order) if lot.source == source]:
            taken = min(points, lot.pending)
            lot.pending -= taken
            points -= taken
        for lot in [lot for lot in sorted(self.lots, key=NaiveLot.order) if lot.source == source]:
            taken = min(points, lot.available)
            lot.available -= taken
            points -= taken
        for lot in [lot for lot in self.lots if lot.source == source]:
            taken = min(points, lot.lapsed)
            lot.lapsed -= taken
            points -= taken
        self.take(points)

    def part_with(self, lot: NaiveLot, paid: int) -> None:
        """A lot goes back to whom it came from; what it had paid of a debt is owed again."""
        self.debt += paid
        self.lots = [each for each in self.lots if each is not lot]
        for each in sorted(self.lots, key=NaiveLot.order):
            left = self.pay_debt(each.available)
            each.available = left

    def lapse(self, now: datetime) -> None:
        """What is over is gone, but for what is held."""
        for lot in self.lots:
            if lot.ends and lot.ends <= now:
                lot.lapsed += lot.available
                lot.available = 0

    def mature(self, now: datetime) -> None:
        """What waited until now can be spent."""
        waiting = (lot for lot in self.lots if lot.pending and lot.starts)
        for lot in sorted(waiting, key=lambda lot: (lot.starts, lot.order())):
            if lot.starts and lot.starts <= now:
                lot.available += self.pay_debt(lot.pending)
                lot.pending = 0
        self.lapse(now)


def divide(parts: Parts, points: int) -> tuple[Parts, Parts]:
    """The first so many points, and the rest."""
    first: Parts = []
    rest: Parts = []
    for lot, each in parts:
        taken = min(points, each)
        points -= taken
        if taken:
            first.append((lot, taken))
        if each > taken:
            rest.append((lot, each - taken))
    return first, rest
