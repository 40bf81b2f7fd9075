"""Tiers as a pure function of what counts towards them and the programme, whenever and in whatever order it is told."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from services.members.domain.events import TierChanged
from services.members.domain.programme import BASE, Programme
from services.members.domain.tier_override import TierOverride, spans
from services.members.domain.tier_scheme import Downgrade, TierScheme, Window, period_of
from services.members.domain.validity import days_later


class Gain(NamedTuple):
    """What counts towards tiers, at its instant: by the programme's metric what is left of a purchase, in minor units,
    the points it earned, or growth value, which may be below zero."""

    time: datetime
    amount: int


@dataclass(frozen=True, slots=True)
class TierChange:
    """A move from tier to tier, at its instant; `upgrade` tells its direction, `manual` that an override began or
    ended."""

    time: datetime
    from_tier: str
    to_tier: str
    upgrade: bool
    manual: bool = False


Levels = Iterator[tuple[datetime, int]]
"""Instants in their order, each with the number of a tier from then on, 0 for base; the last of an instant counts."""


def tier_history(gains: Iterable[Gain], programme: Programme, joined: datetime | None = None) -> list[TierChange]:
    """Every change of tier that these gains bring about, past and to come, the earliest first.

    A tier comes at the instant at which the window reaches it. In a rolling window it stays for one window (and grace)
    after the last gain that reached it; in one of periods it is evaluated when a period ends. Gains of the same instant
    count together. What was refunded in full was no gain.
    """
    gains = [gain for gain in gains if gain.amount]
    if not programme.tiers or sum(gain.amount for gain in gains if gain.amount > 0) < programme.tiers[0].least:
        return []
    rolling = programme.scheme.window is Window.ROLLING
    return _changes(_rolling(gains, programme) if rolling else _periodic(gains, programme, joined), programme)


def overridden(
    history: Sequence[TierChange], overrides: Sequence[TierOverride], programme: Programme
) -> list[TierChange]:
    """The history in which overrides have their way for as long as they last; those of unknown tiers have none."""
    if not overrides:
        return list(history)
    names = names_of(programme)
    manual = [span for span in spans(overrides) if span.tier in names]
    edges = {edge for span in manual for edge in (span.start, span.end)}
    levels = []
    for time in sorted(edges | {change.time for change in history}):
        given = (span.tier for span in manual if span.start <= time < span.end)
        levels.append((time, names.index(next(given, tier_at(history, time)))))
    return [replace(change, manual=change.time in edges) for change in _changes(levels, programme)]


def tier_at(history: Sequence[TierChange], time: datetime) -> str:
    """The tier that a history says for one instant."""
    past = bisect_right(history, time, key=attrgetter("time"))
    return history[past - 1].to_tier if past else BASE


def _changes(levels: Iterable[tuple[datetime, int]], programme: Programme) -> list[TierChange]:
    names = names_of(programme)
    changes: list[TierChange] = []
    current = 0
    for time, level in dict(levels).items():
        if level != current:
            changes.append(TierChange(time, names[current], names[level], upgrade=level > current))
            current = level
    return changes


def names_of(programme: Programme) -> list[str]:
    """The tiers of a programme, the lowest first."""
    return [BASE, *(tier.id for tier in programme.tiers)]


def _thresholds(programme: Programme) -> list[int]:
    return [tier.least for tier in programme.tiers]


def _rolling(gains: Sequence[Gain], programme: Programme) -> Levels:
    """The highest level that was reached and has not lapsed, whenever it may change."""
    starts = deque((time, level) for time, level in _reached(gains, programme) if level > 0)
    keep = programme.window + programme.scheme.grace
    lapses = programme.scheme.downgrade is not Downgrade.KEEP
    held: deque[tuple[datetime, int]] = deque()  # levels fall from left to right: the first is the highest
    while starts or (held and lapses):
        if held and lapses and (not starts or held[0][0] + keep <= starts[0][0]):
            now = held[0][0] + keep
            _lapse(held, now, programme.scheme)
        else:
            now, level = starts.popleft()
            while held and held[-1][1] <= level:
                held.pop()
            held.append((now, level))
        yield now, held[0][1] if held else 0


def _lapse(held: deque[tuple[datetime, int]], now: datetime, scheme: TierScheme) -> None:
    """Give up the highest level for the one that was reached for longer, or for the one below, as if reached now."""
    gone = held.popleft()[1]
    if scheme.downgrade is Downgrade.ONE_DOWN:
        held.clear()
        if gone > 1:
            held.append((now, gone - 1))


def _reached(gains: Sequence[Gain], programme: Programme) -> Levels:
    """Each instant at which something comes in, with the level that the window up to it, (t - window, t], reaches."""
    thresholds = _thresholds(programme)
    # Something comes in, too, when what was deducted leaves the window.
    length = programme.window
    left = [Gain(gain.time + length, 0) for gain in gains if gain.amount < 0]
    window: deque[Gain] = deque()
    total = 0
    for time, group in groupby(sorted([*gains, *left]), key=attrgetter("time")):
        comes = False
        for gain in group:
            window.append(gain)
            total += gain.amount
            comes = comes or gain.amount >= 0
        while window[0].time <= time - length:
            total -= window.popleft().amount
        if comes:
            yield time, bisect_right(thresholds, total)


def _periodic(gains: Sequence[Gain], programme: Programme, joined: datetime | None) -> Levels:
    """The level after each gain, each evaluation, and each end of a grace."""
    course = _Course(programme, joined, min(gains).time)
    for time, group in groupby(sorted(gains), key=attrgetter("time")):
        yield from course.until(time)
        yield time, course.gain(sum(gain.amount for gain in group))
    yield from course.rest()


class _Course:
    """A member's way through the periods."""

    def __init__(self, programme: Programme, joined: datetime | None, start: datetime) -> None:
        self._programme = programme
        self._scheme = programme.scheme
        self._thresholds = _thresholds(programme)
        self._joined = joined
        self._evaluation = self._next(start)
        self._total = 0
        self._level = 0
        self._grace: tuple[datetime, int] | None = None

    def gain(self, amount: int) -> int:
        """The level after something came in or was deducted."""
        self._total += amount
        reached = self._reached()
        if reached >= self._level:
            self._level, self._grace = reached, None
        return self._level

    def until(self, time: datetime) -> Levels:
        """What happens by the clock up to an instant, and at it."""
        while self._due() <= time:
            yield self._step()

    def rest(self) -> Levels:
        """What happens if nothing more comes in, until nothing can happen any more."""
        while self._level and self._scheme.downgrade is not Downgrade.KEEP:
            before = self._level, self._total
            yield self._step()
            if (self._level, self._total) == before and not self._grace:
                return

    def _due(self) -> datetime:
        return self._grace[0] if self._grace else self._evaluation

    def _step(self) -> tuple[datetime, int]:
        now = self._due()
        if self._grace:
            self._level, self._grace = max(self._grace[1], self._reached()), None
            return now, self._level
        target = self._scheme.falls_to(self._level, self._reached())
        self._evaluation = self._next(now)
        if self._scheme.window is not Window.LIFETIME:
            self._total = 0
        if target < self._level and self._scheme.grace_days:
            self._grace = days_later(now, self._scheme.grace_days, self._programme.zone), target
        else:
            self._level = target
        return now, self._level

    def _reached(self) -> int:
        return bisect_right(self._thresholds, self._total)

    def _next(self, time: datetime) -> datetime:
        return period_of(self._scheme.window, time, self._programme.zone, self._joined).end


@dataclass(frozen=True, slots=True)
class Standing:
    """A member's tier history, the tier that was last announced, and when it changes next if nothing more comes in.

    `rules` is the version of the programme that the history was last judged by.
    """

    member: UUID
    tier: str
    next_change: datetime | None
    rules: int
    version: int
    history: Sequence[TierChange] = field(default_factory=list)
    overrides: Sequence[TierOverride] = ()

    def judged(
        self, gains: Iterable[Gain], programme: Programme, now: datetime, joined: datetime | None = None
    ) -> tuple[Standing, list[TierChanged]]:
        """The standing that all gains of the member give by the programme, and the facts to announce."""
        history = overridden(tier_history(gains, programme, joined), self.overrides, programme)
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
        fact = TierChanged(self.member, self.tier, tier, past[-1].time if past else now, version, coming)
        return replace(self, tier=tier, next_change=coming, version=version), [fact]
