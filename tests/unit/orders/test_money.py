"""Money of an order in any tenders: paid in parts, refunded in any split, to the cent, in every tender."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kit.errors import Fault
from kit.money import Money
from kit.names import new_id
from services.orders.domain.line import Item
from services.orders.domain.order import Order
from services.orders.domain.order_state import CancelReason, OrderState
from services.orders.domain.payment import Payment, Tender
from services.orders.domain.refund import (
    PAYOUT_TRANSITIONS,
    TRANSITIONS,
    Claim,
    ClaimLine,
    Payout,
    PayoutState,
    PayoutStep,
    Refund,
    RefundState,
    RefundStep,
    state_of,
)
from tests.support.builders.orders import NOW, a_tender, an_item, an_order, paid

SOON = NOW + timedelta(minutes=1)
LATER = NOW + timedelta(days=3)
CURRENCIES = ("CNY", "JPY", "KWD")
TENDERS = (Tender.MANUAL, Tender.STORED_VALUE, Tender.GIFT_CARD, Tender.WECHAT_PAY, Tender.ALIPAY)


def a_payment(minor: int, tender: Tender = Tender.WECHAT_PAY, *, currency: str = "CNY") -> Payment:
    return Payment(tender, Money(minor, currency), str(new_id()), SOON)


def given_back(order: Order, claim: Claim) -> tuple[Order, Refund]:
    after, refund, _ = order.refund(new_id(), claim, reason="", request_id="", now=LATER)
    return after, refund


class MoneyMachine(RuleBasedStateMachine):
    """Pays an order in any tenders and parts, and refunds units, amounts and freight in any split."""

    order: Order
    refunds: list[Refund]

    @initialize(data=st.data(), currency=st.sampled_from(CURRENCIES))
    def place(self, data: st.DataObject, currency: str) -> None:
        self.refunds = []
        items = [self._item(data) for _ in range(data.draw(st.integers(1, 3)))]
        freight = data.draw(st.integers(0, 500))
        total = freight + sum(item.amount for item in items)
        tender = None
        if total and data.draw(st.booleans()):
            value = data.draw(st.integers(1, total))
            tender = a_tender(points=data.draw(st.integers(1, 10_000)), value=value, currency=currency)
        policy = data.draw(st.lists(st.sampled_from(TENDERS), unique=True, max_size=3))
        self.order = an_order(
            *items,
            currency=currency,
            tender=tender,
            freight=freight,
            freight_tax=data.draw(st.integers(0, freight)),
            refund_policy=tuple(policy),
        )

    def _item(self, data: st.DataObject) -> Item:
        price, quantity = data.draw(st.integers(0, 1_000)), data.draw(st.sampled_from([1, 2, 3, 10_000]))
        discount = data.draw(st.integers(0, price * quantity))
        added = data.draw(st.integers(0, 50))
        tax = added + data.draw(st.integers(0, price * quantity - discount))
        return an_item(unit_price=price, quantity=quantity, discount=discount, tax=tax, added_tax=added)

    @precondition(lambda self: self.order.state is OrderState.PENDING_PAYMENT)
    @rule(data=st.data(), tender=st.sampled_from(TENDERS))
    def receive(self, data: st.DataObject, tender: Tender) -> None:
        outstanding = self.order.outstanding
        minor = data.draw(st.sampled_from([outstanding, outstanding // 2, outstanding // 3, outstanding + 1]))
        if not minor and outstanding:
            minor = 1
        payment = a_payment(minor, tender, currency=self.order.currency)
        if minor > outstanding:
            with pytest.raises(Fault, match="outstanding"):
                self.order.receive([payment], now=SOON)
            return
        before = self.order
        self.order, fact = before.receive([payment], now=SOON)
        assert (fact is not None) == (self.order.state is OrderState.PAID) == (self.order.outstanding == 0)
        if minor and tender is not Tender.MANUAL:
            assert self.order.receive([payment], now=LATER) == (self.order, None)

    @precondition(lambda self: self.order.state is OrderState.PENDING_PAYMENT and self.order.payments)
    @rule()
    def give_up(self) -> None:
        cancelled = self.order.cancel(CancelReason.EXPIRED, SOON)[0]
        self.order, refund = cancelled.give_up(new_id(), SOON)
        self.refunds.append(refund)
        assert refund.amount.minor == self.order.received == self.order.refunded
        assert all(payment.left == 0 for payment in self.order.payments)

    @precondition(lambda self: self.refundable)
    @rule(data=st.data())
    def refund_something(self, data: st.DataObject) -> None:
        lines = []
        for line in self.order.lines:
            kind = data.draw(st.sampled_from(["units", "amount", "nothing"]))
            if kind == "units" and line.refundable:
                lines.append(ClaimLine(line.position, data.draw(st.integers(1, line.refundable))))
            elif kind == "amount" and line.left.amount:
                lines.append(ClaimLine(line.position, 0, data.draw(st.integers(1, line.left.amount))))
        self.refund(Claim(tuple(lines), data.draw(st.integers(0, self.order.freight_left.amount))))

    @precondition(lambda self: self.refundable)
    @rule()
    def refund_the_rest(self) -> None:
        self.refund(self.order.rest())
        assert self.order.state is OrderState.REFUNDED

    @precondition(lambda self: self.order.state in {OrderState.REFUNDED, OrderState.CANCELLED})
    @rule()
    def nothing_more_happens(self) -> None:
        for attempt in (
            lambda: given_back(self.order, Claim.units((1, 1))),
            lambda: self.order.receive([a_payment(1, currency=self.order.currency)], now=LATER),
        ):
            with pytest.raises(Fault) as caught:
                attempt()
            assert caught.value.reason == "ORDER_STATE_INVALID"

    @property
    def refundable(self) -> bool:
        """Whether something is left of a paid order."""
        return self.order.state in {OrderState.PAID, OrderState.PARTIALLY_REFUNDED}

    def refund(self, claim: Claim) -> None:
        if not claim.lines and not claim.freight:
            return
        before = self.order
        self.order, refund = given_back(before, claim)
        self.refunds.append(refund)
        assert before.net_total - self.order.net_total == refund.amount.minor >= 0
        assert refund.points >= 0 <= refund.tax
        asked = [line for line in refund.lines if not line.quantity]
        assert [line.amount.minor for line in asked] == [line.amount for line in claim.lines if not line.quantity]
        assert refund.amount.minor + refund.points_value.minor == refund.freight + sum(
            line.amount.minor for line in refund.lines
        )

    @invariant()
    def money_is_conserved_in_every_tender(self) -> None:
        order, payments = self.order, self.order.payments
        for position, payment in enumerate(payments, 1):
            if payment.tender is not Tender.POINTS:
                told = sum(
                    each.amount.minor for refund in self.refunds for each in refund.payouts if each.payment == position
                )
                assert 0 <= payment.refunded == told <= payment.amount.minor
        assert order.refunded == sum(refund.amount.minor for refund in self.refunds)
        assert order.refunded_points == sum(refund.points for refund in self.refunds) <= order.points
        if order.pay_time is not None:
            assert sum(payment.amount.minor for payment in payments) == order.total
            assert sum(line.net for line in order.lines) + order.freight_left.money == order.net_total

    @invariant()
    def a_line_costs_a_few_runs_whatever_its_quantity(self) -> None:
        assert all(len(line.shares) <= 8 for line in self.order.lines)

    @invariant()
    def what_is_refunded_in_full_is_empty(self) -> None:
        if self.order.state is OrderState.REFUNDED:
            assert all(payment.left == 0 for payment in self.order.payments)
            assert (self.order.net_total, self.order.refunded_points) == (0, self.order.points)
            assert sum(refund.tax for refund in self.refunds) == self.order.tax
            assert sum(refund.points_value.minor for refund in self.refunds) == self.order.points_value


def _run(*, examples: int, steps: int) -> None:
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        MoneyMachine,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=checks
        ),
    )


def test_any_refunds_of_any_payments_sum_to_what_was_paid() -> None:
    _run(examples=100, steps=10)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_any_refunds_of_any_payments_sum_to_what_was_paid_for_a_long_time() -> None:
    _run(examples=20_000, steps=20)


def test_what_is_refunded_goes_back_in_proportion_to_what_is_left_of_each_payment() -> None:
    order = an_order(an_item(unit_price=1000, quantity=3))
    order, _ = order.receive([a_payment(2000), a_payment(1000, Tender.GIFT_CARD)], now=SOON)
    order, first = given_back(order, Claim.units((1, 1)))
    assert [payout.amount.minor for payout in first.payouts] == [667, 333]
    assert [payout.state for payout in first.payouts] == [PayoutState.PENDING, PayoutState.SUCCEEDED]
    assert (first.state, order.state) == (RefundState.PENDING, OrderState.PARTIALLY_REFUNDED)
    order, rest = given_back(order, order.rest())
    assert [payout.amount.minor for payout in rest.payouts] == [1333, 667]


def test_a_policy_says_which_tender_gives_back_first() -> None:
    order = an_order(an_item(unit_price=1000, quantity=3), refund_policy=(Tender.GIFT_CARD, Tender.MANUAL))
    payments = [a_payment(1000), a_payment(1500, Tender.MANUAL), a_payment(500, Tender.GIFT_CARD)]
    order, _ = order.receive(payments, now=SOON)
    order, refund = given_back(order, Claim((ClaimLine(1, 0, 700),)))
    assert [(payout.payment, payout.amount.minor) for payout in refund.payouts] == [(2, 200), (3, 500)]
    assert [payment.refunded for payment in order.payments] == [0, 200, 500]


def test_units_that_follow_an_amount_give_back_what_is_left() -> None:
    order = paid(an_order(an_item(unit_price=1000, quantity=2)))
    order, _ = given_back(order, Claim((ClaimLine(1, 0, 1300),)))
    order, unit = given_back(order, Claim.units((1, 1)))
    assert (unit.amount.minor, order.state) == (700, OrderState.REFUNDED)


def test_points_pay_the_freight_with_what_the_lines_leave_of_them() -> None:
    tender = a_tender(points=1200, value=1200)
    order = paid(an_order(an_item(unit_price=1000), freight=500, freight_tax=50, tender=tender))
    assert (order.total, order.due, order.carriage.points_value, order.tax) == (1500, 300, 200, 50)
    order, refund = given_back(order, Claim(freight=250))
    assert (refund.amount.minor, refund.points_value.minor, refund.points, refund.tax) == (150, 100, 100, 25)
    with pytest.raises(Fault) as caught:
        given_back(order, Claim(freight=251))
    assert caught.value.reason == "REFUND_EXCEEDS_AMOUNT"


def test_money_that_came_in_too_late_counts_as_long_as_nobody_cancelled() -> None:
    late = NOW + timedelta(hours=1)
    order, fact = an_order().receive([a_payment(990)], now=late)
    assert fact is not None
    assert order.state is OrderState.PAID
    cancelled, _ = an_order().cancel(CancelReason.EXPIRED, late)
    with pytest.raises(Fault) as caught:
        cancelled.receive([a_payment(990)], now=late)
    assert caught.value.reason == "ORDER_STATE_INVALID"


@pytest.mark.parametrize("payments", [[a_payment(0)], [a_payment(1, currency="USD")], [a_payment(-1)], []])
def test_what_pays_nothing_is_refused(payments: Sequence[Payment]) -> None:
    with pytest.raises(Fault) as caught:
        an_order().receive(payments, now=SOON)
    assert caught.value.reason == "AMOUNT_MISMATCH"


@pytest.mark.parametrize("state", RefundState)
@pytest.mark.parametrize("step", RefundStep)
@pytest.mark.parametrize("to", RefundState)
def test_a_refund_goes_only_where_the_table_says(state: RefundState, step: RefundStep, to: RefundState) -> None:
    _, refund = given_back(paid(an_order()), Claim.units((1, 1)))
    standing = refund.awaiting(state)
    if to in TRANSITIONS.get((state, step), frozenset()):
        assert (standing.step(step, to).state, standing.step(step, to).version) == (to, 2)
        return
    with pytest.raises(Fault) as caught:
        standing.step(step, to)
    assert caught.value.reason == "REFUND_STATE_INVALID"


@pytest.mark.parametrize("state", PayoutState)
@pytest.mark.parametrize("step", PayoutStep)
def test_money_on_its_way_back_goes_only_where_the_table_says(state: PayoutState, step: PayoutStep) -> None:
    payout = Payout(1, Tender.ALIPAY, Money(1, "CNY"), state)
    to = PAYOUT_TRANSITIONS.get((state, step))
    led = {state for (_, each), state in PAYOUT_TRANSITIONS.items() if each is step}
    if to is not None:
        assert payout.step(step, "t").state is to
    elif state in led:  # it is told once more
        assert payout.step(step, "t") is payout
    else:
        with pytest.raises(Fault) as caught:
            payout.step(step, "t")
        assert caught.value.reason == "REFUND_PAYMENT_STATE_INVALID"


def test_a_refund_is_there_once_all_its_money_is() -> None:
    order, _ = an_order(an_item(unit_price=1000)).receive([a_payment(400), a_payment(600, Tender.ALIPAY)], now=SOON)
    _, refund = given_back(order, order.rest())
    assert refund.state is state_of(refund.payouts) is RefundState.PENDING
    refund = refund.settle(1, PayoutStep.FAIL, "").settle(2, PayoutStep.SUCCEED, "r2")
    assert refund.state is RefundState.PENDING
    refund = refund.settle(1, PayoutStep.RETRY, "").settle(1, PayoutStep.SUCCEED, "r1")
    assert (refund.state, [payout.reference for payout in refund.payouts]) == (RefundState.SUCCEEDED, ["r1", "r2"])
    assert refund.settle(1, PayoutStep.SUCCEED, "again") is refund
    with pytest.raises(Fault, match="nothing back to payment 3"):
        refund.settle(3, PayoutStep.SUCCEED, "")


def test_the_worked_figures_of_the_docs_are_so() -> None:
    order = an_order(
        an_item(unit_price=1000, quantity=3, discount=100, tax=167),
        an_item(unit_price=500),
        freight=600,
        freight_tax=34,
        tender=a_tender(points=1000, value=1000),
    )
    order, _ = order.receive([a_payment(2000), a_payment(1000, Tender.GIFT_CARD)], now=SOON)
    assert (order.total, order.due, order.carriage.money) == (4000, 3000, 600)
    assert [(s.amount, s.points_value) for line in order.lines for s in line.shares] == [
        (966, 284),
        (967, 285),
        (967, 284),
        (500, 147),
    ]
    figures = []
    for claim in (Claim.units((1, 1)), Claim((ClaimLine(1, 0, 500),)), Claim(freight=300), Claim.units((1, 1)), None):
        order, refund = given_back(order, claim or order.rest())
        figures.append(
            (refund.amount.minor, refund.points, refund.tax, *(each.amount.minor for each in refund.payouts))
        )
    assert figures == [
        (682, 284, 55, 455, 227),
        (353, 147, 29, 235, 118),
        (300, 0, 17, 200, 100),
        (682, 285, 56, 455, 227),
        (983, 284, 44, 655, 328),
    ]
    assert [sum(column) for column in zip(*figures, strict=True)] == [3000, 1000, 201, 2000, 1000]
