"""A world for checkouts, in memory and faithful: attempts as rows, peers that never hold twice under one number,
answers that get lost and asks that arrive late. Where it breaks is told beforehand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import TypeVar
from uuid import UUID

from kit.errors import Fault, unavailable
from kit.money import Money
from kit.names import new_id
from services.orders.domain import errors
from services.orders.domain.checkout import ANSWER_WITHIN, Attempt, CheckoutState, StepKind
from services.orders.domain.offer import Asked, Offer
from services.orders.domain.order_content import Buyer
from services.orders.domain.payment import Allowance
from services.orders.domain.quote import CouponDecision, Quote, Wanted
from services.orders.domain.tariff import Tariff
from services.orders.usecases import checkout, checkout_recovery
from services.orders.usecases.activity import Goods
from services.orders.usecases.basket import Basket, GiftCard
from services.orders.usecases.checkout import Book, Checkout, Holders, Open
from services.orders.usecases.checkout_recovery import Recovery
from services.orders.usecases.placing import Placement
from services.orders.usecases.quote import Quoting
from tests.support.builders.checkout_peers import Coupons, Purse, amount, number
from tests.support.builders.orders import MINUTES, NOW, a_product

TEA = a_product(price=1000)
MEMBER = new_id()
COUPON = "coupons/1"
FUNDS = 1000

T = TypeVar("T")


class Crash(BaseException):
    """The process is dead: nothing of it runs any more, not even what tidies up."""


class Break(Enum):
    """How a call breaks."""

    CRASH_BEFORE = "the process dies before the call has an effect"
    CRASH_AFTER = "the process dies when the call has had its effect"
    LOST_BEFORE = "the call never arrives, and times out"
    LOST_AFTER = "the call has its effect, and its answer is lost"
    LATE = "the call times out, and arrives later"


@dataclass
class Rows:
    """The stored attempts."""

    keys: dict[UUID, str] = field(default_factory=dict)
    rows: dict[UUID, Attempt] = field(default_factory=dict)

    def open(self, key: str, attempt: Attempt) -> Attempt:
        for order_id, row in self.rows.items():
            if self.keys[order_id] == key and row.state is CheckoutState.OPEN:
                return row
        self.keys[attempt.order_id] = key
        self.rows[attempt.order_id] = attempt
        return attempt

    def lock(self, order_id: UUID) -> Attempt | None:
        return self.rows.get(order_id)

    def save(self, before: Attempt, after: Attempt) -> None:
        assert self.rows[after.order_id] == before
        self.rows[after.order_id] = after

    def due(self, now: datetime, limit: int) -> list[Attempt]:
        return [row for row in self.rows.values() if row.drive_time is not None and row.drive_time <= now][:limit]

    def unfinished(self) -> dict[CheckoutState, tuple[int, datetime]]:
        return {}


class Forgotten:
    """Nobody."""

    def add(self, members: Sequence[UUID], now: datetime) -> None:
        raise NotImplementedError

    def among(self, members: Collection[UUID]) -> set[UUID]:
        return set()


@dataclass(frozen=True)
class Unit:
    """A unit of work; `erased` are those who were forgotten."""

    now: datetime
    checkouts: Rows
    erased: Forgotten = field(default_factory=Forgotten)


@dataclass(frozen=True)
class Order:
    """What was placed."""

    name: str


@dataclass
class World:
    """Everything that checkouts touch. `breaks` says how the next calls break, None for those that don't; `checkouts`
    tells of each locked coupon the checkout that locked it anew for an order that was there."""

    now: datetime = NOW
    breaks: list[Break | None] = field(default_factory=list)
    stock: int = 100
    rows: Rows = field(default_factory=Rows)
    locks: dict[str, UUID] = field(default_factory=dict)
    checkouts: dict[str, UUID | None] = field(default_factory=dict)
    holds: dict[str, int] = field(default_factory=dict)
    known: dict[str, int] = field(default_factory=dict)
    locked: set[str] = field(default_factory=set)
    funds: dict[StepKind, int] = field(default_factory=lambda: dict.fromkeys(StepKind, FUNDS))
    orders: dict[UUID, Placement] = field(default_factory=dict)
    answers: dict[str, Order] = field(default_factory=dict)
    late: list[tuple[datetime, Callable[[], object]]] = field(default_factory=list)
    dead: bool = False
    most_points: int = 1000

    def pass_time(self, seconds: float) -> None:
        """Time passes, and what was under way arrives."""
        self.now += timedelta(seconds=seconds)
        arrived = [act for time, act in self.late if time <= self.now]
        self.late = [(time, act) for time, act in self.late if time > self.now]
        for act in arrived:
            with contextlib.suppress(Fault):
                act()

    async def call(self, act: Callable[[], T], *, own: bool = False) -> T:
        """A call, which may break; within the own database (`own`) nothing arrives late."""
        await asyncio.sleep(0)
        if self.dead:
            raise Crash
        how = self.breaks.pop(0) if self.breaks else None
        if how is Break.CRASH_BEFORE:
            self.dead = True
            raise Crash
        if how is Break.LATE and not own:
            self.late.append((self.now + ANSWER_WITHIN - timedelta(seconds=1), act))
        if how in {Break.LOST_BEFORE, Break.LATE}:
            raise unavailable("it")
        answer = act()
        if how is Break.CRASH_AFTER:
            self.dead = True
            raise Crash
        if how is Break.LOST_AFTER:
            raise unavailable("it")
        await asyncio.sleep(0)
        return answer

    def unit(self) -> Unit:
        """A unit of work, now."""
        return Unit(self.now, self.rows)

    def write(self, usecase: Callable[..., T], *arguments: object) -> T:
        """Run a use-case in a transaction."""
        return usecase(self.unit(), *arguments)

    def attempts(self) -> Mapping[UUID, Attempt]:
        """The attempts as they are stored."""
        return self.rows.rows

    def left(self) -> int:
        """The units that can still be sold."""
        return self.stock

    def sell_out(self) -> None:
        """Others buy all that is left."""
        self.stock = 0

    def book(self) -> Book:
        """Where checkouts are written down."""
        return Book(
            open_attempt=lambda each: self.call(lambda: self.write(checkout.open_attempt, each), own=True),
            go_on=lambda each: self.call(lambda: self.write(checkout.go_on, each), own=True),
            give_up=lambda each: self.call(lambda: self.write(checkout.give_up, each), own=True),
            released=lambda each: self.call(lambda: self.write(checkout.released, each), own=True),
        )

    def holders(self) -> Holders:
        """The other services."""
        return {kind: Coupons(self) if kind is StepKind.COUPONS else Purse(self, kind) for kind in StepKind}

    async def find(self, asked: Asked) -> Mapping[UUID, Offer]:
        return {TEA.id: Offer(TEA, TEA.price)}

    async def tariff(self) -> Tariff:
        return Tariff()

    async def activity(self, basket: Basket, tariff: Tariff) -> Goods:
        raise NotImplementedError

    async def price(
        self, quote: Quote, *, member: UUID | None, channel: str, coupons: Sequence[str], order_id: UUID | None
    ) -> Quote:
        def act() -> Quote:
            usable = self.locks.get(COUPON) in {None, order_id}
            reason = "" if usable else "COUPON_LOCKED"
            return quote.discounted([100 if coupons else 0], [CouponDecision(each, usable, reason) for each in coupons])

        return await self.call(act)

    async def allowance(self, quote: Quote, member: UUID) -> Allowance:
        return await self.call(lambda: Allowance(1, self.most_points))

    def store(self, key: str) -> Callable[[Placement], Awaitable[Order]]:
        """The transaction that stores an order, once per request."""

        def act(placement: Placement) -> Order:
            if key in self.answers:
                return self.answers[key]
            self.place(placement)
            order_id = placement.order.order_id
            self.orders[order_id] = placement
            return self.answers.setdefault(key, Order(f"orders/{order_id}"))

        return lambda placement: self.call(lambda: act(placement), own=True)

    def place(self, placement: Placement) -> None:
        """Store an order. Raises a Fault, and stores nothing, if it can't be."""
        row = self.rows.lock(placement.order.order_id)
        if placement.order.held and (row is None or row.state is not CheckoutState.OPEN):
            raise errors.checkout_abandoned()
        if refusal := placement.refusal():
            raise refusal
        if self.stock == 0:
            raise errors.out_of_stock(TEA.id, requested=1, available=0)
        self.stock -= 1
        if row is not None:
            self.rows.save(row, replace(row, state=CheckoutState.PLACED, drive_time=None))

    def checkout(self) -> Checkout:
        """Leads baskets through all services."""
        return Checkout(
            quote=Quoting(
                find=self.find, prices=self, activity=self.activity, tariff=self.tariff, clock=lambda: self.now
            ),
            rules=self,
            book=self.book(),
            holders=self.holders(),
            pay_within=MINUTES,
        )

    async def buy(self, basket: Basket, key: str = "a request") -> Order:
        """A call of PlaceOrder, as the servicer leads it; a process that died before lives again."""
        self.dead = False
        return await self._buy(basket, key)

    async def twins(self, basket: Basket, key: str, count: int) -> list[Order | BaseException]:
        """Several clicks on the same button."""
        self.dead = False
        return await asyncio.gather(*(self._buy(basket, key) for _ in range(count)), return_exceptions=True)

    async def _buy(self, basket: Basket, key: str) -> Order:
        if key in self.answers:
            return self.answers[key]
        try:
            return await self.checkout().place(basket, Open(key, new_id()), store=self.store(key), afterwards=tidily)
        except Fault:
            if key not in self.answers:
                raise
            return self.answers[key]

    async def revive(self, attempt: Attempt) -> None:
        """Nothing is brought back."""
        raise NotImplementedError

    async def recover(self) -> None:
        """A round of a replica."""
        self.dead = False
        recovery = Recovery(
            take_up=lambda: self.call(lambda: self.write(checkout_recovery.take_up), own=True),
            book=self.book(),
            holders=self.holders(),
            revive=self.revive,
        )
        with contextlib.suppress(Fault, Crash):
            await recovery.round()

    def settle(self, seconds: int = 60) -> None:
        """Nothing breaks any more, and so much time passes, with a replica that looks each second."""
        self.breaks.clear()
        for _ in range(seconds):
            self.pass_time(1)
            asyncio.run(self.recover())

    def check(self) -> None:
        """Everything committed or everything released: what is held is held once, for orders that are there."""
        rows = self.attempts()
        states = {row.state for row in rows.values()}
        assert states <= {CheckoutState.PLACED, CheckoutState.RELEASED}, rows
        placed = {order_id for order_id in rows if order_id in self.orders}
        assert placed == {row.order_id for row in rows.values() if row.state is CheckoutState.PLACED}
        wanted: dict[str, int] = {}
        for order_id in placed:
            for step in rows[order_id].steps:
                assert step.held
                if step.kind is StepKind.COUPONS:
                    assert all(self.locks[coupon] == order_id for coupon in step.coupons)
                else:
                    wanted[number(order_id, step)] = amount(step)
        assert self.holds == wanted
        assert set(self.locks.values()) <= placed
        assert sum(self.funds[kind] for kind in StepKind) == FUNDS * len(StepKind) - sum(wanted.values())
        assert self.left() in {100 - len(self.orders), 0}


async def tidily(work: Awaitable[None]) -> None:
    """As `afterwards.run`: a failure of it hides nothing."""
    with contextlib.suppress(Fault):
        await work


def a_basket(
    *, coupon: bool = True, points: int = 300, stored_value: int = 200, cards: Sequence[int] = (50, 70)
) -> Basket:
    """A basket that is paid in many ways."""
    return Basket(
        wanted=(Wanted(TEA.id, 1),),
        buyer=Buyer(member=MEMBER),
        channel="web",
        coupons=(COUPON,) if coupon else (),
        points=points,
        stored_value=Money(stored_value, "CNY") if stored_value else None,
        gift_cards=tuple(GiftCard(f"CODE-{index}", Money(each, "CNY")) for index, each in enumerate(cards)),
    )
