"""What must follow from CDNOW's file, worked out from its text alone: nothing of the suite's code has a part in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

WINDOW = timedelta(days=365)
TIERS = (("silver", 10_000), ("gold", 25_000), ("platinum", 50_000))
"""Tiers of the default programme, by the spend in cents that they take."""


class Purchase(NamedTuple):
    """A line of the file; `net` in cents."""

    time: datetime
    items: int
    net: int


class Upgrade(NamedTuple):
    """A customer reaches a higher tier."""

    time: datetime
    tier: str


class Spending(NamedTuple):
    """What a profile must say: how often, how much, since when, until when."""

    orders: int
    total: int
    first: datetime
    last: datetime


@dataclass(frozen=True)
class Expected:
    """What must be in the databases, by customer."""

    purchases: dict[str, list[Purchase]]

    @property
    def orders(self) -> int:
        """All purchases."""
        return sum(map(len, self.purchases.values()))

    @property
    def items(self) -> int:
        """All items."""
        return sum(purchase.items for log in self.purchases.values() for purchase in log)

    @property
    def revenue(self) -> int:
        """All cents."""
        return sum(purchase.net for log in self.purchases.values() for purchase in log)

    @cached_property
    def points(self) -> dict[str, int]:
        """One point for every whole dollar of each purchase."""
        return {customer: sum(purchase.net // 100 for purchase in log) for customer, log in self.purchases.items()}

    @cached_property
    def upgrades(self) -> dict[str, list[Upgrade]]:
        """The upgrades of the customers who had any."""
        return {customer: found for customer, log in self.purchases.items() if (found := upgrades(log))}

    @cached_property
    def spendings(self) -> dict[str, Spending]:
        """What was spent, also for nothing."""
        return {
            customer: Spending(
                len(log),
                sum(purchase.net for purchase in log),
                min(purchase.time for purchase in log),
                max(purchase.time for purchase in log),
            )
            for customer, log in self.purchases.items()
        }


def expect(path: Path) -> Expected:
    """Read the file, in the plainest way there is."""
    purchases: dict[str, list[Purchase]] = defaultdict(list)
    with path.open() as file:
        next(file)
        for line in file:
            if line.strip():
                customer, date, items, value = line.split()
                time = datetime.strptime(date, "%Y%m%d").replace(tzinfo=UTC)
                purchases[customer].append(Purchase(time, int(items), int(Decimal(value) * 100)))
    return Expected(dict(purchases))


def upgrades(log: Sequence[Purchase]) -> list[Upgrade]:
    """The upgrades of one customer, by the definition of a tier and by no clever algorithm.

    level(p) is the level of the spend in (p - 365 days, p] at a purchase p; the tier at t is the highest level of the
    purchases p with p <= t < p + 365 days. Purchases of one instant count together.
    """
    if sum(purchase.net for purchase in log) < TIERS[0][1]:
        return []
    times = sorted({purchase.time for purchase in log if purchase.net > 0})
    levels = {time: _level(sum(p.net for p in log if time - WINDOW < p.time <= time)) for time in times}
    found, before = [], 0
    for time in sorted({*times, *(time + WINDOW for time in times)}):
        tier = max((level for at, level in levels.items() if at <= time < at + WINDOW), default=0)
        if tier > before:
            found.append(Upgrade(time, TIERS[tier - 1][0]))
        before = tier
    return found


def _level(spend: int) -> int:
    return sum(spend >= threshold for _, threshold in TIERS)


def scores(spendings: Iterable[Spending]) -> dict[tuple[int, int, int], int]:
    """How many customers have which scores of recency, frequency and monetary value.

    A score is 1 + floor(5 k / n), where k of the n customers have a strictly lower value.
    """
    everybody = list(spendings)
    ranks = [_ranks([getattr(each, value) for each in everybody]) for value in ("last", "orders", "total")]
    cells: dict[tuple[int, int, int], int] = defaultdict(int)
    for each in everybody:
        cells[ranks[0][each.last], ranks[1][each.orders], ranks[2][each.total]] += 1
    return dict(cells)


def _ranks(values: list[object]) -> dict[object, int]:
    ranks: dict[object, int] = {}
    for lower, value in enumerate(sorted(values)):  # type: ignore[type-var]
        ranks.setdefault(value, 1 + 5 * lower // len(values))
    return ranks
