"""Tiers as a pure function of a member's purchases and the programme: no matter when or in what order they are told."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple
from uuid import UUID

from services.members.domain.events import TierChanged
from services.members.domain.programme import BASE, Programme


class Spend(NamedTuple):
    """What is left of a purchase after refunds, in minor units, at the date of the purchase."""

    time: datetime
    net: int


@dataclass(frozen=True, slots=True)
class TierChange:
    """A move from tier to tier, at its instant; `upgrade` tells its direction."""

    time: datetime
    from_tier: str
    to_tier: str
    upgrade: bool


def tier_history(spends: Iterable[Spend], programme: Programme) -> list[TierChange]:
    """Every change of tier that these purchases bring about, past and to come, the earliest first.

    At each purchase the spend of the window that ends with it, (t - window, t], reaches a level. A member has the
    highest level that any purchase of the last window reached: a tier comes at once and stays for one window after the
    last purchase that reached it. Purchases of the same instant count together. What was refunded in full was no
    purchase.
    """
    spends = [spend for spend in spends if spend.net > 0]
    if not programme.tiers or sum(spend.net for spend in spends) < programme.tiers[0].threshold.minor:
        return []
    levels = [(time, level) for time, level in _levels(spends, programme) if level > 0]
    names = [BASE, *(tier.id for tier in programme.tiers)]
    changes: list[TierChange] = []
    current = 0
    for time, level in _highest(levels, programme.window):
        if level != current:
            changes.append(TierChange(time, names[current], names[level], upgrade=level > current))
            current = level
    return changes


def tier_at(history: Sequence[TierChange], time: datetime) -> str:
    """The tier that a history says for one instant."""
    past = [change.to_tier for change in history if change.time <= time]
    return past[-1] if past else BASE


def _levels(spends: Iterable[Spend], programme: Programme) -> Iterator[tuple[datetime, int]]:
    """Each instant of purchase with the level that the spend of its window reached, 0 for none."""
    thresholds = [tier.threshold.minor for tier in programme.tiers]
    window: deque[Spend] = deque()
    total = 0
    for time, group in groupby(sorted(spends), key=lambda spend: spend.time):
        for spend in group:
            window.append(spend)
            total += spend.net
        while window[0].time <= time - programme.window:
            total -= window.popleft().net
        yield time, bisect_right(thresholds, total)


def _highest(levels: Sequence[tuple[datetime, int]], window: timedelta) -> Iterator[tuple[datetime, int]]:
    """The highest level of the last window, at every instant at which it may change."""
    starts = deque(levels)
    held: deque[tuple[datetime, int]] = deque()  # levels fall from left to right: the first is the highest
    for now in sorted({time for time, _ in levels} | {time + window for time, _ in levels}):
        while held and held[0][0] + window <= now:
            held.popleft()
        if starts and starts[0][0] == now:
            level = starts.popleft()[1]
            while held and held[-1][1] <= level:
                held.pop()
            held.append((now, level))
        yield now, held[0][1] if held else 0


@dataclass(frozen=True, slots=True)
class Standing:
    """A member's tier history, the tier that was last announced, and when it changes next if nothing more is bought.

    `rules` is the version of the programme that the history was last judged by.
    """

    member: UUID
    tier: str
    next_change: datetime | None
    rules: int
    version: int
    history: Sequence[TierChange] = field(default_factory=list)

    def judged(
        self, spends: Iterable[Spend], programme: Programme, now: datetime
    ) -> tuple[Standing, list[TierChanged]]:
        """The standing that all purchases of the member give by the programme, and the facts to announce."""
        history = tier_history(spends, programme)
        if history == self.history and self.rules == programme.version:
            return self.advanced(now)
        return replace(self, history=history, rules=programme.version).advanced(now)

    def advanced(self, now: datetime) -> tuple[Standing, list[TierChanged]]:
        """The standing at `now`, and the fact to announce if the present tier is another than the one announced."""
        past = [change for change in self.history if change.time <= now]
        tier = past[-1].to_tier if past else BASE
        coming = self.history[len(past)].time if len(self.history) > len(past) else None
        if tier == self.tier:
            return self if coming == self.next_change else replace(self, next_change=coming), []
        version = self.version + 1
        fact = TierChanged(self.member, self.tier, tier, past[-1].time if past else now, version)
        return replace(self, tier=tier, next_change=coming, version=version), [fact]
