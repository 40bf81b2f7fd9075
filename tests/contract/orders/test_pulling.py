"""Pulling from a server that speaks 旺店通's protocol and misbehaves: nothing is missed, nothing is there twice."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from kit.db import Database
from kit.errors import Fault, Kind
from kit.names import new_id
from services.orders import metrics, publish
from services.orders.domain.pull import LEASE, Period, Pull
from services.orders.providers.calling import Line
from services.orders.providers.wangdiantong import reading
from services.orders.providers.wangdiantong.adapter import NAME, WangDianTong
from services.orders.providers.wangdiantong.signing import Account
from services.orders.storage.unit import CONSTRAINTS, OrdersUnit
from services.orders.usecases import ingest
from services.orders.usecases.expiry import expire_orders
from services.orders.usecases.ingest import MapSku
from services.orders.usecases.pulling import Pulling, Round, claim_pulls, take_in
from tests.contract.orders.shelves import on_sale
from tests.contract.orders.test_verification import differences
from tests.support.builders.channels import a_trade
from tests.support.builders.ingest import a_shop
from tests.support.builders.orders import NOW
from tests.support.postgres import Databases
from tools.channels.server import serving
from tools.channels.wangdiantong import MISCHIEF
from tools.channels.wangdiantong import WangDianTong as Server

pytestmark = pytest.mark.timeout(900)

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
NEXT = {10: (10, 30, 5), 30: (30, 95, 5), 95: (95, 110), 110: (110,), 5: (5,)}
"""Where an order may stand after its next change."""


@dataclass
class World:
    """A platform, its clock, and the database of whoever pulls from it."""

    database: Database[OrdersUnit]
    now: datetime
    shop: str
    platform: Server = field(init=False)
    rounds: list[Round] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.platform = Server(lambda: self.now)

    async def write(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await asyncio.to_thread(self.database.write, fn, *args, **kwargs)

    def adapter(self, url: str, *, secret: str = "", page_size: int = 3) -> WangDianTong:
        server = self.platform
        account = Account(server.sid, server.key, secret or server.secret, server.salt)
        line = Line(NAME, timeout=30, attempts=1, calls=metrics.CHANNEL_CALLS)
        return WangDianTong(account, url=url, shop=server.shop, line=line, clock=lambda: self.now, page_size=page_size)

    def pulling(self, adapter: WangDianTong, since: datetime) -> Pulling:
        return Pulling(self, {self.shop: adapter}, since={self.shop: since}, tell=self.rounds.append)

    def rows(self, query: str) -> list[Any]:
        def read(unit: OrdersUnit) -> list[Any]:
            return list(unit.connection.execute(text(query), {"shop": self.shop}))

        return self.database.read(read)

    def check(self) -> None:
        """Every order of the platform is here as it is there, once; the sums are right."""
        known = {row.tid: row for row in self.rows("select * from ingested_orders where shop = :shop")}
        told = {tid: reading.order(reading.parsed(_json(each.told))) for tid, each in self.platform.trades.items()}
        assert set(known) == set(told)
        newest = {tid: getattr(order, "modify_time", None) for tid, order in told.items()}
        assert {tid: row.modify_time for tid, row in known.items()} == newest
        placed = self.rows("select count(*) as n from orders where channel = :shop")[0].n
        assert placed == len([row for row in known.values() if row.order_id])
        assert {row.state for row in known.values()} <= {"STORED"}
        # What earlier worlds left unpaid has had its time, as the sweep of a worker would find.
        self.database.write(expire_orders, 1_000)
        assert differences(self.database) == []


def _json(told: dict[str, Any]) -> bytes:
    return json.dumps(told).encode()


@pytest.fixture(scope="module")
def clock() -> list[World]:
    """The world whose time it is."""
    return []


@pytest.fixture(scope="module")
def database(postgres: Databases, clock: list[World]) -> Iterator[Database[OrdersUnit]]:
    """One database for all worlds; each has a shop of its own."""
    url = postgres.migrated("orders")
    make = partial(OrdersUnit, publish=publish.to_event)
    database = Database(url, make, constraints=CONSTRAINTS, clock=lambda: clock[-1].now if clock else NOW, pool_size=8)
    yield database
    database.close()
    postgres.drop(url)


@contextmanager
def a_world(database: Database[OrdersUnit], clock: list[World]) -> Iterator[World]:
    """A shop that sells tea on a platform."""
    code = f"shop-{new_id()}"
    (product,) = on_sale(database, stock=100_000)
    database.write(ingest.create_shop, replace(a_shop(code=code), channel=code))
    database.write(ingest.map_sku, MapSku(code, "TEA", product.id))
    clock.append(World(database, clock[-1].now + HOUR if clock else NOW, code))
    yield clock[-1]


@pytest.fixture
def world(database: Database[OrdersUnit], clock: list[World]) -> Iterator[World]:
    """A world for one test."""
    with a_world(database, clock) as world:
        yield world


async def live(world: World, chance: random.Random, *, steps: int) -> None:
    """Orders come and change, also between pages; calls fail in every way; two replicas pull; then all is quiet."""
    since = world.now
    tids = [f"{world.shop[-12:]}-{n}" for n in range(14)]

    def change() -> None:
        tid = chance.choice(tids)
        known = world.platform.trades.get(tid)
        status = chance.choice(NEXT[known.told["trade_status"]]) if known else chance.choice([10, 30])
        late = chance.choice([0, 0, 0, 3, 500])
        world.platform.change(a_trade(tid, status=status), late=late * SECOND)

    with serving(world.platform) as url:
        adapters = [world.adapter(url) for _ in range(2)]
        pullers = [world.pulling(adapter, since) for adapter in adapters]
        for _ in range(steps):
            for _ in range(chance.randint(0, 6)):
                change()
                world.now += chance.choice([0, 1, 1, 40]) * SECOND
            world.platform.mischief.extend(chance.choices([*MISCHIEF, "", "", ""], k=chance.randint(0, 4)))
            world.platform.between = change if chance.random() < 0.4 else lambda: None
            await asyncio.gather(*(puller.sweep() for puller in pullers))
            world.now += chance.choice([1 * SECOND, 11 * SECOND, 6 * MINUTE, chance.randint(1, 90) * MINUTE])
        world.platform.mischief.clear()
        world.platform.between = lambda: None
        for _ in range(4):
            world.now += 11 * MINUTE
            while await pullers[0].sweep():
                pass
        for adapter in adapters:
            await adapter.aclose()


def test_nothing_is_missed_and_nothing_is_there_twice(database: Database[OrdersUnit], clock: list[World]) -> None:
    @settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
    @given(seed=st.integers(0, 2**32))
    def property_(seed: int) -> None:
        with a_world(database, clock) as world:
            asyncio.run(live(world, random.Random(seed), steps=14))
            world.check()

    property_()


@pytest.mark.long
def test_nothing_is_missed_and_nothing_is_there_twice_for_long(
    database: Database[OrdersUnit], clock: list[World]
) -> None:
    for seed in range(100):
        with a_world(database, clock) as world:
            asyncio.run(live(world, random.Random(seed), steps=40))
            world.check()


async def test_orders_that_leave_the_window_between_pages_hide_nobody(world: World) -> None:
    since = world.now
    for n in range(9):
        world.platform.change(a_trade(f"{world.shop[-12:]}-{n}"))
        world.now += SECOND
    left = iter(range(9))

    def leave() -> None:
        world.now += SECOND
        n = next(left, None)
        if n is not None:
            world.platform.change(a_trade(f"{world.shop[-12:]}-{n}", status=95))

    world.platform.between = leave
    with serving(world.platform) as url:
        adapter = world.adapter(url)
        pulling = world.pulling(adapter, since)
        await pulling.sweep()
        assert [done.reason for done in world.rounds] == [""]
        known = {row.tid for row in world.rows("select tid from ingested_orders where shop = :shop")}
        assert {tid for tid, trade in world.platform.trades.items() if trade.before is None} <= known
        world.platform.between = lambda: None
        world.now += MINUTE
        await pulling.sweep()
        await adapter.aclose()
    world.check()


async def test_a_window_that_orders_come_into_does_not_count(world: World) -> None:
    since = world.now
    for n in range(4):
        world.platform.change(a_trade(f"{world.shop[-12:]}-{n}"))
        world.now += SECOND
    late = f"{world.shop[-12:]}-late"
    world.platform.change(a_trade(late), late=HOUR)
    world.platform.between = lambda: setattr(world.platform.trades[late], "show", since)
    world.now += MINUTE
    with serving(world.platform) as url:
        adapter = world.adapter(url)
        pulling = world.pulling(adapter, since)
        await pulling.sweep()
        assert [done.reason for done in world.rounds] == ["UNAVAILABLE"]
        assert world.rows("select position from channel_pulls where shop = :shop")[0].position == since
        world.now += MINUTE
        await pulling.sweep()
        await adapter.aclose()
    assert world.rounds[-1].reason == ""
    world.check()


@pytest.mark.parametrize(
    ("trick", "pause"), [("throttle", 5 * MINUTE), ("error", SECOND), ("garbage", SECOND), ("drop", SECOND)]
)
async def test_a_platform_that_fails_is_left_alone_for_a_while(world: World, trick: str, pause: timedelta) -> None:
    since = world.now
    world.platform.mischief.append(trick)
    with serving(world.platform) as url:
        adapter = world.adapter(url)
        pulling = world.pulling(adapter, since)
        assert await pulling.sweep() == 1
        assert world.rounds[-1].reason == "UNAVAILABLE"
        world.now += pause - timedelta(milliseconds=1)
        assert await pulling.sweep() == 0
        world.now += timedelta(milliseconds=1)
        assert await pulling.sweep() == 1
        await adapter.aclose()
    assert world.rounds[-1].reason == ""


async def test_a_platform_that_refuses_says_why(world: World) -> None:
    period = Period(world.now - MINUTE, world.now)
    with serving(world.platform) as url:
        for wrong, wide in ((world.adapter(url, secret="x"), False), (world.adapter(url), True)):
            asked = Period(world.now - 2 * HOUR, world.now) if wide else period
            with pytest.raises(Fault) as caught:
                await wrong.changed(asked, 0)
            assert (caught.value.kind, caught.value.reason) == (Kind.FAILED_PRECONDITION, "PROVIDER_REFUSED")
            assert caught.value.metadata["code"] == ("100" if wide else "1")
            await wrong.aclose()
        skewed = world.adapter(url)
        skewed._clock = lambda: world.now - HOUR
        with pytest.raises(Fault) as caught:
            await skewed.changed(period, 0)
        assert caught.value.metadata["code"] == "7"
        await skewed.aclose()


def test_a_shop_is_pulled_by_one_replica_at_a_time(world: World) -> None:
    since = {world.shop: world.now, "nobody": world.now}

    def claim(_: int) -> list[Pull]:
        return world.database.write(claim_pulls, since)

    with ThreadPoolExecutor(6) as threads:
        first = [pull for pulls in threads.map(claim, range(12)) for pull in pulls]
    assert [pull.shop for pull in first] == [world.shop]
    world.now += LEASE
    (second,) = claim(0)
    assert world.database.write(take_in, second, []) == []
    with pytest.raises(Fault) as caught:
        world.database.write(take_in, first[0], [])
    assert caught.value.reason == "CONFLICT"
