"""Two processes of orders and one of campaigns, as they are run: whatever is wanted by all at once, one gets."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from kehu.campaigns.v1 import coupons_pb2
from kehu.campaigns.v1.campaigns_pb2_grpc import CampaignsServiceStub
from kehu.orders.v1 import orders_pb2
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub
from sqlalchemy import text

from kit.db import Database
from kit.errors import SOON
from services.orders import publish
from services.orders.storage.unit import OrdersUnit
from tests.component.orders.conftest import Shop, placing
from tests.component.orders.peers import Campaigns, Members, serving_peers
from tests.support.builders.campaigns import create_template, issue
from tests.support.programs import running
from tests.support.rpc import Keys, channel_to
from tests.support.waiting import until_async

pytestmark = pytest.mark.timeout(180)

BUYERS, CLICKS = 200, 50


@dataclass(frozen=True)
class Shopfront:
    """Both processes of orders, as clients see them, and the campaigns that they ask."""

    replicas: Sequence[OrdersServiceStub]
    campaigns: CampaignsServiceStub
    database: Database[OrdersUnit]

    async def product(self, *, stock: int) -> str:
        """A product with so many units."""
        return await Shop(self.replicas[0]).product(price=1000, stock=stock, currency="USD")

    async def place(self, requests: Sequence[orders_pb2.PlaceOrderRequest]) -> list[str]:
        """Place all at once, by turns at both replicas; for each the name of the order, or why not."""
        asked = [partial(self.replicas[number % 2].PlaceOrder, request) for number, request in enumerate(requests)]
        return list(await asyncio.gather(*map(outcome, asked)))

    def orders(self) -> int:
        """The orders that are stored."""
        return self._count("select count(*) from orders")

    def left_open(self) -> int:
        """Attempts to check out that have not come to their end."""
        return self._count("select count(*) from checkouts where state in ('OPEN', 'ABANDONED')")

    def _count(self, query: str) -> int:
        return int(self.database.read(lambda unit: unit.connection.execute(text(query)).scalar_one()))


async def outcome(call: Callable[[], Awaitable[orders_pb2.Order]]) -> str:
    """The name of the order, or why not; who came when there was no room asks again after a while, as clients do."""
    told = await _asked(call())
    if told != "OVERLOADED":
        return told
    await asyncio.sleep(SOON.total_seconds())
    return await outcome(call)


async def _asked(call: Awaitable[orders_pb2.Order]) -> str:
    try:
        return str((await call).name)
    except grpc.aio.AioRpcError as error:
        status = rpc_status.from_call(error)
        for detail in status.details if status else []:
            info = error_details_pb2.ErrorInfo()
            if detail.Unpack(info):
                return str(info.reason)
        return str(error.code().name)


@pytest.fixture
async def front(migrated: Callable[[str], str], keys: Keys, tmp_path: Path) -> AsyncIterator[Shopfront]:
    """Two processes of orders over one database, one of campaigns, and a played members."""
    shared = {
        "KEHU_JWKS_FILE": str(keys.jwks_file),
        "KEHU_SERVICE_KEY_FILE": str(keys.service_key_file),
        "KEHU_KEYRING_FILE": str(keys.keyring_file),
        "KEHU_PAGE_TOKEN_KEY": "a key of the tests",
        "KEHU_DEFAULT_DEADLINE_MS": "60000",
    }
    bearer, url = keys.bearer("admin"), migrated("orders")
    async with AsyncExitStack() as ended:
        played = await ended.enter_async_context(serving_peers(Campaigns(), Members()))  # type: ignore[abstract]
        with ExitStack() as processes:

            def start(service: str, number: int, database: str, **environment: str) -> str:
                own = {**shared, "KEHU_DATABASE_URL": database, **environment}
                log = tmp_path / f"{service}-{number}.log"
                program = processes.enter_context(running(f"services.{service}", "serve", log=log, environment=own))
                return f"127.0.0.1:{program.wait_for('serving')['port']}"

            campaigns = await asyncio.to_thread(start, "campaigns", 1, migrated("campaigns"))
            peers = {"KEHU_PEERS_CAMPAIGNS": campaigns, "KEHU_PEERS_MEMBERS": played}
            replicas = [await asyncio.to_thread(start, "orders", number, url, **peers) for number in (1, 2)]
            channels = [await ended.enter_async_context(channel_to(each, bearer)) for each in (campaigns, *replicas)]
            database = Database(url, lambda connection, now: OrdersUnit(connection, now, publish=publish.to_event))
            ended.callback(database.close)
            yield Shopfront(
                [OrdersServiceStub(each) for each in channels[1:]], CampaignsServiceStub(channels[0]), database
            )


async def test_of_two_hundred_buyers_of_the_last_unit_one_gets_it(front: Shopfront) -> None:
    product = await front.product(stock=1)
    placed = Counter(await front.place([placing((product, 1)) for _ in range(BUYERS)]))
    assert placed.pop("OUT_OF_STOCK") == BUYERS - 1
    assert (list(placed.values()), front.orders()) == ([1], 1)


async def test_fifty_clicks_of_one_buyer_are_one_order(front: Shopfront) -> None:
    product, request_id = await front.product(stock=CLICKS), str(uuid.uuid4())
    placed = set(await front.place([placing((product, 1), request_id=request_id)] * CLICKS))
    assert (len(placed), front.orders()) == (1, 1)
    assert next(iter(placed)).startswith("orders/")


async def test_a_coupon_that_two_hundred_checkouts_want_is_used_by_one(front: Shopfront) -> None:
    product, member = await front.product(stock=BUYERS), f"members/{uuid.uuid4()}"
    template = await front.campaigns.CreateCouponTemplate(create_template())
    coupon = await front.campaigns.IssueCoupon(issue(template.name, member))
    wanted = placing((product, 1), member=member, coupons=[coupon.name])
    placed = await front.place([wanted] * BUYERS)
    (winner,) = [name for name in placed if name.startswith("orders/")]
    assert set(placed) - {winner} == {"COUPON_REFUSED"}
    held = await front.campaigns.GetCoupon(coupons_pb2.GetCouponRequest(name=coupon.name))
    assert (held.state, held.order) == (coupons_pb2.Coupon.STATE_LOCKED, winner)
    assert front.orders() == 1
    await until_async(lambda: front.left_open() == 0, within=60, what="every attempt's end")
