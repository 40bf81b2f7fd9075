"""What an order consists of, and the amounts and units that follow from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kit.money import Money
from services.orders.domain.allocation import NOTHING, Part
from services.orders.domain.instalments import Instalments
from services.orders.domain.line import OrderLine
from services.orders.domain.number import number_of
from services.orders.domain.order_state import TRANSITIONS, CancelReason, OrderState, Step
from services.orders.domain.payment import HELD, Payment, RefundPolicy, Tender
from services.orders.domain.refund import Claim, ClaimLine
from services.orders.domain.shipping import Delivery
from services.orders.domain.stock import MAIN, Place
from services.orders.domain.tax import Taxation


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
    org: str = ""


@dataclass(frozen=True, slots=True)
class OrderContent:
    """An order. Amounts are minor units of `currency`; `counter` makes its number once it is stored (0 before);
    `version` counts its changes. Imported orders keep the `fingerprint` of what was imported. `store` is where it was
    sold, as the merchant names it; empty if nowhere. `freight` is one charge beside the lines, with `freight_tax` in
    it. `activity` is the flash sale, group or other activity that it belongs to; mostly empty.

    `payments` are what has come in; together they cover `total` once it is paid. `refund_policy` says which of them
    give back first. `delivery` and `taxation` are how it reaches the customer and by which rules it was taxed.
    `location` is where its goods lie, once that is known; some of them were promised before they arrived if it is
    `awaiting`, which it stays when they have come. `instalments` tell when which part of it is to be paid,
    if not all at once. `org` is the part of the organisation that it belongs to; of a new one, where it isn't that of
    its store.
    """

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
    freight: int = 0
    freight_tax: int = 0
    refunded_freight: Part = NOTHING
    activity: str = ""
    refund_policy: RefundPolicy = ()
    delivery: Delivery | None = None
    taxation: Taxation | None = None
    location: str = ""
    awaiting: bool = False
    instalments: Instalments | None = None
    org: str = ""

    @property
    def number(self) -> str:
        """The number that people use."""
        return number_of(self.counter)

    @property
    def total(self) -> int:
        """What the order costs."""
        return sum(line.amount for line in self.lines) + self.freight

    @property
    def due(self) -> int:
        """What is to be paid in money, or was."""
        return self.total - self.points_value

    @property
    def received(self) -> int:
        """The money that has come in."""
        return sum(payment.amount.minor for payment in self.payments if payment.tender is not Tender.POINTS)

    @property
    def worth_refunded(self) -> int:
        """What was given back so far, points at their worth."""
        points = sum(payment.refunded for payment in self.payments if payment.tender is Tender.POINTS)
        return self.refunded + points

    @property
    def outstanding(self) -> int:
        """The money that is still to come."""
        return self.due - self.received

    @property
    def deposited(self) -> bool:
        """Whether its deposit has come in, of an order that is paid in instalments."""
        return self.instalments is not None and self.received >= self.instalments.deposit

    @property
    def awaits_deposit(self) -> bool:
        """Whether its deposit comes first, and has not come in whole."""
        return self.instalments is not None and not self.deposited

    @property
    def held_as(self) -> tuple[str, ...]:
        """The names of what members held for it, or holds: its points, and the money that came in out of accounts."""
        return (*([self.hold] if self.hold else []), *(each.reference for each in self.payments if each.tender in HELD))

    @property
    def bound(self) -> bool:
        """Whether other services hold something for it, or did before it was given up."""
        return bool(self.coupons or self.held_as)

    def revivable(self, amount: Money) -> bool:
        """Whether this amount would bring the cancelled order back, whole, if all that it had can be had again. What
        is paid in instalments, and money that has gone back, can't."""
        ours = self.instalments is None and all(payment.tender in HELD for payment in self.payments)
        return ours and self.allows(Step.REOPEN) and amount == self.money(self.outstanding)

    def payable(self, now: datetime) -> int:
        """The money that may come in now."""
        if self.instalments is None:
            return self.outstanding
        return self.instalments.payable(self.outstanding, self.received, now)

    @property
    def forfeited(self) -> int:
        """What is kept of the money of a cancelled order: its deposit, if that is agreed."""
        lost = self.cancel_reason in {CancelReason.CUSTOMER, CancelReason.EXPIRED} and self.deposited
        return self.instalments.deposit if lost and self.instalments and self.instalments.forfeit else 0

    @property
    def carriage(self) -> Part:
        """The freight, and how it is paid: points pay it only with what is left of them after the lines."""
        if not self.freight or not self.points_value:
            return Part(self.freight, 0, 0)
        lines = [line.whole for line in self.lines]
        value = self.points_value - sum(line.points_value for line in lines)
        return Part(self.freight, value, self.points - sum(line.points for line in lines))

    @property
    def freight_left(self) -> Part:
        """What refunds have left of the freight."""
        return self.carriage - self.refunded_freight

    @property
    def tax(self) -> int:
        """The tax within the total."""
        return sum(line.tax for line in self.lines) + self.freight_tax

    @property
    def net_total(self) -> int:
        """What is left, after refunds, of the money that was paid."""
        return self.due - self.refunded

    def money(self, minor: int) -> Money:
        """An amount in the order's currency."""
        return Money(minor, self.currency)

    def wanted(self) -> dict[UUID, int]:
        """The units that it takes from stock by product, all lines together and bundles taken apart: none for imported
        and backordered orders."""
        return self._units({line.position: line.quantity for line in self.lines})

    def _units(self, wanted: Mapping[int, int]) -> dict[UUID, int]:
        """The units of stock that so many units of each line are."""
        units: Counter[UUID] = Counter()
        if not (self.imported or self.backordered):
            for line in self.lines:
                quantity = wanted.get(line.position, 0)
                for part in line.components:
                    units[part.product] += part.quantity * quantity
                if line.product is not None and not line.components:
                    units[line.product] += quantity
        return {product: quantity for product, quantity in units.items() if quantity}

    def demand(self) -> dict[Place, int]:
        """What it takes from stock where its goods lie."""
        return {Place(product, self.location or MAIN): units for product, units in self.wanted().items()}

    def rest(self) -> Claim:
        """All that refunds have left of a paid order."""
        lines = tuple(ClaimLine(line.position, line.refundable) for line in self.lines if not line.settled)
        return Claim(lines, self.freight_left.amount)

    def returned(self, units: Mapping[int, int]) -> dict[Place, int]:
        """Where so many units of each line belong when they come back: nowhere, if they never were in stock here."""
        return {Place(product, self.location or MAIN): quantity for product, quantity in self._units(units).items()}

    @property
    def tax_given(self) -> int:
        """The tax within what was given back so far."""
        taxed = [(line.tax, line.amount, line.left.amount) for line in self.lines if line.tax]
        taxed += [(self.freight_tax, self.freight, self.freight_left.amount)] if self.freight_tax else []
        return sum(tax * (amount - left) // amount for tax, amount, left in taxed if amount)

    def allows(self, step: Step) -> bool:
        """Whether the order's state allows the step."""
        return (self.state, step) in TRANSITIONS
