"""Merges of members: lists, carts and prices are those of the whole family, and each has its own when it is undone."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kehu.members.v1.events_pb2 import TierChanged
from sqlalchemy import text

from kit.db import Database
from kit.errors import Fault
from kit.names import new_id
from kit.page import Page
from kit.worker import Received
from services.orders import publish
from services.orders.consumer import note_members
from services.orders.domain.cart import Access, Cart, Offered
from services.orders.domain.desk import DeskQuery
from services.orders.domain.order import Order
from services.orders.domain.order_content import Buyer, OrderQuery
from services.orders.domain.order_state import OrderState
from services.orders.storage.unit import CONSTRAINTS, OrdersUnit
from services.orders.usecases.cart import ChangeCart, OpenCart, change_cart, get_cart, open_cart
from services.orders.usecases.order import list_orders
from tests.support.builders.merges import PEOPLE, Story, merged, unmerged
from tests.support.builders.orders import NOW, an_order, paid
from tests.support.statements import plans

Db = Database[OrdersUnit]
ALL = Page(1000)
TEA = Offered(UUID(int=7), None)


def told(database: Db, *events: Received) -> None:
    database.write(note_members, events)


def placed(database: Db, member: UUID, count: int = 1, **changes: Any) -> list[UUID]:
    """Orders of a member, placed at different minutes."""
    orders = [
        an_order(buyer=Buyer(member=member), now=NOW + timedelta(minutes=random.randrange(10_000)), **changes)
        for _ in range(count)
    ]
    database.write(lambda unit: unit.orders.add(orders))
    return [order.id for order in orders]


def listed(database: Db, member: UUID, **filters: Any) -> list[UUID]:
    """The orders of a member, which the list and the desk's search agree on."""
    found = [order.id for order in database.read(list_orders, OrderQuery(member=member, **filters), ALL)]
    assert database.read(lambda unit: unit.order_search.ids(DeskQuery(member=member, **filters), ALL)) == found
    return found


def opened(database: Db, member: UUID, store: str = "") -> Cart:
    return database.write(open_cart, OpenCart(new_id(), member, "web", Access(member), store))


def filled(database: Db, cart: Cart) -> Cart:
    staff = Access(staff=True)
    return database.write(change_cart, ChangeCart(cart.id, staff, lambda found, now: found.add(TEA, 1, now)))


def reads(database: Db, member: UUID, cart: Cart) -> bool:
    """Whether a member may use a cart."""
    try:
        return database.read(get_cart, cart.id, Access(member)).id == cart.id
    except Fault as fault:
        return fault.reason != "CART_NOT_FOUND"


@pytest.fixture
def pair() -> tuple[UUID, UUID]:
    """Who is merged, and who is kept."""
    return new_id(), new_id()


Pair = tuple[UUID, UUID]


def test_a_list_by_member_has_the_orders_of_both_and_of_each_again_when_it_is_undone(database: Db, pair: Pair) -> None:
    theirs, own = (placed(database, member, 2) for member in pair)
    placed(database, new_id())
    told(database, merged(*pair))
    assert set(listed(database, pair[1])) == {*theirs, *own}
    assert listed(database, pair[0]) == listed(database, pair[1])
    late = placed(database, pair[0])
    told(database, unmerged(*pair))
    assert (set(listed(database, pair[0])), set(listed(database, pair[1]))) == ({*theirs, *late}, set(own))


def test_an_order_keeps_the_member_who_placed_it(database: Db, pair: Pair) -> None:
    (theirs,) = placed(database, pair[0])
    told(database, merged(*pair))
    (found,) = database.read(list_orders, OrderQuery(member=pair[1]), ALL)
    assert (found.id, found.buyer.member) == (theirs, pair[0])


def test_other_filters_go_with_the_member(database: Db, pair: Pair) -> None:
    web, shop = (placed(database, pair[0], channel=channel) for channel in ("web", "shop"))
    told(database, merged(*pair))
    assert (listed(database, pair[1], channel="web"), listed(database, pair[1], channel="shop")) == (web, shop)
    assert listed(database, pair[1], state=OrderState.PAID) == []


@pytest.mark.parametrize("search", [False, True])
def test_pages_of_a_family_end_where_the_next_begins(database: Db, search: bool) -> None:
    people = [new_id() for _ in range(3)]
    placed_at = {member: placed(database, member, 3) for member in people}
    same = [an_order(buyer=Buyer(member=member)) for member in people * 2]  # all at one instant
    database.write(lambda unit: unit.orders.add(same))
    told(database, merged(people[0], people[2]), merged(people[1], people[2]))

    def page_after(after: tuple[str, str] | None) -> Sequence[Order]:
        page = Page(4, after)
        if not search:
            return database.read(list_orders, OrderQuery(member=people[2]), page)
        ids = database.read(lambda unit: unit.order_search.ids(DeskQuery(member=people[2]), page))
        orders = database.read(lambda unit: unit.orders.get(ids))
        return [orders[each] for each in ids]

    seen: list[Order] = []
    rows = page_after(None)
    while len(rows) > 4:
        seen += rows[:4]
        rows = page_after((rows[3].place_time.isoformat(), str(rows[3].id)))
    seen += rows
    assert [each.id for each in seen] == [
        each.id for each in sorted(seen, key=lambda each: (each.place_time, each.id), reverse=True)
    ]
    expected = {*(each.id for each in same), *(each for ids in placed_at.values() for each in ids)}
    assert (len(seen), {each.id for each in seen}) == (15, expected)


def test_a_chain_is_taken_apart_in_any_order_of_its_links(database: Db) -> None:
    ann, bea, cy = people = [new_id() for _ in range(3)]
    theirs = {member: placed(database, member)[0] for member in people}
    told(database, merged(bea, cy), merged(ann, bea))
    assert {frozenset(listed(database, each)) for each in people} == {frozenset(theirs.values())}
    told(database, unmerged(bea, cy))
    assert set(listed(database, ann)) == set(listed(database, bea)) == {theirs[ann], theirs[bea]}
    assert listed(database, cy) == [theirs[cy]]


def test_of_a_circle_the_newest_link_is_right(database: Db, pair: Pair) -> None:
    ann, bea = pair
    both = {*placed(database, ann), *placed(database, bea)}
    told(database, merged(bea, ann, version=5, time=NOW + timedelta(hours=2)))
    told(database, merged(ann, bea, version=2, time=NOW))
    assert set(listed(database, ann)) == set(listed(database, bea)) == both
    assert opened(database, bea).member == ann
    told(database, unmerged(ann, bea, version=3, time=NOW + timedelta(hours=1)))
    assert set(listed(database, bea)) == both


def test_an_unmerge_that_comes_first_leaves_both_as_they_are(database: Db, pair: Pair) -> None:
    theirs = placed(database, pair[0])
    told(database, unmerged(*pair))
    told(database, merged(*pair))
    assert (listed(database, pair[0]), listed(database, pair[1])) == (theirs, [])


@pytest.mark.parametrize("store", ["", "hangzhou"])
def test_an_open_cart_goes_to_who_is_kept_and_back(database: Db, pair: Pair, store: str) -> None:
    gone, kept = pair
    theirs = filled(database, opened(database, gone, store))
    told(database, merged(*pair))
    found = opened(database, kept, store)
    assert (found.id, found.member, found.lines) == (theirs.id, kept, theirs.lines)
    assert opened(database, gone, store).id == theirs.id
    told(database, unmerged(*pair))
    assert not reads(database, kept, theirs)
    assert opened(database, kept, store).id != theirs.id
    again = opened(database, gone, store)
    assert (again.id, again.member) == (theirs.id, gone)


def test_of_two_carts_the_kept_member_s_is_opened_and_both_can_be_read(database: Db, pair: Pair) -> None:
    gone, kept = pair
    theirs, own = (filled(database, opened(database, member)) for member in pair)
    told(database, merged(*pair))
    assert opened(database, kept).id == opened(database, gone).id == own.id
    assert [reads(database, member, cart) for member in pair for cart in (theirs, own)] == [True] * 4
    assert not reads(database, new_id(), theirs)


def test_a_cart_with_lines_is_opened_rather_than_an_empty_one(database: Db, pair: Pair) -> None:
    opened(database, pair[1])
    theirs = filled(database, opened(database, pair[0]))
    told(database, merged(*pair))
    assert opened(database, pair[1]).id == theirs.id


def test_prices_go_by_the_tier_of_who_is_kept(database: Db, pair: Pair) -> None:
    def tier(member: UUID, to_tier: str) -> Received:
        message = TierChanged(member=f"members/{member}", to_tier=to_tier)
        return Received(new_id(), "TierChanged", message.member, 1, NOW, message)

    def tiers() -> list[str]:
        standing = database.read(lambda unit: [unit.buyers.standing(each).tier for each in pair])
        in_sales = database.read(lambda unit: unit.flash_sale_units.tiers(pair))
        assert [in_sales[each] for each in pair] == standing
        return standing

    told(database, tier(pair[0], "silver"), tier(pair[1], "gold"))
    assert tiers() == ["silver", "gold"]
    told(database, merged(*pair))
    assert tiers() == ["gold", "gold"]
    told(database, unmerged(*pair))
    assert tiers() == ["silver", "gold"]


def test_who_is_one_person_with_a_customer_is_no_new_one(database: Db, pair: Pair) -> None:
    def customers() -> set[UUID]:
        return database.read(lambda unit: unit.groups.customers([*pair, new_id()]))

    order = an_order(buyer=Buyer(member=pair[0]))
    database.write(lambda unit: unit.orders.add([order]))
    order = replace(order, counter=database.read(lambda unit: unit.orders.get([order.id]))[order.id].counter)
    database.write(lambda unit: unit.orders.save([(order, paid(order))]))
    assert customers() == {pair[0]}
    told(database, merged(*pair))
    assert customers() == {*pair}
    told(database, unmerged(*pair))
    assert customers() == {pair[0]}


@pytest.fixture(scope="module")
def shared(postgres: Any) -> Iterator[Db]:
    """One database for all stories: nobody is in two of them."""
    database = Database(
        postgres.migrated("orders"),
        partial(OrdersUnit, publish=publish.to_event),
        constraints=CONSTRAINTS,
        clock=lambda: NOW,
        pool_size=16,
    )
    yield database
    database.close()


steps = st.lists(
    st.tuples(
        st.sampled_from([Story.merge, Story.merge, Story.undo]),
        st.integers(0, PEOPLE - 1),
        st.integers(0, PEOPLE - 1),
    ),
    max_size=12,
)


def assert_told(database: Db, story: Story, orders: dict[UUID, UUID], carts: dict[UUID, Cart]) -> None:
    """Everybody finds the orders of all who are one person with them, and may use just their carts."""
    for member in story.people:
        family = {each for each in story.people if story.root(each) == story.root(member)}
        assert set(listed(database, member)) == {orders[each] for each in family}
        assert {each for each in story.people if reads(database, member, carts[each])} == family
        assert opened(database, member).id == carts[story.root(member)].id


def told_of(database: Db, happened: list[tuple[Any, int, int]]) -> tuple[Story, dict[UUID, UUID], dict[UUID, Cart]]:
    """A story, with an order and a cart of each of its people."""
    story = Story()
    for happen, one, other in happened:
        happen(story, story.people[one], story.people[other])
    orders = {member: placed(database, member)[0] for member in story.people}
    return story, orders, {member: opened(database, member) for member in story.people}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(happened=steps, chance=st.randoms(use_true_random=False))
def test_everybody_finds_what_is_theirs_whatever_order_merges_are_told_in(
    shared: Db, happened: list[tuple[Any, int, int]], chance: random.Random
) -> None:
    story, orders, carts = told_of(shared, happened)
    arrivals = story.told + chance.choices(story.told, k=len(story.told) // 2) if story.told else []
    chance.shuffle(arrivals)
    while arrivals:
        size = chance.randrange(1, 4)
        told(shared, *arrivals[:size])
        del arrivals[:size]
    assert_told(shared, story, orders, carts)


@pytest.mark.parametrize("seed", range(3))
def test_merges_and_undoings_that_are_told_at_the_same_time_come_to_the_same(shared: Db, seed: int) -> None:
    chance = random.Random(seed)
    acts = [Story.merge, Story.merge, Story.undo]
    happened = [(chance.choice(acts), chance.randrange(PEOPLE), chance.randrange(PEOPLE)) for _ in range(40)]
    story, orders, carts = told_of(shared, happened)
    arrivals = story.told * 2
    chance.shuffle(arrivals)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda each: told(shared, each), arrivals))
    assert_told(shared, story, orders, carts)


# -- how the database goes about it


@pytest.fixture
def crowd(database: Db, pair: Pair) -> Db:
    """Thirty thousand orders of three thousand members, of whom two thousand were merged; statistics are known."""
    database.write(_crowd)
    placed(database, pair[0])
    told(database, merged(*pair))
    return database


def _crowd(unit: OrdersUnit) -> None:
    unit.orders.add([an_order()])
    query = "select column_name from information_schema.columns where table_name = 'orders'"
    names = [name for name in unit.connection.execute(text(query)).scalars() if name != "counter"]
    fresh = {
        "id": "gen_random_uuid()",
        "place_time": "o.place_time - n * interval '1 second'",
        "member_id": "cast(lpad(cast(n % 3000 as text), 32, '0') as uuid)",
        "channel": "cast(n % 5 as text)",
    }
    values = ", ".join(fresh.get(name, f'o."{name}"') for name in names)
    rows = "(select * from orders limit 1) o, generate_series(1, 30000) n"
    columns = ", ".join(f'"{name}"' for name in names)
    unit.connection.execute(text(f"insert into orders ({columns}) select {values} from {rows}"))
    unit.connection.execute(
        text("""
            insert into members (member_id, into_id, link_time, link_version, root_id)
            select cast(lpad(cast(n as text), 32, '0') as uuid), kept, now(), 1, kept
            from (select n, cast(lpad(cast(n % 1000 as text), 32, '0') as uuid) as kept
                  from generate_series(1000, 2999) n) as gone
        """)
    )
    unit.connection.execute(text("analyze orders, members"))


KEPT = UUID(int=5)
READS: dict[str, Callable[[OrdersUnit], object]] = {
    "list": lambda unit: unit.orders.page(OrderQuery(member=KEPT), Page(50)),
    "list of a channel": lambda unit: unit.orders.page(OrderQuery(member=KEPT, channel="1"), Page(50)),
    "later page": lambda unit: unit.orders.page(
        OrderQuery(member=KEPT), Page(50, ((NOW - timedelta(hours=2)).isoformat(), str(KEPT)))
    ),
    "search": lambda unit: unit.order_search.ids(DeskQuery(member=KEPT), Page(50)),
    "search in a state": lambda unit: unit.order_search.ids(
        DeskQuery(member=KEPT, state=OrderState.PENDING_PAYMENT), Page(50)
    ),
    "customers": lambda unit: unit.groups.customers([KEPT]),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_what_a_family_has_is_read_by_indexes(crowd: Db, read: Callable[[OrdersUnit], object]) -> None:
    scans = [
        node for plan in _plans(crowd, read) for node in _nodes(plan) if "Relation Name" in node or "Index Name" in node
    ]
    of_orders = {node.get("Index Name") for node in scans if node.get("Relation Name") == "orders"}
    assert of_orders <= {"orders_member", None}
    assert "orders_member" in {node.get("Index Name") for node in scans}
    assert not [node for node in scans if node["Node Type"] == "Seq Scan"]


def _plans(database: Db, read: Callable[[OrdersUnit], object]) -> list[dict[str, Any]]:
    """How the statements of a read go."""

    def explain(unit: OrdersUnit) -> list[dict[str, Any]]:
        def read_it() -> None:
            with suppress(TypeError):  # the crowd has no lines to show
                read(unit)

        return plans(unit.connection, read_it)

    return database.read(explain)


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for below in plan.get("Plans", []) for node in _nodes(below))]
