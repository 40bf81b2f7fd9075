"""Checkout: whatever breaks, at whichever step, nothing stays held without an order, and a retry works."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from kit.errors import Fault, unavailable
from kit.money import Money
from kit.names import new_id
from services.orders.domain import errors
from services.orders.domain.checkout import Attempt
from services.orders.domain.order import Buyer
from services.orders.domain.payment import PointsTender
from services.orders.domain.product import Product
from services.orders.domain.quote import CouponDecision, Quote, Wanted
from services.orders.usecases.checkout import Basket, Checkout, Open
from services.orders.usecases.order import PlaceOrder
from tests.support.builders.orders import MINUTES, NOW, a_product

TEA = a_product(price=1000)
COUPON = "coupons/1"
STEPS = ("begin", "price", "lock", "hold", "store")


class Crash(BaseException):
    """The call is over, without a word of what it did."""


@dataclass(frozen=True)
class Order:
    name: str


@dataclass
class World:
    """Everything that checkout touches, in memory. `breaks` names the step that fails, `after` its effect or before."""

    breaks: str = ""
    after: bool = False
    failure: Callable[[], BaseException] = Crash
    available: int = 500
    locks: dict[str, UUID] = field(default_factory=dict)
    holds: dict[UUID, PointsTender] = field(default_factory=dict)
    open: dict[str, UUID] = field(default_factory=dict)
    ended: dict[UUID, str] = field(default_factory=dict)
    orders: dict[UUID, PlaceOrder] = field(default_factory=dict)

    def step(self, name: str, act: Callable[[], None]) -> None:
        if self.breaks == name and not self.after:
            raise self.failure()
        act()
        if self.breaks == name:
            raise self.failure()

    async def find(self, ids: Sequence[UUID]) -> dict[UUID, Product]:
        return {TEA.id: TEA}

    async def begin(self, command: Open) -> Attempt:
        self.step("begin", lambda: self.open.update({command.key: self.open.get(command.key, command.order_id)}))
        return Attempt(self.open[command.key], NOW)

    async def abandon(self, order_id: UUID) -> bool:
        if self.ended.setdefault(order_id, "abandoned") == "placed":
            return False
        self.open = {key: attempt for key, attempt in self.open.items() if attempt != order_id}
        return True

    async def price(
        self, quote: Quote, *, member: UUID | None, channel: str, coupons: Sequence[str], order_id: UUID | None
    ) -> Quote:
        self.step("price", lambda: None)
        usable = self.locks.get(COUPON) in {None, order_id}
        return quote.discounted([100 if coupons else 0], [CouponDecision(each, usable, "") for each in coupons])

    async def lock(self, coupons: Sequence[str], *, member: UUID, order_id: UUID, until: datetime) -> None:
        assert until == NOW + MINUTES + timedelta(hours=1)
        self.step("lock", lambda: self.locks.update(dict.fromkeys(coupons, order_id)))

    async def unlock(self, coupons: Sequence[str], *, order_id: UUID) -> None:
        self.locks = {coupon: holder for coupon, holder in self.locks.items() if holder != order_id}

    async def hold(self, points: int, *, member: UUID, order_id: UUID, ttl: timedelta) -> PointsTender:
        assert ttl == MINUTES + timedelta(hours=1)

        def act() -> None:
            if order_id not in self.holds:
                if points > self.available:
                    raise errors.points_refused(member, "POINTS_INSUFFICIENT")
                self.available -= points
                self.holds[order_id] = PointsTender(f"holds/{order_id}", points, Money(points, "CNY"))

        breaks, self.breaks = self.breaks, "" if order_id in self.ended else self.breaks
        self.step("hold", act)
        self.breaks = breaks
        return self.holds[order_id]

    async def release(self, tender: PointsTender) -> None:
        for order_id in [each for each, held in self.holds.items() if held == tender]:
            self.available += self.holds.pop(order_id).points

    async def store(self, command: PlaceOrder) -> Order:
        def act() -> None:
            if command.held and command.order_id in self.ended:
                raise errors.checkout_abandoned()
            self.orders[command.order_id] = command
            self.ended[command.order_id] = "placed"

        self.step("store", act)
        return Order(f"orders/{command.order_id}")


class Unlocking:
    """Coupons under the names of their port."""

    def __init__(self, world: World) -> None:
        self.lock = world.lock
        self.unlock = world.unlock


def checkout(world: World) -> Checkout:
    return Checkout(
        find=world.find,
        begin=world.begin,
        abandon=world.abandon,
        prices=world,
        coupons=Unlocking(world),
        points=world,
        pay_within=MINUTES,
    )


BASKET = Basket(wanted=(Wanted(TEA.id, 1),), buyer=Buyer(member=new_id()), channel="web", coupons=(COUPON,), points=300)


async def at_once(work: Awaitable[None]) -> None:
    await work


def place(world: World, basket: Basket = BASKET) -> Order:
    return asyncio.run(
        checkout(world).place(basket, Open("a request", new_id()), store=world.store, afterwards=at_once)
    )


@pytest.mark.parametrize("failure", [Crash, lambda: unavailable("members")])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_whatever_breaks_nothing_stays_held_and_a_retry_places_one_order(
    step: str, after: bool, failure: Callable[[], BaseException]
) -> None:
    world = World(breaks=step, after=after, failure=failure)
    with pytest.raises((Crash, Fault)):
        place(world)
    stored = step == "store" and after
    assert bool(world.orders) == stored
    if not stored:
        assert (world.locks, world.holds, world.available) == ({}, {}, 500)
        world.breaks = ""
        order = place(world)
        assert set(world.orders) == {UUID(order.name.removeprefix("orders/"))}
    (order_id,) = world.orders
    assert (world.locks, set(world.holds), world.available) == ({COUPON: order_id}, {order_id}, 200)


def test_a_refused_coupon_holds_nothing() -> None:
    world = World(locks={COUPON: new_id()})
    before = dict(world.locks)
    with pytest.raises(Fault) as caught:
        place(world)
    assert caught.value.reason == "COUPON_REFUSED"
    assert (world.locks, world.holds) == (before, {})


def test_points_that_are_refused_are_not_asked_for_again() -> None:
    world = World(available=299)
    with pytest.raises(Fault) as caught:
        place(world)
    assert caught.value.reason == "POINTS_REFUSED"
    assert (world.locks, world.holds, world.available) == ({}, {}, 299)


def test_an_order_that_needs_nothing_held_opens_no_attempt() -> None:
    world = World()
    place(world, Basket(wanted=(Wanted(TEA.id, 2),), buyer=Buyer(), channel="web"))
    (command,) = world.orders.values()
    assert (command.held, command.tender, world.open) == (False, None, {})


def test_whoever_comes_second_gets_the_first_order_and_lets_go() -> None:
    world, first = World(), Order(f"orders/{new_id()}")

    async def answered(_: PlaceOrder) -> Order:
        return first

    basket, attempt = BASKET, Open("a request", new_id())
    assert asyncio.run(checkout(world).place(basket, attempt, store=answered, afterwards=at_once)) is first
    assert (world.locks, world.holds, world.available) == ({}, {}, 500)


def test_coupons_and_points_belong_to_a_member() -> None:
    with pytest.raises(Fault, match="is needed for coupons and points"):
        place(World(), Basket(wanted=(Wanted(TEA.id, 1),), buyer=Buyer(), channel="web", points=1))
