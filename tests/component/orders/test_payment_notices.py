"""Notices by HTTP through a real Envoy: the provider server's courier brings them, as the providers would."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kehu.orders.v1 import orders_pb2
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub
from kehu.orders.v1.payments_pb2_grpc import PaymentsServiceStub

from gateway import Address, Place, Rules, local
from services.orders.config import Config
from services.orders.server import build
from tests.component.orders.paying import ALIPAY, WECHAT, Till, soon
from tests.integration.gateway.running import Gateway, free_port, running
from tests.support.http import Reply
from tests.support.providers import provider_settings
from tests.support.rpc import Keys, channel_to
from tools.providers.exchange import Post
from tools.providers.server import ProviderServer

PATHS: dict[int, str] = {WECHAT: "/v1/paymentNotices/wechatPay", ALIPAY: "/v1/paymentNotices/alipay"}
BOTH = pytest.mark.parametrize("provider", [WECHAT, ALIPAY], ids=["wechat", "alipay"])


@dataclass(frozen=True)
class Street:
    """The shop, and the gateway that providers reach it by."""

    till: Till
    gateway: Gateway

    async def post(self, path: str, post: Post, body: bytes | None = None, **headers: str) -> Reply:
        given = {name: value for name, value in post.headers.items() if name.lower() not in {"host", "content-length"}}
        return await asyncio.to_thread(
            self.gateway.call,
            "POST",
            path,
            post.body if body is None else body,
            headers={**given, "authorization": "", **headers},
        )


@pytest.fixture
async def street(
    url: str, peers: str, settings: Callable[..., Any], keys: Keys, provider_server: ProviderServer, tmp_path: Path
) -> AsyncIterator[Street]:
    """One server of orders behind Envoy."""
    port = free_port()
    account = provider_settings(
        provider_server.keys, provider_server.address, notices=f"http://127.0.0.1:{port}/v1/paymentNotices"
    )
    server = build(settings(Config, database_url=url, peers_campaigns=peers, peers_members=peers, **account))
    await server.start()
    nowhere = [Address("127.0.0.1", free_port())]
    upstreams = dict.fromkeys(("members", "campaigns", "pipeline"), nowhere)
    usual = local({**upstreams, "orders": [Address("127.0.0.1", server.port)]}, jwks=str(keys.jwks_file))
    ports = {"listen": port, "status": free_port(), "admin": free_port()}
    place = Place(
        **{
            **{name: getattr(usual, name) for name in Place.__slots__},
            **{name: Address("127.0.0.1", each) for name, each in ports.items()},
        }
    )
    bearer = keys.bearer("admin")
    with running(place, tmp_path, rules=Rules.read(), bearer=bearer) as gateway:
        async with channel_to(f"127.0.0.1:{server.port}", bearer) as channel:
            payments = PaymentsServiceStub(channel)
            yield Street(Till(OrdersServiceStub(channel), payments, payments, provider_server), gateway)
    await server.stop(grace=0.2)


@BOTH
async def test_a_signed_notice_pays_the_order_and_is_answered_in_the_providers_form(
    street: Street, provider: int
) -> None:
    till, desk = street.till, street.till.desk(provider)
    order = await till.order()
    intent = await till.intent(order, provider)

    post = desk.pay(intent.reference)  # the courier brings it

    async def accepted() -> bool:
        return any(each["accepted"] for each in desk.state()["deliveries"])

    await soon(accepted, what="an accepted notice")
    assert (await till.again(order)).state == orders_pb2.Order.STATE_PAID

    again = await street.post(PATHS[provider], post)
    forged = await street.post(PATHS[provider], desk.forge(post, "signature"))
    assert "x-kehu-status" not in {**again.headers, **forged.headers}
    if provider == WECHAT:
        assert (again.status, again.body) in {(200, b""), (204, b"")}
        assert forged.status >= 400
        assert forged.json["code"] == "FAIL"
    else:
        assert (again.status, again.body, again.headers["content-type"].partition(";")[0]) == (
            200,
            b"success",
            "text/plain",
        )
        assert forged.body in {b"fail", b"failure"}


async def test_the_way_of_notices_is_narrow(street: Street) -> None:
    post = Post("", {"Content-Type": "application/json"}, b"{}")
    assert (await street.post(PATHS[WECHAT], post, b"x" * 70_000)).status == 413
    assert (await street.post("/v1/orders", post)).status == 401
    assert (await street.post("/v1/paymentNotices/elsewhere", post)).status in {401, 404}
    by_grpc = await street.post("/kehu.orders.v1.PaymentsService/ReceiveAlipayNotice", post)
    assert by_grpc.status == 401
    got = await asyncio.to_thread(street.gateway.call, "GET", PATHS[ALIPAY], headers={"authorization": ""})
    assert got.status == 401
    assert (await street.post(PATHS[ALIPAY], post, authorization="Bearer nonsense")).body in {b"fail", b"failure"}
