"""Refunds that put back in stock what never left, as a state machine on the real database: whatever is shipped, sent
back and refunded in whatever order, stock never has a unit that is not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from kit.db import Database
from kit.errors import Fault
from kit.names import new_id
from services.orders.domain.order import Order
from services.orders.domain.product import Component
from services.orders.domain.refund import Claim, RefundKind
from services.orders.domain.shipment import Parcel, ShipmentState
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases import fulfilment
from services.orders.usecases.fulfilment import CreateShipment, StepShipment
from services.orders.usecases.order import get_order, place_orders
from services.orders.usecases.refund import ReceiveReturn, RefundOrder, receive_return, refund_order
from tests.contract.orders.flash import pay
from tests.contract.orders.machines import check, lasting
from tests.contract.orders.shelves import check_movements, on_sale, stock
from tests.support.builders.orders import NOW, a_placement, an_item
from tests.support.postgres import Databases

pytestmark = pytest.mark.timeout(900)

STOCK = 30
UNITS = 6
EACH = 2
"""Units of the product in one of the order."""

FEW = st.integers(1, 3)


@dataclass
class World:
    """The database of all runs, and its clock, which stands still."""

    database: Database[OrdersUnit]
    now: datetime = NOW


class Restocking(RuleBasedStateMachine):
    """A paid order of six sets of two. Each set is in the `house`, `away` in a shipment, sold `again` from stock, or
    `broken`."""

    world: ClassVar[World]

    @initialize()
    def buy(self) -> None:
        """Somebody buys and pays."""
        (self.product,) = on_sale(self.world.database, stock=STOCK)
        parts = (Component(self.product.id, EACH),)
        item = replace(an_item(product=new_id(), quantity=UNITS), components=parts)
        (order,) = self.world.database.write(place_orders, [a_placement(item)])
        assert isinstance(order, Order)
        paid = pay(self.world.database, order)
        assert isinstance(paid, Order)
        self.order: Order = paid
        self.house, self.away, self.again, self.broken, self.refunded = UNITS, 0, 0, 0, 0
        self.undelivered = self.sent_back = False

    @rule(units=FEW)
    def ship(self, units: int) -> None:
        """Units leave, or are packed to leave."""
        parcel = Parcel("SF", str(new_id()))
        packing = CreateShipment(new_id(), self.order.id, ((1, units),), (parcel,), "", "users/ann")
        with suppress(Fault):
            shipment = self.world.database.write(fulfilment.create_shipment, packing)
            self.house, self.away = self.house - units, self.away + units
            self.world.database.write(fulfilment.ship, StepShipment(self.order.id, shipment.id, "users/ann"))

    @rule()
    def come_back(self) -> None:
        """The parcels that are on their way come back."""
        for shipment in self.world.database.read(lambda unit: unit.shipments.of_order(self.order.id)):
            if shipment.state is ShipmentState.SHIPPED and self.away >= shipment.units:
                step = StepShipment(self.order.id, shipment.id, "users/ann")
                self.world.database.write(fulfilment.give_back, step)
                self.house, self.away = self.house + shipment.units, self.away - shipment.units
                self.undelivered = True

    @rule(units=FEW, restock=st.booleans())
    def refund(self, units: int, restock: bool) -> None:
        """Units are refunded; of those that never left as many are in stock again as the order still has there."""
        before = self.on_hand()
        command = RefundOrder(new_id(), self.order.id, Claim.units((1, units)), "", "", None, restock=restock)
        with suppress(Fault):
            self.world.database.write(refund_order, command)
            back = (self.on_hand() - before) // EACH
            there = max(0, UNITS - self.refunded - self.away) if restock and not self.completed() else 0
            assert back <= min(units, there)
            # Whether what came back with a refund had arrived nobody tells where other units had not: then it is fewer.
            assert back == min(units, there) or (self.undelivered and self.sent_back)
            self.house, self.again, self.refunded = self.house - back, self.again + back, self.refunded + units

    @rule(units=FEW, damaged=st.integers(0, 3))
    def give_back(self, units: int, damaged: int) -> None:
        """The customer sends units back that had arrived."""
        damaged = min(units, damaged)
        if units > self.away or not self.delivered(units):
            return
        claim = Claim.units((1, units))
        command = RefundOrder(new_id(), self.order.id, claim, "", "", None, kind=RefundKind.RETURN)
        with suppress(Fault):
            made = self.world.database.write(refund_order, command)
            broken = ((1, damaged),) if damaged else ()
            self.world.database.write(receive_return, ReceiveReturn(self.order.id, made.id, broken, "", None))
            self.away, self.broken, self.refunded = self.away - units, self.broken + damaged, self.refunded + units
            self.again += units - damaged
            self.sent_back = True

    @invariant()
    def adds_up(self) -> None:
        """Every unit is in one place, and stock knows those that it has."""
        assert min(self.house, self.away) >= 0
        assert self.house + self.away + self.again + self.broken == UNITS
        assert self.on_hand() == STOCK - EACH * (UNITS - self.again)
        check_movements(self.world.database)

    def delivered(self, units: int) -> bool:
        """Whether a parcel of so many units arrives, and the order goes on."""
        for shipment in self.world.database.read(lambda unit: unit.shipments.of_order(self.order.id)):
            if shipment.state is ShipmentState.SHIPPED and shipment.units == units < self.away:
                self.world.database.write(fulfilment.deliver, StepShipment(self.order.id, shipment.id, "users/ann"))
                return True
        return False

    def completed(self) -> bool:
        """Whether all units arrived."""
        return self.world.database.read(get_order, self.order.id).complete_time is not None

    def on_hand(self) -> int:
        """Units in stock."""
        return stock(self.world.database, self.product)[0]


@pytest.fixture(scope="module")
def world(postgres: Databases) -> Iterator[World]:
    """A database for all runs."""
    with lasting(postgres, World) as world:
        yield world


def test_stock_never_has_what_is_not_there(world: World) -> None:
    check(Restocking, world, examples=10, steps=15)


@pytest.mark.long
def test_stock_never_has_what_is_not_there_for_long(world: World) -> None:
    check(Restocking, world, examples=150, steps=40)
