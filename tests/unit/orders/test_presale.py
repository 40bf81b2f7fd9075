"""Presales without a database: their terms, the money of their orders, their table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Fault
from kit.money import Money
from kit.names import new_id
from services.orders.domain.order import Order
from services.orders.domain.order_state import CancelReason, OrderState
from services.orders.domain.payment import Payment, Tender
from services.orders.domain.presale import PresaleState, Window, expanded
from services.orders.domain.presale_order import TRANSITIONS, PresaleOrder, PresaleOrderState, PresaleStep
from tests.support.builders.orders import NOW, an_item, an_order
from tests.support.builders.presales import HOUR, a_presale, a_presale_order, some_instalments, the_terms


def reason(act: Callable[..., object], *args: object, **named: object) -> str:
    with pytest.raises(Fault) as caught:
        act(*args, **named)
    return caught.value.reason


def presold(*, deposit: int = 1000, forfeit: bool = True, amount: int = 9000) -> Order:
    instalments = some_instalments(deposit=deposit, forfeit=forfeit)
    return replace(an_order(an_item(unit_price=amount)), instalments=instalments)


def money(order: Order, minor: int, at: int = 0) -> Payment:
    return Payment(Tender.WECHAT_PAY, order.money(minor), str(new_id()), NOW + at * HOUR)


def test_windows_say_which_part_can_be_paid() -> None:
    presale = a_presale()
    hours = {-2: "SCHEDULED", -1: "DEPOSIT", 1: "DEPOSIT", 2: "WAITING", 3: "BALANCE", 6: "BALANCE", 7: "ENDED"}
    assert {at: presale.state(NOW + at * HOUR) for at in hours} == hours
    cancelled = presale.cancel(NOW)
    assert (cancelled.state(NOW), cancelled.cancel(NOW)) == (PresaleState.CANCELLED, cancelled)
    assert reason(presale.cancel, NOW + 7 * HOUR) == "PRESALE_NOT_OPEN"
    assert reason(presale.check_open, "web", NOW + 2 * HOUR) == "PRESALE_NOT_OPEN"
    assert reason(a_presale(channels=("shop",)).check_open, "web", NOW) == "PRESALE_NOT_ELIGIBLE"
    assert presale.pay_within(NOW + 2 * HOUR - timedelta(minutes=1)) == timedelta(minutes=1)


@pytest.mark.parametrize(
    ("field", "terms"),
    [
        ("deposit_amount", {"deposit": 0}),
        ("deposit_credit", {"credit": 999}),
        ("deposit_credit", {"credit": 10000}),
        ("quota", {"quota": 0}),
        ("deposit_end_time", {"deposits": Window(NOW, NOW)}),
        ("balance_start_time", {"balances": Window(NOW, NOW + HOUR)}),
        ("balance_end_time", {"balances": Window(NOW + 3 * HOUR, NOW + 3 * HOUR)}),
        ("ship_time", {"ship_time": NOW}),
    ],
)
def test_terms_that_make_no_sense_are_refused(field: str, terms: dict[str, Any]) -> None:
    with pytest.raises(Fault) as caught:
        the_terms(**terms)
    assert [each.field for each in caught.value.violations] == [f"presale.{field}"]


def test_a_presale_that_is_over_cannot_be_made() -> None:
    assert reason(a_presale, now=NOW + 2 * HOUR) == "REQUEST_INVALID"


@given(deposit=st.integers(1, 10**9), expansion=st.integers(10_000, 10_000_000))
def test_a_ratio_expands_to_the_nearest_minor_unit(deposit: int, expansion: int) -> None:
    twice_off = 2 * (expanded(deposit, expansion) * 10_000 - deposit * expansion)
    assert -10_000 < twice_off <= 10_000
    assert expanded(deposit, expansion) >= deposit


def test_what_a_deposit_counts_for_is_off_the_price() -> None:
    terms = the_terms()
    assert (terms.discount, terms.balance, terms.deposit + terms.balance) == (1000, 8000, 10000 - 1000)


def test_the_deposit_comes_first_and_the_balance_in_its_window() -> None:
    order = presold()
    assert (order.payable(NOW), order.outstanding) == (1000, 9000)
    assert reason(order.receive, [money(order, 1001)], now=NOW) == "OVERPAID"
    assert reason(order.pay, Tender.MANUAL, order.money(9000), reference="", now=NOW) == "AMOUNT_MISMATCH"
    half, fact = order.receive([money(order, 400)], now=NOW)
    assert (half.expire_time, half.payable(NOW), fact) == (order.expire_time, 600, None)
    deposited, fact = half.receive([money(order, 600)], now=NOW)
    assert (deposited.state, deposited.deposited, fact) == (OrderState.PENDING_PAYMENT, True, None)
    assert deposited.expire_time == NOW + 3 * HOUR
    early = NOW + 2 * HOUR - timedelta(microseconds=1)
    assert deposited.payable(early) == 0
    assert reason(deposited.check_payable, early) == "BALANCE_NOT_DUE"
    assert reason(deposited.receive, [money(order, 1)], now=early) == "OVERPAID"
    deposited.check_payable(NOW + 2 * HOUR)
    assert reason(deposited.check_payable, NOW + 3 * HOUR) == "ORDER_EXPIRED"
    paid, fact = deposited.pay(Tender.MANUAL, order.money(8000), reference="", now=NOW + 2 * HOUR)
    assert (paid.state, fact is not None, paid.net_total) == (OrderState.PAID, True, 9000)


@given(
    deposit=st.integers(1, 500),
    more=st.lists(st.integers(1, 400), max_size=3),
    parts=st.integers(1, 3),
    forfeit=st.booleans(),
    why=st.sampled_from(CancelReason),
)
def test_an_unpaid_order_keeps_exactly_its_forfeited_deposit(
    deposit: int, more: list[int], parts: int, forfeit: bool, why: CancelReason
) -> None:
    order = presold(deposit=deposit, forfeit=forfeit)
    for part in [deposit // parts] * (parts - 1):
        if part:
            order, _ = order.receive([money(order, part)], now=NOW)
    if more:
        order, _ = order.receive([money(order, order.payable(NOW))], now=NOW)
        for part in more:
            order, _ = order.receive([money(order, part, at=2)], now=NOW + 2 * HOUR)
    cancelled, _ = order.cancel(why, NOW + 3 * HOUR)
    kept = deposit if order.deposited and forfeit and why is not CancelReason.MERCHANT else 0
    assert cancelled.forfeited == kept
    given_back, refund = cancelled.give_up(new_id(), NOW + 3 * HOUR)
    assert refund.amount == order.money(order.received - kept)
    assert sum(payment.left for payment in given_back.payments) == kept
    assert sum(payout.amount.minor for payout in refund.payouts) == refund.amount.minor
    assert all(payment.left >= 0 for payment in given_back.payments)


def test_whoever_has_the_deposit_is_reminded_twice_or_just_of_the_end() -> None:
    reserved = a_presale_order()
    assert reserved.next_reminder is None
    deposited = reserved.receive_deposit(NOW)
    assert deposited.next_reminder == deposited.balance_start == NOW + 3 * HOUR
    opened, closing = deposited.remind(NOW + 3 * HOUR)
    assert (closing, opened.next_reminder) == (False, NOW + 6 * HOUR)
    last, closing = opened.remind(NOW + 6 * HOUR)
    assert (closing, last.next_reminder) == (True, None)
    late, closing = deposited.remind(NOW + 6 * HOUR)
    assert (closing, late.next_reminder) == (True, None)
    assert opened.pay(NOW + 4 * HOUR).next_reminder is None
    once, closing = a_presale_order(remind=4 * HOUR).receive_deposit(NOW).remind(NOW + 3 * HOUR)
    assert (closing, once.next_reminder) == (False, None)


@pytest.mark.parametrize("state", PresaleOrderState)
@pytest.mark.parametrize("step", PresaleStep)
def test_an_order_of_a_presale_takes_no_step_that_the_table_does_not_name(
    state: PresaleOrderState, step: PresaleStep
) -> None:
    of = replace(a_presale_order(), state=state)
    kept, _ = presold().receive([money(presold(), 1000)], now=NOW)
    forfeited = kept.cancel(CancelReason.EXPIRED, NOW)[0]
    returned = kept.cancel(CancelReason.MERCHANT, NOW)[0]
    steps: dict[PresaleStep, Callable[[], PresaleOrder]] = {
        PresaleStep.DEPOSIT: lambda: of.receive_deposit(NOW),
        PresaleStep.PAY: lambda: of.pay(NOW),
        PresaleStep.REMIND: lambda: of.remind(NOW)[0],
        PresaleStep.RELEASE: lambda: of.cancel(forfeited, NOW),
        PresaleStep.FORFEIT: lambda: of.cancel(forfeited, NOW),
        PresaleStep.RETURN: lambda: of.cancel(returned, NOW),
    }
    cancels = {PresaleStep.RELEASE, PresaleStep.FORFEIT, PresaleStep.RETURN}
    to = TRANSITIONS.get((state, step))
    if to is None and step in cancels and any((state, each) in TRANSITIONS for each in cancels):
        return  # giving up takes the step that its state and its order ask for
    if to is None:
        assert reason(steps[step]) == "INTERNAL"
    else:
        assert steps[step]().state is to


def test_units_are_limited_by_quota_and_member() -> None:
    presale = a_presale(quota=3, member_limit=2)
    assert presale.take(2, 0).left == 1
    assert reason(presale.take, 1, 2) == "PRESALE_LIMIT_REACHED"
    assert reason(presale.take(2, 0).take, 2, 0) == "PRESALE_SOLD_OUT"
    assert presale.instalments(3).deposit == 3000
    assert Money(presale.terms.balance, "CNY") == Money(8000, "CNY")
