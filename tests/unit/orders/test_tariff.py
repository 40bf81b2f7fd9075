"""What delivery and tax add to a quote, and how a process knows of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Fault
from kit.money import Money
from kit.names import new_id
from services.orders.domain.order import Order
from services.orders.domain.order_content import Buyer
from services.orders.domain.product import Component, Content, Product
from services.orders.domain.quote import Quote, Wanted
from services.orders.domain.shipping import Choice, MethodKind
from services.orders.domain.tariff import Offers, Tariff
from services.orders.domain.tax import Rounding, Taxation
from services.orders.usecases.tariff import FRESH_SECONDS, KnownTariff
from tests.support.builders.catalogue import an_offer
from tests.support.builders.orders import NOW, a_product
from tests.support.builders.shipping import a_method, a_rate, a_tax_rate, a_tax_table, a_zone, an_address

ZONE = a_zone()
PARCEL = a_method(a_rate(ZONE, free_from=10_000))
HOME = Choice(PARCEL.id, an_address())


def weighing(grams: int, price: int = 1130, currency: str = "CNY", tax_class: str = "") -> Product:
    content = Content("Tea", Money(price, currency), weight_grams=grams, tax_class=tax_class)
    return Product.create(new_id(), f"SKU-{new_id()}", content, NOW)


def quoted(*basket: tuple[Product, int], known: tuple[Product, ...] = ()) -> tuple[Quote, Offers]:
    offers = {product.id: an_offer(product, quantity=units, known=known) for product, units in basket}
    return Quote.of([Wanted(product.id, units) for product, units in basket], offers), offers


def charged(tariff: Tariff, choice: Choice | None, *basket: tuple[Product, int]) -> Quote:
    return tariff.charged(*quoted(*basket), choice=choice, channel="web", now=NOW)


def test_without_delivery_and_without_tax_tables_a_quote_stays_as_it_is() -> None:
    quote, offers = quoted((weighing(500), 1))
    assert Tariff(1, (ZONE,), (PARCEL,)).charged(quote, offers, choice=None, channel="web", now=NOW) is quote


def test_freight_goes_by_the_weight_of_all_lines_and_the_value_after_discounts() -> None:
    tariff = Tariff(1, (ZONE,), (PARCEL,))
    quote = charged(tariff, HOME, (weighing(600), 2), (weighing(900), 1))
    assert quote.delivery is not None
    assert (quote.freight, quote.delivery.method, quote.delivery.days) == (1200, PARCEL.id, (1, 3))
    goods, offers = quoted((weighing(500, price=10_000), 1))
    assert tariff.charged(goods, offers, choice=HOME, channel="web", now=NOW).freight == 0
    less = goods.discounted([1], [])
    assert tariff.charged(less, offers, choice=HOME, channel="web", now=NOW).freight == 800


def test_a_bundle_weighs_what_it_says_or_what_is_in_it() -> None:
    part = weighing(700)
    content = Content("Set", Money(1000, "CNY"), components=(Component(part.id, 2),))
    bundle = Product.create(new_id(), "SET-1", content, NOW)
    quote, offers = quoted((bundle, 1), known=(part,))
    tariff = Tariff(1, (ZONE,), (PARCEL,))
    assert tariff.charged(quote, offers, choice=HOME, channel="web", now=NOW).freight == 1000


def test_included_tax_is_inside_of_lines_and_freight() -> None:
    table = a_tax_table(a_tax_rate(), a_tax_rate("food", 900), a_tax_rate("transport", 600), freight_class="transport")
    tariff = Tariff(1, (ZONE,), (PARCEL,), (table,))
    quote = charged(tariff, HOME, (weighing(1), 1), (weighing(1, price=1090, tax_class="food"), 1))
    assert [(item.amount, item.tax, item.added_tax) for item in quote.items] == [(1130, 130, 0), (1090, 90, 0)]
    assert (quote.freight, quote.freight_tax) == (800, 45)
    assert quote.taxation == Taxation(table.id, included=True, rounding=Rounding.HALF_UP)


def test_tax_that_is_added_comes_on_top_of_lines_and_freight() -> None:
    table = a_tax_table(a_tax_rate(basis_points=825), included=False)
    quote = charged(Tariff(1, (ZONE,), (PARCEL,), (table,)), HOME, (weighing(1, price=1000), 1))
    assert [(item.amount, item.tax, item.added_tax) for item in quote.items] == [(1083, 83, 83)]
    assert (quote.freight, quote.freight_tax) == (866, 66)


def test_what_is_fetched_or_sold_over_the_counter_is_taxed_at_home() -> None:
    counter = a_method(kind=MethodKind.PICK_UP)
    tariff = Tariff(1, (), (counter,), (a_tax_table(home=True),))
    for choice in (None, Choice(counter.id, location="north")):
        quote = charged(tariff, choice, (weighing(1), 1))
        assert (quote.items[0].tax, quote.freight) == (130, 0)


def test_an_address_without_a_table_is_not_taxed() -> None:
    quote = charged(Tariff(1, (ZONE,), (PARCEL,), (a_tax_table(country="FR", home=True),)), HOME, (weighing(1), 1))
    assert (quote.taxation, quote.items[0].tax) == (None, 0)


@pytest.mark.parametrize("currency", ["CNY", "JPY", "KWD"])
@given(
    prices=st.lists(st.tuples(st.integers(0, 10**7), st.integers(1, 50), st.integers(0, 100)), min_size=1, max_size=8),
    basis_points=st.integers(0, 10_000),
    included=st.booleans(),
    rounding=st.sampled_from(Rounding),
)
def test_whatever_is_bought_the_order_adds_up(
    currency: str, prices: list[tuple[int, int, int]], basis_points: int, included: bool, rounding: Rounding
) -> None:
    basket = [(weighing(100, price, currency), units) for price, units, _ in prices]
    quote, offers = quoted(*basket)
    discounts = [price * units * percent // 100 for price, units, percent in prices]
    method = a_method(a_rate(ZONE, currency=currency))
    table = a_tax_table(a_tax_rate(basis_points=basis_points), included=included, rounding=rounding)
    tariff = Tariff(1, (ZONE,), (method,), (table,))
    done = tariff.charged(
        quote.discounted(discounts, []), offers, choice=Choice(method.id, an_address()), channel="web", now=NOW
    )
    order = Order.place(
        new_id(),
        buyer=Buyer(),
        channel="web",
        currency=currency,
        items=done.items,
        now=NOW,
        expire_time=None,
        freight=done.freight,
        freight_tax=done.freight_tax,
    )
    goods = sum(price * units for price, units, _ in prices) - sum(discounts)
    assert order.total == sum(line.amount for line in order.lines) + order.freight
    assert 0 <= order.tax <= order.total
    assert all(0 <= line.tax <= line.amount for line in order.lines)
    assert [sum(share.units * share.amount for share in line.shares) for line in order.lines] == [
        line.amount for line in order.lines
    ]
    assert sum(line.amount - line.added_tax for line in order.lines) == goods


def test_a_method_of_another_channel_is_refused() -> None:
    method = replace(PARCEL, channels=("pos",))
    with pytest.raises(Fault) as caught:
        charged(Tariff(1, (ZONE,), (method,)), HOME, (a_product(), 1))
    assert caught.value.metadata["cause"] == "CHANNEL"


def test_the_tariff_is_read_once_a_second_whoever_asks() -> None:
    reads: list[int] = []
    now = 0.0

    async def read(known: Tariff) -> Tariff:
        reads.append(known.version)
        await asyncio.sleep(0)
        return Tariff(len(reads))

    async def ask() -> None:
        nonlocal now
        tariff = KnownTariff(read, lambda: now)
        assert {each.version for each in await asyncio.gather(*(tariff() for _ in range(50)))} == {1}
        now = FRESH_SECONDS
        assert (await tariff()).version == 2
        tariff.forget()
        assert (await tariff()).version == 3

    asyncio.run(ask())
    assert reads == [0, 1, 2]
