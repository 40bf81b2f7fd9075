"""Which zone an address lies in, and what a method charges for a weight: every edge of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Fault
from kit.money import LIMIT, Money
from services.orders.domain.address import Address, Area
from services.orders.domain.shipping import (
    Band,
    Choice,
    Method,
    MethodKind,
    Rate,
    chosen,
    freight,
    suggestions,
    zone_of,
)
from tests.support.builders.shipping import a_method, a_rate, a_zone, an_address

ZONE = a_zone()
GOODS = Money(5000, "CNY")


def price(rate: Rate, grams: int, goods: int = 5000) -> int:
    return freight(a_method(rate), ZONE, grams=grams, goods=Money(goods, rate.currency)).minor


@pytest.mark.parametrize(
    ("grams", "expected"),
    [(0, 800), (1, 800), (999, 800), (1000, 800), (1001, 1000), (2000, 1000), (2001, 1200), (10_000, 2600)],
)
def test_each_further_kilogram_that_is_begun_costs_its_price(grams: int, expected: int) -> None:
    assert price(a_rate(ZONE), grams) == expected


@pytest.mark.parametrize(("grams", "expected"), [(0, 800), (1000, 800), (1_000_000, 800)])
def test_without_a_step_any_weight_costs_the_same(grams: int, expected: int) -> None:
    assert price(a_rate(ZONE, further_grams=0), grams) == expected


@pytest.mark.parametrize(("grams", "expected"), [(0, 500), (500, 500), (501, 900), (3000, 900)])
def test_a_table_has_a_price_up_to_each_weight(grams: int, expected: int) -> None:
    assert price(a_rate(ZONE, bands=(Band(500, 500), Band(3000, 900))), grams) == expected


def test_what_is_heavier_than_the_table_is_not_carried() -> None:
    assert cause(lambda: price(a_rate(ZONE, bands=(Band(3000, 900),)), 3001)) == "WEIGHT"


@pytest.mark.parametrize(("goods", "expected"), [(0, 800), (9899, 800), (9900, 0), (9901, 0)])
def test_from_an_order_value_on_it_is_free(goods: int, expected: int) -> None:
    assert price(a_rate(ZONE, free_from=9900), 500, goods) == expected


def test_a_parcel_that_is_too_heavy_is_not_free_either() -> None:
    assert cause(lambda: price(a_rate(ZONE, bands=(Band(10, 1),), free_from=0), 11)) == "WEIGHT"


def test_a_zone_or_a_currency_without_a_rate_is_not_served() -> None:
    method = a_method(a_rate(ZONE))
    for zone, goods in ((a_zone(), GOODS), (None, GOODS), (ZONE, Money(5000, "JPY"))):
        assert cause(lambda zone=zone, goods=goods: freight(method, zone, grams=1, goods=goods)) == "ADDRESS"


def test_picking_up_costs_nothing() -> None:
    assert freight(a_method(kind=MethodKind.PICK_UP), None, grams=10**9, goods=GOODS) == Money(0, "CNY")


@given(
    st.integers(0, 10**9), st.integers(0, 10**9), st.integers(1, 10**6), st.integers(0, 10**6), st.integers(0, 10**6)
)
def test_more_weight_never_costs_less_and_no_price_is_negative_or_beyond_all_bounds(
    lighter: int, more: int, step: int, first: int, further: int
) -> None:
    rate = a_rate(ZONE, first=first, further_grams=step, further=further)
    light, heavy = rate.price(lighter), rate.price(lighter + more)
    assert light is not None
    assert heavy is not None
    assert 0 <= light <= heavy
    if heavy >= LIMIT:
        assert cause(lambda: price(rate, lighter + more)) == "WEIGHT"


@pytest.mark.parametrize(
    ("area", "fits"),
    [
        (Area("CN"), True),
        (Area("HK"), False),
        (Area("CN", ("广东",)), True),
        (Area("CN", ("广东省/深圳",)), True),
        (Area("CN", ("广东/广州",)), False),
        (Area("CN", ("北京", "广东/深圳/南山")), True),
        (Area("CN", ("广东/深圳/南山/科技园",)), False),
        (Area("CN", (), ("518",)), True),
        (Area("CN", (), ("51 80",)), True),
        (Area("CN", (), ("519", "520")), False),
        (Area("CN", ("北京",), ("518",)), True),
    ],
)
def test_an_area_is_a_country_or_the_beginnings_of_regions_and_codes(area: Area, fits: bool) -> None:
    assert (area.fit(an_address()) is not None) is fits


def test_the_closest_zone_of_those_that_the_method_serves_decides() -> None:
    country, province, city, code = (
        a_zone(),
        a_zone(regions=("广东",)),
        a_zone(regions=("广东/深圳",)),
        a_zone(postal_codes=("5180",)),
    )
    zones = [city, country, code, province]
    served = [country, province, city, code]
    while served:
        method = a_method(*(a_rate(zone) for zone in served))
        assert zone_of(method, zones, an_address()) is served.pop()
    assert zone_of(a_method(), zones, an_address()) is None


@pytest.mark.parametrize(
    ("method", "choice", "expected"),
    [
        (a_method(active=False), {"address": an_address()}, "INACTIVE"),
        (a_method(channels=("pos",)), {"address": an_address()}, "CHANNEL"),
        (a_method(), {"location": "main"}, "ADDRESS"),
        (a_method(kind=MethodKind.PICK_UP), {"address": an_address()}, "LOCATION"),
        (a_method(kind=MethodKind.PICK_UP, locations=("north",)), {"location": "south"}, "LOCATION"),
    ],
)
def test_a_choice_must_suit_its_method(method: Method, choice: dict[str, object], expected: str) -> None:
    assert cause(lambda: chosen([method], Choice(method.id, **choice), "web")) == expected  # type: ignore[arg-type]


def test_a_method_that_suits_is_chosen() -> None:
    here, home = a_method(kind=MethodKind.PICK_UP, locations=("north",)), a_method(channels=("web",))
    assert chosen([home, here], Choice(here.id, location="north"), "web") is here
    assert chosen([home, here], Choice(home.id, an_address()), "web") is home


def test_the_offers_are_those_that_carry_the_goods_the_cheapest_first() -> None:
    cheap, dear = a_method(a_rate(ZONE, first=500), title="B"), a_method(a_rate(ZONE, first=900), title="A")
    light = a_method(a_rate(ZONE, bands=(Band(10, 1),)))
    store, asleep = a_method(kind=MethodKind.PICK_UP), a_method(a_rate(ZONE), active=False)
    methods = [dear, light, asleep, cheap, store]

    def offered(address: Address | None) -> list[tuple[Method, int]]:
        found = suggestions(methods, [ZONE], address=address, channel="web", grams=11, goods=GOODS)
        return [(each.method, each.freight.minor) for each in found]

    assert offered(an_address()) == [(store, 0), (cheap, 500), (dear, 900)]
    assert offered(None) == offered(an_address(country="FR")) == [(store, 0)]


@pytest.mark.parametrize(
    "method",
    [
        a_method(title=" "),
        a_method(a_rate(ZONE), a_rate(ZONE)),
        a_method(a_rate(ZONE, bands=(Band(2, 1), Band(2, 2)))),
        a_method(a_rate(ZONE), kind=MethodKind.PICK_UP),
        a_method(locations=("main",)),
        replace(a_method(), days=(3, 1)),
    ],
)
def test_a_method_that_contradicts_itself_is_refused(method: Method) -> None:
    with pytest.raises(Fault):
        method.checked()


@pytest.mark.parametrize("area", [Area("CN", ("/",)), Area("CN", ("a/b/c/d",)), Area("CN", (), ("-",))])
def test_a_zone_names_what_it_has(area: Area) -> None:
    with pytest.raises(Fault):
        replace(ZONE, area=area).checked()


def test_a_masked_address_tells_whom_it_is_for_and_not_where_they_live() -> None:
    masked = an_address().masked()
    assert (masked.recipient, masked.phone, masked.street) == ("王*", "+86138****8000", "****")
    assert (masked.postal_code, masked.region) == ("518***", ("广东省", "深圳市", "南山区"))
    assert Address("CN").masked() == Address("CN")
    assert "王芳" not in repr(an_address())


def cause(act: object) -> str:
    with pytest.raises(Fault) as caught:
        act()  # type: ignore[operator]
    return caught.value.metadata["cause"]
