"""Checkouts that break at every step, on the real database: rows, transactions and stock are those of the service, and
the peers alone are played. The same stories as in memory (tests/unit/orders/test_checkout.py)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import pytest
from hypothesis import given, settings
from sqlalchemy import text

from kit.db import Database
from kit.errors import Fault
from services.orders.domain.checkout import Attempt
from services.orders.domain.offer import Asked, Offer
from services.orders.domain.product import Product
from services.orders.domain.quote import Wanted
from services.orders.domain.stock import MovementKind, Place, adjust
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.basket import Basket
from services.orders.usecases.checkout_recovery import take_up
from services.orders.usecases.offer import find_offers
from services.orders.usecases.placing import Placement, place
from tests.contract.orders.machines import lasting
from tests.contract.orders.shelves import on_sale, stock
from tests.support.builders import checkouts as memory
from tests.support.builders.checkouts import Break, a_basket
from tests.support.builders.orders import NOW
from tests.support.postgres import Databases
from tests.unit.orders.test_checkout import CALLS, SCRIPTS, buy, play

T = TypeVar("T")

DEATHS = [Break.CRASH_BEFORE, Break.CRASH_AFTER, Break.LATE]


@dataclass
class Lasting:
    """The database of all worlds; its clock is that of the world that is on."""

    database: Database[OrdersUnit]
    now: datetime = NOW


@dataclass
class World(memory.World):
    """Everything that checkouts touch, with the own database; of all rows in it, those of this world alone count."""

    lasting: Lasting = field(kw_only=True)
    product: Product = field(init=False)

    def __post_init__(self) -> None:
        (self.product,) = on_sale(self.lasting.database, stock=self.stock)
        self.lasting.now = self.now

    def pass_time(self, seconds: float) -> None:
        """Time passes, and what was under way arrives."""
        super().pass_time(seconds)
        self.lasting.now = self.now

    def write(self, usecase: Callable[..., T], *arguments: object) -> T:
        """Run a use-case in a transaction."""
        return self.lasting.database.write(usecase, *arguments)

    def attempts(self) -> Mapping[UUID, Attempt]:
        """The attempts as they are stored."""

        def read(unit: OrdersUnit) -> dict[UUID, Attempt]:
            rows = unit.connection.execute(
                text("select order_id from checkouts where request_key like :ours"), {"ours": f"{self.product.id}/%"}
            )
            found = [unit.checkouts.get(UUID(str(row[0]))) for row in rows.all()]
            return {each.order_id: each for each in found if each is not None}

        return self.lasting.database.read(read)

    def left(self) -> int:
        """The units that can still be sold."""
        on_hand, reserved = stock(self.lasting.database, self.product)
        return on_hand - reserved

    def sell_out(self) -> None:
        """Others buy all that is left."""

        def take(unit: OrdersUnit) -> None:
            (shelf,) = unit.stocks.lock([Place(self.product.id)])
            if shelf.available:
                unit.stocks.apply([adjust(shelf, -shelf.available, kind=MovementKind.COUNTED, note="")], unit.now)

        self.write(take)

    def place(self, placement: Placement) -> None:
        """Store an order. Raises a Fault, and stores nothing, if it can't be."""
        (outcome,) = self.write(place, [placement])
        if isinstance(outcome, Fault):
            raise outcome

    async def find(self, asked: Asked) -> Mapping[UUID, Offer]:
        """The products as they are stored."""
        return self.write(find_offers, [asked])[0]

    async def _buy(self, basket: Basket, key: str) -> memory.Order:
        ours = replace(basket, wanted=(Wanted(self.product.id, 1),))
        return await super()._buy(ours, f"{self.product.id}/{key}")

    def check(self) -> None:
        """Everything committed or everything released, and the orders' own books are right."""
        super().check()

        def wrong(unit: OrdersUnit) -> list[str]:
            checks = [each for order_id in self.orders for each in unit.verifications.of_order(order_id, unit.now)]
            return [str(each) for each in checks if not each.ok]

        assert self.lasting.database.read(wrong) == []
        stored = self.lasting.database.read(lambda unit: unit.orders.get(list(self.orders)))
        held = {order.id: sorted(payment.reference for payment in order.payments) for order in stored.values()}
        rows = self.attempts()
        assert held == {
            order_id: sorted(step.hold for step in rows[order_id].steps if step.kind not in {"COUPONS", "POINTS"})
            for order_id in self.orders
        }


@pytest.fixture(scope="module")
def lasting_database(postgres: Databases) -> Iterator[Lasting]:
    """One database for all worlds."""
    with lasting(postgres, Lasting) as world:
        yield world


def test_whatever_breaks_at_whichever_call_everything_is_committed_or_released(lasting_database: Lasting) -> None:
    for at in range(CALLS):
        for how in DEATHS:
            world = World(breaks=[None] * at + [how], lasting=lasting_database)
            buy(world)
            settle(world)
            world.check()


def test_a_retry_places_one_order_and_holds_once(lasting_database: Lasting) -> None:
    for at in range(CALLS):
        for how in DEATHS:
            world = World(breaks=[None] * at + [how], lasting=lasting_database)
            buy(world)
            world.breaks.clear()
            second = buy(world)
            if isinstance(second, Fault):  # the coupon is still locked by an attempt whose process died
                settle(world)
                second = buy(world)
            settle(world)
            world.check()
            assert [f"orders/{order_id}" for order_id in world.orders] == [second.name]  # type: ignore[attr-defined]


class Slow(World):
    """The caller stores its order only after a replica has taken the attempt up."""

    def place(self, placement: Placement) -> None:
        """Store an order, late."""
        self.pass_time(20)
        self.write(take_up)
        super().place(placement)


def test_an_attempt_that_a_replica_took_up_is_never_placed(lasting_database: Lasting) -> None:
    world = Slow(lasting=lasting_database)
    answer = buy(world)
    assert isinstance(answer, Fault)
    assert answer.reason == "CHECKOUT_ABANDONED"
    settle(world)
    world.check()
    assert (world.orders, world.left()) == ({}, 100)


def test_fifty_clicks_at_once_are_one_order(lasting_database: Lasting) -> None:
    world = World(lasting=lasting_database)
    answers = asyncio.run(world.twins(a_basket(), "a", 50))
    settle(world)
    world.check()
    assert len({str(answer) for answer in answers}) == len(world.orders) == 1


@given(script=SCRIPTS)
@settings(max_examples=40, deadline=None)
def test_any_story_ends_with_everything_committed_or_released(
    lasting_database: Lasting, script: Sequence[tuple[str, list[Break], str]]
) -> None:
    tell(World(lasting=lasting_database), script)


@pytest.mark.long
@given(script=SCRIPTS)
@settings(max_examples=300, deadline=None)
def test_any_of_many_stories_ends_so(lasting_database: Lasting, script: Sequence[tuple[str, list[Break], str]]) -> None:
    tell(World(lasting=lasting_database), script)


def tell(world: World, script: Sequence[tuple[str, list[Break], str]]) -> None:
    play(world, script)
    settle(world)
    world.check()
    assert len(world.orders) == len(world.answers) <= 1  # both requests want the same coupon


def settle(world: World) -> None:
    """Nothing breaks any more, and a minute passes; a replica looks as often as it may find something."""
    world.breaks.clear()
    for _ in range(12):
        world.pass_time(5)
        asyncio.run(world.recover())
