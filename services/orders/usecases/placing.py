"""Placing: store an order together with what other services hold to pay for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Self
from uuid import UUID

from kit.errors import Fault
from kit.money import Money
from services.orders.domain.checkout import Attempt, StepKind
from services.orders.domain.errors import checkout as errors
from services.orders.domain.line import lines_of
from services.orders.domain.order import Order
from services.orders.domain.payment import Payment, RefundPolicy, Tender
from services.orders.domain.quote import Quote
from services.orders.usecases.basket import Basket
from services.orders.usecases.order import PlaceOrder, Work, place_orders
from services.orders.usecases.payment import ReceivePayment, receive_payments

_TENDERS = {StepKind.STORED_VALUE: Tender.STORED_VALUE, StepKind.GIFT_CARD: Tender.GIFT_CARD}


@dataclass(frozen=True, slots=True)
class HeldTender:
    """Money that members holds for an order, under the name of the hold."""

    tender: Tender
    amount: Money
    hold: str


@dataclass(frozen=True, slots=True)
class Placement:
    """Store a priced order with the money that is held for it."""

    order: PlaceOrder
    tenders: tuple[HeldTender, ...] = ()

    @classmethod
    def of(
        cls,
        basket: Basket,
        quote: Quote,
        order_id: UUID,
        *,
        held: Attempt | None = None,
        pay_within: timedelta,
        refund_policy: RefundPolicy = (),
    ) -> Self:
        """For a priced basket, and what its attempt holds if it needs anything."""
        order = PlaceOrder(
            order_id=order_id,
            buyer=basket.buyer,
            channel=basket.channel,
            quote=quote,
            coupons=basket.coupons,
            tender=held.points() if held else None,
            held=held is not None,
            pay_within=pay_within,
            store=basket.store,
            refund_policy=refund_policy,
            address=basket.address,
            reservation=basket.reservation,
        )
        return cls(order, tenders_of(held) if held else ())

    def refusal(self) -> Fault | None:
        """Why the held money does not suit the order, or None."""
        if not self.tenders:
            return None
        quote, points = self.order.quote, self.order.tender
        total = sum(line.amount for line in lines_of(quote.items)) + quote.freight
        due = Money(total - (points.value.minor if points else 0), quote.currency)
        for tender in self.tenders:
            if tender.amount.currency != quote.currency:
                return errors.tenders_unsuitable(tender.amount, due)
        amount = Money(sum(tender.amount.minor for tender in self.tenders), quote.currency)
        return errors.tenders_unsuitable(amount, due) if amount.minor > due.minor else None


def tenders_of(held: Attempt) -> tuple[HeldTender, ...]:
    """The money that an attempt holds."""
    return tuple(
        HeldTender(_TENDERS[step.kind], step.amount, step.hold)
        for step in held.steps
        if step.kind in _TENDERS and step.amount is not None
    )


def place(unit: Work, placements: Sequence[Placement]) -> list[Order | Fault]:
    """Store orders, first come, first served; what is held for one counts as received. An order that it covers is paid
    at once. Each has its own outcome."""
    outcomes: list[Order | Fault | None] = [placement.refusal() for placement in placements]
    fit = [index for index, refusal in enumerate(outcomes) if refusal is None]
    for index, outcome in zip(fit, place_orders(unit, [placements[index].order for index in fit]), strict=True):
        outcomes[index] = outcome
    received = _receive(unit, [placements[index] for index in fit if isinstance(outcomes[index], Order)])
    return [
        received.get(outcome.id, outcome) if isinstance(outcome, Order) else outcome
        for outcome in outcomes
        if outcome is not None
    ]


def _receive(unit: Work, placements: Sequence[Placement]) -> dict[UUID, Order]:
    commands = [
        ReceivePayment(placement.order.order_id, Payment(each.tender, each.amount, each.hold, unit.now))
        for placement in placements
        for each in placement.tenders
    ]
    orders: dict[UUID, Order] = {}
    for outcome in receive_payments(unit, commands) if commands else []:
        if isinstance(outcome, Fault):
            raise outcome  # then nothing of the order may stand; it is tried alone, apart from its neighbours
        orders[outcome.id] = outcome
    return orders
