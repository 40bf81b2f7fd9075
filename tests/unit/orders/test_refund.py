"""Refunds: any sequence of them, in any split, gives back exactly what was paid, in each tender."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Fault
from kit.names import new_id
from services.orders.domain.order import Order
from services.orders.domain.order_state import OrderState
from services.orders.domain.refund import Claim, Refund
from tests.support.builders.orders import NOW, a_tender, an_item, an_order, paid

LATER = NOW + timedelta(days=3)
PRICES = {"CNY": 100_000, "JPY": 100_000, "KWD": 1_000_000}


def refund(order: Order, *units: tuple[int, int]) -> tuple[Order, Refund]:
    after, given_back, fact = order.refund(new_id(), Claim.units(*units), reason="broken", request_id="", now=LATER)
    assert (fact.order, fact.refund) == (after, given_back)
    return after, given_back


@st.composite
def paid_orders(draw: st.DrawFn) -> Order:
    currency = draw(st.sampled_from(sorted(PRICES)))
    items = []
    for _ in range(draw(st.integers(1, 4))):
        price, quantity = draw(st.integers(0, PRICES[currency])), draw(st.integers(1, 7))
        discount = draw(st.integers(0, price * quantity))
        items.append(an_item(unit_price=price, quantity=quantity, discount=discount))
    total = sum(item.unit_price * item.quantity - item.discount for item in items)
    tender = None
    if total and draw(st.booleans()):
        value = draw(st.integers(1, total))
        tender = a_tender(points=draw(st.integers(1, 10**6)), value=value, currency=currency)
    return paid(an_order(*items, currency=currency, tender=tender))


@given(paid_orders(), st.data())
def test_any_sequence_of_partial_refunds_is_the_whole(order: Order, data: st.DataObject) -> None:
    whole, refunds = order, []
    while order.state is not OrderState.REFUNDED:
        open_lines = [line for line in order.lines if line.refundable]
        chosen = data.draw(st.lists(st.sampled_from(open_lines), min_size=1, unique_by=lambda line: line.position))
        units = [(line.position, data.draw(st.integers(1, line.refundable))) for line in chosen]
        before = order
        order, given_back = refund(order, *units)
        refunds.append(given_back)
        assert sum(line.amount.minor for line in given_back.lines) == (
            given_back.amount.minor + given_back.points_value.minor
        )
        assert order.net_total == before.net_total - given_back.amount.minor
        assert order.state in {OrderState.PARTIALLY_REFUNDED, OrderState.REFUNDED}
    assert sum(each.amount.minor for each in refunds) == whole.due
    assert sum(each.points for each in refunds) == whole.points
    assert sum(each.points_value.minor for each in refunds) == whole.points_value
    assert (order.net_total, order.refunded_points) == (0, whole.points)


def test_each_tender_gets_back_what_it_paid_for_the_unit() -> None:
    order = paid(an_order(an_item(unit_price=1000, quantity=3, discount=1), tender=a_tender(points=100, value=1000)))
    first, given_back = refund(order, (1, 1))
    assert (given_back.amount.minor, given_back.points_value.minor, given_back.points) == (666, 333, 33)
    assert first.state is OrderState.PARTIALLY_REFUNDED
    last, rest = refund(first, (1, 2))
    assert (rest.amount.minor, rest.points_value.minor, rest.points) == (1333, 667, 67)
    assert last.state is OrderState.REFUNDED


def test_no_more_units_can_be_refunded_than_were_bought() -> None:
    order, _ = refund(paid(an_order(an_item(quantity=3))), (1, 2))
    with pytest.raises(Fault) as caught:
        refund(order, (1, 2))
    assert caught.value.reason == "REFUND_EXCEEDS_LINE"
    assert caught.value.metadata == {"position": "1", "requested": "2", "refundable": "1"}


def test_a_line_that_is_not_there_cannot_be_refunded() -> None:
    with pytest.raises(Fault) as caught:
        refund(paid(an_order()), (2, 1))
    assert caught.value.reason == "LINE_NOT_FOUND"


def test_a_line_is_named_once() -> None:
    with pytest.raises(Fault, match="appears twice"):
        refund(paid(an_order(an_item(quantity=5))), (1, 1), (1, 1))


def test_an_unpaid_order_cannot_be_refunded() -> None:
    with pytest.raises(Fault) as caught:
        refund(an_order(), (1, 1))
    assert caught.value.reason == "ORDER_STATE_INVALID"


def test_a_line_of_ten_thousand_units_is_kept_as_a_few_runs() -> None:
    order = an_order(
        an_item(quantity=10_000, unit_price=333, discount=7777), tender=a_tender(points=99_999, value=123_456)
    )
    assert len(order.lines[0].shares) <= 8
