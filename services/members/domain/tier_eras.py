"""Tiers by the rules of their day: each version of the programme has its say for as long as it is in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NamedTuple

from services.members.domain.programme import BASE, Programme
from services.members.domain.tier import TierChange, names_of, tier_at


class Era(NamedTuple):
    """From when on tiers were judged by a version."""

    start: datetime
    programme: Programme


def eras(versions: Mapping[int, Programme]) -> list[Era]:
    """The eras of a programme, the earliest first. Versions that judge tiers alike are one; the first one has judged
    all that was before it."""
    found: list[Era] = []
    end = datetime.max.replace(tzinfo=UTC)
    for number, version in sorted(versions.items(), reverse=True):
        start = datetime.min.replace(tzinfo=UTC) if number == min(versions) else version.update_time
        if start >= end:  # a replica's clock was ahead when the next one was made
            continue
        if found and _judges(found[-1].programme) == _judges(version):
            found.pop()
        found.append(Era(start, version))
        end = start
    return found[::-1]


def by_the_day(course: Sequence[tuple[Era, Sequence[TierChange]]]) -> list[TierChange]:
    """The changes of tier through all eras, each given with the history that its rules tell. Where new rules give
    another tier at once, that is a change at the moment from which they hold."""
    changes: list[TierChange] = []
    edges = [*(era.start for era, _ in course), datetime.max.replace(tzinfo=UTC)]
    before: Programme | None = None
    for (era, history), (start, end) in zip(course, pairwise(edges), strict=True):
        tier, then = changes[-1].to_tier if changes else BASE, tier_at(history, start)
        if then != tier and before is not None:
            manual = any(change.manual for change in history if change.time == start)
            changes.append(
                TierChange(start, tier, then, upgrade=_rises(tier, then, era.programme, before), manual=manual)
            )
        changes += [change for change in history if start < change.time < end]
        before = era.programme
    return changes


def _judges(programme: Programme) -> tuple[Any, ...]:
    """What tiers are judged by."""
    tiers = [(tier.id, tier.least) for tier in programme.tiers]
    return tiers, programme.scheme, programme.window, programme.currency, programme.time_zone


def _rises(old: str, new: str, rules: Programme, before: Programme) -> bool:
    """Whether a tier is above the one before, which the rules may not know any more."""
    known, formerly = names_of(rules), names_of(before)
    return known.index(new) > (known if old in known else formerly).index(old)
