"""Money that came when its order was closed: the attempt to take again what that had held in other services, begun in
the transaction that takes note of the money. `revival` leads it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.orders.domain.checkout import Attempt, Step, StepKind
from services.orders.domain.order import Order
from services.orders.domain.payment import HELD
from services.orders.domain.payment_intent import PaymentIntent


class Checkouts(Protocol):
    """The stored attempts to check out."""

    def open(self, key: str, attempt: Attempt) -> Attempt:
        """The open attempt of a request, or this new one; nobody else changes it until the transaction ends."""


class Work(Protocol):
    """What this needs of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def checkouts(self) -> Checkouts:
        """The stored attempts to check out."""

    def new_id(self) -> UUID:
        """An id for what comes into being."""


def begin(unit: Work, order: Order, intent: PaymentIntent) -> bool:
    """Begin to bring a locked order back with the money of an intent; answers False if that can't be, or another
    payment is about to."""
    amount = intent.payment().amount
    if not (order.bound and order.revivable(amount)):
        return False
    attempt = Attempt.revive(
        unit.new_id(), pays=order.id, intent=intent.id, member=order.buyer.member, steps=steps_of(order), now=unit.now
    )
    return unit.checkouts.open(f"late money {order.id}", attempt) is attempt


def steps_of(order: Order) -> tuple[Step, ...]:
    """What an order that was given up had held in other services, to be held again: just that, at its stored worth."""
    plan = [Step(0, StepKind.COUPONS, coupons=order.coupons)] if order.coupons else []
    if order.hold:
        worth = order.money(order.points_value)
        plan.append(Step(0, StepKind.POINTS, points=order.points, amount=worth, renews=order.hold))
    plan += [
        Step(0, StepKind(each.tender.value), amount=each.amount, renews=each.reference)
        for each in order.payments
        if each.tender in HELD
    ]
    return tuple(replace(step, position=position) for position, step in enumerate(plan, 1))
