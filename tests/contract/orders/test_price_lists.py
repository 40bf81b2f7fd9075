"""The prices of buyers, on a real database."""

from __future__ import annotations

from datetime import timedelta
from itertools import product as combinations
from typing import Any
from uuid import UUID

from kit.db import Database
from kit.names import new_id
from services.orders.domain.offer import Asked
from services.orders.domain.price_list import Entry, PriceList, Shopper, Standing
from services.orders.domain.product import Component, Product, ProductState, Window
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.offer import find_offers
from tests.support.builders.catalogue import WEB, a_price_list
from tests.support.builders.orders import NOW, a_product
from tests.support.statements import sent

GOLD, SILVER, GUEST = new_id(), new_id(), None
SEGMENT, ACCOUNT = new_id(), new_id()


def stored(database: Database[OrdersUnit], *products: Product) -> None:
    database.write(lambda unit: unit.products.add(*products))


def listed(database: Database[OrdersUnit], entries: dict[UUID, int], *lists: PriceList) -> None:
    def store(unit: OrdersUnit) -> None:
        for price_list in lists:
            unit.price_lists.add(price_list)
            unit.price_lists.set(price_list.id, [Entry(of, 1, price) for of, price in entries.items()])

    database.write(store)


def statements(database: Database[OrdersUnit], batch: list[Asked]) -> tuple[list[str], list[dict[UUID, int]]]:
    """What is sent to find the offers, and the prices that come of it."""
    with sent(database) as said:
        found = database.read(find_offers, batch)
    asked = [each for each in said if "from products" in each or "price_entries" in each]
    return asked, [{of: offer.unit_price.minor for of, offer in each.items()} for each in found]


def test_a_hundred_lines_of_many_buyers_take_one_statement_and_two_with_price_lists(
    database: Database[OrdersUnit],
) -> None:
    products = [a_product(sku=f"TEA-{index}") for index in range(100)]
    stored(database, *products)
    quantities = {product.id: 1 for product in products}
    batch = [Asked(WEB, quantities), Asked(Shopper("pos"), quantities)]
    sent, _ = statements(database, batch)
    assert len(sent) == 1
    listed(database, dict.fromkeys(quantities, 7), a_price_list(channel="pos"))
    sent, prices = statements(database, batch)
    assert len(sent) == 2
    assert [set(each.values()) for each in prices] == [{990}, {7}]


def test_the_lists_that_the_database_finds_are_those_whose_conditions_hold(database: Database[OrdersUnit]) -> None:
    tea = a_product()
    stored(database, tea)
    conditions: list[dict[str, Any]] = [
        {},
        {"channel": "web"},
        {"store": "s"},
        {"tier": "gold"},
        {"segment": SEGMENT},
        {"account": ACCOUNT},
        {"window": Window(None, NOW)},
        {"window": Window(NOW, NOW + timedelta(days=1))},
        {"state": ProductState.ARCHIVED},
        {"channel": "web", "tier": "gold", "segment": SEGMENT},
    ]
    lists = [a_price_list(**terms) for terms in conditions]
    listed(database, {tea.id: 1}, *lists)
    standings = {GOLD: Standing("gold", frozenset({SEGMENT})), SILVER: Standing("silver")}

    def told(unit: OrdersUnit) -> None:
        unit.buyers.tell_tiers([(GOLD, "gold", 2), (SILVER, "silver", 1), (GOLD, "silver", 1)])
        unit.buyers.tell_segments([(GOLD, SEGMENT, True, 5), (SILVER, SEGMENT, True, 1), (SILVER, SEGMENT, False, 2)])

    database.write(told)
    shoppers = [
        Shopper(*who) for who in combinations(("web", "pos"), ("", "s"), (GUEST, GOLD, SILVER), (None, ACCOUNT))
    ]
    asked = [(shopper, tea.id) for shopper in shoppers]
    found = database.read(lambda unit: unit.price_lists.candidates(asked, NOW))
    for shopper, candidates in zip(shoppers, found, strict=True):
        standing = standings.get(shopper.member, Standing()) if shopper.member else Standing()
        due = {each.id for each in lists if each.unmet(shopper, standing, NOW) is None}
        assert {each.price_list for each in candidates} == due


def test_what_is_known_of_a_buyer_is_what_the_newest_event_says(database: Database[OrdersUnit]) -> None:
    def told(unit: OrdersUnit) -> None:
        unit.buyers.tell_tiers([(GOLD, "gold", 3)])
        unit.buyers.tell_tiers([(GOLD, "silver", 2)])
        unit.buyers.tell_segments([(GOLD, SEGMENT, False, 2)])
        unit.buyers.tell_segments([(GOLD, SEGMENT, True, 1)])

    database.write(told)
    assert database.read(lambda unit: unit.buyers.standing(GOLD)) == Standing("gold")
    database.write(lambda unit: unit.buyers.forget([GOLD]))
    assert database.read(lambda unit: unit.buyers.standing(GOLD)) == Standing()


def test_a_product_comes_back_as_it_was_stored(database: Database[OrdersUnit]) -> None:
    tea = a_product()
    window = Window(NOW, NOW + timedelta(days=1))
    bundle = a_product(sku="SET-1").update({"components": (Component(tea.id, 2),), "weight_grams": 250}, NOW)
    bundle = bundle.publish("pos", window, NOW).publish("web", None, NOW)
    stored(database, tea, bundle)
    found = database.read(lambda unit: unit.products.get([bundle.id]))[bundle.id]
    assert found == bundle
    assert database.read(lambda unit: unit.products.components_among([tea.id, bundle.id])) == {tea.id}
