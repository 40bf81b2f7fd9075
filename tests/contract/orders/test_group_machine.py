"""A group as a state machine on the real database: whatever is done in whatever order, seats, orders, money and stock
agree, nobody pays in vain, and what was decided stays decided."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, initialize, invariant, multiple, rule

from kit.db import Database
from kit.errors import Fault
from kit.names import new_id
from services.orders.domain.group import Group, GroupState
from services.orders.domain.group_buy import GroupBuyKind
from services.orders.domain.order import Order
from services.orders.domain.order_state import CancelReason, OrderState
from services.orders.domain.payment import Payment, Tender
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.expiry import expire_orders
from services.orders.usecases.group import FillGroup, fill_group
from services.orders.usecases.group_sweeps import expire_groups, finish_groups, settle_groups
from services.orders.usecases.order import CancelOrder, cancel_order
from services.orders.usecases.payment import ReceivePayment, receive_payments
from services.orders.usecases.refund import RefundOrder, refund_order
from tests.contract.orders.groups import check_groups, group, orders_of, started, take, taken, tick
from tests.contract.orders.machines import check, lasting
from tests.support.builders.groups import HOUR, LADDER, a_joining, an_opening
from tests.support.builders.orders import NOW
from tests.support.postgres import Databases

pytestmark = pytest.mark.timeout(900)

MINUTE = timedelta(minutes=1)


@dataclass
class World:
    """The database of all runs, and its clock, which only goes on."""

    database: Database[OrdersUnit]
    now: datetime = NOW


class Buying(RuleBasedStateMachine):
    """One group of four seats that lasts an hour, six members who want in, and stock for seven."""

    world: ClassVar[World]
    orders: Bundle[Order] = Bundle("orders")

    @initialize(target=orders, ladder=st.booleans())
    def open(self, ladder: bool) -> Order:
        """Somebody opens a group."""
        now = self.world.now
        made = started(
            self.world.database,
            stock=7,
            size=4,
            start=now,
            end=now + HOUR,
            duration=HOUR,
            hold=20 * MINUTE,
            kind=GroupBuyKind.LADDER if ladder else GroupBuyKind.PLAIN,
            steps=LADDER if ladder else (),
        )
        self.members = [new_id() for _ in range(6)]
        self.all: list[Order] = []
        opening = an_opening(made, member=self.members[0])
        self.all.append(taken(self.world.database, opening))
        self.before = group(self.world.database, opening)
        return self.all[0]

    @rule(target=orders, who=st.lists(st.integers(0, 5), min_size=1, max_size=4))
    def join(self, who: list[int]) -> MultipleResults[Order]:
        """Several join at the same moment: first come, first served, and nobody twice."""
        before = self.now_group()
        has = {order.buyer.member for order in self._live()}
        outcomes = take(self.world.database, *(a_joining(before, member=self.members[each]) for each in who))
        new = [outcome for outcome in outcomes if isinstance(outcome, Order)]
        wanted = {self.members[each] for each in who} - has
        could = before.state is GroupState.RECRUITING and self.world.now < before.deadline
        # Stock for seven suffices for four seats, except when units went away with members who left for good.
        assert len(new) <= (min(len(wanted), before.free) if could else 0)
        self.all += new
        return multiple(*new)

    @rule(order=orders)
    def pay(self, order: Order) -> None:
        """Money comes in: by a provider it may be too late, and counts nevertheless until the order is closed."""
        with suppress(Fault):
            payment = Payment(Tender.MANUAL, order.money(order.due), str(order.id), self.world.now)
            outcome = self.world.database.write(receive_payments, [ReceivePayment(order.id, payment)])[0]
            assert isinstance(outcome, Order) or outcome.reason == "ORDER_STATE_INVALID"

    @rule(order=orders)
    def cancel(self, order: Order) -> None:
        """Give up an order that is not paid."""
        with suppress(Fault):
            self.world.database.write(cancel_order, CancelOrder(order.id, CancelReason.CUSTOMER, None))

    @rule(order=orders)
    def refund(self, order: Order) -> None:
        """A member leaves, at any time."""
        with suppress(Fault):
            self.world.database.write(refund_order, RefundOrder(new_id(), order.id, None, "", "", None))

    @rule(seats=st.integers(0, 2))
    def fill(self, seats: int) -> None:
        """The merchant fills seats."""
        before = self.now_group()
        with suppress(Fault):
            self.world.database.write(fill_group, FillGroup(before.group_buy, before.id, seats, "", ""))

    @rule(
        minutes=st.integers(1, 40), timers=st.permutations([expire_orders, expire_groups, settle_groups, finish_groups])
    )
    def wait(self, minutes: int, timers: list[object]) -> None:
        """Time passes, and some timers do their work in any order."""
        self.world.now += minutes * MINUTE
        for timer in timers[: minutes % 5]:
            self.world.database.write(timer, 100)  # type: ignore[arg-type]

    @invariant()
    def agrees(self) -> None:
        """All of it fits together, and success is for ever."""
        after = self.now_group()
        assert after.free >= 0
        if self.before.state is GroupState.SUCCEEDED:
            assert (after.state, after.paid, after.final_price) == (
                GroupState.SUCCEEDED,
                self.before.paid,
                self.before.final_price,
            )
        self.before = after
        check_groups(self.world.database)

    def teardown(self) -> None:
        """In the end all have what they paid for, at the final price, or all of their money."""
        self.world.now += 3 * HOUR
        self.world.database.write(expire_orders, 100)
        tick(self.world.database)
        found = self.now_group()
        assert found.state in {GroupState.SUCCEEDED, GroupState.CLOSED}
        for order in orders_of(self.world.database, self.all):
            assert order.state is not OrderState.PENDING_PAYMENT
            if order.pay_time and order.state is not OrderState.REFUNDED:
                assert found.state is GroupState.SUCCEEDED
                assert order.net_total == found.final_price
        check_groups(self.world.database)

    def now_group(self) -> Group:
        """The group as it is."""
        return group(self.world.database, self.before)

    def _live(self) -> list[Order]:
        gone = {OrderState.CANCELLED, OrderState.REFUNDED}
        return [order for order in orders_of(self.world.database, self.all) if order.state not in gone]


@pytest.fixture(scope="module")
def world(postgres: Databases) -> Iterator[World]:
    """A database for all runs."""
    with lasting(postgres, World) as world:
        yield world


def test_nobody_pays_in_vain(world: World) -> None:
    check(Buying, world, examples=8, steps=20)


@pytest.mark.long
def test_nobody_pays_in_vain_for_long(world: World) -> None:
    check(Buying, world, examples=150, steps=40)
