"""Offers out of memory: read once a second, forgotten at once, and never where prices depend on who asks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from uuid import UUID

from services.orders.domain.offer import Asked, Offer
from services.orders.domain.price_list import Shopper
from services.orders.domain.product import Product
from services.orders.usecases.known_offers import FRESH_SECONDS, Goods, KnownOffers
from tests.support.builders.orders import NOW, a_product

TEA = a_product()


class Shop:
    """A database that counts, and a clock."""

    def __init__(self, *products: Product) -> None:
        self.products = {each.id: each for each in products}
        self.listed = False
        self.reads: list[frozenset[UUID]] = []
        self.found = 0
        self.seconds = 0.0
        self.offers = KnownOffers(read=self.read, find=self.find, seconds=lambda: self.seconds, clock=lambda: NOW)

    async def read(self, ids: frozenset[UUID]) -> Goods:
        self.reads.append(ids)
        goods = Goods({each: self.products[each] for each in ids if each in self.products}, self.listed)
        await asyncio.sleep(0)
        return goods

    async def find(self, asked: Asked) -> Mapping[UUID, Offer]:
        self.found += 1
        return {}

    def ask(self, *products: UUID) -> Mapping[UUID, Offer]:
        return asyncio.run(self.asking(*products))

    async def asking(self, *products: UUID) -> Mapping[UUID, Offer]:
        return await self.offers(Asked(Shopper("web"), dict.fromkeys(products, 1)))


def test_a_product_is_read_once_a_second() -> None:
    shop = Shop(TEA)
    assert {shop.ask(TEA.id)[TEA.id].unit_price for _ in range(3)} == {TEA.price}
    assert len(shop.reads) == 1
    shop.seconds += FRESH_SECONDS
    shop.ask(TEA.id)
    assert len(shop.reads) == 2


def test_only_what_is_not_known_is_read() -> None:
    cup = a_product(sku="CUP-1")
    shop = Shop(TEA, cup)
    shop.ask(TEA.id)
    assert shop.ask(TEA.id, cup.id).keys() == {TEA.id, cup.id}
    assert shop.reads == [frozenset({TEA.id}), frozenset({cup.id})]


def test_what_does_not_exist_is_looked_for_each_time() -> None:
    shop = Shop()
    assert shop.ask(TEA.id) == {}
    shop.products[TEA.id] = TEA
    assert shop.ask(TEA.id).keys() == {TEA.id}


def test_where_there_are_price_lists_the_database_is_asked() -> None:
    shop = Shop(TEA)
    shop.listed = True
    shop.ask(TEA.id)
    shop.ask(TEA.id)
    assert (len(shop.reads), shop.found) == (1, 2)
    shop.listed = False
    shop.seconds += FRESH_SECONDS
    assert shop.ask(TEA.id).keys() == {TEA.id}


def test_a_change_is_seen_at_once_and_not_undone_by_a_read_that_began_before() -> None:
    shop = Shop(TEA)

    async def race() -> None:
        reading = asyncio.create_task(shop.asking(TEA.id))
        await asyncio.sleep(0)
        shop.products[TEA.id] = TEA.archive(NOW)
        shop.offers.forget()
        await reading

    asyncio.run(race())
    assert shop.ask(TEA.id)[TEA.id].refusal is not None
