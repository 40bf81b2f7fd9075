"""Settle orders: the points and tiers that follow from the newest state of each order, whatever order the news take.

`settle` costs the same nine statements for one event and for hundreds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from kit import names
from kit.posting import Cause
from services.members.domain import errors
from services.members.domain.hold import Hold, State
from services.members.domain.programme import Programme
from services.members.domain.purchase import Purchase, Settlement
from services.members.usecases import growth, tier
from services.members.usecases import hold as holds
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
    changed = _earn(batch, list(told.values()), programmes)
    known.update(((purchase.member, purchase.order), purchase) for purchase in changed)
    unit.purchases.save(changed)
    _settle_holds(unit, batch, settlements, known, current)
    growth.settle(unit, changed, programmes)
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


def _earn(batch: Batch, told: Sequence[Purchase], programmes: Mapping[int, Programme]) -> list[Purchase]:
    """Post the differences between the points that purchases should have and those that they have."""
    earned = [(purchase, *purchase.earning(programmes[purchase.rules])) for purchase in told]
    batch.reclaiming(
        (purchase.member, names.join("orders", purchase.order), -points) for purchase, _, points in earned if points < 0
    )
    for purchase, _, points in earned:
        wallet = batch.wallet(purchase.member)
        if points:
            cause = Cause(
                "ACCRUAL" if points > 0 else "CLAWBACK", names.join("orders", purchase.order), purchase.pay_time
            )
            batch.earn(wallet, points, cause, programmes[purchase.rules].terms(purchase.pay_time))
    return [after for _, after, _ in earned]


def _settle_holds(
    unit: Unit, batch: Batch, settlements: Sequence[Settlement], known: Known, programme: Programme
) -> None:
    """Spend the points that paid a part of these orders, and give back those that paid for what was refunded."""
    paid = {settlement.hold: settlement for settlement in settlements if settlement.hold}
    if not paid:
        return
    before = unit.holds.read(paid)
    for hold, settlement in paid.items():
        if hold not in before or before[hold].member != settlement.member:
            raise errors.hold_not_found(settlement.member, hold)
    batch.returning(before.values())
    batch.spending((hold.member, hold.points) for hold in before.values() if hold.state is not State.ACTIVE)
    ended = [_settled(batch, hold, known[paid[key].member, paid[key].order], programme) for key, hold in before.items()]
    unit.holds.save([hold for hold in ended if hold is not before[hold.id]])


def _settled(batch: Batch, hold: Hold, purchase: Purchase, programme: Programme) -> Hold:
    """The hold once its points are spent, but for those that came back. A refund tells that there was a payment, if it
    comes before the news of it."""
    settled = holds.end(batch, hold, Hold.settle)
    return batch.refund(settled, purchase.returned, programme.grace(batch.now))
