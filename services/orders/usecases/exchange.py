"""Exchanges: the value of what comes back pays for what the customer gets instead, and only the difference moves."""

from __future__ import annotations

from datetime import timedelta

from kit.errors import Fault, invalid
from services.orders.domain.errors.refund import replacement_unsuitable
from services.orders.domain.order import Order
from services.orders.domain.order_state import OrderState
from services.orders.domain.payment import Payment, Tender
from services.orders.domain.refund import Refund
from services.orders.usecases import order as orders
from services.orders.usecases.order import Work
from services.orders.usecases.payment import ReceivePayment, receive_payments
from services.orders.usecases.people import Persons
from services.orders.usecases.refund_ports import Exchanging

TIME_TO_PAY = timedelta(days=3)
"""How long the customer may pay what a replacement costs more, once the goods are there; and, if an exchange is given
up, how long its replacement may be paid as any other order."""


def begin(unit: Exchanging, order: Order, replacement: Order) -> None:
    """An order waits for its exchange: until the goods are there its stock stays reserved. One that is paid already, or
    given up, takes no part in it. Raises a Fault when it can't be paid with what comes back: what others hold for it,
    or keep for a time, would not last until the goods are there. The difference is paid later, with whatever."""
    if replacement.id == order.id or not _same_buyer(unit, order, replacement):
        raise invalid("replacement", "must be another order of the same buyer")
    if replacement.state is not OrderState.PENDING_PAYMENT:
        return
    locked = orders.existing(unit.orders.lock([replacement.id]), replacement.id)
    cause = _bar(order, locked)
    if cause:
        raise replacement_unsuitable(locked.id, cause)
    if locked.expire_time is not None:
        unit.orders.save([(locked, locked.postpone(None, unit.now))])


def _same_buyer(unit: Exchanging, order: Order, replacement: Order) -> bool:
    """Whether both are of one buyer: a member may have had another name when the first one was placed."""
    first, second = order.buyer, replacement.buyer
    if first == second or not (first.member and second.member):
        return first == second
    return second.member in Persons(unit, [first.member]).names(first.member)


def _bar(order: Order, replacement: Order) -> str:
    bars = {
        "STATE": replacement.state is not OrderState.PENDING_PAYMENT,  # since it was read
        "CURRENCY": replacement.currency != order.currency,
        "COUPONS": bool(replacement.coupons),
        "POINTS": bool(replacement.hold),
        "ACTIVITY": bool(replacement.activity),
        "PLATFORM": bool(replacement.external_id),
        "PAID_IN_PART": replacement.received > 0,
    }
    return next((cause for cause, bar in bars.items() if bar), "")


def waiting(unit: Work, refund: Refund) -> Order | None:
    """The locked order that a refund is to pay for, if that still waits for it."""
    if refund.replacement is None:
        return None
    replacement = unit.orders.lock([refund.replacement])[refund.replacement]
    return replacement if replacement.state is OrderState.PENDING_PAYMENT else None


def pay(unit: Work, refund: Refund, replacement: Order) -> None:
    """What the refund passed on pays for the replacement. The customer may pay what is outstanding for a while: for no
    longer than before, if members holds a part of it, which ends with that time."""
    if refund.credit or not replacement.outstanding:
        credit = Payment(Tender.EXCHANGE, replacement.money(refund.credit), refund.name, unit.now)
        (replacement,) = _paid(unit, replacement, credit)
    if replacement.state is OrderState.PENDING_PAYMENT and not replacement.held_as:
        unit.orders.save([(replacement, replacement.postpone(unit.now + TIME_TO_PAY, unit.now))])


def give_up(unit: Work, refund: Refund) -> None:
    """There is no exchange: its replacement may be paid as any other order, for a while."""
    replacement = waiting(unit, refund)
    if replacement is not None and replacement.expire_time is None:
        unit.orders.save([(replacement, replacement.postpone(unit.now + TIME_TO_PAY, unit.now))])


def _paid(unit: Work, replacement: Order, payment: Payment) -> list[Order]:
    outcomes = receive_payments(unit, [ReceivePayment(replacement.id, payment)])
    for outcome in outcomes:
        if isinstance(outcome, Fault):
            raise outcome
    return [outcome for outcome in outcomes if isinstance(outcome, Order)]
