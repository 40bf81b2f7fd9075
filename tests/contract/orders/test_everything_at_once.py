"""Everything that may happen to orders, at once and by chance, on many connections: nothing fails but for a reason that
is told, and whatever came of it adds up: stock, money, quotas, limits, and what the peers hold."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from kit.db import Database
from kit.errors import Fault
from kit.money import Money
from kit.names import new_id
from services.orders import publish
from services.orders.consumer import subscriptions
from services.orders.domain.flash_sale import RefundPolicy
from services.orders.domain.group_buy import GroupBuyKind
from services.orders.domain.presale import Window
from services.orders.domain.product import Component, Content, Product
from services.orders.domain.stock import Place, receive
from services.orders.storage.unit import CONSTRAINTS, OrdersUnit
from services.orders.usecases import flash_sale, ingest
from services.orders.usecases import provider_refund as back
from services.orders.usecases.bargain import create_bargain
from services.orders.usecases.group_buy import create_group_buy
from services.orders.usecases.presale import create_presale
from tests.contract.orders.crowd import LOST, Crowd, clock
from tests.contract.orders.crowd_activities import Joining
from tests.contract.orders.crowd_orders import Buying
from tests.contract.orders.crowd_stock import SHOP, WEST, Stocked
from tests.contract.orders.groups import check_groups
from tests.contract.orders.presales import check_presales
from tests.contract.orders.shelves import a_location, check_movements
from tests.support.builders import bargains, flash_sales, groups, presales
from tests.support.builders.ingest import a_shop
from tests.support.builders.orders import NOW

ACTORS = 12
_UNITS = {"tea": 120, "tight": 3, "later": 2, "cup": 80, "rush": 40}
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@dataclass
class Shop(Stocked, Buying, Joining):
    """All of it."""

    def let_time_pass(self) -> None:
        self.take_time(timedelta(seconds=self.chance.choice([1, 5, 60, 600])))

    def sweep(self) -> None:
        for timer in self.chance.sample(subscriptions.timers, 4):
            self.write(timer.chore)


def _acts(*kinds: type) -> list[str]:
    return [name for kind in kinds for name in vars(kind) if callable(getattr(kind, name)) and name[0] != "_"]


NO_ACTS = {"somewhere", "let_go", "revive", "owed"}
OFTEN = [
    *("order", "order", "check_out", "pay", "pay", "rush", "join_group", "order_ahead", "hear_of_payment", "tender"),
    *("cancel", "refund", "send_back", "exchange", "pack", "carry", "sweep", "open_cashier", "let_time_pass"),
]
ACTS = [name for name in _acts(Shop, Stocked, Buying, Joining) if name not in NO_ACTS] + 2 * OFTEN


@pytest.fixture
def shop(url: str) -> Iterator[Shop]:
    """A shop with all activities under way."""
    opened: list[Crowd] = []
    database = Database(
        url, partial(OrdersUnit, publish=publish.to_event), constraints=CONSTRAINTS, clock=clock(opened), pool_size=16
    )
    shop = Shop(database=database)
    opened.append(shop)
    _fill(shop)
    yield shop
    database.close()


def _fill(shop: Shop) -> None:
    products = {name: Product.create(new_id(), name, Content(name, Money(333, "CNY"), "tea"), NOW) for name in _UNITS}
    parts = (Component(products["tea"].id, 2), Component(products["cup"].id, 1))
    products["set"] = Product.create(new_id(), "set", Content("set", Money(900, "CNY"), components=parts), NOW)

    def store(unit: OrdersUnit) -> None:
        unit.locations.add(a_location(WEST, priority=1, now=NOW))
        for product in products.values():
            unit.products.add(product)
            unit.stocks.open(Place(product.id), NOW)
        received = [receive(Place(products[name].id), units, note="") for name, units in _UNITS.items()]
        unit.stocks.apply(received, NOW)

    shop.write(store)
    shop.products = products
    shop.write(ingest.create_shop, a_shop(code=SHOP))
    rush, tea, cup = products["rush"].id, products["tea"].id, products["cup"].id
    for made in (
        flash_sales.a_creation(
            rush, quota=8, buckets=3, member_limit=2, hold=2 * MINUTE, refund_policy=RefundPolicy.RESELL
        ),
        flash_sales.a_creation(rush, quota=6, buckets=1, member_limit=3, end=NOW + 20 * MINUTE),
    ):
        shop.sales.append(shop.write(flash_sale.create_flash_sale, made))
    for terms in (
        {"kind": GroupBuyKind.PLAIN, "member_limit": 2},
        {"kind": GroupBuyKind.LADDER, "steps": groups.LADDER, "size": 4},
        {"kind": GroupBuyKind.NEW_CUSTOMER, "size": 2},
    ):
        short: dict[str, Any] = {"duration": 15 * MINUTE, "hold": 5 * MINUTE, "end": NOW + 9 * HOUR, **terms}
        shop.group_buys.append(shop.write(create_group_buy, groups.a_creation(tea, **short)))
    deposits, balances = Window(NOW - HOUR, NOW + HOUR / 4), Window(NOW + HOUR / 2, NOW + 2 * HOUR)
    for forfeit, product in ((True, cup), (False, products["set"].id)):
        ahead = presales.a_creation(
            product, deposits=deposits, balances=balances, forfeit=forfeit, quota=9, member_limit=3
        )
        shop.presales.append(shop.write(create_presale, ahead))
    shop.bargains += [shop.write(create_bargain, bargains.a_creation(product)) for product in (tea, cup, rush)]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("acts", [300, pytest.param(3_000, marks=pytest.mark.long)])
def test_everything_at_once_adds_up(shop: Shop, acts: int) -> None:
    shop.chance = random.Random(acts)
    told = Counter[str]()

    def act(name: str) -> None:
        for _ in range(20):
            try:
                getattr(shop, name)()
                told["DONE"] += 1
            except Fault as fault:
                told["LOST" if fault.metadata.get("dependency") == LOST else fault.reason] += 1
                if fault.reason == "CONFLICT":  # it says to come again, and so do clients
                    continue
            return

    with ThreadPoolExecutor(ACTORS) as pool:
        for future in [pool.submit(act, shop.chance.choice(ACTS)) for _ in range(acts)]:
            future.result()
    assert told["DONE"] > acts // 3, told
    assert not told.keys() & {"INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED"}, told
    _end(shop)
    _check(shop)


def _end(shop: Shop) -> None:
    """Time passes, nothing gets lost any more, and all sweeps run until nothing is left."""
    shop.calm = True
    for _ in range(16):
        shop.take_time(HOUR)
        shop.repair()
        for timer in subscriptions.timers:
            shop.write(timer.chore)
        shop.look_after_cashiers()
        for order_id, refund_id in shop.select(text(_FAILED)):
            shop.write(back.retry_refund, order_id, refund_id)
        shop.pay_back()
    for order_id in shop.placed:
        found = shop.read_order(order_id)
        if found.cancel_time is not None:
            shop.let_go(found)


def _check(shop: Shop) -> None:
    check_presales(shop.database)  # and all that is compared of orders for ever
    check_groups(shop.database)
    check_movements(shop.database)
    for name, query in _CHECKS.items():
        assert (name, shop.select(text(query), now=shop.now)) == (name, [])
    assert shop.holds == shop.owed()
    alive = {str(each) for (each,) in shop.select(text("select id from orders where state <> 'CANCELLED'"))}
    assert {str(each) for each in shop.locks.values()} <= alive


# What somebody paid back by hand instead is not tried again.
_FAILED = """
    select f.order_id, f.id from provider_refunds f
    left join refund_payments p on p.refund_id = f.refund_id and p.payment = f.position
    where f.state = 'FAILED' and p.state is distinct from 'SUCCEEDED'
"""

_CHECKS = {
    "nothing waits whose time is over": """
        select 'orders/' || id from orders where state = 'PENDING_PAYMENT' and expire_time <= :now
        union all select 'reservations/' || id from reservations where state = 'HELD' and expire_time <= :now
        union all select 'groups/' || id from buying_groups where state in ('OPENING', 'RECRUITING') or unsettled
        union all select 'paymentIntents/' || id from payment_intents
                  where state = 'REVIVING' or state = 'PENDING' and expire_time <= :now
        union all select 'checkouts/' || order_id from checkouts where state in ('OPEN', 'ABANDONED')
        union all select 'providerRefunds/' || id from provider_refunds where state = 'PENDING'
    """,
    "sold and held and free and returned are the quota": """
        select s.id from flash_sales s left join flash_sale_buckets b on b.sale_id = s.id
        group by s.id having sum(b.free + b.held + b.sold + b.returned) is distinct from s.quota
    """,
    "nobody has more of a flash sale than its limit": """
        select u.sale_id, u.member_id from flash_sale_units u join flash_sales s on s.id = u.sale_id
        where u.n > s.member_limit or u.bucket is null
    """,
    "units that are counted belong to orders": """
        select o.id, o.state, count(u.n) filter (where u.paid) as sold, count(u.n) filter (where not u.paid) as held
        from orders o left join flash_sale_units u on u.order_id = o.id where o.activity like 'flashSales/%'
        group by o.id having count(u.n) > 0 and o.state = 'CANCELLED'
            or count(u.n) filter (where not u.paid) > 0
            or o.state in ('PAID', 'PARTIALLY_REFUNDED', 'COMPLETED') and count(u.n) <> (
                select sum(l.quantity) from order_lines l where l.order_id = o.id)
    """,
    "nothing is on the shelf below nothing": "select product_id from stocks where reserved > on_hand or on_hand < 0",
    "the cuts of a haggle are what its price fell by": """
        select h.id from haggles h left join haggle_cuts c on c.haggle_id = h.id
        group by h.id having count(c.helper_id) <> h.done
    """,
    "who haggled has bought once at most": """
        select activity from orders where activity like 'bargains/%' and state <> 'CANCELLED'
        group by activity having count(*) > 1
    """,
    "an order of a platform is there once": """
        select shop, order_id from ingested_orders where order_id is not null
        group by shop, order_id having count(*) > 1
    """,
    "nobody keeps an address who was forgotten": """
        select a.order_id from delivery_addresses a join orders o on o.id = a.order_id
        join erased_members e on e.member_id = o.member_id
    """,
}
