"""Try rules out: what past purchases would have earned by them. Nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from services.members.domain.earning import Earning
from services.members.domain.errors import rules as refusals
from services.members.domain.programme import Programme
from services.members.domain.purchase import Purchase
from services.members.usecases import programme as programmes
from services.members.usecases.earning import Assessor, Key, Known
from services.members.usecases.ports import Unit
from services.members.usecases.purchase_view import by_the_rate

_SHOWN = 100
"""Differences that are answered one by one."""


@dataclass(frozen=True, slots=True)
class DryRun:
    """Try new values of a programme's fields on purchases: on these, or on the earliest of a time."""

    programme: str
    values: Mapping[str, Any]
    start: datetime | None
    end: datetime | None
    purchases: tuple[Key, ...]
    limit: int


class Difference(NamedTuple):
    """A purchase that would earn other points than it does."""

    purchase: Purchase
    points: int
    earning: Earning


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the purchases together earn and would earn, and the first of those that differ."""

    programme: str
    purchases: int
    changed: int
    points: int
    change: int
    differences: Sequence[Difference]
    more: bool


def dry_run(unit: Unit, command: DryRun) -> Outcome:
    """What purchases would earn. Raises a Fault when the rules contradict each other, or a purchase does not exist."""
    current = programmes.get(unit, command.programme)
    draft = replace(current, **command.values)
    draft.check()
    draft = replace(draft, version=current.version + 1)
    tried, more = _tried(unit, command, draft)
    assessor = assessor_of(unit, tried, draft.id)
    found: list[Difference] = []
    points = change = changed = 0
    for key in sorted(tried, key=lambda key: (tried[key].pay_time, key)):
        assessed = assessor.one(tried[key], {draft.id: draft})
        before, after = assessed.before.get(draft.id, 0), assessed.points(draft.id)
        points += before
        change += after - before
        if before != after:
            changed += 1
            if len(found) < _SHOWN:
                earning = assessed.earnings.get(draft.id) or by_the_rate(assessed.purchase)
                found.append(Difference(tried[key], before, earning))
    return Outcome(draft.id, len(tried), changed, points, change, found, more)


def assessor_of(unit: Unit, tried: Known, programme: str) -> Assessor:
    """Who finds what known purchases earn, as if none of them had taken anything of the caps yet."""
    members = {member for member, _ in tried}
    known: Known = {(each.member, each.order): each for each in unit.purchases.of(members)}
    return Assessor(unit, tried, known, unit.tiers.read(members), unit.programmes.all(), anew=programme)


def _tried(unit: Unit, command: DryRun, draft: Programme) -> tuple[Known, bool]:
    if command.purchases:
        members = {member for member, _ in command.purchases}
        unit.wallets.read(members)
        asked = {(unit.wallets.heir(member), order): (member, order) for member, order in command.purchases}
        known = {(each.member, each.order): each for each in unit.purchases.of({owner for owner, _ in asked})}
        for key, (member, order) in asked.items():
            if key not in known:
                raise refusals.purchase_not_found(member, order)
        return {key: known[key] for key in asked}, False
    found = unit.purchases.between(command.start, command.end, draft.currency, command.limit + 1)
    return {(each.member, each.order): each for each in found[: command.limit]}, len(found) > command.limit
