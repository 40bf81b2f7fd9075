"""Carts: units, limits, merging; whatever is done to one, what is in it stays within them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from kehu.orders.v1 import events_pb2

from kit.errors import Fault
from kit.money import Money
from kit.names import new_id
from services.orders.domain.cart import KEPT, MOST_LINES, MOST_UNITS, Access, Cart, Offered
from services.orders.publish import to_event
from tests.support.builders.orders import NOW

TEA, CUP = new_id(), new_id()
MEMBER = new_id()
LATER = NOW + timedelta(minutes=5)


def a_cart(member: UUID | None = None) -> Cart:
    return Cart.open(new_id(), member, "web", NOW)


def offered(product: UUID = TEA, price: int = 990, limit: int = 0) -> Offered:
    return Offered(product, Money(price, "CNY"), limit)


def units(cart: Cart) -> dict[tuple[UUID, bool], int]:
    return {(line.product, line.saved): line.quantity for line in cart.lines}


def reason(act: object) -> str:
    with pytest.raises(Fault) as caught:
        act()  # type: ignore[operator]
    return caught.value.reason


def test_units_of_one_product_are_one_line_at_the_price_last_seen() -> None:
    cart = a_cart().add(offered(), 2, NOW).add(offered(CUP), 1, NOW).add(offered(price=890), 3, LATER)
    assert units(cart) == {(TEA, False): 5, (CUP, False): 1}
    assert [line.seen for line in cart.lines] == [Money(890, "CNY"), Money(990, "CNY")]
    assert (cart.version, cart.touch_time, cart.lines[0].add_time) == (4, LATER, NOW)


def test_a_line_is_set_or_taken_out() -> None:
    cart = a_cart().add(offered(), 2, NOW).set(offered(), 7, NOW)
    assert units(cart) == {(TEA, False): 7}
    assert cart.set(offered(), 0, NOW).lines == ()
    assert reason(lambda: cart.set(offered(CUP), 0, NOW)) == "CART_LINE_NOT_FOUND"


def test_a_line_is_saved_for_later_and_taken_back() -> None:
    cart = a_cart().add(offered(), 2, NOW).move(offered(), saved=True, now=NOW)
    assert (units(cart), cart.active) == ({(TEA, True): 2}, ())
    assert cart.move(offered(), saved=True, now=LATER) is cart
    both = cart.add(offered(), 1, NOW)
    assert units(both.move(offered(), saved=False, now=NOW)) == {(TEA, False): 3}
    assert reason(lambda: cart.move(offered(CUP), saved=True, now=NOW)) == "CART_LINE_NOT_FOUND"


def test_a_cart_has_its_limits() -> None:
    full = a_cart()
    for _ in range(MOST_LINES):
        full = full.add(offered(new_id()), 1, NOW)
    assert reason(lambda: full.add(offered(new_id()), 1, NOW)) == "CART_LIMIT"
    assert reason(lambda: full.add(offered(full.lines[0].product), MOST_UNITS, NOW)) == "CART_LIMIT"
    some = a_cart().add(offered(limit=3), 3, NOW)
    assert reason(lambda: some.add(offered(limit=3), 1, NOW)) == "PURCHASE_LIMIT_EXCEEDED"
    assert units(some.move(offered(limit=3), saved=True, now=NOW).add(offered(limit=3), 3, NOW)) == {
        (TEA, True): 3,
        (TEA, False): 3,
    }


def test_a_look_takes_prices_as_seen_and_orders_nothing_else() -> None:
    cart = a_cart().add(offered(), 1, NOW)
    seen = cart.seen({TEA: Money(500, "CNY")}, LATER)
    assert (seen.lines[0].seen, seen.version, seen.touch_time) == (Money(500, "CNY"), cart.version, LATER)


def test_merging_sums_within_the_limits_and_keeps_coupons() -> None:
    mine = a_cart(MEMBER).add(offered(), 2, NOW).with_coupons(["coupons/1", "coupons/2"], NOW)
    guest = a_cart().add(offered(), 9, NOW).add(offered(CUP), 1, NOW).with_coupons(["coupons/2", "coupons/3"], NOW)
    merged = mine.merged(guest, {TEA: 5}, LATER)
    assert units(merged) == {(TEA, False): 5, (CUP, False): 1}
    assert merged.coupons == ("coupons/1", "coupons/2", "coupons/3")
    gone = guest.gone_into(mine.id, LATER)
    assert (gone.lines, gone.coupons, gone.merged_into) == ((), (), mine.id)
    assert reason(gone.usable) == "CART_MERGED"


QUANTITIES = st.dictionaries(st.integers(0, 150), st.integers(1, MOST_UNITS), max_size=150)


@given(QUANTITIES, QUANTITIES, st.integers(0, 50))
def test_whatever_is_merged_stays_within_the_limits_and_takes_nothing_away(
    mine: dict[int, int], other: dict[int, int], limit: int
) -> None:
    def cart(quantities: dict[int, int]) -> Cart:
        lines = [
            replace(a_cart().add(offered(UUID(int=key)), 1, NOW).lines[0], quantity=min(quantity, limit or quantity))
            for key, quantity in quantities.items()
        ][:MOST_LINES]
        room = MOST_UNITS
        kept = []
        for line in lines:
            if line.quantity <= room:
                kept.append(line)
                room -= line.quantity
        return replace(a_cart(), lines=tuple(kept))

    first, second = cart(mine), cart(other)
    limits = {UUID(int=key): limit for key in range(151)}
    merged = first.merged(second, limits, NOW)
    assert sum(line.quantity for line in merged.lines) <= MOST_UNITS
    assert max(len(merged.active), len(merged.saved)) <= MOST_LINES
    assert not limit or all(line.quantity <= limit for line in merged.active)
    before, after = units(first), units(merged)
    assert all(after[key] >= quantity for key, quantity in before.items())


def test_what_was_ordered_leaves_and_what_is_saved_stays() -> None:
    cart = a_cart().add(offered(), 1, NOW).add(offered(CUP), 1, NOW).move(offered(CUP), saved=True, now=NOW)
    order = new_id()
    after = cart.with_coupons(["coupons/1"], NOW).ordered(order, b"terms", LATER)
    assert (units(after), after.coupons) == ({(CUP, True): 1}, ())
    assert (after.order, after.ordered_version, after.ordered_terms) == (order, cart.version + 1, b"terms")
    assert after.version == cart.version + 2


def test_a_cart_is_abandoned_until_somebody_touches_it() -> None:
    cart, fact = a_cart(MEMBER).add(offered(), 1, NOW).abandoned(LATER)
    assert (cart.abandon_time, fact.cart) == (LATER, cart)
    event = to_event(fact)
    told = json_format.Parse(event.payload, events_pb2.CartAbandoned())
    assert (event.subject, told.member, told.channel) == (f"carts/{cart.id}", f"members/{MEMBER}", "web")
    assert [(line.product, line.quantity) for line in told.lines] == [(f"products/{TEA}", 1)]
    assert cart.add(offered(), 1, LATER).abandon_time is None
    assert cart.seen({}, LATER).abandon_time is None


@pytest.mark.parametrize(
    ("member", "access", "allowed"),
    [
        (None, Access(secret=True), True),
        (None, Access(member=MEMBER), False),
        (None, Access(staff=True), True),
        (MEMBER, Access(member=MEMBER), True),
        (MEMBER, Access(member=new_id()), False),
        (MEMBER, Access(secret=True), False),
        (MEMBER, Access(), False),
        (MEMBER, Access(staff=True), True),
    ],
)
def test_a_guests_cart_is_for_its_secret_and_a_members_for_the_member(
    member: UUID | None, access: Access, allowed: bool
) -> None:
    cart = a_cart(member)
    if allowed:
        assert cart.check(access) is cart
    else:
        assert reason(lambda: cart.check(access)) == "CART_NOT_FOUND"


def test_only_a_guests_cart_is_thrown_away() -> None:
    assert (a_cart().expire_time, a_cart(MEMBER).expire_time) == (NOW + KEPT, None)
