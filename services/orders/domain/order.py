"""An order: its lines, its money, and the steps it may take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kit.errors import invalid
from kit.money import LIMIT, Money
from services.orders.domain import errors
from services.orders.domain.allocation import Part
from services.orders.domain.events import OrderCancelled, OrderCompleted, OrderPaid, OrderPlaced, OrderRefunded
from services.orders.domain.line import Item, OrderLine, lines_of, paid_with_points
from services.orders.domain.number import number_of
from services.orders.domain.payment import Payment, PointsTender, Tender
from services.orders.domain.refund import Refund, RefundLine
from services.orders.domain.stock import Place


class OrderState(StrEnum):
    """Where an order stands."""

    PENDING_PAYMENT = "PENDING_PAYMENT"
    PAID = "PAID"
    CANCELLED = "CANCELLED"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
    REFUNDED = "REFUNDED"
    COMPLETED = "COMPLETED"


class Step(StrEnum):
    """What can happen to an order."""

    PAY = "PAY"
    CANCEL = "CANCEL"
    EXPIRE = "EXPIRE"
    REFUND = "REFUND"
    REIMPORT = "REIMPORT"
    COMPLETE = "COMPLETE"


TRANSITIONS: Mapping[tuple[OrderState, Step], frozenset[OrderState]] = {
    (OrderState.PENDING_PAYMENT, Step.PAY): frozenset({OrderState.PAID}),
    (OrderState.PENDING_PAYMENT, Step.CANCEL): frozenset({OrderState.CANCELLED}),
    (OrderState.PENDING_PAYMENT, Step.EXPIRE): frozenset({OrderState.CANCELLED}),
    (OrderState.PAID, Step.REFUND): frozenset({OrderState.PARTIALLY_REFUNDED, OrderState.REFUNDED}),
    (OrderState.PAID, Step.REIMPORT): frozenset({OrderState.PAID}),
    (OrderState.PAID, Step.COMPLETE): frozenset({OrderState.COMPLETED}),
    (OrderState.PARTIALLY_REFUNDED, Step.COMPLETE): frozenset({OrderState.PARTIALLY_REFUNDED}),
    (OrderState.COMPLETED, Step.REFUND): frozenset({OrderState.PARTIALLY_REFUNDED, OrderState.REFUNDED}),
    (OrderState.PARTIALLY_REFUNDED, Step.REFUND): frozenset({OrderState.PARTIALLY_REFUNDED, OrderState.REFUNDED}),
}
"""The state machine: which steps each state allows, and where they may lead. Nothing else happens to an order."""


class CancelReason(StrEnum):
    """Why an order was given up."""

    CUSTOMER = "CUSTOMER"
    MERCHANT = "MERCHANT"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who buys: a member, a business account (for a won opportunity, perhaps), or a guest."""

    member: UUID | None = None
    account: UUID | None = None
    opportunity: UUID | None = None


@dataclass(frozen=True, slots=True)
class OrderQuery:
    """Which orders to list; None asks for no filter. Orders placed in [start, end)."""

    member: UUID | None = None
    account: UUID | None = None
    state: OrderState | None = None
    channel: str | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """An order. Amounts are minor units of `currency`; `counter` makes its number once it is stored (0 before);
    `version` counts its changes. Imported orders keep the `fingerprint` of what was imported. `store` is where it was
    sold, as the merchant names it; empty if nowhere."""

    id: UUID
    counter: int
    state: OrderState
    buyer: Buyer
    channel: str
    external_id: str
    currency: str
    lines: tuple[OrderLine, ...]
    coupons: tuple[str, ...]
    hold: str
    points: int
    points_value: int
    payments: tuple[Payment, ...]
    refunded: int
    refunded_points: int
    backordered: bool
    imported: bool
    fingerprint: bytes
    place_time: datetime
    expire_time: datetime | None
    pay_time: datetime | None
    cancel_time: datetime | None
    cancel_reason: CancelReason | None
    version: int
    update_time: datetime
    complete_time: datetime | None = None
    store: str = ""

    @classmethod
    def place(
        cls,
        order_id: UUID,
        *,
        buyer: Buyer,
        channel: str,
        store: str = "",
        currency: str,
        items: Sequence[Item],
        coupons: Sequence[str] = (),
        tender: PointsTender | None = None,
        now: datetime,
        expire_time: datetime | None,
    ) -> Order:
        """A new order that waits for its payment. Raises a Fault when it is too large, or the points don't suit it."""
        lines = lines_of(items)
        if tender is not None:
            lines = paid_with_points(lines, points=tender.points, value=_suitable(tender, lines, currency))
        if sum(line.amount + line.discount for line in lines) >= LIMIT:
            raise errors.order_too_large(currency)
        return cls(
            id=order_id,
            counter=0,
            state=OrderState.PENDING_PAYMENT,
            buyer=buyer,
            channel=channel,
            external_id="",
            currency=currency,
            lines=lines,
            coupons=tuple(coupons),
            hold=tender.hold if tender else "",
            points=tender.points if tender else 0,
            points_value=tender.value.minor if tender else 0,
            payments=(),
            refunded=0,
            refunded_points=0,
            backordered=False,
            imported=False,
            fingerprint=b"",
            place_time=now,
            expire_time=expire_time,
            pay_time=None,
            cancel_time=None,
            cancel_reason=None,
            version=1,
            update_time=now,
            store=store,
        )

    def placed(self) -> OrderPlaced:
        """The fact that it was placed."""
        return OrderPlaced(self)

    @property
    def number(self) -> str:
        """The number that people use."""
        return number_of(self.counter)

    @property
    def total(self) -> int:
        """What the order costs."""
        return sum(line.amount for line in self.lines)

    @property
    def due(self) -> int:
        """What is to be paid in money, or was."""
        return self.total - self.points_value

    @property
    def net_total(self) -> int:
        """What is left, after refunds, of the money that was paid."""
        return self.due - self.refunded

    def money(self, minor: int) -> Money:
        """An amount in the order's currency."""
        return Money(minor, self.currency)

    def demand(self) -> dict[Place, int]:
        """The units that it takes from stock, all lines together: none for imported and backordered orders."""
        wanted: Counter[Place] = Counter()
        if not (self.imported or self.backordered):
            for line in self.lines:
                if line.product is not None:
                    wanted[Place(line.product)] += line.quantity
        return dict(wanted)

    def pay(self, tender: Tender, amount: Money, *, reference: str, now: datetime) -> tuple[Order, OrderPaid]:
        """Paid in full. Raises a Fault unless it waits for exactly this amount, and still does."""
        self.check(Step.PAY)
        if self.expire_time is not None and now >= self.expire_time:
            raise errors.order_expired(self.id, self.expire_time)
        if amount != self.money(self.due):
            raise errors.amount_mismatch(self.money(self.due), amount)
        payments = []
        if self.points_value:
            payments.append(Payment(Tender.POINTS, self.money(self.points_value), self.hold, now))
        if amount:
            payments.append(Payment(tender, amount, reference, now))
        order = self._stepped(Step.PAY, OrderState.PAID, now, payments=tuple(payments), pay_time=now)
        return order, OrderPaid(order)

    def backorder(self) -> Order:
        """The new order, when its goods are not there: it reserves nothing, and paying it takes nothing."""
        return replace(self, backordered=True)

    def cancel(self, reason: CancelReason, now: datetime) -> tuple[Order, OrderCancelled]:
        """Given up before it was paid."""
        step = Step.EXPIRE if reason is CancelReason.EXPIRED else Step.CANCEL
        order = self._stepped(step, OrderState.CANCELLED, now, cancel_time=now, cancel_reason=reason)
        return order, OrderCancelled(order)

    def complete(self, now: datetime) -> tuple[Order, OrderCompleted | None]:
        """Carried out; the same once more changes nothing. What was refunded in part stays so. Raises a Fault unless it
        is paid, and not refunded in full."""
        if self.complete_time is not None:
            return self, None
        self.check(Step.COMPLETE)
        (state,) = TRANSITIONS[self.state, Step.COMPLETE]
        order = self._stepped(Step.COMPLETE, state, now, complete_time=now)
        return order, OrderCompleted(order)

    def refund(
        self, refund_id: UUID, units: Sequence[tuple[int, int]], *, reason: str, request_id: str, now: datetime
    ) -> tuple[Order, Refund, OrderRefunded]:
        """Give back units, told as (position, quantity): each tender what it paid for them. Raises a Fault when a line
        has fewer left."""
        self.check(Step.REFUND)
        lines = {line.position: line for line in self.lines}
        given: list[tuple[RefundLine, Part]] = []
        for index, (position, quantity) in enumerate(units):
            if position in {line.position for line, _ in given}:
                raise invalid(f"lines[{index}].position", "appears twice")
            if position not in lines:
                raise errors.line_not_found(position)
            lines[position], part = lines[position].refund(quantity)
            given.append((RefundLine(position, quantity, self.money(part.amount)), part))
        money = sum(part.money for _, part in given)
        points = sum(part.points for _, part in given)
        refund = Refund(
            id=refund_id,
            order=self.id,
            request_id=request_id,
            lines=tuple(line for line, _ in given),
            amount=self.money(money),
            points=points,
            points_value=self.money(sum(part.points_value for _, part in given)),
            reason=reason,
            refund_time=now,
        )
        whole = not any(line.refundable for line in lines.values())
        order = self._stepped(
            Step.REFUND,
            OrderState.REFUNDED if whole else OrderState.PARTIALLY_REFUNDED,
            now,
            lines=tuple(lines.values()),
            refunded=self.refunded + money,
            refunded_points=self.refunded_points + points,
        )
        return order, refund, OrderRefunded(order, refund)

    def check(self, step: Step) -> None:
        """Raise a Fault unless the order's state allows the step."""
        if (self.state, step) not in TRANSITIONS:
            raise errors.order_state_invalid(self.id, self.state)

    def _stepped(self, step: Step, state: OrderState, now: datetime, **values: object) -> Order:
        self.check(step)
        if state not in TRANSITIONS[self.state, step]:
            raise errors.order_state_invalid(self.id, self.state)
        changed = replace(self, **values)  # type: ignore[arg-type]
        return replace(changed, state=state, version=self.version + 1, update_time=now)


def _suitable(tender: PointsTender, lines: Sequence[OrderLine], currency: str) -> int:
    total = Money(sum(line.amount for line in lines), currency)
    if tender.value.currency != currency or not 0 < tender.value.minor <= total.minor:
        raise errors.points_unsuitable(tender.points, value=tender.value, total=total)
    return tender.value.minor
