"""Checkout: price, lock coupons, hold points, place; all of it or nothing.

The steps in other services happen before the transaction that stores the order, never inside it. Their requests carry
the order's id, so a repeat of the whole changes nothing more. If the order can't be stored, what they hold is released
at once if possible, and by its time to live in any case.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar
from uuid import UUID

from kit.errors import Fault, invalid
from kit.names import join
from services.orders.domain.checkout import HELD_BEYOND, Attempt
from services.orders.domain.order import Buyer
from services.orders.domain.payment import PointsTender
from services.orders.domain.product import Product
from services.orders.domain.quote import Quote, Wanted
from services.orders.usecases.order import PlaceOrder


class Placed(Protocol):
    """The answer to whoever placed an order."""

    @property
    def name(self) -> str:
        """The order's name."""


P = TypeVar("P", bound=Placed)


class Prices(Protocol):
    """Campaigns, which knows the promotions."""

    async def price(
        self, quote: Quote, *, member: UUID | None, channel: str, coupons: Sequence[str], order_id: UUID | None
    ) -> Quote:
        """The quote with its discounts and what became of each coupon; those locked for the order can be used."""


class Coupons(Protocol):
    """Campaigns, which keeps the coupons."""

    async def lock(self, coupons: Sequence[str], *, member: UUID, order_id: UUID, until: datetime) -> None:
        """Lock all of the coupons for an order. Raises a Fault, and locks none, if one can't be used."""

    async def unlock(self, coupons: Sequence[str], *, order_id: UUID) -> None:
        """Free the coupons that are locked for an order."""


class Points(Protocol):
    """Members, which keeps the points."""

    async def hold(self, points: int, *, member: UUID, order_id: UUID, ttl: timedelta) -> PointsTender:
        """Hold points for an order. Raises a Fault if there are too few."""

    async def release(self, tender: PointsTender) -> None:
        """Free held points."""


class Checkouts(Protocol):
    """The stored attempts to check out."""

    def open(self, key: str, order_id: UUID, now: datetime) -> Attempt:
        """The open attempt of a request, or a new one for `order_id`."""

    def abandon(self, order_id: UUID) -> bool:
        """End an attempt as abandoned unless it was placed; answers whether it is abandoned now."""

    def prune(self, before: datetime) -> None:
        """Forget attempts that are older."""


class Work(Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def checkouts(self) -> Checkouts:
        """The stored attempts to check out."""


@dataclass(frozen=True, slots=True)
class Open:
    """Join the open attempt of the request with this key, or begin one under `order_id`."""

    key: str
    order_id: UUID


@dataclass(frozen=True, slots=True)
class Basket:
    """What a customer wants to buy, and with what."""

    wanted: tuple[Wanted, ...]
    buyer: Buyer
    channel: str
    coupons: tuple[str, ...] = ()
    points: int = 0
    store: str = ""

    @property
    def member(self) -> UUID:
        """The member that coupons and points belong to. Raises a Fault for a basket of nobody's."""
        if self.buyer.member is None:
            raise invalid("member", "is needed for coupons and points")
        return self.buyer.member


def open_attempt(unit: Work, command: Open) -> Attempt:
    """Join the open attempt of a request, unless it is stale: then that one is given up and another begins."""
    attempt = unit.checkouts.open(command.key, command.order_id, unit.now)
    if attempt.stale(unit.now):
        unit.checkouts.abandon(attempt.order_id)
        attempt = unit.checkouts.open(command.key, command.order_id, unit.now)
    return attempt


def abandon_attempt(unit: Work, order_id: UUID) -> bool:
    """Give an attempt up; answers whether what it holds may be released, which is not so once it was placed."""
    return unit.checkouts.abandon(order_id)


class Checkout:
    """Leads a basket through all services. Its arguments reach the database and the peers."""

    def __init__(
        self,
        *,
        find: Callable[[Sequence[UUID]], Awaitable[Mapping[UUID, Product]]],
        begin: Callable[[Open], Awaitable[Attempt]],
        abandon: Callable[[UUID], Awaitable[bool]],
        prices: Prices,
        coupons: Coupons,
        points: Points,
        pay_within: timedelta,
    ) -> None:
        self._find = find
        self._begin = begin
        self._abandon = abandon
        self._prices = prices
        self._coupons = coupons
        self._points = points
        self._pay_within = pay_within

    async def quote(self, basket: Basket, order_id: UUID | None = None) -> Quote:
        """What the basket costs, promotions and coupons applied."""
        products = await self._find([line.product for line in basket.wanted])
        return await self._prices.price(
            Quote.at_list_price(basket.wanted, products),
            member=basket.buyer.member,
            channel=basket.channel,
            coupons=basket.coupons,
            order_id=order_id,
        )

    async def place(
        self,
        basket: Basket,
        attempt: Open,
        *,
        store: Callable[[PlaceOrder], Awaitable[P]],
        afterwards: Callable[[Awaitable[None]], Awaitable[None]],
    ) -> P:
        """Price the basket, hold what it needs, and `store` the order; if that fails, release what was held.

        `store` may answer the order of a repeat of the same request that came first.
        `afterwards` runs the release to its end even when the present call is cancelled.
        """
        if not basket.coupons and not basket.points:
            return await store(self._command(basket, await self.quote(basket), attempt.order_id))
        begun = await self._begin(attempt)
        held = _Held()
        try:
            quote = await self.quote(basket, begun.order_id)
            quote.check_coupons()
            await self._hold(basket, begun, held)
            placed = await store(self._command(basket, quote, begun.order_id, held=held))
        except BaseException:
            await afterwards(self._release(basket, begun.order_id, held))
            raise
        if placed.name != join("orders", begun.order_id):  # a twin of this request was first
            await afterwards(self._release(basket, begun.order_id, held))
        return placed

    async def _hold(self, basket: Basket, attempt: Attempt, held: _Held) -> None:
        if basket.coupons:
            await self._coupons.lock(
                basket.coupons,
                member=basket.member,
                order_id=attempt.order_id,
                until=attempt.hold_until(self._pay_within),
            )
        if basket.points:
            held.unsure = True
            try:
                held.points = await self._hold_points(basket, attempt.order_id)
            except Fault as fault:
                held.unsure = fault.transient
                raise

    async def _hold_points(self, basket: Basket, order_id: UUID) -> PointsTender:
        ttl = self._pay_within + HELD_BEYOND
        return await self._points.hold(basket.points, member=basket.member, order_id=order_id, ttl=ttl)

    async def _release(self, basket: Basket, order_id: UUID, held: _Held) -> None:
        if not await self._abandon(order_id):
            return  # it was placed after all
        try:
            if basket.coupons:
                await self._coupons.unlock(basket.coupons, order_id=order_id)
        finally:
            if held.points is None and held.unsure:
                held.points = await self._hold_points(basket, order_id)  # the same once more answers the same
            if held.points is not None:
                await self._points.release(held.points)

    def _command(self, basket: Basket, quote: Quote, order_id: UUID, *, held: _Held | None = None) -> PlaceOrder:
        return PlaceOrder(
            order_id=order_id,
            buyer=basket.buyer,
            channel=basket.channel,
            quote=quote,
            coupons=basket.coupons,
            tender=held.points if held else None,
            held=held is not None,
            pay_within=self._pay_within,
            store=basket.store,
        )


@dataclass(slots=True)
class _Held:
    """What members hold for an attempt; `unsure` when they were asked and it is not known what they did."""

    points: PointsTender | None = None
    unsure: bool = False
