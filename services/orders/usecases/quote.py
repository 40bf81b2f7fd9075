"""Quotes: what a basket costs, by the same chain for whoever only asks and for whoever buys.

The chain: find the products at the buyer's prices -> campaigns takes discounts off -> the tariff adds freight and tax.
Each takes the quote so far and answers a new one. Of a basket that names an activity, that one says the price.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol
from uuid import UUID

from kit.clock import Clock, utc_now
from services.orders.domain.address import Address
from services.orders.domain.offer import Asked, Offer
from services.orders.domain.quote import Quote
from services.orders.domain.shipping import Suggestion
from services.orders.domain.tariff import Tariff
from services.orders.usecases.activity import Goods
from services.orders.usecases.basket import Basket


class Prices(Protocol):
    """Campaigns, which knows the promotions."""

    async def price(
        self, quote: Quote, *, member: UUID | None, channel: str, coupons: Sequence[str], order_id: UUID | None
    ) -> Quote:
        """The quote with its discounts and what became of each coupon; those locked for the order can be used."""


class Quoting:
    """Prices baskets. Its arguments reach the database and campaigns."""

    def __init__(
        self,
        *,
        find: Callable[[Asked], Awaitable[Mapping[UUID, Offer]]],
        prices: Prices,
        activity: Callable[[Basket, Tariff], Awaitable[Goods]],
        tariff: Callable[[], Awaitable[Tariff]],
        clock: Clock = utc_now,
    ) -> None:
        self.find = find
        self._prices = prices
        self._activity = activity
        self._tariff = tariff
        self._clock = clock

    async def __call__(self, basket: Basket, order_id: UUID | None = None) -> Quote:
        """What the basket costs, promotions and coupons applied; those that the order has locked can be used."""
        offers, discounted, tariff = await self._discounted(basket, order_id)
        charged = tariff.charged(discounted, offers, choice=basket.delivery, channel=basket.channel, now=self._clock())
        return charged if basket.activity else replace(charged, location=basket.location)

    async def suggest(self, basket: Basket, address: Address | None) -> list[Suggestion]:
        """The shipping methods that can bring the basket to an address, and those of picking up."""
        offers, discounted, tariff = await self._discounted(basket, None)
        return tariff.suggestions(discounted, offers, address=address, channel=basket.channel)

    async def _discounted(self, basket: Basket, order_id: UUID | None) -> tuple[Mapping[UUID, Offer], Quote, Tariff]:
        if basket.activity:
            tariff = await self._tariff()
            goods = await self._activity(basket, tariff)
            return goods.offers, goods.quote, tariff
        offers = await self.find(basket.asked())
        discounted = await self._prices.price(
            Quote.of(basket.wanted, offers),
            member=basket.buyer.member,
            channel=basket.channel,
            coupons=basket.coupons,
            order_id=order_id,
        )
        return offers, discounted, await self._tariff()
