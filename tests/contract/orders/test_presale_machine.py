"""A presale as a state machine on the real database: whatever is done in whatever order, quota, orders, money and stock
agree to the cent, and whoever gave up or paid too little has lost a deposit at most."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, initialize, invariant, multiple, rule

from kit.db import Database
from kit.errors import Fault
from kit.names import new_id
from services.orders.domain.order import Order
from services.orders.domain.order_state import CancelReason, OrderState
from services.orders.domain.presale import Presale, PresaleState
from services.orders.domain.refund import Claim
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.expiry import expire_orders
from services.orders.usecases.order import CancelOrder, cancel_order
from services.orders.usecases.presale import CancelPresale, cancel_presale
from services.orders.usecases.presale_sweeps import remind, settle_cancelled
from services.orders.usecases.refund import RefundOrder, refund_order
from tests.contract.orders.machines import check, lasting
from tests.contract.orders.presales import (
    announced,
    check_parts,
    check_presales,
    order_of,
    presale,
    receive,
    try_buy,
)
from tests.support.builders.orders import NOW
from tests.support.builders.presales import HOUR, a_purchase
from tests.support.postgres import Databases

pytestmark = pytest.mark.timeout(900)


@dataclass
class World:
    """The database of all runs, and its clock, which only goes on."""

    database: Database[OrdersUnit]
    now: datetime = NOW


class Preselling(RuleBasedStateMachine):
    """Six units for four members, of whom each may have three, and stock for five."""

    world: ClassVar[World]
    orders: Bundle[Order] = Bundle("orders")

    @initialize(forfeit=st.booleans(), credit=st.integers(1000, 9999))
    def announce(self, forfeit: bool, credit: int) -> None:
        """A presale begins."""
        terms: dict[str, Any] = {"forfeit": forfeit, "credit": credit, "quota": 6, "member_limit": 3}
        self.presale: Presale = announced(self.world.database, stock=5, start=self.world.now, **terms)
        self.members = [new_id() for _ in range(4)]
        self.all: list[Order] = []

    @rule(target=orders, wanted=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 2)), min_size=1, max_size=3))
    def buy(self, wanted: list[tuple[int, int]]) -> MultipleResults[Order]:
        """Several buy at the same moment."""
        purchases = [a_purchase(self.presale, member=self.members[who], units=units) for who, units in wanted]
        new = [each for each in try_buy(self.world.database, *purchases) if isinstance(each, Order)]
        assert not new or presale(self.world.database, self.presale).state(self.world.now) is PresaleState.DEPOSIT
        self.all += new
        return multiple(*new)

    @rule(order=orders, part=st.sampled_from([1, 2, 3]))
    def pay(self, order: Order, part: int) -> None:
        """Money comes in: all that is to be paid now, or a part of it, or too much."""
        before = order_of(self.world.database, order)
        payable = before.payable(self.world.now) if before.state is OrderState.PENDING_PAYMENT else 0
        minor = {1: payable, 2: payable // 2, 3: payable + 1}[part]
        outcome = receive(self.world.database, order, minor, str(new_id()))
        assert isinstance(outcome, Order) is (0 < minor <= payable)
        if isinstance(outcome, Order):
            assert (outcome.state is OrderState.PAID) is (outcome.received == outcome.total)

    @rule(order=orders, reason=st.sampled_from(CancelReason))
    def cancel(self, order: Order, reason: CancelReason) -> None:
        """Give up an order that is not paid in full."""
        with suppress(Fault):
            self.world.database.write(cancel_order, CancelOrder(order.id, reason, None))

    @rule(order=orders, units=st.integers(0, 1))
    def refund(self, order: Order, units: int) -> None:
        """A unit, or all that is left, comes back."""
        claim = Claim.units((1, units)) if units else None
        with suppress(Fault):
            self.world.database.write(refund_order, RefundOrder(new_id(), order.id, claim, "", "", None))

    @rule(sure=st.integers(0, 9))
    def cancel_all(self, sure: int) -> None:
        """The merchant gives the presale up; seldom."""
        if not sure:
            with suppress(Fault):
                self.world.database.write(cancel_presale, CancelPresale(self.presale.id, None))

    @rule(minutes=st.integers(1, 150), timers=st.permutations([expire_orders, remind, settle_cancelled]))
    def wait(self, minutes: int, timers: list[Callable[..., int]]) -> None:
        """Time passes, and some timers do their work in any order."""
        self.world.now += timedelta(minutes=minutes)
        for timer in timers[: minutes % 4]:
            self.world.database.write(timer, 100)

    @invariant()
    def agrees(self) -> None:
        """All of it fits together."""
        check_parts(self.world.database)

    def teardown(self) -> None:
        """In the end each order is paid in full, or gave back all but what was agreed."""
        self.world.now += 12 * HOUR
        for timer in (remind, settle_cancelled, expire_orders):
            self.world.database.write(timer, 100)
        for order in self.all:
            found = order_of(self.world.database, order)
            assert found.state is not OrderState.PENDING_PAYMENT
            if found.state is OrderState.CANCELLED:
                assert found.received - found.refunded == found.forfeited
            if found.state is OrderState.REFUNDED:
                assert found.refunded == found.received == found.total
        check_presales(self.world.database)


@pytest.fixture(scope="module")
def world(postgres: Databases) -> Iterator[World]:
    """A database for all runs."""
    with lasting(postgres, World) as world:
        yield world


def test_money_units_and_states_agree_whatever_happens(world: World) -> None:
    check(Preselling, world, examples=5, steps=15)


@pytest.mark.long
def test_money_units_and_states_agree_whatever_happens_for_long(world: World) -> None:
    check(Preselling, world, examples=150, steps=40)
