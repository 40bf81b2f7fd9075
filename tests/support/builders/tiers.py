"""Tiers by any scheme, with sensible values for all that a test does not care about."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from services.members.domain.programme import Programme, Tier
from services.members.domain.tier_override import TierOverride
from services.members.domain.tier_scheme import Metric, TierScheme
from services.members.usecases.tier import OverrideTier
from tests.support.builders.members import day, programme
from tests.support.builders.proof import AUTHOR

LEVELS = {"silver": 100, "gold": 250, "platinum": 500}


def ladder(scheme: TierScheme, **fields: Any) -> Programme:
    """The usual tiers by a scheme: by the spend in whole dollars, else by points."""
    rules = programme(tiers=LEVELS)
    if scheme.metric is not Metric.SPENT:
        rules = replace(rules, tiers=tuple(Tier(name, points) for name, points in LEVELS.items()))
    return replace(rules, scheme=scheme, **fields)


def override(number: int, tier: str = "", until: int | None = None) -> TierOverride:
    """An act by hand on a day, until a day; without a tier the end of the one before."""
    return TierOverride(day(number), tier, day(until) if until is not None else None, "goodwill", "tester")


def override_of(member: UUID, tier: str = "", until: datetime | None = None) -> OverrideTier:
    """Give a member a tier by hand until a moment; without a tier take back what was given."""
    return OverrideTier(member, "goodwill", AUTHOR, tier, until)
