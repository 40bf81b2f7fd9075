"""An order, and the steps it may take. What it consists of is in order_content.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from kit.errors import invalid
from kit.money import LIMIT, Money, currency_mismatch
from services.orders.domain import errors
from services.orders.domain.allocation import Part
from services.orders.domain.errors.checkout import points_not_allowed
from services.orders.domain.errors.payments import order_not_reopened
from services.orders.domain.errors.presale import balance_not_due
from services.orders.domain.events import OrderCancelled, OrderCompleted, OrderPaid, OrderPlaced, OrderRefunded
from services.orders.domain.instalments import Instalments
from services.orders.domain.line import Item, OrderLine, lines_of, paid_with_points
from services.orders.domain.order_content import Buyer, OrderContent
from services.orders.domain.order_state import TRANSITIONS, CancelReason, OrderState, Step
from services.orders.domain.payment import Payment, PointsTender, RefundPolicy, Tender, split
from services.orders.domain.refund import CREDIT_RETURNED, Claim, Refund, RefundKind, RefundLine, payouts, state_of
from services.orders.domain.shipping import Delivery
from services.orders.domain.tax import Taxation


@dataclass(frozen=True, slots=True)
class Order(OrderContent):
    """An order, which takes its steps: each answers the order as it is then, and what happened."""

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
        org: str = "",
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
            org=org,
        )

    def placed(self) -> OrderPlaced:
        """The fact that it was placed."""
        return OrderPlaced(self)

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

    def with_points(self, tender: PointsTender, now: datetime) -> Order:
        """With points that are held for it and pay a part, or all of it: once, before it is paid. Raises a Fault when
        they don't suit it."""
        self.check_payable(now)
        if self.hold:
            raise points_not_allowed(tender.points, least=0, most=0)
        value = _suitable(tender, self.outstanding, self.currency)
        return self._stepped(
            Step.RECEIVE,
            OrderState.PENDING_PAYMENT,
            now,
            lines=paid_with_points(self.lines, points=tender.points, value=value),
            hold=tender.hold,
            points=tender.points,
            points_value=value,
        )

    def backorder(self) -> Order:
        """The new order, when its goods are not there: it reserves nothing, and paying it takes nothing."""
        return replace(self, backordered=True)

    def cancel(self, reason: CancelReason, now: datetime) -> tuple[Order, OrderCancelled]:
        """Given up before it was paid."""
        step = Step.EXPIRE if reason is CancelReason.EXPIRED else Step.CANCEL
        order = self._stepped(step, OrderState.CANCELLED, now, cancel_time=now, cancel_reason=reason)
        return order, OrderCancelled(order)

    def reopen(self, amount: Money, now: datetime, *, renewed: Mapping[str, str] | None = None) -> Order:
        """Money came after it was cancelled: it waits for it once more, as it was, when this amount pays for it whole.
        `renewed` tells the new names of what other services hold for it again; None: nothing is held. Raises a Fault
        when it needs more."""
        self.check(Step.REOPEN)
        anew = renewed or {}
        if not self.revivable(amount) or (renewed is None and self.bound) or not anew.keys() >= set(self.held_as):
            raise order_not_reopened(self.id)
        payments = tuple(
            replace(each, reference=anew[each.reference], pay_time=now, refunded=0) for each in self.payments
        )
        return self._stepped(
            Step.REOPEN,
            OrderState.PENDING_PAYMENT,
            now,
            cancel_time=None,
            cancel_reason=None,
            hold=anew.get(self.hold, ""),
            payments=payments,
            refunded=0,
        )

    def postpone(self, until: datetime | None, now: datetime) -> Order:
        """It may be paid until another time; None: as long as it takes."""
        return self._stepped(Step.POSTPONE, OrderState.PENDING_PAYMENT, now, expire_time=until)

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
        owed: int = 0,
    ) -> tuple[Order, Refund, OrderRefunded]:
        """Give back units, amounts or freight: each tender what it paid for them. Of the money, as much as is `owed`
        for a replacement stays here as its credit. Raises a Fault when less is left."""
        self.check(Step.REFUND)
        self._check_claim(claim, kind)
        lines, given = self._given(claim)
        if claim.freight > self.freight_left.amount:
            raise errors.refund_exceeds_amount(
                "the freight", requested=claim.freight, refundable=self.freight_left.amount
            )
        freight = self.freight_left.of(claim.freight)
        whole = sum((part for _, part in given), freight)
        credit = min(owed, whole.money)
        shares = split(whole.money - credit, self.payments, self.refund_policy)
        order = self._less(whole, shares, lines=lines, refunded_freight=self.refunded_freight + freight, now=now)
        back = payouts(self.payments, shares)
        refund = Refund(
            id=refund_id,
            order=self.id,
            request_id=request_id,
            lines=tuple(line for line, _ in given),
            amount=self.money(whole.money - credit),
            credit=credit,
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

    def return_credit(
        self, refund_id: UUID, minor: int, *, exchange: str, replacement: UUID, now: datetime
    ) -> tuple[Order, Refund, OrderRefunded]:
        """Give back so much of what an `exchange`, the name of its refund, had passed on to its replacement."""
        shares = split(minor, self.payments, self.refund_policy)
        less = self._payments_less(shares, points_value=0)
        order = self._stepped(Step.RETURN_CREDIT, self.state, now, payments=less)
        back = payouts(self.payments, shares)
        refund = Refund(
            id=refund_id,
            order=self.id,
            request_id="",
            lines=(),
            amount=self.money(minor),
            credit=-minor,
            points=0,
            points_value=self.money(0),
            reason=CREDIT_RETURNED,
            refund_time=now,
            state=state_of(back),
            payouts=back,
            effect_time=now,
            replacement=replacement,
            note=exchange,
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

    def _sum(self, payments: Sequence[Payment]) -> Money:
        for payment in payments:
            if payment.amount.currency != self.currency or payment.amount.minor < 0:
                raise errors.amount_mismatch(self.money(self.outstanding), payment.amount)
        return self.money(sum(payment.amount.minor for payment in payments))

    def check(self, step: Step) -> None:
        """Raise a Fault unless the order's state allows the step."""
        if not self.allows(step):
            raise errors.order_state_invalid(self.id, self.state)

    def _stepped(self, step: Step, state: OrderState, now: datetime, **values: object) -> Order:
        self.check(step)
        if state not in TRANSITIONS[self.state, step]:
            raise errors.order_state_invalid(self.id, self.state)
        return replace(self, state=state, version=self.version + 1, update_time=now, **values)  # type: ignore[arg-type]


def _suitable(tender: PointsTender, total: int, currency: str) -> int:
    if tender.value.currency != currency or not 0 < tender.value.minor <= total:
        raise errors.points_unsuitable(tender.points, value=tender.value, total=Money(total, currency))
    return tender.value.minor
