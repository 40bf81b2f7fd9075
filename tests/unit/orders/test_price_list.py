"""The price of a product for a buyer."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Fault
from kit.money import Money
from kit.names import new_id
from services.orders.domain.offer import Asked, offer
from services.orders.domain.price_list import Candidate, Condition, Price, Shopper, Standing, choose
from services.orders.domain.product import Component, Product, ProductState, Window
from tests.support.builders.catalogue import WEB, a_price_list, an_offer
from tests.support.builders.orders import NOW, a_product

BASE = Money(1000, "CNY")
FIRST, SECOND = UUID(int=1), UUID(int=2)
CANDIDATES = st.lists(
    st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(0, 2000)), max_size=8, unique_by=lambda each: each[:2]
).map(lambda rows: [Candidate(UUID(int=of), of % 3, "CNY", least, price) for of, least, price in rows])


def a_candidate(of: UUID, price: int, *, priority: int = 0, least: int = 1, currency: str = "CNY") -> Candidate:
    return Candidate(of, priority, currency, least, price)


def cny(price: int, of: UUID) -> Price:
    return Price(Money(price, "CNY"), of)


@pytest.mark.parametrize(
    ("candidates", "quantity", "price"),
    [
        ([], 1, Price(BASE)),
        # a list decides even when it is dearer: the airport costs more
        ([a_candidate(FIRST, 1200)], 1, cny(1200, FIRST)),
        # the highest priority wins, then the lowest price
        ([a_candidate(FIRST, 900, priority=1), a_candidate(SECOND, 800)], 1, cny(900, FIRST)),
        ([a_candidate(FIRST, 900), a_candidate(SECOND, 800)], 1, cny(800, SECOND)),
        # quantity breaks: the greatest that is reached, within its list
        ([a_candidate(FIRST, 900), a_candidate(FIRST, 700, least=10)], 9, cny(900, FIRST)),
        ([a_candidate(FIRST, 900), a_candidate(FIRST, 700, least=10)], 10, cny(700, FIRST)),
        ([a_candidate(FIRST, 700, least=2)], 1, Price(BASE)),
        # amounts of two currencies can't be compared: the product's own comes first
        ([a_candidate(FIRST, 1, currency="USD"), a_candidate(SECOND, 900)], 1, cny(900, SECOND)),
    ],
)
def test_examples_of_the_rule(candidates: list[Candidate], quantity: int, price: Price) -> None:
    assert choose(candidates, BASE, quantity) == price


@given(CANDIDATES.flatmap(lambda given: st.tuples(st.just(given), st.permutations(given))), st.integers(1, 6))
def test_the_price_does_not_depend_on_the_order_of_the_lists(
    orders: tuple[list[Candidate], list[Candidate]], quantity: int
) -> None:
    price = choose(orders[0], BASE, quantity)
    assert choose(orders[1], BASE, quantity) == price
    reached = [each for each in orders[0] if each.min_quantity <= quantity]
    won = [each for each in reached if each.price_list == price.price_list]
    assert bool(won) == bool(reached)
    if won:
        assert price.amount.minor == max(won, key=lambda each: each.min_quantity).price
        assert won[0].priority == max(each.priority for each in reached)


@pytest.mark.parametrize(
    ("terms", "unmet"),
    [
        ({}, None),
        ({"channel": "web", "tier": "gold"}, None),
        ({"channel": "pos"}, Condition.CHANNEL),
        ({"store": "tea-1"}, Condition.STORE),
        ({"tier": "silver"}, Condition.TIER),
        ({"segment": SECOND}, Condition.SEGMENT),
        ({"account": FIRST}, Condition.ACCOUNT),
        ({"window": Window(None, NOW)}, Condition.TIME),
        ({"window": Window(NOW, None)}, None),
        ({"state": ProductState.ARCHIVED}, Condition.STATE),
    ],
)
def test_every_condition_of_a_list_must_hold(terms: dict[str, object], unmet: Condition | None) -> None:
    standing = Standing("gold", frozenset({FIRST}))
    assert a_price_list(**terms).unmet(Shopper("web", "", new_id()), standing, NOW) is unmet


@pytest.mark.parametrize("terms", [{"title": " "}, {"window": Window(NOW, NOW)}])
def test_terms_that_make_no_sense_are_refused(terms: dict[str, object]) -> None:
    with pytest.raises(Fault):
        a_price_list().update(terms, NOW)


def a_bundle(*parts: tuple[Product, int], summed: bool = True) -> Product:
    components = tuple(Component(product.id, quantity) for product, quantity in parts)
    return a_product(sku="SET-1", price=5).update({"components": components, "summed": summed}, NOW)


def test_a_summed_bundle_costs_what_its_components_cost_in_that_number() -> None:
    tea, cup = a_product(price=1000), a_product(sku="CUP-1", price=30)
    bundle = a_bundle((tea, 2), (cup, 1))
    breaks = {tea.id: [Candidate(FIRST, 0, "CNY", 6, 800)]}
    known = {each.id: each for each in (bundle, tea, cup)}
    prices = [
        offer(bundle, Asked(WEB, {bundle.id: quantity}), known, breaks, NOW).unit_price.minor for quantity in (1, 2, 3)
    ]
    assert prices == [2030, 2030, 1630]
    listed = {bundle.id: [Candidate(SECOND, 0, "CNY", 1, 999)]}
    assert offer(bundle, Asked(WEB, {bundle.id: 1}), known, listed, NOW).unit_price.minor == 999
    assert an_offer(a_bundle((tea, 1), summed=False), known=[tea]).unit_price.minor == 5


def test_a_bundle_needs_components_that_are_for_sale_in_one_currency() -> None:
    tea, cup = a_product(), a_product(sku="CUP-1", currency="USD")
    mixed = an_offer(a_bundle((tea, 1), (cup, 1)), known=[tea, cup])
    gone = an_offer(a_bundle((tea, 1)), known=[tea.archive(NOW)])
    assert [each.refusal.reason for each in (mixed, gone) if each.refusal] == ["PRICE_MISSING", "PRODUCT_ARCHIVED"]


def test_a_product_is_offered_where_and_when_it_is_published() -> None:
    tomorrow = Window(NOW + timedelta(days=1), None)
    tea = a_product().publish("pos", None, NOW).publish("app", tomorrow, NOW)
    assert [an_offer(tea, channel=channel).refusal is None for channel in ("web", "pos", "app")] == [True, False, False]
    only_pos = a_product().publish("*", None, NOW).publish("pos", Window(), NOW)
    assert [an_offer(only_pos, channel=channel).refusal is None for channel in ("web", "pos")] == [False, True]


def test_an_order_has_no_more_units_than_the_limit() -> None:
    tea = a_product().update({"purchase_limit": 2}, NOW)
    assert an_offer(tea, quantity=2).refusal is None
    refusal = an_offer(tea, quantity=3).refusal
    assert refusal is not None
    assert (refusal.reason, refusal.metadata["limit"]) == ("PURCHASE_LIMIT_EXCEEDED", "2")
