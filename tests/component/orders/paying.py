"""Two servers of orders over one database, with a provider server behind them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from google.api.httpbody_pb2 import HttpBody
from google.type.money_pb2 import Money as WireMoney
from kehu.orders.v1 import orders_pb2, refunds_pb2
from kehu.orders.v1 import payments_pb2 as pb
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub
from kehu.orders.v1.payments_pb2_grpc import PaymentsServiceStub

from kit.rpc import Server
from services.orders.config import Config
from tests.component.orders.conftest import Shop, placing
from tests.support.providers import provider_settings
from tests.support.rpc import channel_to
from tools.providers.desk import Desk
from tools.providers.exchange import Post
from tools.providers.server import ProviderServer

T = TypeVar("T")

WECHAT = pb.PAYMENT_PROVIDER_WECHAT_PAY
ALIPAY = pb.PAYMENT_PROVIDER_ALIPAY
SCENES = {WECHAT: pb.PAYMENT_SCENE_NATIVE, ALIPAY: pb.PAYMENT_SCENE_PRECREATE}


@dataclass(frozen=True)
class Answer:
    """What a provider reads of our answer to its notice."""

    status: int
    body: bytes


@dataclass(frozen=True)
class Till:
    """The shop with its payments, as a client of one server sees it."""

    orders: OrdersServiceStub
    payments: PaymentsServiceStub
    stranger: PaymentsServiceStub
    """The same server, called without a token."""
    server: ProviderServer

    @property
    def shop(self) -> Shop:
        return Shop(self.orders)

    def desk(self, provider: int) -> Desk:
        return self.server.wechat_pay if provider == WECHAT else self.server.alipay

    async def order(self, *, price: int = 990, units: int = 1, product: str = "") -> orders_pb2.Order:
        placed: orders_pb2.Order = await self.orders.PlaceOrder(
            placing((product or await self.shop.product(price=price), units))
        )
        return placed

    async def intent(self, order: orders_pb2.Order, provider: Any = WECHAT, **fields: Any) -> pb.PaymentIntent:
        part = fields.pop("part", None)
        wanted = pb.PaymentIntent(provider=provider, scene=SCENES[provider], part_amount=part)
        request = pb.CreatePaymentIntentRequest(parent=order.name, payment_intent=wanted, **fields)
        intent: pb.PaymentIntent = await self.payments.CreatePaymentIntent(request)
        return intent

    async def read(self, intent: pb.PaymentIntent) -> pb.PaymentIntent:
        found: pb.PaymentIntent = await self.payments.GetPaymentIntent(pb.GetPaymentIntentRequest(name=intent.name))
        return found

    async def again(self, order: orders_pb2.Order) -> orders_pb2.Order:
        found: orders_pb2.Order = await self.orders.GetOrder(orders_pb2.GetOrderRequest(name=order.name))
        return found

    async def intents(self, order: orders_pb2.Order) -> list[pb.PaymentIntent]:
        request = pb.ListPaymentIntentsRequest(parent=order.name)
        return list((await self.payments.ListPaymentIntents(request)).payment_intents)

    async def back(self, order: orders_pb2.Order) -> list[pb.ProviderRefund]:
        request = pb.ListProviderRefundsRequest(parent=order.name)
        return list((await self.payments.ListProviderRefunds(request)).provider_refunds)

    async def cancel(self, order: orders_pb2.Order) -> orders_pb2.Order:
        request = orders_pb2.CancelOrderRequest(name=order.name, reason=orders_pb2.CANCEL_REASON_CUSTOMER)
        cancelled: orders_pb2.Order = await self.orders.CancelOrder(request)
        return cancelled

    async def refund(self, order: orders_pb2.Order, units: int = 1) -> refunds_pb2.Refund:
        lines = [refunds_pb2.RefundLine(position=1, quantity=units)]
        request = refunds_pb2.RefundOrderRequest(name=order.name, lines=lines)
        refund: refunds_pb2.Refund = await self.orders.RefundOrder(request)
        return refund

    async def given(self, order: orders_pb2.Order) -> list[pb.ProviderRefund]:
        """What goes back, once all of it has arrived or failed."""

        async def there() -> list[pb.ProviderRefund]:
            found = await self.back(order)
            return found if found and all(each.state != pb.ProviderRefund.STATE_PENDING for each in found) else []

        return await soon(there, what="the money's way back")

    async def tell(self, provider: int, post: Post) -> Answer:
        """A notice comes, as the gateway brings it."""
        headers = {name.lower(): value for name, value in post.headers.items()}
        body = HttpBody(content_type=headers.pop("content-type", ""), data=post.body)
        metadata = [(name, value) for name, value in headers.items() if name not in {"host", "content-length"}]
        if provider == WECHAT:
            call = self.stranger.ReceiveWechatPayNotice(
                pb.ReceiveWechatPayNoticeRequest(notice=body), metadata=metadata
            )
        else:
            call = self.stranger.ReceiveAlipayNotice(pb.ReceiveAlipayNoticeRequest(notice=body), metadata=metadata)
        answer: HttpBody = await call
        status = dict(await call.initial_metadata())["x-kehu-status"]
        return Answer(int(status), answer.data)


@asynccontextmanager
async def tills(
    build: Callable[[], Server], authorization: str, provider: ProviderServer, *, servers: int = 2
) -> AsyncIterator[list[Till]]:
    """A till at each of several servers."""
    async with AsyncExitStack() as stack:
        opened = []
        for _ in range(servers):
            server = build()
            await server.start()
            stack.push_async_callback(server.stop, 0.2)
            address = f"127.0.0.1:{server.port}"
            channel: grpc.aio.Channel = await stack.enter_async_context(channel_to(address, authorization))
            bare: grpc.aio.Channel = await stack.enter_async_context(channel_to(address))
            opened.append(
                Till(OrdersServiceStub(channel), PaymentsServiceStub(channel), PaymentsServiceStub(bare), provider)
            )
        yield opened


def paid_by_providers(
    settings: Callable[..., Config], provider: ProviderServer, *, database_url: str, peers: str, **others: Any
) -> Config:
    """Settings of a server with an account at both providers."""
    account = provider_settings(provider.keys, provider.address)
    return settings(
        Config, database_url=database_url, peers_campaigns=peers, peers_members=peers, **{**account, **others}
    )


def yuan(minor: int) -> WireMoney:
    return WireMoney(currency_code="CNY", units=minor // 100, nanos=minor % 100 * 10_000_000)


async def soon(ask: Callable[[], Awaitable[T]], *, what: str, within: float = 20.0) -> T:
    """The first true answer."""
    deadline = time.monotonic() + within
    while True:
        answer = await ask()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"{what} did not come within {within} s; the last answer was {answer!r}"
        await asyncio.sleep(0.05)
