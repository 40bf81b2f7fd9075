"""Settle orders: the points and tiers that follow from the newest state of each order, whatever order the news take.

`settle` costs the same few statements for one event and for hundreds. Where plain programmes earn by a rate alone, it
reads nothing for the sake of rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from uuid import UUID

from kit.posting import Cause
from services.members.domain import errors
from services.members.domain.condition import Person
from services.members.domain.hold import Hold, State
from services.members.domain.points import Terms
from services.members.domain.programme import DEFAULT, Programme
from services.members.domain.purchase import Purchase, Settlement
from services.members.usecases import earning, growth, tier
from services.members.usecases import hold as holds
from services.members.usecases.earning import Assessed, Assessor, Key, Known, Programmes
from services.members.usecases.points import Batch
from services.members.usecases.ports import Unit
from services.members.usecases.within import Within


def settle(unit: Unit, settlements: Sequence[Settlement]) -> None:
    """Bring points, holds and tiers in line with what is now known of these orders.

    Raises a Fault when a member or hold does not exist: the event can't be used, and belongs with the dead letters
    until somebody has looked into it.
    """
    if not settlements:
        return
    programmes = unit.programmes.all()
    current = programmes[DEFAULT][max(programmes[DEFAULT])]
    batch = Batch(unit, {settlement.member for settlement in settlements})
    owned = [replace(each, member=batch.wallet(each.member).member) for each in settlements]
    renamed = [(was.member, was.order) for was, now in zip(settlements, owned, strict=True) if was.member != now.member]
    unit.merges.follow(renamed)
    settlements = owned
    members = {settlement.member for settlement in settlements}
    known = _by_key(unit.purchases.find({(each.member, each.order) for each in settlements}))
    told = _told(settlements, known, current)
    if earning.plain(programmes, told.values()):
        changed = apply(unit, batch, earning.by_rate(told.values(), programmes), known, programmes)
        finish(unit, batch, settlements, {**known, **changed}, changed, programmes)
        return
    known = _by_key(unit.purchases.of(members))
    overtaken = earning.overtaken(told, known, programmes)
    told = {**{key: known[key] for key in overtaken}, **told}
    turns = earning.rounds(told, programmes) or [told]
    for turn in turns:
        standings = unit.tiers.read(members)
        assessor = Assessor(unit, turn, known, standings, programmes, overtaken=overtaken)
        changed = apply(unit, batch, assessor.assess(turn), known, programmes, assessor.persons)
        known = {**known, **changed}
        last = turn is turns[-1]
        finish(unit, batch, settlements if last else [], known, changed, programmes)
        if not last:
            batch = Batch(unit, members)


def release_cancelled(unit: Unit, ends: Sequence[holds.ReleaseHold]) -> None:
    """Give back the points that were held for cancelled orders. Raises a Fault as `settle` does."""
    for outcome in holds.change(unit, ends):
        if not isinstance(outcome, Hold):
            raise outcome


def _by_key(purchases: Sequence[Purchase]) -> Known:
    return {(purchase.member, purchase.order): purchase for purchase in purchases}


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


def apply(
    unit: Unit,
    batch: Batch,
    assessed: Sequence[Assessed],
    known: Known,
    programmes: Programmes,
    persons: Mapping[Key, Person] = MappingProxyType({}),
    *,
    only: str = "",
) -> Known:
    """Post and keep what purchases earn, in all programmes or `only` in one; answers them."""
    completed = earning.completed_now(assessed, known)
    for programme in [only] if only else sorted({id_ for each in assessed for id_ in each.programmes()}):
        mine = [each for each in assessed if programme in each.programmes()]
        if programme == DEFAULT:
            post(batch, DEFAULT, programmes[DEFAULT], mine, completed)
            continue
        within = Within(unit, programme)
        within.wallets.open_late({each.purchase.member for each in mine})
        other = Batch(within, {each.purchase.member for each in mine})
        post(other, programme, programmes[programme], mine, completed)
        other.close()
    purchases = [each.purchase for each in assessed]
    unit.purchases.save(purchases)
    earned = {(each.purchase.member, each.purchase.order): each.earnings for each in assessed if each.earnings}
    if earned or persons:
        unit.purchases.keep_earnings(earned, persons)
    return {(purchase.member, purchase.order): purchase for purchase in purchases}


def post(
    batch: Batch,
    programme: str,
    versions: Mapping[int, Programme],
    assessed: Sequence[Assessed],
    completed: Sequence[Assessed] = (),
) -> None:
    """Post the differences between the points that purchases should have in a programme and those that they have, and
    let those be spent that only waited for the completion."""
    moves = [(each, each.points(programme) - each.before.get(programme, 0)) for each in assessed]
    waiting = [
        each
        for each in completed
        if programme in each.programmes() and versions[each.version(programme)].waits_for_completion
    ]
    asked = {(each.purchase.member, each.purchase.source): 0 for each in waiting}
    asked |= {(each.purchase.member, each.purchase.source): -points for each, points in moves if points < 0}
    batch.reclaiming((member, source, points) for (member, source), points in asked.items())
    for each, points in moves:
        if points:
            purchase = each.purchase
            cause = Cause("ACCRUAL" if points > 0 else "CLAWBACK", purchase.source, purchase.pay_time)
            batch.earn(batch.wallet(purchase.member), points, cause, _terms(each, versions[each.version(programme)]))
    for each in waiting:
        batch.schedule(each.purchase.member, each.purchase.source, _terms(each, versions[each.version(programme)]))


def _terms(assessed: Assessed, programme: Programme) -> Terms:
    return programme.terms(assessed.purchase.pay_time, completed=assessed.purchase.complete_time)


def finish(
    unit: Unit,
    batch: Batch,
    settlements: Sequence[Settlement],
    known: Known,
    changed: Known,
    programmes: Programmes,
) -> None:
    """Settle what follows from purchases beside the points: holds, growth and tiers."""
    current = programmes[DEFAULT][max(programmes[DEFAULT])]
    _settle_holds(unit, batch, settlements, known, programmes)
    growth.settle(unit, list(changed.values()), programmes[DEFAULT])
    standings = unit.tiers.read({member for member, _ in known})
    batch.facts += tier.judge(unit, standings, current)
    batch.close()


def _settle_holds(
    unit: Unit, batch: Batch, settlements: Sequence[Settlement], known: Known, programmes: Programmes
) -> None:
    """Spend the points that paid a part of these orders, and give back those that paid for what was refunded."""
    paid = {settlement.hold: settlement for settlement in settlements if settlement.hold}
    if not paid:
        return
    before = unit.holds.read(paid)
    for hold, settlement in paid.items():
        if hold not in before or before[hold].member != settlement.member:
            raise errors.hold_not_found(settlement.member, hold)
    for programme in sorted({hold.programme for hold in before.values()}):
        mine = [hold for hold in before.values() if hold.programme == programme]
        books = batch if programme == DEFAULT else Batch(Within(unit, programme), {hold.member for hold in mine})
        books.returning(mine)
        books.spending((hold.member, hold.points) for hold in mine if hold.state is not State.ACTIVE)
        rules = programmes[programme][max(programmes[programme])]
        purchases = [known[paid[hold.id].member, paid[hold.id].order] for hold in mine]
        ended = [_settled(books, hold, of, rules) for hold, of in zip(mine, purchases, strict=True)]
        unit.holds.save([hold for hold in ended if hold is not before[hold.id]])
        if books is not batch:
            books.close()


def _settled(batch: Batch, hold: Hold, purchase: Purchase, programme: Programme) -> Hold:
    """The hold once its points are spent, but for those that came back. A refund tells that there was a payment, if it
    comes before the news of it."""
    settled = holds.end(batch, hold, Hold.settle)
    return batch.refund(settled, purchase.returned, programme.grace(batch.now))
