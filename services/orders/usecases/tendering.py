"""Paying an order that is there with what members holds for it: stored value, gift cards, points. The steps in members
are led by `checkout`, before the transaction here that makes payments of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, Self
from uuid import UUID

from kit.money import Money
from services.orders.domain import errors as order_errors
from services.orders.domain.checkout import HELD_BEYOND, MONEY_HELD_AT_MOST, Attempt
from services.orders.domain.errors import checkout as errors
from services.orders.domain.errors.payments import payment_under_way
from services.orders.domain.line import Item
from services.orders.domain.order import Order
from services.orders.domain.payment import PointsTender, Tender
from services.orders.domain.quote import Quote
from services.orders.usecases import order as orders
from services.orders.usecases import payment_intent
from services.orders.usecases.basket import Basket
from services.orders.usecases.order import check_version, existing
from services.orders.usecases.payment import PaidPart, PayOrder, pay_orders
from services.orders.usecases.payment_intent import PAYABLE_FOR
from services.orders.usecases.placing import HeldTender, tenders_of


class Orders(orders.Orders, Protocol):
    """The stored orders."""

    def save_points(self, before: Order, after: Order) -> None:
        """Store the points that an order is paid with, only over the state and version `before`. Raises a Fault
        otherwise."""


class Work(payment_intent.Work, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def orders(self) -> Orders:
        """The stored orders."""


@dataclass(frozen=True, slots=True)
class Tendered:
    """What is to pay an order, and what that order costs."""

    basket: Basket
    quote: Quote


@dataclass(frozen=True, slots=True)
class Payable:
    """An order that can be paid, and for how long."""

    order: Order
    pay_within: timedelta

    def tendered(self, basket: Basket) -> Tendered:
        """With what is to pay it; whatever else the basket says is the order's. Raises a Fault for points that would
        pay a deposit."""
        order = self.order
        _check_points(order, points=bool(basket.points))
        items = tuple(
            Item(
                line.product,
                line.sku,
                line.title,
                line.quantity,
                line.unit_price or 0,
                line.discount,
                line.category,
                line.tax,
                line.added_tax,
            )
            for line in order.lines
        )
        quote = Quote(order.currency, items, freight=order.freight)
        return Tendered(replace(basket, buyer=order.buyer, channel=order.channel, store=order.store), quote)


@dataclass(frozen=True, slots=True)
class TenderOrder:
    """Pay an order with what an open attempt holds for it; `version`, if given, must be the latest."""

    order_id: UUID
    attempt_id: UUID
    points: PointsTender | None
    tenders: tuple[HeldTender, ...]
    version: int | None

    @classmethod
    def of(cls, held: Attempt, version: int | None) -> Self:
        """With what is held."""
        return cls(held.order, held.order_id, held.points(), tenders_of(held), version)


def payable(unit: Work, order_id: UUID) -> Payable:
    """An order that can be paid with what members holds. Raises a Fault when it can't."""
    order = existing(unit.orders.get([order_id]), order_id)
    _check(order, unit.now)
    # What pays a deposit is held until the balance has to be there.
    until = order.instalments.end if order.instalments else order.expire_time
    return Payable(order, until - unit.now if until else PAYABLE_FOR)


def tender_order(unit: Work, command: TenderOrder) -> Order:
    """Make payments of what is held for an order; it is paid if that covers it, and waits for the rest otherwise. What
    is asked of providers never sums to more than is left."""
    before = existing(unit.orders.lock([command.order_id]), command.order_id)
    if not unit.checkouts.lock_open([command.attempt_id]):
        raise order_errors.checkout_abandoned()
    check_version(before, command.version)
    _check(before, unit.now)
    _check_points(before, points=command.points is not None)
    order = _with_points(unit, before, command.points)
    amount, left = _sum(order, command.tenders), order.payable(unit.now)
    # What waits without an end, such as the replacement of an exchange, outlives what is held: it is paid whole or not.
    if amount > left or (amount < left and before.expire_time is None):
        raise errors.tenders_unsuitable(order.money(amount), order.money(left))
    if amount + sum(each.amount.minor for each in unit.payment_intents.pending(order.id)) > left:
        raise payment_under_way(order.id)
    unit.checkouts.place([command.attempt_id], unit.now)
    return _received(unit, order, command.tenders)


def _check(order: Order, now: datetime) -> None:
    """Raise a Fault unless it can be paid with what is held until it is paid in full, or ends."""
    order.check_payable(now)
    if order.instalments and order.awaits_deposit and order.instalments.end + HELD_BEYOND > now + MONEY_HELD_AT_MOST:
        raise errors.deposit_in_money(order.id)


def _check_points(order: Order, *, points: bool) -> None:
    """Raise a Fault for points that would pay a deposit: what is kept of it is money."""
    if points and order.awaits_deposit:
        raise errors.deposit_without_points(order.id)


def _with_points(unit: Work, order: Order, points: PointsTender | None) -> Order:
    if points is None:
        return order
    after = order.with_points(points, unit.now)
    unit.orders.save_points(order, after)
    return after


def _sum(order: Order, tenders: tuple[HeldTender, ...]) -> int:
    for tender in tenders:
        if tender.amount.currency != order.currency:
            raise errors.tenders_unsuitable(tender.amount, order.money(order.outstanding))
    return sum(tender.amount.minor for tender in tenders)


def _received(unit: Work, order: Order, tenders: tuple[HeldTender, ...]) -> Order:
    parts = [PaidPart(tender.tender, tender.amount, tender.hold) for tender in tenders]
    if not parts:
        if order.outstanding:
            return order
        parts = [PaidPart(Tender.MANUAL, Money(0, order.currency), "")]  # points pay all of it
    first, *more = parts
    command = PayOrder(
        order.id, first.tender, first.amount, first.reference, version=None, more=tuple(more), partial=True
    )
    (outcome,) = pay_orders(unit, [command])
    if not isinstance(outcome, Order):
        raise outcome
    return outcome
