"""Tiers that were given by hand, until a date. The acts are a log, and with the gains what a history follows from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class TierOverride:
    """One act: from `time` on the member has the tier until `end_time`; without a tier the override before is over.

    `id` rises from act to act.
    """

    time: datetime
    tier: str
    end_time: datetime | None
    reason: str
    actor: str
    id: int = 0


class Span(NamedTuple):
    """For how long an override lasted or will last: until its end, or until the next act."""

    tier: str
    start: datetime
    end: datetime


def spans(overrides: Sequence[TierOverride]) -> list[Span]:
    """The spans of a log of acts, the earliest first."""
    found = []
    for act, following in zip_longest(overrides, overrides[1:]):
        if act.end_time is not None:
            end = min(act.end_time, following.time) if following else act.end_time
            found.append(Span(act.tier, act.time, end))
    return [span for span in found if span.start < span.end]


def running(overrides: Sequence[TierOverride], time: datetime) -> TierOverride | None:
    """The override in force at an instant, by the acts up to then."""
    acts = [act for act in overrides if act.time <= time]
    if acts and acts[-1].end_time is not None and time < acts[-1].end_time:
        return acts[-1]
    return None
