"""Settle orders: the points and tiers that follow from the newest state of each order, whatever order the news take.

`settle` costs the same nine statements for one event and for hundreds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from kit import names
from kit.posting import Cause
from services.members.domain import errors
from services.members.domain.hold import Hold
from services.members.domain.programme import Programme
from services.members.domain.purchase import Purchase, Settlement
from services.members.usecases import hold as holds
from services.members.usecases import tier
from services.members.usecases.points import Batch
from services.members.usecases.ports import Unit

Known = dict[tuple[UUID, UUID], Purchase]
"""Purchases by member and order."""


def settle(unit: Unit, settlements: Sequence[Settlement]) -> None:
    """Bring points, holds and tiers in line with what is now known of these orders.

    Raises a Fault when a member or hold does not exist: the event can't be used, and belongs with the dead letters
    until somebody has looked into it.
    """
    if not settlements:
        return
    programmes = unit.programmes.versions()
    current = programmes[max(programmes)]
    members = {settlement.member for settlement in settlements}
    batch = Batch(unit, members)
    standings = unit.tiers.read(members)
    known: Known = {(purchase.member, purchase.order): purchase for purchase in unit.purchases.of(members)}
    told = _told(settlements, known, current)
    changed = [_earn(batch, purchase, programmes[purchase.rules]) for purchase in told.values()]
    _give_back(batch, told, known)
    known.update(((purchase.member, purchase.order), purchase) for purchase in changed)
    unit.purchases.save(changed)
    _settle_holds(unit, batch, settlements)
    batch.facts += tier.judge(unit, standings, list(known.values()), current)
    batch.close()


def release_cancelled(unit: Unit, ends: Sequence[holds.EndHold]) -> None:
    """Give back the points that were held for cancelled orders. Raises a Fault as `settle` does."""
    for outcome in holds.release(unit, ends):
        if not isinstance(outcome, Hold):
            raise outcome


def _told(
    settlements: Sequence[Settlement], known: Mapping[tuple[UUID, UUID], Purchase], programme: Programme
) -> Known:
    """The purchases that these settlements make new or different."""
    told: Known = {}
    for settlement in settlements:
        key = (settlement.member, settlement.order)
        before = told.get(key) or known.get(key)
        after = before.told(settlement) if before else Purchase.first(settlement, programme)
        if after is not before:
            told[key] = after
    return told


def _earn(batch: Batch, purchase: Purchase, programme: Programme) -> Purchase:
    """Post the difference between the points that the purchase should have and those that it has."""
    wallet = batch.wallet(purchase.member)
    purchase, difference = purchase.earning(programme)
    if difference:
        kind = "ACCRUAL" if difference > 0 else "CLAWBACK"
        batch.earn(wallet, difference, Cause(kind, names.join("orders", purchase.order), purchase.pay_time))
    return purchase


def _give_back(batch: Batch, told: Known, known: Known) -> None:
    """Post the points that had paid for what was refunded since the state that was known."""
    for key, purchase in told.items():
        points = purchase.returned - (known[key].returned if key in known else 0)
        if points:
            cause = Cause("RETURN", names.join("orders", purchase.order), batch.now)
            batch.post(*batch.wallet(purchase.member).give_back(points, cause))


def _settle_holds(unit: Unit, batch: Batch, settlements: Sequence[Settlement]) -> None:
    """Spend the points that paid a part of these orders."""
    paid = {settlement.hold: settlement.member for settlement in settlements if settlement.hold}
    if not paid:
        return
    before = unit.holds.read(paid)
    for hold, member in paid.items():
        if hold not in before or before[hold].member != member:
            raise errors.hold_not_found(member, hold)
    ended = [holds.end(batch, hold, Hold.settle) for hold in before.values()]
    unit.holds.save([hold for hold in ended if hold is not before[hold.id]])
