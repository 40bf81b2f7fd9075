"""Parts of the organisation in SQL: lists agree with single looks, and come by the indexes made for them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from kit.db import Database
from kit.names import new_id
from kit.org import outside, within
from kit.page import Page
from services.orders.domain.cart import Cart
from services.orders.domain.checkout import Attempt
from services.orders.domain.desk import DeskQuery
from services.orders.domain.group import Group, GroupQuery
from services.orders.domain.group_buy import GroupBuy
from services.orders.domain.order_content import OrderQuery
from services.orders.domain.refund import RefundQuery
from services.orders.storage.tables.catalogue import stores
from services.orders.storage.unit import OrdersUnit
from tests.contract.orders.groups import started
from tests.contract.orders.presales import announced
from tests.support.builders.orders import MINUTES, NOW, an_order
from tests.support.statements import indexes, plans, sent

Db = Database[OrdersUnit]
ALL = Page(1000)
ORGS = ("", "/cn", "/cn/east", "/cn/east/li", "/cn/east2", "/cn/eas", "/cn/east%", "/cn/east/li/x")


class RolledBack(Exception):
    """Ends an example's transaction."""


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.sampled_from(ORGS), min_size=1, max_size=8), org=st.sampled_from(ORGS[1:]))
def test_lists_show_what_single_looks_show(database: Db, parts: list[str], org: str) -> None:
    def check(unit: OrdersUnit) -> None:
        _stores(unit, {f"s{number}": part for number, part in enumerate(parts)})
        sold = [an_order(store=f"s{number}") for number in range(len(parts))]
        unit.orders.add(sold)

        listed = {each.id for each in unit.orders.page(OrderQuery(org=org), ALL)}
        found = set(unit.order_search.ids(DeskQuery(org=org), ALL))
        for each, part in zip(sold, parts, strict=True):
            inside = part != "" and within(part, org)
            assert (each.id in listed) is (each.id in found) is inside
            assert (outside(unit, org, {"orders": [str(each.id)]}) is None) is inside
            assert (outside(unit, org, {"stores": [each.store]}) is None) is inside
        raise RolledBack

    with pytest.raises(RolledBack):
        database.write(check)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.sampled_from(ORGS), min_size=1, max_size=8), org=st.sampled_from(ORGS[1:]))
def test_what_stores_have_is_listed_page_by_page_as_single_looks_show_it(
    database: Db, parts: list[str], org: str
) -> None:
    def check(unit: OrdersUnit) -> None:
        _stores(unit, {f"s{number}": part for number, part in enumerate(parts)})
        begun = [_attempt(store=f"s{number % len(parts)}", age=number) for number in range(2 * len(parts))]
        for each in begun:
            unit.checkouts.open(str(each.order_id), each)
        inside = [each for each in begun if within(part := parts[int(each.store[1:])], org) and part]

        listed: list[Attempt] = []
        while more := unit.checkouts.page(None, Page(3, _position(listed)), org=org)[:3]:
            listed += more
        assert listed == inside
        for each in begun:
            cart = unit.carts.open(Cart.open(new_id(), None, "web", NOW, store=each.store))
            for collection, id_ in (("checkouts", each.order_id), ("carts", cart.id)):
                assert (outside(unit, org, {collection: [str(id_)]}) is None) is (each in inside)
        raise RolledBack

    with pytest.raises(RolledBack):
        database.write(check)


def _attempt(*, store: str, age: int) -> Attempt:
    time = NOW - timedelta(seconds=age)
    return Attempt.begin(new_id(), member=None, steps=(), pay_within=MINUTES, now=time, store=store)


def _position(listed: list[Attempt]) -> tuple[str, str] | None:
    return (listed[-1].open_time.isoformat(), str(listed[-1].order_id)) if listed else None


def test_placing_an_order_takes_no_statement_more_for_its_part(database: Db) -> None:
    def place(unit: OrdersUnit) -> list[str]:
        _stores(unit, {"s1": "/cn/east"})
        with sent(unit.connection) as statements:
            unit.orders.add([an_order(store="s1")])
        return statements

    assert len(database.write(place)) == 1


@pytest.mark.parametrize("search", [False, True])
def test_a_page_of_a_small_part_comes_by_its_index_and_of_a_large_one_in_the_order_of_time(
    database: Db, search: bool
) -> None:
    database.write(_crowd)

    assert _indexes(database, "/cn/east/tiny", search=search) == {"orders_org"}
    assert _indexes(database, "/cn/east", search=search) == {"orders_latest"}


def test_the_refunds_of_a_small_part_are_found_from_its_orders(database: Db) -> None:
    database.write(_crowd)
    database.write(_refund_all)

    tiny = _plan_of(database, lambda unit: unit.refunds.page(RefundQuery(org="/cn/east/tiny"), Page(50)))
    large = _plan_of(database, lambda unit: unit.refunds.page(RefundQuery(org="/cn/east"), Page(50)))

    assert {"orders_org", "refunds_latest"} <= tiny
    assert "refunds_all" in large


def test_the_money_at_providers_of_a_small_part_is_found_from_its_orders(database: Db) -> None:
    database.write(_crowd)
    database.write(_charge_all)

    def intents(org: str) -> set[str]:
        return _plan_of(database, lambda unit: unit.payment_intents.page(None, None, Page(50), org=org))

    def backwards(org: str) -> set[str]:
        return _plan_of(database, lambda unit: unit.provider_refunds.page(None, None, Page(50), org=org))

    assert {"orders_org", "payment_intents_order"} <= intents("/cn/east/tiny")
    assert "payment_intents_latest" in intents("/cn/east")
    assert {"orders_org", "provider_refunds_order"} <= backwards("/cn/east/tiny")
    assert "provider_refunds_latest" in backwards("/cn/east")


def test_the_presale_orders_of_a_small_part_are_found_from_its_orders(database: Db) -> None:
    presale = announced(database)
    database.write(_crowd)
    database.write(_reserve_all, presale.id)

    tiny = _plan_of(database, lambda unit: unit.presale_orders.page(presale.id, Page(50), org="/cn/east/tiny"))
    large = _plan_of(database, lambda unit: unit.presale_orders.page(presale.id, Page(50), org="/cn/east"))

    assert {"orders_org", "presale_orders_pkey"} <= tiny
    assert "orders_org" not in large


def test_the_checkouts_of_a_part_are_found_from_its_stores(database: Db) -> None:
    database.write(_crowd)
    database.write(_check_all_out)

    def listed(org: str) -> set[str]:
        return _plan_of(database, lambda unit: unit.checkouts.page(None, Page(50), org=org))

    assert listed("/cn/east/tiny") == listed("/cn/east") == {"checkouts_store"}


def test_the_groups_of_a_part_are_found_from_its_stores(database: Db) -> None:
    of = started(database)
    database.write(_crowd)
    database.write(_open_all, of)

    def listed(org: str) -> set[str]:
        return _plan_of(database, lambda unit: unit.groups.page(GroupQuery(of.id, org), Page(50), NOW))

    assert listed("/cn/east/tiny") == listed("/cn/east") == {"buying_groups_store"}


def _open_all(unit: OrdersUnit, of: GroupBuy) -> None:
    """A group for each order, opened in its store."""
    _stores_of_the_crowd(unit)
    unit.groups.add([Group.open(new_id(), of, new_id(), NOW)])
    unit.connection.execute(
        text("""
            insert into buying_groups (id, group_buy_id, leader_id, state, size, price, currency, steps, held, paid,
                                       sponsored, open_time, deadline, unsettled, version, update_time, store)
            select o.id, g.group_buy_id, g.leader_id, 'RECRUITING', g.size, g.price, g.currency, g.steps, 0, 1, 0,
                   g.open_time, g.deadline, false, 1, g.update_time, regexp_replace(o.org, '.*/', '')
            from orders o, buying_groups g
        """)
    )
    unit.connection.execute(text("analyze buying_groups, stores"))


def test_the_shops_of_a_part_are_those_of_the_codes_of_its_stores(database: Db) -> None:
    def open_all(unit: OrdersUnit) -> None:
        _stores(unit, {f"s{number:04}": f"/cn/{'east' if number < 5 else 'west'}/{number}" for number in range(3000)})
        unit.connection.execute(
            text("""
                insert into shops (code, title, platform, channel, currency, location, version, create_time,
                                   update_time)
                select code, title, 'WANGDIANTONG', 'tmall', 'CNY', '', 1, create_time, update_time from stores
            """)
        )
        unit.connection.execute(text("analyze shops, stores"))

    database.write(open_all)

    found = database.read(lambda unit: unit.ingest.shops(Page(3), org="/cn/east"))
    assert [shop.code for shop in found] == ["s0000", "s0001", "s0002", "s0003"]
    assert "shops_pkey" in _plan_of(database, lambda unit: unit.ingest.shops(Page(3), org="/cn/east"))


def _charge_all(unit: OrdersUnit) -> None:
    unit.connection.execute(
        text("""
            with made as (
                insert into payment_intents (id, order_id, provider, scene, currency, amount, reference, merchant,
                                             state, detail, questions, create_time, expire_time, update_time, version)
                select gen_random_uuid(), id, 'ALIPAY', 'PAGE', currency, 1, id, '', 'CLOSED', '', 0, place_time,
                       place_time, place_time, 1
                from orders returning *
            )
            insert into provider_refunds (id, order_id, intent_id, provider, cause, charge, transaction_charged,
                                          currency, amount, total, round, reference, state, attempts, transaction,
                                          detail, given_up, create_time, update_time, version)
            select id, order_id, id, provider, 'DUPLICATE', reference, '', currency, 1, 1, 1, reference, 'SUCCEEDED',
                   1, '', '', false, create_time, create_time, 1
            from made
        """)
    )
    unit.connection.execute(text("analyze payment_intents, provider_refunds"))


def _reserve_all(unit: OrdersUnit, presale: UUID) -> None:
    unit.connection.execute(
        text("""
            insert into presale_orders (order_id, presale_id, member_id, quantity, state, deposit, balance, currency,
                                        balance_start, balance_end, version, create_time, update_time)
            select id, :presale, gen_random_uuid(), 1, 'PAID', 1, 1, currency, place_time, place_time, 1, place_time,
                   place_time
            from orders
        """),
        {"presale": presale},
    )
    unit.connection.execute(text("analyze presale_orders"))


def _check_all_out(unit: OrdersUnit) -> None:
    """A checkout of each order, in its store."""
    _stores_of_the_crowd(unit)
    unit.connection.execute(
        text("""
            insert into checkouts (order_id, request_key, state, open_time, store)
            select id, id, 'PLACED', place_time, regexp_replace(org, '.*/', '') from orders
        """)
    )
    unit.connection.execute(text("analyze checkouts, stores"))


def _refund_all(unit: OrdersUnit) -> None:
    unit.connection.execute(
        text("""
            insert into refunds (id, order_id, currency, amount, points, points_value, lines, reason, refund_time)
            select gen_random_uuid(), id, currency, 1, 0, 0, '[]', '', place_time from orders
        """)
    )
    unit.connection.execute(text("analyze refunds"))


def _stores(unit: OrdersUnit, parts: dict[str, str]) -> None:
    for code, part in parts.items():
        store = {"code": code, "title": code, "version": 1, "create_time": NOW, "update_time": NOW, "org": part}
        unit.connection.execute(stores.insert().values(store))


def _crowd(unit: OrdersUnit) -> None:
    """30,000 orders, most of them in one part, 10 of them in a small one."""
    unit.orders.add([an_order()])
    columns = [
        row[0]
        for row in unit.connection.execute(
            text("select column_name from information_schema.columns where table_name = 'orders'")
        )
    ]
    fresh = {
        "id": "gen_random_uuid()",
        "place_time": "o.place_time - n * interval '1 second'",
        "org": "case when n <= 10 then '/cn/east/tiny' when n <= 1000 then '' else '/cn/east/' || n % 50 end",
    }
    kept = [name for name in columns if name != "counter"]
    names = ", ".join(f'"{name}"' for name in kept)
    values = ", ".join(fresh.get(name, f'o."{name}"') for name in kept)
    rows = "(select * from orders limit 1) o, generate_series(1, 30000) n"
    unit.connection.execute(text(f"insert into orders ({names}) select {values} from {rows}"))
    unit.connection.execute(text("analyze orders"))


def _stores_of_the_crowd(unit: OrdersUnit) -> None:
    _stores(unit, {"tiny": "/cn/east/tiny", **{str(number): f"/cn/east/{number}" for number in range(50)}})


def _indexes(database: Db, org: str, *, search: bool) -> set[str]:
    """The indexes of orders by which the first page of a part comes."""

    def read(unit: OrdersUnit) -> None:
        with suppress(TypeError):  # the crowd has no lines to show
            if search:
                unit.order_search.ids(DeskQuery(org=org), Page(50))
            else:
                unit.orders.page(OrderQuery(org=org), Page(50))

    return {name for name in _plan_of(database, read) if name.startswith("orders_")}


def _plan_of(database: Db, read: Callable[[OrdersUnit], object]) -> set[str]:
    """The indexes that a read goes by."""

    def explain(unit: OrdersUnit) -> set[str]:
        return set(indexes(plans(unit.connection, lambda: read(unit))[0]))

    return database.read(explain)


def test_an_order_keeps_its_part_when_nothing_is_known_of_its_store(database: Db) -> None:
    placed = replace(an_order(), org="/cn/east/li")

    def keep(unit: OrdersUnit) -> UUID:
        unit.orders.add([placed])
        return next(iter(unit.orders.get([placed.id]).values())).id

    assert database.write(keep) == placed.id
    assert database.read(lambda unit: unit.orders.get([placed.id])[placed.id].org) == "/cn/east/li"
