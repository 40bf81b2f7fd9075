"""An order: its lines, its money, and the steps it may take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from kit.errors import invalid
from kit.money import LIMIT, Money, currency_mismatch
from services.orders.domain import errors
from services.orders.domain.allocation import NOTHING, Part
from services.orders.domain.errors.payments import order_not_reopened
from services.orders.domain.errors.presale import balance_not_due
from services.orders.domain.events import OrderCancelled, OrderCompleted, OrderPaid, OrderPlaced, OrderRefunded
from services.orders.domain.instalments import Instalments
from services.orders.domain.line import Item, OrderLine, lines_of, paid_with_points
from services.orders.domain.number import number_of
from services.orders.domain.order_state import TRANSITIONS, CancelReason, OrderState, Step
from services.orders.domain.payment import Payment, PointsTender, RefundPolicy, Tender, split
from services.orders.domain.refund import Claim, ClaimLine, Refund, RefundKind, RefundLine, payouts, state_of
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


@dataclass(frozen=True, slots=True)
class Order:
    """An order. Amounts are minor units of `currency`; `counter` makes its number once it is stored (0 before);
    `version` counts its changes. Imported orders keep the `fingerprint` of what was imported. `store` is where it was
    sold, as the merchant names it; empty if nowhere. `freight` is one charge beside the lines, with `freight_tax` in
    it. `activity` is the flash sale, group or other activity that it belongs to; mostly empty.

    `payments` are what has come in; together they cover `total` once it is paid. `refund_policy` says which of them
    give back first. `delivery` and `taxation` are how it reaches the customer and by which rules it was taxed.
    `location` is where its goods lie, once that is known; some of them were promised before they arrived if it is
    `awaiting`. `instalments` tell when which part of it is to be paid, if not all at once.
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
        freight: int = 0,
        freight_tax: int = 0,
        activity: str = "",
        refund_policy: RefundPolicy = (),
        delivery: Delivery | None = None,
        taxation: Taxation | None = None,
        location: str = "",
        instalments: Instalments | None = None,
    ) -> Order:
        """A new order that waits for its payment. Raises a Fault when it is too large, or the points don't suit it."""
        lines = lines_of(items)
        if tender is not None:
            value = _suitable(tender, freight + sum(line.amount for line in lines), currency)
            lines = paid_with_points(lines, points=tender.points, value=value)
        if freight + sum(line.amount + line.discount for line in lines) >= LIMIT:
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
            freight=freight,
            freight_tax=freight_tax,
            activity=activity,
            refund_policy=refund_policy,
            delivery=delivery,
            taxation=taxation,
            location=location,
            instalments=instalments,
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
    def outstanding(self) -> int:
        """The money that is still to come."""
        return self.due - self.received

    @property
    def deposited(self) -> bool:
        """Whether its deposit has come in, of an order that is paid in instalments."""
        return self.instalments is not None and self.received >= self.instalments.deposit

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

    def pay(self, tender: Tender, amount: Money, *, reference: str, now: datetime) -> tuple[Order, OrderPaid | None]:
        """Paid what is to be paid now: all of it, or its deposit. Raises a Fault unless it waits for exactly this
        amount, and still does."""
        return self.pay_with([Payment(tender, amount, reference, now)], now=now)

    def pay_with(self, payments: Sequence[Payment], *, now: datetime) -> tuple[Order, OrderPaid | None]:
        """As `pay`, with several payments at once."""
        self.check_payable(now)
        amount, payable = self._sum(payments), self.payable(now)
        if amount.minor != payable:
            raise errors.amount_mismatch(self.money(payable), amount)
        return self.receive(payments, now=now)

    def check_payable(self, now: datetime) -> None:
        """Raise a Fault unless it waits for its payment, and still does."""
        self.check(Step.PAY)
        if self.expire_time is not None and now >= self.expire_time:
            raise errors.order_expired(self.id, self.expire_time)
        if self.deposited and self.instalments and now < self.instalments.start:
            raise balance_not_due(self.id, self.instalments.start)

    def receive(self, payments: Sequence[Payment], *, now: datetime) -> tuple[Order, OrderPaid | None]:
        """With money that came in: it is paid once nothing is outstanding; once its deposit has come in, it waits for
        its balance. A payment that is told once more changes nothing. Raises a Fault unless the order waits for so
        much.

        Money that was taken counts even after the time to pay, as long as nobody has cancelled the order.
        """
        fresh = [each for each in payments if not any(each.same(known) for known in self.payments)]
        if payments and not fresh:
            return self, None
        self.check(Step.PAY)
        amount = self._sum(fresh)
        payable = self.payable(now)
        if amount.minor > payable:
            raise errors.overpaid(self.money(payable), amount)
        if not amount and self.outstanding:
            raise errors.amount_mismatch(self.money(self.outstanding), amount)
        received = tuple(payment for payment in fresh if payment.amount)
        if amount.minor < self.outstanding:
            order = self._stepped(Step.RECEIVE, OrderState.PENDING_PAYMENT, now, payments=(*self.payments, *received))
            if order.instalments is not None and order.deposited:
                order = replace(order, expire_time=order.instalments.end)
            return order, None
        points = Payment(Tender.POINTS, self.money(self.points_value), self.hold, now)
        whole = (*self.payments, *([points] if points.amount else []), *received)
        order = self._stepped(Step.PAY, OrderState.PAID, now, payments=whole, pay_time=now)
        return order, OrderPaid(order)

    def backorder(self) -> Order:
        """The new order, when its goods are not there: it reserves nothing, and paying it takes nothing."""
        return replace(self, backordered=True)

    def cancel(self, reason: CancelReason, now: datetime) -> tuple[Order, OrderCancelled]:
        """Given up before it was paid."""
        step = Step.EXPIRE if reason is CancelReason.EXPIRED else Step.CANCEL
        order = self._stepped(step, OrderState.CANCELLED, now, cancel_time=now, cancel_reason=reason)
        return order, OrderCancelled(order)

    def reopen(self, amount: Money, now: datetime) -> Order:
        """Money came after it was cancelled: it waits for it once more, when this amount pays for it whole. Raises a
        Fault when it needs more than its stock: coupons, points or an activity's quota are not ours to take again."""
        self.check(Step.REOPEN)
        if self.coupons or self.hold or self.activity or self.received or amount != self.money(self.due):
            raise order_not_reopened(self.id)
        return self._stepped(Step.REOPEN, OrderState.PENDING_PAYMENT, now, cancel_time=None, cancel_reason=None)

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
        self,
        refund_id: UUID,
        claim: Claim,
        *,
        reason: str,
        request_id: str,
        now: datetime,
        kind: RefundKind = RefundKind.REFUND,
    ) -> tuple[Order, Refund, OrderRefunded]:
        """Give back units, amounts or freight: each tender what it paid for them. Raises a Fault when less is left."""
        self.check(Step.REFUND)
        self._check_claim(claim, kind)
        lines, given = self._given(claim)
        if claim.freight > self.freight_left.amount:
            raise errors.refund_exceeds_amount(
                "the freight", requested=claim.freight, refundable=self.freight_left.amount
            )
        freight = self.freight_left.of(claim.freight)
        whole = sum((part for _, part in given), freight)
        shares = split(whole.money, self.payments, self.refund_policy)
        order = self._less(whole, shares, lines=lines, refunded_freight=self.refunded_freight + freight, now=now)
        back = payouts(self.payments, shares)
        refund = Refund(
            id=refund_id,
            order=self.id,
            request_id=request_id,
            lines=tuple(line for line, _ in given),
            amount=self.money(whole.money),
            points=whole.points,
            points_value=self.money(whole.points_value),
            reason=reason,
            refund_time=now,
            kind=kind,
            state=state_of(back),
            freight=freight.amount,
            tax=order.tax_given - self.tax_given,
            payouts=back,
            effect_time=now,
        )
        return order, refund, OrderRefunded(order, refund)

    def _check_claim(self, claim: Claim, kind: RefundKind) -> None:
        if not claim.lines and not claim.freight:
            raise invalid("lines", "must name something to give back")
        if claim.currency and claim.currency != self.currency:
            raise currency_mismatch(self.currency, claim.currency)
        for index, line in enumerate(claim.lines):
            if kind in {RefundKind.RETURN, RefundKind.EXCHANGE} and not line.quantity:
                raise invalid(f"lines[{index}].quantity", "is needed: goods come back by the unit")

    def _given(self, claim: Claim) -> tuple[tuple[OrderLine, ...], list[tuple[RefundLine, Part]]]:
        lines = {line.position: line for line in self.lines}
        given: list[tuple[RefundLine, Part]] = []
        for index, wanted in enumerate(claim.lines):
            if wanted.position in {line.position for line, _ in given}:
                raise invalid(f"lines[{index}].position", "appears twice")
            line = lines.get(wanted.position)
            if line is None:
                raise errors.line_not_found(wanted.position)
            changed, part = line.refund(wanted.quantity) if wanted.quantity else line.refund_amount(wanted.amount)
            lines[wanted.position] = changed
            given.append((RefundLine(wanted.position, wanted.quantity, self.money(part.amount)), part))
        return tuple(lines.values()), given

    def _less(
        self, whole: Part, shares: Sequence[int], *, lines: tuple[OrderLine, ...], refunded_freight: Part, now: datetime
    ) -> Order:
        settled = all(line.settled for line in lines) and refunded_freight == self.carriage
        return self._stepped(
            Step.REFUND,
            OrderState.REFUNDED if settled else OrderState.PARTIALLY_REFUNDED,
            now,
            lines=lines,
            refunded_freight=refunded_freight,
            refunded=self.refunded + whole.money,
            refunded_points=self.refunded_points + whole.points,
            payments=self._payments_less(shares, points_value=whole.points_value),
        )

    def _payments_less(self, shares: Sequence[int], *, points_value: int) -> tuple[Payment, ...]:
        return tuple(
            payment.give_back(points_value if payment.tender is Tender.POINTS else share)
            for payment, share in zip(self.payments, shares, strict=True)
        )

    def rest(self) -> Claim:
        """All that refunds have left of a paid order."""
        lines = tuple(ClaimLine(line.position, line.refundable) for line in self.lines if not line.settled)
        return Claim(lines, self.freight_left.amount)

    def returned(self, units: Mapping[int, int]) -> dict[Place, int]:
        """Where so many units of each line belong when they come back: nowhere, if they never were in stock here."""
        return {Place(product, self.location or MAIN): quantity for product, quantity in self._units(units).items()}

    def give_up(self, refund_id: UUID, now: datetime) -> tuple[Order, Refund]:
        """The cancelled order when it gives back the money that had come in, but for a forfeited deposit, which is what
        came first; and the refund that tells so."""
        shares, kept = list[int](), self.forfeited
        for payment in self.payments:
            shares.append(payment.left - min(kept, payment.left))
            kept -= payment.left - shares[-1]
        back = payouts(self.payments, shares)
        order = replace(
            self, payments=self._payments_less(shares, points_value=0), refunded=self.refunded + sum(shares)
        )
        return order, Refund(
            id=refund_id,
            order=self.id,
            request_id="",
            lines=(),
            amount=self.money(sum(shares)),
            points=0,
            points_value=self.money(0),
            reason="",
            refund_time=now,
            kind=RefundKind.CANCELLATION,
            state=state_of(back),
            payouts=back,
            effect_time=now,
        )

    @property
    def tax_given(self) -> int:
        """The tax within what was given back so far."""
        taxed = [(line.tax, line.amount, line.left.amount) for line in self.lines if line.tax]
        taxed += [(self.freight_tax, self.freight, self.freight_left.amount)] if self.freight_tax else []
        return sum(tax * (amount - left) // amount for tax, amount, left in taxed if amount)

    def _sum(self, payments: Sequence[Payment]) -> Money:
        for payment in payments:
            if payment.amount.currency != self.currency or payment.amount.minor < 0:
                raise errors.amount_mismatch(self.money(self.outstanding), payment.amount)
        return self.money(sum(payment.amount.minor for payment in payments))

    def allows(self, step: Step) -> bool:
        """Whether the order's state allows the step."""
        return (self.state, step) in TRANSITIONS

    def check(self, step: Step) -> None:
        """Raise a Fault unless the order's state allows the step."""
        if not self.allows(step):
            raise errors.order_state_invalid(self.id, self.state)

    def _stepped(self, step: Step, state: OrderState, now: datetime, **values: object) -> Order:
        self.check(step)
        if state not in TRANSITIONS[self.state, step]:
            raise errors.order_state_invalid(self.id, self.state)
        changed = replace(self, **values)  # type: ignore[arg-type]
        return replace(changed, state=state, version=self.version + 1, update_time=now)


def _suitable(tender: PointsTender, total: int, currency: str) -> int:
    if tender.value.currency != currency or not 0 < tender.value.minor <= total:
        raise errors.points_unsuitable(tender.points, value=tender.value, total=Money(total, currency))
    return tender.value.minor
