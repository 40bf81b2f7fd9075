"""Two hundred buyers race for fifty units: fifty win, the others are told so, and nothing is oversold."""

from __future__ import annotations

import asyncio
from collections import Counter

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from kehu.orders.v1 import orders_pb2, orders_pb2_grpc

from cli.demo.scene import Scene, once
from cli.demo.shop import put_on_sale

BUYERS = 200
UNITS = 50
_CONNECTIONS = 8


def play(scene: Scene) -> None:
    """The race, by gRPC over several connections."""
    product = put_on_sale(scene, title="Limited edition", price=9_900, stock=UNITS)
    outcomes = Counter(asyncio.run(_race(scene, str(product["name"]))))
    stock = scene.get(f"{product['name']}/stocks/main")
    scene.check("of 200 buyers racing for 50 units exactly 50 win", outcomes["won"] == UNITS, dict(outcomes))
    scene.check("every other buyer is told why", outcomes["OUT_OF_STOCK"] == BUYERS - UNITS, dict(outcomes))
    scene.check(
        "no unit is oversold", int(stock.get("reserved", 0)) == UNITS and not int(stock.get("available", 0)), stock
    )


async def _race(scene: Scene, product: str) -> list[str]:
    channels = [grpc.aio.insecure_channel(scene.gateway) for _ in range(_CONNECTIONS)]
    stubs = [orders_pb2_grpc.OrdersServiceStub(channel) for channel in channels]
    buys = (_buy(stubs[buyer % _CONNECTIONS], product, scene.metadata) for buyer in range(BUYERS))
    outcomes = await asyncio.gather(*buys)
    for channel in channels:
        await channel.close()
    return list(outcomes)


async def _buy(stub: orders_pb2_grpc.OrdersServiceStub, product: str, metadata: tuple[tuple[str, str], ...]) -> str:
    line = orders_pb2.RequestedLine(product=product, quantity=1)
    request = orders_pb2.PlaceOrderRequest(channel="demo", lines=[line], request_id=once())
    try:
        await stub.PlaceOrder(request, metadata=metadata, timeout=20)
    except grpc.aio.AioRpcError as error:
        return _reason(error)
    return "won"


def _reason(error: grpc.aio.AioRpcError) -> str:
    status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            return str(error_details_pb2.ErrorInfo.FromString(detail.value).reason)
    return str(error.code().name)
