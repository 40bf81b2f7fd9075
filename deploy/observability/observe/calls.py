"""Calls that are made to be refused or kept waiting: many at once, and whatever becomes of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import grpc
import requests
from kehu.members.v1 import members_pb2, members_pb2_grpc
from kehu.orders.v1 import orders_pb2, orders_pb2_grpc, stock_pb2

from cli.demo.scene import once
from deploy.local.suite import Running

_CONNECTIONS = 8
_SECONDS = 8.0

Call = Callable[[grpc.aio.Channel], Awaitable[object]]


def placing(product: str) -> Call:
    """Place an order of one unit."""
    line = orders_pb2.RequestedLine(product=product, quantity=1)

    async def place(channel: grpc.aio.Channel) -> object:
        request = orders_pb2.PlaceOrderRequest(channel="demo", lines=[line], request_id=once())
        return await orders_pb2_grpc.OrdersServiceStub(channel).PlaceOrder(request, timeout=_SECONDS)

    return place


def reading(product: str) -> Call:
    """Read a product's stock."""

    async def read(channel: grpc.aio.Channel) -> object:
        request = stock_pb2.GetStockRequest(name=f"{product}/stocks/main")
        return await orders_pb2_grpc.OrdersServiceStub(channel).GetStock(request, timeout=_SECONDS)

    return read


def asking(member: str) -> Call:
    """Read a member's balance."""

    async def ask(channel: grpc.aio.Channel) -> object:
        request = members_pb2.GetBalanceRequest(name=f"{member}/balance")
        return await members_pb2_grpc.MembersServiceStub(channel).GetBalance(request, timeout=_SECONDS)

    return ask


def at_once(suite: Running, *calls: Call, times: int) -> None:
    """Make each call so many times, all at once; what they answer doesn't matter."""
    asyncio.run(_at_once(suite, calls, times))


async def _at_once(suite: Running, calls: tuple[Call, ...], times: int) -> None:
    bearer = _Bearer(suite.token("admin"))
    target = suite.gateway.removeprefix("http://")
    channels = [
        # Each with connections of its own: gRPC would share one.
        grpc.aio.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1)], interceptors=[bearer])
        for _ in range(_CONNECTIONS)
    ]
    made = [call(channels[number % _CONNECTIONS]) for number in range(times) for call in calls]
    answers = await asyncio.gather(*made, return_exceptions=True)
    for channel in channels:
        await channel.close()
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, grpc.RpcError):
            raise answer


class _Bearer(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[misc]
    def __init__(self, token: str) -> None:
        self._entry = ("authorization", f"Bearer {token}")

    async def intercept_unary_unary(
        self, continuation: Callable[..., Awaitable[object]], details: grpc.aio.ClientCallDetails, request: object
    ) -> object:
        metadata = grpc.aio.Metadata(*(details.metadata or ()), self._entry)
        return await continuation(details._replace(metadata=metadata), request)


@contextmanager
def meanwhile(act: Callable[[], object]) -> Iterator[None]:
    """Do something again and again, until the end of the block. In trouble calls fail; what else fails ends it."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(0.2):
            with suppress(requests.RequestException):
                act()

    with ThreadPoolExecutor(1, thread_name_prefix="meanwhile") as threads:
        running = threads.submit(run)
        try:
            yield
        finally:
            ended.set()
    running.result()


def forged_notices(suite: Running, *, times: int) -> None:
    """Notices of payments that nobody signed."""
    for _ in range(times):
        requests.post(f"{suite.gateway}/v1/paymentNotices/wechatPay", json={"id": once()}, timeout=_SECONDS)


def read_members(suite: Running, token: str, *, times: int) -> None:
    """Any calls through the gateway."""
    headers = {"authorization": f"Bearer {token}"}
    for _ in range(times):
        requests.get(f"{suite.gateway}/v1/members", params={"pageSize": "1"}, headers=headers, timeout=_SECONDS)
