"""Paying an order that is there: whatever breaks, at whichever step, what members holds pays it once or is free."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from kit.errors import Fault
from kit.money import Money
from kit.names import new_id
from services.orders.domain import errors
from services.orders.domain.checkout import Attempt, CheckoutState, StepKind
from services.orders.domain.errors.checkout import tenders_unsuitable
from services.orders.domain.order import Order
from services.orders.domain.payment import Payment, PointsTender, Tender
from services.orders.usecases.checkout import Open
from services.orders.usecases.tendering import Payable, TenderOrder
from tests.support.builders.checkouts import FUNDS, Break, Crash, World, a_basket, tidily
from tests.support.builders.orders import MINUTES, NOW, a_tender, an_item, an_order

CALLS = 14
"""What it calls: open, the rules of points, a note and an ask of each of four steps, a note, store; some to undo."""


@dataclass(frozen=True)
class Paid:
    """The answer to whoever paid."""

    name: str
    holds: frozenset[str]


@dataclass
class PaidWorld(World):
    """An order of 10.00 that waits to be paid, once."""

    order: Order = field(default_factory=lambda: an_order(an_item(unit_price=1000)))
    paid: dict[str, Paid] = field(default_factory=dict)

    def storing(self, key: str) -> Callable[[Attempt], Awaitable[Paid]]:
        """The transaction that makes payments of what is held, once per request."""

        def act(held: Attempt) -> Paid:
            if key in self.paid:
                return self.paid[key]
            row = self.rows.lock(held.order_id)
            if row is None or row.state is not CheckoutState.OPEN:
                raise errors.checkout_abandoned()
            if self.paid:
                raise tenders_unsuitable(Money(1, "CNY"), Money(0, "CNY"))
            self.rows.save(row, replace(row, state=CheckoutState.PLACED, drive_time=None))
            command = TenderOrder.of(held, None)
            self.orders[held.order_id] = cast("Any", command)
            self.stock -= 1
            holds = {tender.hold for tender in command.tenders} | ({command.points.hold} if command.points else set())
            return self.paid.setdefault(key, Paid(f"orders/{self.order.id}", frozenset(holds)))

        return lambda held: self.call(lambda: act(held), own=True)

    async def pay(self, key: str = "a request") -> Paid:
        """A call of CheckoutOrder, as the servicer leads it; a process that died before lives again."""
        self.dead = False
        if key in self.paid:
            return self.paid[key]
        try:
            return await self.checkout().pay(
                Payable(self.order, MINUTES).tendered(a_basket(coupon=False)),
                Open(key, new_id(), pay_within=MINUTES, pays=self.order.id),
                store=self.storing(key),
                ours=lambda paid, held: paid.holds == {step.hold for step in held.steps},
                afterwards=tidily,
            )
        except Fault:
            if key not in self.paid:
                raise
            return self.paid[key]


def pay(world: PaidWorld, key: str = "a request") -> object:
    try:
        return asyncio.run(world.pay(key))
    except (Fault, Crash) as error:
        return error


@pytest.mark.parametrize("how", Break)
@pytest.mark.parametrize("at", range(CALLS))
def test_whatever_breaks_at_whichever_call_it_pays_once_or_is_free_in_a_minute(at: int, how: Break) -> None:
    world = PaidWorld(breaks=[None] * at + [how])
    pay(world)
    world.settle(60)
    world.check()
    world.breaks.clear()
    again = pay(world)
    assert isinstance(again, Paid)
    world.settle(60)
    world.check()
    assert len(world.orders) == 1


def test_twins_hold_once() -> None:
    world = PaidWorld()

    async def many() -> list[Paid]:
        return await asyncio.gather(*(world.pay() for _ in range(20)))

    answers = asyncio.run(many())
    world.settle(60)
    world.check()
    assert set(answers) == set(world.paid.values())


def test_who_comes_second_gets_everything_back() -> None:
    world = PaidWorld()
    assert isinstance(pay(world, "one"), Paid)
    second = pay(world, "other")
    assert isinstance(second, Fault)
    world.settle(60)
    world.check()
    assert world.funds[StepKind.STORED_VALUE] == FUNDS - 200


def test_points_divide_over_the_units_and_what_is_left_of_them_pays_the_freight() -> None:
    order = an_order(an_item(unit_price=100, quantity=3), freight=50)
    with_points = order.with_points(a_tender(points=320, value=320), NOW)
    assert (with_points.points_value, with_points.due, with_points.version) == (320, 30, order.version + 1)
    assert [line.points_value for line in with_points.lines] == [300]
    assert (with_points.carriage.points_value, with_points.carriage.points) == (20, 20)
    paid, fact = with_points.receive([Payment(Tender.STORED_VALUE, order.money(30), "a hold", NOW)], now=NOW)
    assert fact is not None
    assert [payment.tender for payment in paid.payments] == [Tender.POINTS, Tender.STORED_VALUE]


@pytest.mark.parametrize("tender", [a_tender(value=301), a_tender(currency="USD")])
def test_points_that_do_not_suit_the_order_are_refused(tender: PointsTender) -> None:
    order = an_order(an_item(unit_price=300))
    with pytest.raises(Fault) as caught:
        order.with_points(tender, NOW)
    assert caught.value.reason == "POINTS_UNSUITABLE"


def test_points_pay_no_more_than_is_outstanding() -> None:
    order, _ = an_order(an_item(unit_price=300)).receive(
        [Payment(Tender.MANUAL, Money(100, "CNY"), "till", NOW)], now=NOW
    )
    with pytest.raises(Fault):
        order.with_points(a_tender(points=201, value=201), NOW)
    assert order.with_points(a_tender(points=200, value=200), NOW).outstanding == 0
