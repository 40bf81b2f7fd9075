"""Where a member stands at an instant: what counted by then, what is missing, and what comes if nothing more does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.members.domain.programme import BASE, Programme, Tier
from services.members.domain.tier import Gain, TierChange, overridden, tier_at, tier_history
from services.members.domain.tier_override import TierOverride, running
from services.members.domain.tier_scheme import Downgrade, Window, period_of
from services.members.domain.validity import days_later


@dataclass(frozen=True, slots=True)
class TierStatus:
    """A member's standing as of `time`.

    `value` and what is missing are in the units of the programme's metric. `since` is None for who never had another
    tier, `expire` and `evaluation` when nothing will change by the clock, `window_start` for a window of all time.
    """

    member: UUID
    time: datetime
    tier: str
    since: datetime | None
    expire: datetime | None
    window_start: datetime | None
    evaluation: datetime | None
    value: int
    next_tier: Tier | None
    missing: int
    missing_to_keep: int
    projected: str
    override: TierOverride | None


@dataclass(frozen=True, slots=True)
class Log:
    """All that a member's tiers follow from beside the programme: gains, acts by hand, the day of joining."""

    member: UUID
    gains: Sequence[Gain]
    overrides: Sequence[TierOverride] = ()
    joined: datetime | None = None

    def until(self, time: datetime) -> Log:
        """What there was of it by an instant."""
        return Log(
            self.member,
            [gain for gain in self.gains if gain.time <= time],
            [act for act in self.overrides if act.time <= time],
            self.joined,
        )

    def history(self, programme: Programme) -> list[TierChange]:
        """Every change of tier that follows."""
        return overridden(tier_history(self.gains, programme, self.joined), self.overrides, programme)


def status_at(log: Log, programme: Programme, time: datetime) -> TierStatus:
    """The standing at an instant, as if nothing had happened after it. Refunds count at the date of their purchase."""
    log = log.until(time)
    history = log.history(programme)
    tier = tier_at(history, time)
    start, evaluation = _window(log, programme, time)
    value = sum(gain.amount for gain in log.gains if start is None or _within(gain, start, programme))
    following = _next(programme, tier)
    return TierStatus(
        log.member,
        time,
        tier,
        since=max((change.time for change in history if change.time <= time), default=None),
        expire=min((change.time for change in history if change.time > time), default=None),
        window_start=start,
        evaluation=evaluation,
        value=value,
        next_tier=following,
        missing=max(0, following.least - value) if following else 0,
        missing_to_keep=_to_keep(programme, tier, value) if evaluation and not running(log.overrides, time) else 0,
        projected=_projected(history, programme, evaluation) if evaluation else tier,
        override=running(log.overrides, time),
    )


def _window(log: Log, programme: Programme, time: datetime) -> tuple[datetime | None, datetime | None]:
    """When the window of an instant began, and when the tier is evaluated next."""
    scheme = programme.scheme
    if scheme.window is Window.ROLLING:
        computed = tier_history(log.gains, programme, log.joined)
        coming = min((change.time for change in computed if change.time > time), default=None)
        return time - programme.window, coming
    period = period_of(scheme.window, time, programme.zone, log.joined)
    keeps = scheme.downgrade is Downgrade.KEEP
    return None if scheme.window is Window.LIFETIME else period.start, None if keeps else period.end


def _within(gain: Gain, start: datetime, programme: Programme) -> bool:
    """Whether a window that began at `start` holds a gain: a rolling one is open where it begins."""
    return gain.time > start if programme.scheme.window is Window.ROLLING else gain.time >= start


def _projected(history: Iterable[TierChange], programme: Programme, evaluation: datetime) -> str:
    """The tier once an evaluation has had its effect."""
    rolling = programme.scheme.window is Window.ROLLING  # there the grace is a part of how long a tier is kept
    days = 0 if rolling else programme.scheme.grace_days
    return tier_at(list(history), days_later(evaluation, days, programme.zone))


def _to_keep(programme: Programme, tier: str, value: int) -> int:
    """What the period lacks to keep the tier when it ends. What a rolling window will hold by then is not known."""
    least = next((each.least for each in programme.tiers if each.id == tier), 0)
    return 0 if programme.scheme.window is Window.ROLLING else max(0, least - value)


def _next(programme: Programme, tier: str) -> Tier | None:
    """The tier above."""
    above = [BASE, *(each.id for each in programme.tiers)].index(tier)
    return programme.tiers[above] if above < len(programme.tiers) else None
