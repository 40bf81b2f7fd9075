"""Offers out of memory: confirmed once a second, forgotten at once, and never where prices depend on who asks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from uuid import UUID

from services.orders.domain.offer import Asked, Offer
from services.orders.domain.price_list import Shopper
from services.orders.domain.product import Component, Product
from services.orders.usecases.known_offers import FRESH_SECONDS, MOST, Changes, KnownOffers
from tests.support.builders.orders import NOW, a_product

TEA = a_product()


class Shop:
    """A database that counts, and a clock."""

    def __init__(self, *products: Product) -> None:
        self.products = {each.id: each for each in products}
        self.listed = False
        self.reads: list[frozenset[UUID]] = []
        self.confirmed: list[set[UUID]] = []
        self.found = 0
        self.seconds = 0.0
        self.offers = KnownOffers(
            read=self.read, changes=self.changes, find=self.find, seconds=lambda: self.seconds, clock=lambda: NOW
        )

    async def read(self, ids: frozenset[UUID]) -> Mapping[UUID, Product]:
        self.reads.append(ids)
        found = {each: self.products[each] for each in ids if each in self.products}
        found |= {part.product: self.products[part.product] for each in found.values() for part in each.components}
        await asyncio.sleep(0)
        return found

    async def changes(self, versions: Mapping[UUID, int]) -> Changes:
        self.confirmed.append(set(versions))
        changed = {each for each, version in versions.items() if self.products[each].version != version}
        listed = self.listed
        await asyncio.sleep(0)
        return Changes(frozenset(changed), listed)

    async def find(self, asked: Asked) -> Mapping[UUID, Offer]:
        self.found += 1
        return {}

    def change(self, product: Product) -> None:
        """By another process."""
        self.products[product.id] = product

    def ask(self, *products: UUID) -> Mapping[UUID, Offer]:
        return asyncio.run(self.asking(*products))

    async def asking(self, *products: UUID) -> Mapping[UUID, Offer]:
        return await self.offers(Asked(Shopper("web"), dict.fromkeys(products, 1)))


def test_a_product_is_read_once_and_confirmed_once_a_second() -> None:
    shop = Shop(TEA)
    assert {shop.ask(TEA.id)[TEA.id].unit_price for _ in range(3)} == {TEA.price}
    shop.seconds += FRESH_SECONDS
    assert shop.ask(TEA.id)[TEA.id].unit_price == TEA.price
    assert shop.reads == [frozenset({TEA.id})]
    assert shop.confirmed == [set(), {TEA.id}]


def test_what_another_process_changed_is_read_anew_after_a_second() -> None:
    cup = a_product(sku="CUP-1")
    shop = Shop(TEA, cup)
    shop.ask(TEA.id, cup.id)
    shop.change(TEA.archive(NOW))
    assert shop.ask(TEA.id)[TEA.id].refusal is None
    shop.seconds += FRESH_SECONDS
    assert shop.ask(TEA.id)[TEA.id].refusal is not None
    assert shop.reads[1:] == [frozenset({TEA.id})]


def test_a_bundle_is_read_anew_when_a_part_of_it_changed() -> None:
    box = a_product(sku="BOX-1").update({"components": (Component(TEA.id, 2),)}, NOW)
    shop = Shop(TEA, box)
    shop.ask(box.id)
    shop.change(TEA.archive(NOW))
    shop.seconds += FRESH_SECONDS
    assert shop.ask(box.id)[box.id].refusal is not None
    assert shop.confirmed[-1] == {TEA.id, box.id}


def test_those_who_come_together_ask_once_what_has_changed() -> None:
    shop = Shop(TEA)

    async def crowd() -> None:
        await asyncio.gather(*(shop.asking(TEA.id) for _ in range(10)))

    asyncio.run(crowd())
    assert len(shop.confirmed) == 1


def test_only_what_is_not_known_is_read() -> None:
    cup = a_product(sku="CUP-1")
    shop = Shop(TEA, cup)
    shop.ask(TEA.id)
    assert shop.ask(TEA.id, cup.id).keys() == {TEA.id, cup.id}
    assert shop.reads == [frozenset({TEA.id}), frozenset({cup.id})]


def test_what_nobody_has_asked_for_the_longest_makes_room() -> None:
    products = [a_product(sku=f"TEA-{number}") for number in range(MOST + 1)]
    shop = Shop(*products)
    shop.ask(products[1].id)
    shop.ask(*(each.id for each in products[:MOST]))
    shop.ask(*(each.id for each in products[:MOST] if each != products[1]))
    shop.ask(products[MOST].id)
    assert len(shop.reads) == 3
    shop.ask(products[0].id)
    assert len(shop.reads) == 3
    shop.ask(products[1].id)
    assert shop.reads[3:] == [frozenset({products[1].id})]


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
    assert (len(shop.reads), shop.found) == (0, 2)
    shop.listed = False
    shop.seconds += FRESH_SECONDS
    assert shop.ask(TEA.id).keys() == {TEA.id}


def test_a_change_is_seen_at_once_and_not_undone_by_a_read_that_began_before() -> None:
    shop = Shop(TEA)

    async def race() -> None:
        shop.seconds += FRESH_SECONDS
        await shop.asking()
        reading = asyncio.create_task(shop.asking(TEA.id))
        await asyncio.sleep(0)
        shop.change(TEA.archive(NOW))
        shop.offers.forget()
        await reading

    asyncio.run(race())
    assert shop.ask(TEA.id)[TEA.id].refusal is not None


def test_a_price_list_is_seen_at_once_whatever_was_being_asked_meanwhile() -> None:
    shop = Shop(TEA)

    async def race() -> None:
        confirming = asyncio.create_task(shop.asking(TEA.id))
        await asyncio.sleep(0)
        shop.listed = True
        shop.offers.forget()
        await confirming

    asyncio.run(race())
    shop.ask(TEA.id)
    assert shop.found == 1
