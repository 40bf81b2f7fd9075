"""Tiers: judge members by their purchases, announce what changes, and read the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from kit.page import Page
from services.members.domain import errors
from services.members.domain.programme import Programme
from services.members.domain.purchase import Purchase
from services.members.domain.tier import Spend, Standing, TierChange, tier_history
from services.members.usecases.ports import Unit

_ROUND = 500
"""Members that are judged in one transaction of a timer."""


def judge(
    unit: Unit, standings: Mapping[UUID, Standing], purchases: Mapping[UUID, Sequence[Purchase]], programme: Programme
) -> list[object]:
    """Set the histories and standings of locked members right by all their purchases; answers the facts."""
    known = unit.tiers.histories(standings)
    histories = {member: tier_history(_spends(purchases.get(member, ()), programme), programme) for member in standings}
    unit.tiers.rewrite(
        {member: (known.get(member, []), new) for member, new in histories.items() if new != known.get(member, [])}
    )
    return _announce(unit, standings, histories, programme.version)


def advance(unit: Unit) -> int:
    """Announce the changes that time has brought about, such as a tier that ran out; answers for how many members."""
    due = unit.tiers.lock_due(unit.now, _ROUND)
    histories = unit.tiers.histories(due)
    facts = [
        fact
        for member, standing in due.items()
        for fact in _announce(unit, {member: standing}, histories, standing.rules)
    ]
    unit.emit(facts)
    return len(due)


def requalify(unit: Unit) -> int:
    """Judge members anew who were judged by older rules; answers how many."""
    programme = unit.programmes.current()
    standings = unit.tiers.lock_outdated(programme.version, _ROUND)
    if standings:
        unit.emit(judge(unit, standings, by_member(unit.purchases.of(standings)), programme))
    return len(standings)


def changes(unit: Unit, member: UUID, page: Page) -> list[TierChange]:
    """A page of a member's tier changes up to now, the newest first. Raises a Fault when there is no such member."""
    found = unit.tiers.page(member, unit.now, page)
    if not found and member not in unit.members.read([member]):
        raise errors.member_not_found(member)
    return found


def by_member(purchases: Sequence[Purchase]) -> dict[UUID, list[Purchase]]:
    """The purchases of each member."""
    sorted_out: dict[UUID, list[Purchase]] = {}
    for purchase in purchases:
        sorted_out.setdefault(purchase.member, []).append(purchase)
    return sorted_out


def _spends(purchases: Sequence[Purchase], programme: Programme) -> list[Spend]:
    """What counts for a tier: purchases in the programme's currency."""
    return [
        Spend(purchase.pay_time, purchase.net.minor)
        for purchase in purchases
        if purchase.net.currency == programme.currency
    ]


def _announce(
    unit: Unit, standings: Mapping[UUID, Standing], histories: Mapping[UUID, Sequence[TierChange]], rules: int
) -> list[object]:
    judged = [
        (standing, *standing.judged(histories.get(member, ()), rules=rules, now=unit.now))
        for member, standing in standings.items()
    ]
    unit.tiers.save([after for before, after, _ in judged if after != before])
    return [fact for _, _, fact in judged if fact is not None]
