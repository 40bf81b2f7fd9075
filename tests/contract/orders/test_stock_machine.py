"""Stock as a state machine on the real database: whatever is done in whatever order, nothing is oversold, the movements
explain the stock, and what is reserved and promised is what somebody holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from kit.db import Database
from kit.errors import Fault
from kit.names import new_id
from kit.page import Page
from services.orders import publish
from services.orders.domain.order import Order
from services.orders.domain.order_state import CancelReason, OrderState
from services.orders.domain.payment import Tender
from services.orders.domain.product import Component
from services.orders.domain.reservation import Reservation, ReservationState
from services.orders.domain.stock import MovementKind, Place, Stock
from services.orders.domain.stock_policy import Policy, PolicyKind
from services.orders.storage.unit import CONSTRAINTS, OrdersUnit
from services.orders.usecases import expiry, moving, reservation, stock, stock_count, stock_transfer
from services.orders.usecases.order import CancelOrder, cancel_order, place_orders
from services.orders.usecases.payment import PayOrder, pay_orders
from services.orders.usecases.refund import RefundOrder, refund_order
from tests.contract.orders.shelves import a_location, check_movements, on_sale
from tests.support.builders.orders import NOW, a_placement, an_item
from tests.support.postgres import Databases

pytestmark = pytest.mark.timeout(900)

_ALL = Page(1000)
LIMIT = 6
UNITS = st.integers(1, 6)
LINES = st.lists(st.tuples(st.sampled_from(["tea", "pot", "set"]), UNITS), min_size=1, max_size=3)
HERE = st.sampled_from(["main", "north"])
WHAT = st.sampled_from([0, 1])


@dataclass
class World:
    """The database of all runs, and its clock, which only goes on."""

    database: Database[OrdersUnit]
    now: datetime = NOW


class Inventory(RuleBasedStateMachine):
    """Two products, a bundle of both, two locations. The model counts the units that must be somewhere."""

    world: ClassVar[World]
    orders = Bundle("orders")
    paid = Bundle("paid")
    reservations = Bundle("reservations")
    transfers = Bundle("transfers")
    counts = Bundle("counts")

    @initialize()
    def open(self) -> None:
        self.products = [product.id for product in on_sale(self.database, stock=0, products=2)]
        self.places = [Place(product, location) for product in self.products for location in ("main", "north")]
        self.database.write(lambda unit: unit.stocks.open_missing(self.places, unit.now))
        self.somewhere: Counter[UUID] = Counter()
        self.on_the_way: Counter[UUID] = Counter()
        policy = Policy(PolicyKind.BACKORDER, LIMIT)
        terms = stock.UpdateStock(self.places[0], frozenset({"policy"}), 0, None, policy, None)
        self.database.write(stock.update_stock, terms)

    @property
    def database(self) -> Database[OrdersUnit]:
        return self.world.database

    def at(self, what: int, here: str) -> Place:
        return Place(self.products[what], here)

    def stocks(self) -> dict[Place, Stock]:
        return {each.place: each for each in self.database.write(lambda unit: unit.stocks.lock(self.places))}

    def tried(self, reasons: set[str], use_case: Any, *args: Any) -> Any:
        """What a use-case answers; None for a refusal that is allowed."""
        try:
            return self.database.write(use_case, *args)
        except Fault as fault:
            if fault.reason not in reasons:
                raise
            return None

    @rule(what=WHAT, here=HERE, units=UNITS)
    def receive(self, what: int, here: str, units: int) -> None:
        self.database.write(stock.receive_stock, stock.ReceiveStock(self.at(what, here), units, ""))
        self.somewhere[self.products[what]] += units

    @rule(what=WHAT, here=HERE, delta=st.integers(-5, 5).filter(bool))
    def adjust(self, what: int, here: str, delta: int) -> None:
        command = stock.AdjustStock(self.at(what, here), delta, MovementKind.CORRECTED, "", None)
        if self.tried({"STOCK_RESERVED"}, stock.adjust_stock, command):
            self.somewhere[self.products[what]] += delta

    @rule(what=WHAT, here=HERE, units=st.integers(0, 3))
    def keep_back(self, what: int, here: str, units: int) -> None:
        terms = stock.UpdateStock(self.at(what, here), frozenset({"buffer"}), units, None, Policy(), None)
        self.database.write(stock.update_stock, terms)

    @rule(target=orders, baskets=st.lists(LINES, min_size=1, max_size=3), named=st.sampled_from(["", "", "north"]))
    def order(self, baskets: list[list[tuple[str, int]]], named: str) -> object:
        before = self.stocks()
        placements = [a_placement(*(self.item(*line) for line in basket)) for basket in baskets]
        placements = [replace(each, quote=replace(each.quote, location=named)) for each in placements]
        outcomes = self.database.write(place_orders, placements)
        first = outcomes[0]
        wanted = placements[0].quote.items
        if isinstance(first, Fault):
            assert first.reason in {"OUT_OF_STOCK", "NOT_IN_ONE_LOCATION"}
        else:
            units = self.taken_apart(wanted)
            assert first.wanted() == units
            assert first.location == (named or first.location)
            assert all(before[Place(what, first.location)].sellable(self.world.now) >= units[what] for what in units)
        return multiple(*(each.id for each in outcomes if isinstance(each, Order)))

    def item(self, kind: str, quantity: int) -> Any:
        tea, pot = self.products
        if kind == "set":
            parts = (Component(tea, 2), Component(pot, 1))
            return replace(an_item(quantity=quantity), components=parts)
        return an_item(product=tea if kind == "tea" else pot, quantity=quantity)

    def taken_apart(self, items: tuple[Any, ...]) -> dict[UUID, int]:
        units: Counter[UUID] = Counter()
        for item in items:
            for what, each in [(part.product, part.quantity) for part in item.components] or [(item.product, 1)]:
                units[what] += each * item.quantity
        return dict(units)

    def get(self, order: UUID) -> Order:
        return self.database.read(lambda unit: unit.orders.get([order]))[order]

    @rule(target=paid, order=consumes(orders))
    def pay_an_order(self, order: UUID) -> object:
        return self.pay(order)

    def pay(self, order: UUID) -> object:
        found = self.get(order)
        payment = PayOrder(order, Tender.MANUAL, found.money(found.due), "", None)
        (outcome,) = self.database.write(pay_orders, [payment])
        if isinstance(outcome, Fault):
            assert found.state is OrderState.CANCELLED
            return multiple()
        self.somewhere.subtract(found.wanted())
        return order

    @rule(target=paid, more=st.integers(1, LIMIT))
    def sell_what_is_not_there(self, more: int) -> object:
        tea = self.places[0]
        units = self.stocks()[tea].available + more
        placement = a_placement(an_item(product=tea.product, quantity=units))
        placement = replace(placement, quote=replace(placement.quote, location="main"))
        (outcome,) = self.database.write(place_orders, [placement])
        return self.pay(outcome.id) if isinstance(outcome, Order) else multiple()

    @rule(order=consumes(orders))
    def cancel(self, order: UUID) -> None:
        if self.get(order).state is OrderState.PENDING_PAYMENT:
            self.database.write(cancel_order, CancelOrder(order, CancelReason.CUSTOMER, None))

    @rule(order=consumes(paid))
    def refund(self, order: UUID) -> None:
        """What never arrived for it stays for others."""
        waiting: Counter[UUID] = Counter()
        for each in self.database.read(lambda unit: unit.backorders.of([order])):
            waiting[each.place.product] += each.units
        self.database.write(refund_order, RefundOrder(new_id(), order, None, "", "", None))
        self.somewhere.update(waiting)

    @rule(target=reservations, lines=st.lists(st.tuples(WHAT, UNITS), min_size=1, max_size=3))
    def reserve(self, lines: list[tuple[int, int]]) -> object:
        items = tuple((self.products[what], units) for what, units in lines)
        command = reservation.Reserve(new_id(), items, "", "cart", timedelta(minutes=5))
        found = self.tried({"OUT_OF_STOCK", "NOT_IN_ONE_LOCATION"}, reservation.reserve, command)
        return found if found is not None else multiple()

    @rule(held=reservations, confirm=st.booleans())
    def end(self, held: Reservation, confirm: bool) -> None:
        before = self.database.read(reservation.get_reservation, held.id)
        act = reservation.confirm_reservation if confirm else reservation.release_reservation
        after = self.tried({"RESERVATION_ENDED"}, act, held.id)
        if after and before.state is ReservationState.HELD and confirm:
            self.somewhere.subtract(dict(held.items))
        if before.state is not ReservationState.HELD:
            assert self.database.read(reservation.get_reservation, held.id) == before

    @rule(target=transfers, what=WHAT, here=HERE, units=UNITS, arrived=st.booleans())
    def ship(self, what: int, here: str, units: int, arrived: bool) -> object:
        there = "north" if here == "main" else "main"
        items = ((self.products[what], units),)
        command = stock_transfer.ShipTransfer(new_id(), here, there, items, "", arrived=arrived)
        sent = self.tried({"OUT_OF_STOCK"}, stock_transfer.ship_transfer, command)
        if not sent or arrived:
            return multiple()
        self.on_the_way[self.products[what]] += units
        return sent

    @rule(sent=consumes(transfers), lost=st.integers(0, 2), back=st.booleans())
    def arrive(self, sent: Any, lost: int, back: bool) -> None:
        (item,) = sent.items
        self.on_the_way[item.product] -= item.shipped
        if back:
            self.database.write(stock_transfer.cancel_transfer, sent.id)
            return
        units = max(0, item.shipped - lost)
        command = stock_transfer.ReceiveTransfer(sent.id, {item.product: units})
        self.database.write(stock_transfer.receive_transfer, command)
        self.somewhere[item.product] -= item.shipped - units

    @rule(target=counts, what=WHAT, here=HERE, error=st.integers(-2, 2))
    def count(self, what: int, here: str, error: int) -> object:
        opened = self.database.write(stock_count.open_count, stock_count.OpenCount(new_id(), here, ""))
        counted = max(0, self.stocks()[self.at(what, here)].on_hand + error)
        entry = stock_count.EnterCount(opened.id, {self.products[what]: counted})
        entered = self.tried({"COUNTED_ELSEWHERE"}, stock_count.enter_count, entry)
        return multiple() if entered is None else entered

    @rule(count=consumes(counts))
    def post(self, count: Any) -> None:
        if self.tried({"STOCK_RESERVED"}, stock_count.post_count, count.id):
            for line in count.lines:
                self.somewhere[line.product] += line.difference

    @rule(minutes=st.integers(1, 10))
    def wait(self, minutes: int) -> None:
        """Time goes by, and the timers run: nothing that could be served waits on."""
        self.world.now += timedelta(minutes=minutes)
        self.database.write(expiry.expire_orders, 500)
        self.database.write(reservation.expire_reservations, 500)
        self.database.write(moving.serve_awaited, 100)
        assert [each for each in self.stocks().values() if each.fillable] == []

    @invariant()
    def nothing_is_oversold_and_all_is_explained(self) -> None:
        if not hasattr(self, "places"):
            return
        stocks = self.stocks()
        here: Counter[UUID] = Counter()
        for place, each in stocks.items():
            assert 0 <= each.reserved <= each.on_hand
            assert 0 <= each.backordered <= (LIMIT if place == self.places[0] else 0)
            here[place.product] += each.on_hand
        owed = self.database.read(lambda unit: unit.backorders.page(None, _ALL))
        for product in self.products:
            still = sum(each.units for each in owed if each.paid and each.place.product == product)
            assert here[product] + self.on_the_way[product] == self.somewhere[product] + still

    def teardown(self) -> None:
        if hasattr(self, "places"):
            check_movements(self.database)


@pytest.fixture(scope="module")
def world(postgres: Databases) -> Iterator[World]:
    url = postgres.migrated("orders")
    clock: list[World] = []
    database = Database(
        url,
        partial(OrdersUnit, publish=publish.to_event),
        constraints=CONSTRAINTS,
        clock=lambda: clock[0].now,
        pool_size=2,
    )
    clock.append(World(database))
    database.write(lambda unit: unit.locations.add(a_location("north", priority=1, now=NOW)))
    yield clock[0]
    database.close()
    postgres.drop(url)


def _run(world: World, *, examples: int, steps: int) -> None:
    machine = type("Machine", (Inventory,), {"world": world})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_stock_is_conserved_and_never_oversold(world: World) -> None:
    _run(world, examples=20, steps=30)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_stock_is_conserved_and_never_oversold_for_a_long_time(world: World) -> None:
    _run(world, examples=500, steps=80)
