"""Read profiles and compare them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.campaigns.domain import errors
from services.campaigns.domain.profile import Profile, Spending
from services.campaigns.domain.rfm import Score, Table
from services.campaigns.usecases.ports import Work


@dataclass(frozen=True, slots=True)
class View:
    """A profile with scores, as of an instant, and the segments that the member is in now."""

    profile: Profile
    spendings: Sequence[tuple[Spending, Score | None]]
    segments: Collection[UUID]


def get(unit: Work, member: UUID, as_of: datetime | None) -> View:
    """A member's profile; with `as_of`, of the purchases up to then. Raises a Fault when there is none.

    A member who was merged has that of whoever stands for them; who was erased has none.
    """
    member = unit.members.roots([member]).get(member, member)
    profile = unit.profiles.find(member)
    if profile is None or profile.gone:
        raise errors.profile_not_found(member)
    scored = {
        spending.currency: (spending, standing.score()) for spending, standing in unit.rfm.standings(member, as_of)
    }
    unscored: dict[str, tuple[Spending, Score | None]] = {}
    if as_of is None:
        unscored = {currency: (spending, None) for currency, spending in profile.spendings.items()}
    spendings = {**unscored, **scored}
    inside = unit.segments.inside([member]).get(member, set())
    return View(profile, [spendings[currency] for currency in sorted(spendings)], inside)


def table(unit: Work, currency: str, as_of: datetime | None) -> Table:
    """How many members have which scores in a currency."""
    return Table(currency, as_of or unit.now, unit.rfm.cells(currency, as_of))
