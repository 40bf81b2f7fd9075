"""Tiers: judge members by their purchases, announce what changes, and read the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from kit.page import Page
from services.members.domain import errors
from services.members.domain.events import TierChanged
from services.members.domain.programme import Programme
from services.members.domain.purchase import Purchase
from services.members.domain.tier import Gain, Standing, TierChange
from services.members.usecases.ports import Unit

_ROUND = 500
"""Members that are judged in one transaction of a timer."""


def judge(
    unit: Unit, standings: Mapping[UUID, Standing], purchases: Sequence[Purchase], programme: Programme
) -> list[TierChanged]:
    """Set the histories of locked members right by all their purchases; answers the facts."""
    spends: dict[UUID, list[Gain]] = {member: [] for member in standings}
    for purchase in purchases:
        if purchase.net.currency == programme.currency:
            spends[purchase.member].append(Gain(purchase.pay_time, purchase.net.minor))
    return _keep(
        unit,
        [(standing, *standing.judged(spends[member], programme, unit.now)) for member, standing in standings.items()],
    )


def advance(unit: Unit) -> int:
    """Announce the changes that time has brought about, such as a tier that ran out; answers for how many members."""
    due = _claim(unit, unit.tiers.due(unit.now, _ROUND))
    unit.emit(_keep(unit, [(standing, *standing.advanced(unit.now)) for standing in due.values()]))
    return len(due)


def requalify(unit: Unit) -> int:
    """Judge members anew who were judged by older rules; answers how many."""
    programme = unit.programmes.current()
    standings = _claim(unit, unit.tiers.outdated(programme.version, _ROUND))
    unit.emit(judge(unit, standings, unit.purchases.of(standings), programme))
    return len(standings)


def changes(unit: Unit, member: UUID, page: Page) -> list[TierChange]:
    """A page of a member's tier changes up to now, the newest first. Raises a Fault when there is no such member."""
    found = unit.tiers.page(member, unit.now, page)
    if not found and member not in unit.members.read([member]):
        raise errors.member_not_found(member)
    return found


def _claim(unit: Unit, members: Sequence[UUID]) -> dict[UUID, Standing]:
    """The standings of those members on whom nobody else works at the moment; the others have their next turn."""
    return unit.tiers.read(unit.wallets.lock(members, wait=False)) if members else {}


def _keep(unit: Unit, judged: Sequence[tuple[Standing, Standing, list[TierChanged]]]) -> list[TierChanged]:
    """Keep the standings that differ from what they were; answers the facts."""
    unit.tiers.save([(before, after) for before, after, _ in judged if after is not before])
    return [fact for _, _, facts in judged for fact in facts]
