"""Money that comes for a closed order: when it brings the order back, with what, and as what."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from kit.errors import Fault
from kit.names import new_id
from services.orders.domain.checkout import QUIET_FOR, REVIVED_WITHIN, Attempt, CheckoutState, Held, StepKind
from services.orders.domain.instalments import Instalments
from services.orders.domain.order import Order
from services.orders.domain.order_state import CancelReason, OrderState
from services.orders.domain.payment import Payment, Tender
from services.orders.domain.refund import Refund, RefundState
from services.orders.usecases.late_money import steps_of
from tests.support.builders.orders import NOW, a_tender, an_item, an_order

COUPON = "coupons/1"


def open_order(*tenders: tuple[Tender, int], points: int = 300, activity: str = "") -> Order:
    """10.00, with a coupon, points worth 3.00, and money that came in."""
    order = replace(an_order(an_item(unit_price=1000)), coupons=(COUPON,), activity=activity)
    if points:
        order = order.with_points(a_tender(points=points, value=points), NOW)
    payments = [
        Payment(tender, order.money(minor), f"{tender}/{index}", NOW) for index, (tender, minor) in enumerate(tenders)
    ]
    return order.receive(payments, now=NOW)[0] if payments else order


def closed(order: Order) -> Order:
    """As it is once it was given up."""
    cancelled, _ = order.cancel(CancelReason.CUSTOMER, NOW)
    return cancelled.give_up(new_id(), NOW)[0] if cancelled.received else cancelled


HELD = [(Tender.STORED_VALUE, 200), (Tender.GIFT_CARD, 50), (Tender.GIFT_CARD, 70)]


def test_what_the_order_had_is_held_again_at_its_stored_worth() -> None:
    order = closed(open_order(*HELD))
    steps = steps_of(order)
    assert [step.position for step in steps] == [1, 2, 3, 4, 5]
    assert [(step.kind, step.amount.minor if step.amount else 0, step.renews) for step in steps] == [
        (StepKind.COUPONS, 0, ""),
        (StepKind.POINTS, 300, order.hold),
        (StepKind.STORED_VALUE, 200, "STORED_VALUE/0"),
        (StepKind.GIFT_CARD, 50, "GIFT_CARD/1"),
        (StepKind.GIFT_CARD, 70, "GIFT_CARD/2"),
    ]
    assert (steps[0].coupons, steps[1].points) == ((COUPON,), 300)


def test_it_lives_again_as_it_was_under_the_new_names() -> None:
    before = open_order(*HELD)
    order, later = closed(before), NOW + timedelta(hours=1)
    renewed = {name: f"{name} anew" for name in order.held_as}
    alive = order.reopen(order.money(order.outstanding), later, renewed=renewed)
    assert (alive.state, alive.outstanding, alive.refunded) == (OrderState.PENDING_PAYMENT, before.outstanding, 0)
    assert (alive.lines, alive.total, alive.points, alive.points_value) == (
        before.lines,
        before.total,
        before.points,
        before.points_value,
    )
    assert alive.held_as == tuple(f"{name} anew" for name in before.held_as)
    assert {payment.refunded for payment in alive.payments} == {0}


@pytest.mark.parametrize(
    ("order", "more"),
    [
        (open_order(*HELD), 1),  # more than it waits for
        (open_order(*HELD), -1),
        (open_order(*HELD, (Tender.MANUAL, 10)), 0),  # money that is on its way back
        (open_order(*HELD, (Tender.WECHAT_PAY, 10)), 0),
        (open_order(*HELD, (Tender.EXCHANGE, 10)), 0),
        (
            replace(open_order(activity="presales/1"), instalments=Instalments(500, NOW, NOW, True)),
            0,
        ),  # whose deposit may be kept
    ],
)
def test_what_can_not_be_had_again_whole_stays_closed(order: Order, more: int) -> None:
    gone = closed(order)
    amount = gone.money(gone.outstanding + more)
    assert not gone.revivable(amount)
    with pytest.raises(Fault) as caught:
        gone.reopen(amount, NOW, renewed=dict.fromkeys(gone.held_as, "anew"))
    assert caught.value.reason == "ORDER_NOT_REOPENED"


def test_nothing_is_reopened_without_all_that_it_held() -> None:
    order = closed(open_order(*HELD))
    for renewed in (None, {}, {order.hold: "anew"}):
        with pytest.raises(Fault):
            order.reopen(order.money(order.outstanding), NOW, renewed=renewed)


def attempt() -> Attempt:
    order = closed(open_order(*HELD))
    return Attempt.revive(new_id(), pays=order.id, intent=new_id(), member=None, steps=steps_of(order), now=NOW)


def test_a_replica_goes_on_with_it_for_a_while_and_with_no_other() -> None:
    mine = attempt()
    assert mine.drive_time == NOW
    led = mine.taken_up(NOW + timedelta(seconds=1))
    assert (led.state, led.overdue) == (CheckoutState.OPEN, False)
    assert led.drive_time == NOW + timedelta(seconds=1) + QUIET_FOR
    assert mine.taken_up(NOW + REVIVED_WITHIN).overdue
    assert replace(mine, intent=None).taken_up(NOW).state is CheckoutState.RELEASED


def test_points_that_are_held_again_pay_what_they_paid() -> None:
    answered = attempt().ask(2, NOW).answer(2, Held("a new hold"), NOW)
    points = answered.points()
    assert points is not None
    assert (points.hold, points.points, points.value.minor) == ("a new hold", 300, 300)


def test_only_what_a_cancellation_gave_back_is_withdrawn() -> None:
    cancelled, _ = open_order(*HELD).cancel(CancelReason.EXPIRED, NOW)
    _, given = cancelled.give_up(new_id(), NOW)
    assert given.withdraw().state is RefundState.WITHDRAWN
    other: Refund = replace(given, kind=type(given.kind).REFUND)
    with pytest.raises(Fault):
        other.withdraw()
