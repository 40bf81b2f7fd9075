"""Refunds: give back what was paid, once it is approved and the goods are there, where that is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from kit.errors import invalid, request_id_reused
from kit.page import Page
from services.orders.domain.errors import refund as errors
from services.orders.domain.events import OrderRefunded
from services.orders.domain.order import Order
from services.orders.domain.refund import (
    Claim,
    Refund,
    RefundKind,
    RefundQuery,
    RefundState,
    RefundStep,
)
from services.orders.domain.stock import Movement, MovementKind
from services.orders.usecases import consequences, credit, exchange, holding
from services.orders.usecases.erasure import kept_text
from services.orders.usecases.order import check_version, existing
from services.orders.usecases.refund_ports import Exchanging, Reading, Restocking, Work

Limits = Mapping[str, int]
"""By currency, how many minor units of an order may be given back, points at their worth, before somebody else has to
approve."""


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """Give back what is claimed, or, without a claim, all that is left; `version`, if given, must be the latest. With
    `restock` those of its units that never left are for sale again."""

    refund_id: UUID
    order_id: UUID
    claim: Claim | None
    reason: str
    request_id: str
    version: int | None
    kind: RefundKind = RefundKind.REFUND
    replacement: UUID | None = None
    restock: bool = False
    by: str = ""
    limits: Limits = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DecideRefund:
    """Decide on a refund; `version`, if given, must be its latest."""

    order_id: UUID
    refund_id: UUID
    by: str
    note: str
    version: int | None


@dataclass(frozen=True, slots=True)
class ReceiveReturn:
    """The goods of a return are there; of each line, told by its position, so many `damaged` units can't be sold
    again."""

    order_id: UUID
    refund_id: UUID
    damaged: tuple[tuple[int, int], ...]
    note: str
    version: int | None


@dataclass(frozen=True, slots=True)
class SettleRefund:
    """Money of a refund was paid back by hand to the payment at a position."""

    order_id: UUID
    refund_id: UUID
    payment: int
    reference: str
    version: int | None


def preview_refund(unit: Reading, command: RefundOrder) -> Refund:
    """What a refund would give back, now; nothing is stored."""
    order = existing(unit.orders.get([command.order_id]), command.order_id)
    check_version(order, command.version)
    refund = _drafted(unit, order, command)[1]
    return refund.awaiting(RefundState.REQUESTED) if _must_be_approved(unit, order, refund, command.limits) else refund


def refund_order(unit: Restocking, command: RefundOrder) -> Refund:
    """Give back a part of a paid order, or ask for it. A request makes one refund for ever: its repeat gets it too."""
    unit.members.keep()
    order = existing(unit.orders.lock([command.order_id]), command.order_id)
    if command.request_id:
        known = unit.refunds.of_request(order.id, command.request_id)
        if known is not None:
            return _same(known, command)
    check_version(order, command.version)
    refunded, refund = _drafted(unit, order, replace(command, reason=kept_text(unit, order, command.reason)))
    if command.replacement is not None:
        replacement = existing(unit.orders.get([command.replacement]), command.replacement)
        if command.kind is not RefundKind.EXCHANGE:
            raise invalid("replacement", "is for exchanges")
        exchange.begin(unit, order, replacement)
    if _must_be_approved(unit, order, refund, command.limits):
        return _add(unit, refund.awaiting(RefundState.REQUESTED))
    if refund.of_goods:
        return _add(unit, refund.awaiting(RefundState.AWAITING_GOODS))
    _give_back(unit, [(order, refunded, refund)], _restocked(unit, order, refund))
    return _add(unit, refund)


def refund_rest(unit: Work, locked: Sequence[Order], *, reason: str, restock: bool) -> list[Refund]:
    """Give back all that is left of paid orders, which are locked: nobody has to approve it. With `restock`, their
    goods never left and are for sale again."""
    return refund_claims(unit, [(order, order.rest()) for order in locked], reason=reason, restock=restock)


def refund_claims(unit: Work, claims: Sequence[tuple[Order, Claim]], *, reason: str, restock: bool) -> list[Refund]:
    """Give back what is claimed of paid orders, which are locked; else as `refund_rest`."""
    changes: list[tuple[Order, Order, Refund]] = []
    movements: list[Movement] = []
    for order, claim in claims:
        refunded, refund, _ = order.refund(unit.new_id(), claim, reason=reason, request_id="", now=unit.now)
        changes.append((order, refunded, refund))
        if restock:
            movements += _returned(order, Counter({line.position: line.quantity for line in claim.lines}))
    unit.refunds.add([refund for _, _, refund in changes])
    _give_back(unit, changes, movements)
    return [refund for _, _, refund in changes]


def approve_refund(unit: Restocking, command: DecideRefund) -> Refund:
    """Approve a refund that somebody else asked for: it gives back now, or once its goods are there."""
    order, refund, note = _noted(unit, command)
    if refund.state is RefundState.REQUESTED and refund.requested_by == command.by:
        raise errors.refund_own(order.id, refund.id)
    decided = refund.decided(command.by, note, unit.now)
    if refund.of_goods:
        approved = decided.step(RefundStep.APPROVE, RefundState.AWAITING_GOODS)
        unit.refunds.save([(refund, approved)], unit.now)
        return approved
    return _carry_out(unit, order, refund, decided, RefundStep.APPROVE, _restocked(unit, order, refund))


def reject_refund(unit: Exchanging, command: DecideRefund) -> Refund:
    """Refuse a refund, or give up waiting for its goods."""
    _, refund, note = _noted(unit, command)
    rejected = refund.reject(by=command.by, note=note, now=unit.now)
    unit.refunds.save([(refund, rejected)], unit.now)
    exchange.give_up(unit, rejected)
    return rejected


def receive_return(unit: Exchanging, command: ReceiveReturn) -> Refund:
    """The goods of a return are there: they are for sale again, and what was paid for them goes back, or pays for what
    the customer gets instead."""
    order, refund, note = _noted(unit, command)
    units = Counter({line.position: line.quantity for line in refund.lines})
    for index, (position, damaged) in enumerate(command.damaged):
        if damaged > units[position]:
            raise invalid(f"damaged[{index}].quantity", "must not be more than come back")
        units[position] -= damaged
    refund.check(RefundStep.RECEIVE)
    received = replace(refund, note=note or refund.note)
    replacement = exchange.waiting(unit, refund)
    owed = replacement.outstanding if replacement else 0
    after = _carry_out(unit, order, refund, received, RefundStep.RECEIVE, _returned(order, units), owed=owed)
    if replacement is not None:
        exchange.pay(unit, after, replacement)
    return after


def settle_refund(unit: Work, command: SettleRefund) -> Refund:
    """Tell that the money of a payment which its provider could not give back was paid back by hand. Raises a Fault
    while the provider may still give it back."""
    _, refund = _locked(unit, command)
    settled = refund.settle_by_hand(command.payment, command.reference)
    if settled is not refund:
        unit.refunds.save([(refund, settled)], unit.now)
    return settled


def get_refund(unit: Reading, order_id: UUID, refund_id: UUID) -> Refund:
    """Read a refund."""
    return _of_order(unit.refunds.get([refund_id]), order_id, refund_id)


def list_refunds(unit: Reading, query: RefundQuery, page: Page) -> list[Refund]:
    """A page of refunds, and one more if there are more."""
    if query.order is not None:
        existing(unit.orders.get([query.order]), query.order)
    return unit.refunds.page(query, page)


def _drafted(unit: Reading, order: Order, command: RefundOrder) -> tuple[Order, Refund]:
    if command.restock and command.kind is not RefundKind.REFUND:
        raise invalid("restock_unshipped", "is for refunds without goods: those that come back are for sale again")
    refunded, refund, _ = order.refund(
        command.refund_id,
        order.rest() if command.claim is None else command.claim,
        reason=command.reason,
        request_id=command.request_id,
        now=unit.now,
        kind=command.kind,
    )
    asked = replace(refund, requested_by=command.by, replacement=command.replacement, restock=command.restock)
    return refunded, asked


def _must_be_approved(unit: Reading, order: Order, refund: Refund, limits: Limits) -> bool:
    """Whether all that the order gave back, will give back and is now to give back is beyond the limit."""
    limit = limits.get(order.currency)
    if limit is None:
        return False
    return order.worth_refunded + unit.refunds.worth_awaiting_goods(order.id) + refund.worth > limit


def _add(unit: Work, refund: Refund) -> Refund:
    unit.refunds.add([refund])
    return refund


def _carry_out(
    unit: Work,
    order: Order,
    before: Refund,
    refund: Refund,
    step: RefundStep,
    movements: Sequence[Movement] = (),
    *,
    owed: int = 0,
) -> Refund:
    refund.check(step)
    refunded, given, _ = order.refund(
        refund.id,
        refund.claim,
        reason=refund.reason,
        request_id=refund.request_id,
        now=unit.now,
        kind=refund.kind,
        owed=owed,
    )
    stepped = refund.step(step, given.state)
    after = replace(
        stepped,
        lines=given.lines,
        amount=given.amount,
        credit=given.credit,
        points=given.points,
        points_value=given.points_value,
        tax=given.tax,
        payouts=given.payouts,
        effect_time=unit.now,
    )
    unit.refunds.save([(before, after)], unit.now)
    _give_back(unit, [(order, refunded, after)], movements)
    return after


def _give_back(unit: Work, changes: Sequence[tuple[Order, Order, Refund]], movements: Sequence[Movement] = ()) -> None:
    unit.orders.save([(before, after) for before, after, _ in changes])
    refunded = [after for _, after, _ in changes]
    units = [holding.GivenBack(before, after, goods=refund.of_goods) for before, after, refund in changes]
    holding.give_back(unit, units, [*movements, *consequences.refunded(unit, refunded, back=movements)])
    unit.emit(OrderRefunded(order, refund) for _, order, refund in changes)
    credit.pass_back(unit, [(order, refund) for _, order, refund in changes])


def _restocked(unit: Restocking, order: Order, refund: Refund) -> list[Movement]:
    """Those units of a refund to be that are neither on their way nor with the customer are in stock again: none of an
    order that was carried out, or waits for units that were never there."""
    if not refund.restock or order.complete_time is not None or order.awaiting:
        return []
    there = {line.position: max(0, line.shippable) for line in unit.shipments.progress(order.id)}
    return _returned(order, {line.position: min(line.quantity, there[line.position]) for line in refund.lines}, refund)


def _returned(order: Order, units: Mapping[int, int], restocked: Refund | None = None) -> list[Movement]:
    """Units of lines are in stock again: they came back, or never left, which is told by the refund as the source."""
    return [
        Movement(place, MovementKind.RETURNED, quantity, 0, order.id, source=restocked.name if restocked else "")
        for place, quantity in order.returned(units).items()
    ]


def _noted(unit: Exchanging, command: DecideRefund | ReceiveReturn) -> tuple[Order, Refund, str]:
    """The order and the refund, locked, and what is kept of what is said with it."""
    unit.members.keep()
    order, refund = _locked(unit, command)
    return order, refund, kept_text(unit, order, command.note)


def _locked(unit: Work, command: DecideRefund | ReceiveReturn | SettleRefund) -> tuple[Order, Refund]:
    order = existing(unit.orders.lock([command.order_id]), command.order_id)
    refund = _of_order(unit.refunds.lock([command.refund_id]), order.id, command.refund_id)
    refund.check_version(command.version)
    return order, refund


def _of_order(found: Mapping[UUID, Refund], order_id: UUID, refund_id: UUID) -> Refund:
    refund = found.get(refund_id)
    if refund is None or refund.order != order_id:
        raise errors.refund_not_found(order_id, refund_id)
    return refund


def _same(known: Refund, command: RefundOrder) -> Refund:
    asked = (command.claim or known.claim, command.kind, command.replacement, command.restock)
    if (known.claim, known.kind, known.replacement, known.restock) != asked:
        raise request_id_reused(command.request_id)
    return known
