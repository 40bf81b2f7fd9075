"""Orders: their money, and the steps they may take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from kit.errors import Fault
from kit.money import LIMIT, Money
from kit.names import new_id
from services.orders.domain.events import OrderPaid
from services.orders.domain.order import Order
from services.orders.domain.order_content import Buyer
from services.orders.domain.order_state import TRANSITIONS, CancelReason, OrderState, Step
from services.orders.domain.payment import Payment, Tender
from services.orders.domain.refund import Claim
from services.orders.domain.stock import Place
from tests.support.builders.orders import NOW, a_tender, an_item, an_order, paid

SOON = NOW + timedelta(minutes=1)


def test_an_order_costs_its_lines_less_their_discounts() -> None:
    order = an_order(an_item(quantity=3, unit_price=1000, discount=100), an_item(unit_price=50))
    assert (order.total, order.due, order.net_total) == (2950, 2950, 2950)
    assert [line.discount for line in order.lines] == [100, 0]
    assert order.placed().order is order


def test_points_pay_a_part_and_the_rest_is_due() -> None:
    order = an_order(an_item(quantity=2, unit_price=1000), tender=a_tender(points=700, value=500))
    assert (order.total, order.points_value, order.due) == (2000, 500, 1500)
    assert sum(line.points_value for line in order.lines) == 500


@pytest.mark.parametrize(("value", "currency"), [(0, "CNY"), (1001, "CNY"), (500, "USD")])
def test_points_must_suit_the_order(value: int, currency: str) -> None:
    with pytest.raises(Fault) as caught:
        an_order(an_item(unit_price=1000), tender=a_tender(value=value, currency=currency))
    assert caught.value.reason == "POINTS_UNSUITABLE"


def test_an_order_is_worth_less_than_the_limit() -> None:
    with pytest.raises(Fault) as caught:
        an_order(*[an_item(quantity=1_000_000, unit_price=10**9)] * 2, an_item(discount=1))
    assert caught.value.reason == "ORDER_TOO_LARGE"
    assert caught.value.metadata["limit"] == str(Money(LIMIT, "CNY"))


def test_the_demand_of_all_lines_is_counted_together() -> None:
    tea, cup = new_id(), new_id()
    order = an_order(an_item(product=tea, quantity=2), an_item(product=cup), an_item(product=tea, quantity=3))
    assert order.demand() == {Place(tea): 5, Place(cup): 1}
    assert order.backorder().demand() == {}


def test_paying_says_with_what() -> None:
    order = an_order(an_item(unit_price=1000), tender=a_tender(points=300, value=300))
    done, fact = order.pay(Tender.MANUAL, Money(700, "CNY"), reference="till 4", now=SOON)
    assert [(payment.tender, payment.amount.minor, payment.reference) for payment in done.payments] == [
        (Tender.POINTS, 300, order.hold),
        (Tender.MANUAL, 700, "till 4"),
    ]
    assert (done.state, done.version, done.pay_time, fact) == (OrderState.PAID, 2, SOON, OrderPaid(done))


def test_an_order_that_costs_nothing_is_paid_with_nothing() -> None:
    order = an_order(an_item(unit_price=0))
    assert order.pay(Tender.MANUAL, Money(0, "CNY"), reference="", now=SOON)[0].payments == ()


@pytest.mark.parametrize("amount", [Money(989, "CNY"), Money(991, "CNY"), Money(990, "USD")])
def test_only_the_amount_that_is_due_pays(amount: Money) -> None:
    with pytest.raises(Fault) as caught:
        an_order().pay(Tender.MANUAL, amount, reference="", now=SOON)
    assert caught.value.reason == "AMOUNT_MISMATCH"


def test_the_time_to_pay_ends_sharply() -> None:
    order = an_order(pay_within=timedelta(minutes=15))
    last = NOW + timedelta(minutes=15)
    order.pay(Tender.MANUAL, order.money(990), reference="", now=last - timedelta(microseconds=1))
    with pytest.raises(Fault) as caught:
        order.pay(Tender.MANUAL, order.money(990), reference="", now=last)
    assert caught.value.reason == "ORDER_EXPIRED"


def test_a_business_order_waits_without_end() -> None:
    order = an_order(buyer=Buyer(account=new_id()), pay_within=None)
    assert paid(order, NOW + timedelta(days=400)).state is OrderState.PAID


def test_a_cancelled_order_says_why() -> None:
    cancelled, fact = an_order().cancel(CancelReason.MERCHANT, SOON)
    assert (cancelled.state, cancelled.cancel_reason, cancelled.cancel_time) == (
        OrderState.CANCELLED,
        CancelReason.MERCHANT,
        SOON,
    )
    assert fact.order == cancelled


class OrderMachine(RuleBasedStateMachine):
    """Any steps in any sequence: an order goes where the table says, and a refused step changes nothing."""

    order: Order

    @initialize(points=st.booleans(), quantity=st.integers(1, 5))
    def place(self, points: bool, quantity: int) -> None:
        tender = a_tender(points=33, value=17) if points else None
        self.order = an_order(an_item(quantity=quantity, unit_price=333), an_item(unit_price=1), tender=tender)

    def attempt(self, step: Step, act: Callable[[Order], Order]) -> None:
        before = self.order
        allowed = TRANSITIONS.get((before.state, step), frozenset())
        refusal = None
        try:
            self.order = act(before)
        except Fault as fault:
            refusal = fault.reason
        assert (refusal == "ORDER_STATE_INVALID") == (not allowed)
        if refusal is None:
            assert self.order.state in allowed
            assert self.order.version == before.version + 1

    @rule()
    def pay(self) -> None:
        self.attempt(
            Step.PAY, lambda order: order.pay(Tender.MANUAL, order.money(order.outstanding), reference="", now=SOON)[0]
        )

    @rule(reason=st.sampled_from(CancelReason))
    def cancel(self, reason: CancelReason) -> None:
        step = Step.EXPIRE if reason is CancelReason.EXPIRED else Step.CANCEL
        self.attempt(step, lambda order: order.cancel(reason, SOON)[0])

    @rule()
    def reopen(self) -> None:
        self.attempt(Step.REOPEN, lambda order: order.reopen(order.money(order.due), SOON))

    @rule(position=st.integers(1, 2), quantity=st.integers(1, 3))
    def refund(self, position: int, quantity: int) -> None:
        claim = Claim.units((position, quantity))
        self.attempt(
            Step.REFUND,
            lambda order: order.refund(new_id(), claim, reason="", request_id="", now=SOON)[0],
        )

    @rule(minor=st.integers(1, 400))
    def receive(self, minor: int) -> None:
        if minor < self.order.outstanding or self.order.state is not OrderState.PENDING_PAYMENT:
            step = Step.RECEIVE
        else:
            minor, step = self.order.outstanding, Step.PAY
        payment = Payment(Tender.MANUAL, self.order.money(minor), "", SOON)
        self.attempt(step, lambda order: order.receive([payment], now=SOON)[0])

    @invariant()
    def money_is_conserved(self) -> None:
        order = self.order
        assert 0 <= order.refunded <= order.due
        assert 0 <= order.refunded_points <= order.points
        if order.state is OrderState.REFUNDED:
            assert (order.net_total, order.refunded_points) == (0, order.points)
        if order.pay_time is not None:
            assert sum(payment.amount.minor for payment in order.payments) == order.total


TestOrder = OrderMachine.TestCase


@pytest.mark.parametrize("state", OrderState)
@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("to", OrderState)
def test_an_order_goes_only_where_the_table_says(state: OrderState, step: Step, to: OrderState) -> None:
    order = replace(an_order(), state=state)
    if to in TRANSITIONS.get((state, step), frozenset()):
        stepped = order._stepped(step, to, SOON)
        assert (stepped.state, stepped.version) == (to, 2)
        return
    with pytest.raises(Fault) as caught:
        order._stepped(step, to, SOON)
    assert caught.value.reason == "ORDER_STATE_INVALID"
