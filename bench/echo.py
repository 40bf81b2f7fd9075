"""The ceiling: a gRPC server that answers calls of members and orders at once, and does nothing else.

`python -m bench.echo [uvloop]`: as gRPC comes, in asyncio's own loop, or in the loop that our services run in.
"""

from __future__ import annotations

import asyncio
import os
import sys

import grpc
import uvloop
from kehu.members.v1 import members_pb2 as pb
from kehu.members.v1.members_pb2_grpc import MembersServiceServicer, add_MembersServiceServicer_to_server
from kehu.orders.v1 import orders_pb2
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceServicer, add_OrdersServiceServicer_to_server


class Echo(MembersServiceServicer):
    """Answers of the size that members gives."""

    async def AccruePoints(self, request: pb.AccruePointsRequest, _context: object) -> pb.AccruePointsResponse:
        """Answer."""
        return pb.AccruePointsResponse(balance=pb.Balance(name=f"{request.parent}/balance", available=request.points))


class Orders(OrdersServiceServicer):
    """Answers of about the size that orders gives."""

    async def PlaceOrder(self, request: orders_pb2.PlaceOrderRequest, _context: object) -> orders_pb2.Order:
        """Answer."""
        lines = [orders_pb2.OrderLine(product=line.product, quantity=line.quantity) for line in request.lines]
        return orders_pb2.Order(name=f"orders/{request.request_id}", channel=request.channel, lines=lines)


async def main() -> None:
    """Serve until the end."""
    server = grpc.aio.server()
    add_MembersServiceServicer_to_server(Echo(), server)  # type: ignore[abstract]  # nothing else is called
    add_OrdersServiceServicer_to_server(Orders(), server)  # type: ignore[abstract]  # nothing else is called
    server.add_insecure_port(os.environ["KEHU_GRPC_ADDRESS"])
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    (uvloop.run if sys.argv[1:] == ["uvloop"] else asyncio.run)(main())
