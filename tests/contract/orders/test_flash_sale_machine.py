"""A flash sale as a state machine on the real database: whatever is done in whatever order, its units are conserved,
the stock explains them, and nobody gets more than the limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, initialize, invariant, multiple, rule

from kit.db import Database
from kit.errors import Fault
from kit.names import new_id
from services.orders.domain.flash_sale import FlashSale, RefundPolicy
from services.orders.domain.order import Order
from services.orders.domain.order_state import CancelReason
from services.orders.domain.refund import Claim, RefundKind
from services.orders.domain.shipment import Parcel, ShipmentState
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases import flash_sale, fulfilment
from services.orders.usecases.expiry import expire_orders
from services.orders.usecases.fulfilment import StepShipment
from services.orders.usecases.order import CancelOrder, cancel_order, get_order
from services.orders.usecases.refund import ReceiveReturn, RefundOrder, receive_return, refund_order
from tests.contract.orders.flash import bought, check_sale, counts, pay
from tests.contract.orders.machines import check, lasting
from tests.contract.orders.shelves import on_sale
from tests.support.builders.flash_sales import a_creation, a_purchase
from tests.support.builders.orders import NOW
from tests.support.postgres import Databases

pytestmark = pytest.mark.timeout(900)

MINUTE = timedelta(minutes=1)
STOCK = 12
CLICKS = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3)), min_size=1, max_size=4)


@dataclass
class World:
    """The database of all runs, and its clock, which only goes on."""

    database: Database[OrdersUnit]
    now: datetime = NOW


class Sale(RuleBasedStateMachine):
    """One sale of up to twelve units, and four members who may have three each."""

    world: ClassVar[World]
    orders: Bundle[Order] = Bundle("orders")

    @initialize(quota=st.integers(1, STOCK), buckets=st.integers(1, 4), policy=st.sampled_from(RefundPolicy))
    def open(self, quota: int, buckets: int, policy: RefundPolicy) -> None:
        """A sale of an hour."""
        now = self.world.now
        (product,) = on_sale(self.world.database, stock=STOCK)
        self.members = [new_id() for _ in range(4)]
        self.free, self.has, self.closed = quota, Counter[UUID](), False
        self.policy = policy
        self.held: dict[UUID, tuple[UUID, int]] = {}
        self.sold: dict[UUID, tuple[UUID, int]] = {}
        self.left: dict[UUID, int] = {}
        self.lost, self.returned, self.on_hand = 0, 0, STOCK
        command = a_creation(
            product.id,
            buckets=buckets,
            quota=quota,
            start=now,
            end=now + 60 * MINUTE,
            member_limit=3,
            hold=5 * MINUTE,
            refund_policy=policy,
        )
        self.sale: FlashSale = self.world.database.write(flash_sale.create_flash_sale, command)

    @rule(target=orders, clicks=CLICKS)
    def buy(self, clicks: list[tuple[int, int]]) -> MultipleResults[Order]:
        """Several click at the same moment: first come, first served."""
        commands = [a_purchase(self.sale, member=self.members[who], quantity=units) for who, units in clicks]
        outcomes = bought(self.world.database, *commands)
        for command, outcome in zip(commands, outcomes, strict=True):
            if isinstance(outcome, Order):
                assert not self.closed
                self.free -= command.quantity
                self.has[command.member] += command.quantity
                self.held[outcome.id] = command.member, command.quantity
        assert self.free >= 0
        for command, outcome in zip(commands, outcomes, strict=True):
            if isinstance(outcome, Fault) and not self.closed:  # nobody is refused who could have bought
                assert self.has[command.member] + command.quantity > 3 or self.free < command.quantity
        return multiple(*(outcome for outcome in outcomes if isinstance(outcome, Order)))

    @rule(order=orders)
    def pay(self, order: Order) -> None:
        """Whoever holds units and is in time may pay."""
        if isinstance(pay(self.world.database, order), Order):
            self.sold[order.id] = self.held.pop(order.id)
            self.left[order.id] = 0
            self.on_hand -= self.sold[order.id][1]
        else:
            assert order.id not in self.held or self.world.now >= (order.expire_time or NOW)

    @rule(order=orders)
    def cancel(self, order: Order) -> None:
        """Give up an order that is not paid."""
        with suppress(Fault):
            self.world.database.write(cancel_order, CancelOrder(order.id, CancelReason.CUSTOMER, None))
            self._freed(order.id)

    @rule(order=orders, units=st.integers(1, 3))
    def ship(self, order: Order, units: int) -> None:
        """Units of a paid order leave."""
        parcel = Parcel("SF", str(new_id()))
        packing = fulfilment.CreateShipment(new_id(), order.id, ((1, units),), (parcel,), "", "users/ann")
        with suppress(Fault):
            shipment = self.world.database.write(fulfilment.create_shipment, packing)
            self.world.database.write(fulfilment.ship, StepShipment(order.id, shipment.id, "users/ann"))
            self.left[order.id] += units

    @rule(order=orders)
    def come_back(self, order: Order) -> None:
        """A parcel comes back and never arrived."""
        for shipment in self.world.database.read(lambda unit: unit.shipments.of_order(order.id)):
            with suppress(Fault):
                step = StepShipment(order.id, shipment.id, "users/ann")
                if shipment.state is ShipmentState.SHIPPED and order.id in self.sold:
                    self.world.database.write(fulfilment.give_back, step)
                    self.left[order.id] -= shipment.units

    @rule(order=orders)
    def refund(self, order: Order) -> None:
        """Refund a paid order in full; what becomes of the units that never left is policy."""
        with suppress(Fault):
            self.world.database.write(refund_order, RefundOrder(new_id(), order.id, None, "", "", None))
            there = self.sold[order.id][1] - self.left[order.id]
            self.on_hand += there if self._resold(order, there) else 0

    @rule(order=orders, damaged=st.integers(0, 3))
    def give_back(self, order: Order, damaged: int) -> None:
        """A member sends everything back; what isn't damaged is in stock again, and what becomes of that is policy."""
        claim = Claim.units((1, order.lines[0].quantity))
        command = RefundOrder(new_id(), order.id, claim, "", "", None, kind=RefundKind.RETURN)
        with suppress(Fault):
            made = self.world.database.write(refund_order, command)
            damaged = min(damaged, order.lines[0].quantity)
            units = ((1, damaged),) if damaged else ()
            self.world.database.write(receive_return, ReceiveReturn(order.id, made.id, units, "", None))
            there = self.sold[order.id][1] - damaged
            self.on_hand += there
            self._resold(order, there)

    @rule(minutes=st.integers(1, 40))
    def wait(self, minutes: int) -> None:
        """Time passes, and the timers do their work."""
        self.world.now += minutes * MINUTE
        self.world.database.write(expire_orders, 100)
        for order_id in list(self.held):
            if self.world.database.read(get_order, order_id).cancel_time is not None:
                self._freed(order_id)
        self.world.database.write(flash_sale.end_flash_sales, 100)
        if self.world.now >= self.sale.terms.end_time and not self.closed:
            self._close()

    @rule(quota=st.integers(1, STOCK + 2))
    def resize(self, quota: int) -> None:
        """The quota grows by what stock has, and shrinks by what is free."""
        command = flash_sale.UpdateFlashSale(self.sale.id, lambda terms: replace(terms, quota=quota), None)
        before = self._quota()
        with suppress(Fault):
            self.world.database.write(flash_sale.update_flash_sale, command)
            self.free += quota - before

    @rule()
    def stop(self) -> None:
        """End the sale before its time."""
        with suppress(Fault):
            self.world.database.write(flash_sale.cancel_flash_sale, flash_sale.CancelFlashSale(self.sale.id, None))
            self._close()

    @invariant()
    def agrees(self) -> None:
        """The database says what the model says, and all of it fits together."""
        held, sold = (sum(units for _, units in each.values()) for each in (self.held, self.sold))
        assert counts(self.world.database, self.sale) == (self.free, held, sold + self.lost, self.returned)
        check_sale(self.world.database, self.sale)
        stock = self.world.database.read(lambda unit: unit.stocks.get(self.sale.place))
        assert stock is not None
        assert stock.on_hand == self.on_hand

    def _resold(self, order: Order, there: int) -> bool:
        """An order is refunded in full, and so many of its units are there: whether the sale has them again."""
        member, units = self.sold.pop(order.id)
        again = self.policy is RefundPolicy.RESELL and not self.closed
        if again:
            self.free += there
            self.has[member] -= there
        self.lost += units - (there if again else 0)
        return again

    def _quota(self) -> int:
        return sum(counts(self.world.database, self.sale))

    def _freed(self, order_id: UUID) -> None:
        member, units = self.held.pop(order_id)
        self.has[member] -= units
        if self.closed:
            self.returned += units
        else:
            self.free += units

    def _close(self) -> None:
        self.closed, self.returned, self.free = True, self.returned + self.free, 0


@pytest.fixture(scope="module")
def world(postgres: Databases) -> Iterator[World]:
    """A database for all runs."""
    with lasting(postgres, World) as world:
        yield world


def test_the_units_of_a_sale_are_conserved(world: World) -> None:
    check(Sale, world, examples=8, steps=20)


@pytest.mark.long
def test_the_units_of_a_sale_are_conserved_for_long(world: World) -> None:
    check(Sale, world, examples=150, steps=50)
