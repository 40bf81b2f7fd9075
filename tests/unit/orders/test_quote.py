"""Quotes: today's prices, and discounts that must make sense."""

from __future__ import annotations

import pytest

from kit.errors import Fault
from kit.names import new_id
from services.orders.domain.product import Product
from services.orders.domain.quote import CouponDecision, Quote, Wanted
from tests.support.builders.catalogue import an_offer
from tests.support.builders.orders import NOW, a_product, an_item


def listed(*products: Product) -> Quote:
    offers = {each.id: an_offer(each, quantity=2) for each in products}
    return Quote.of([Wanted(each.id, 2) for each in products], offers)


def reason_of(*products: Product) -> str:
    with pytest.raises(Fault) as caught:
        listed(*products)
    return caught.value.reason


def test_lines_get_the_prices_of_their_products() -> None:
    tea, cup = a_product(price=990), a_product(sku="CUP-1", price=0)
    quote = listed(tea, cup)
    assert quote.currency == "CNY"
    assert [(item.product, item.unit_price, item.quantity) for item in quote.items] == [
        (tea.id, 990, 2),
        (cup.id, 0, 2),
    ]


def test_an_unknown_product_cannot_be_sold() -> None:
    with pytest.raises(Fault) as caught:
        Quote.of([Wanted(new_id(), 1)], {})
    assert caught.value.reason == "PRODUCT_NOT_FOUND"


def test_an_archived_product_cannot_be_sold() -> None:
    assert reason_of(a_product().archive(NOW)) == "PRODUCT_ARCHIVED"


def test_an_order_has_one_currency() -> None:
    assert reason_of(a_product(currency="CNY"), a_product(currency="USD")) == "CURRENCY_MIXED"


def test_discounts_belong_to_lines() -> None:
    quote = Quote("CNY", (an_item(unit_price=100, quantity=2), an_item(unit_price=5))).discounted([200, 0], [])
    assert [item.discount for item in quote.items] == [200, 0]


@pytest.mark.parametrize("discounts", [[], [101], [-1]])
def test_a_discount_that_makes_no_sense_is_not_believed(discounts: list[int]) -> None:
    with pytest.raises(Fault) as caught:
        Quote("CNY", (an_item(unit_price=100),)).discounted(discounts, [])
    assert caught.value.reason == "INTERNAL"


def test_a_refused_coupon_refuses_the_order() -> None:
    quote = Quote("CNY", (an_item(),), (CouponDecision("coupons/1", True, ""), CouponDecision("coupons/2", False, "X")))
    with pytest.raises(Fault) as caught:
        quote.check_coupons()
    assert caught.value.metadata == {"coupon": "coupons/2", "cause": "X"}
