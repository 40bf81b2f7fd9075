"""Placing an order the ordinary way: the ORM, one transaction per request, and the event published after the commit.

It does less than orders does (no price rules, no idempotency, no tax, no expiry), and an order whose process dies
between commit and publish has no event.
"""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import grpc
from google.protobuf.json_format import MessageToJson
from kehu.orders.v1 import events_pb2, orders_pb2
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceServicer, add_OrdersServiceServicer_to_server
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from kit.names import id_of, new_id
from kit.relay.frames import Outgoing
from kit.relay.publisher import Publisher
from services.orders.storage.tables import core

_POOL = 16
_SECONDS = 10.0


class Base(DeclarativeBase):
    """Rows as objects."""

    __allow_unmapped__ = True
    id: Any
    channel: Any
    total: Any
    on_hand: Any
    reserved: Any
    version: Any
    update_time: Any
    price: Any
    sku: Any
    title: Any


class Product(Base):
    """A row of the products."""

    __table__ = core.products


class Stock(Base):
    """A row of the stocks."""

    __table__ = core.stocks


class Movement(Base):
    """A row of the movements."""

    __table__ = core.stock_movements


class Order(Base):
    """A row of the orders."""

    __table__ = core.orders


class Line(Base):
    """A row of the lines."""

    __table__ = core.order_lines


class Control(OrdersServiceServicer):
    """Places one by one."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession], publisher: Publisher) -> None:
        self._sessions = sessions
        self._publisher = publisher
        self._publishing = asyncio.Lock()

    async def PlaceOrder(self, request: orders_pb2.PlaceOrderRequest, _context: object) -> orders_pb2.Order:
        """Check, reserve, write, commit, publish."""
        async with self._sessions.begin() as session:
            order = await _place(session, request)
            answer = orders_pb2.Order(name=f"orders/{order.id}", channel=order.channel)
        await self._publish(answer)
        return answer

    async def _publish(self, order: orders_pb2.Order) -> None:
        event = str(uuid4())
        body = MessageToJson(events_pb2.OrderPlaced(order=order.name)).encode()
        message = Outgoing(event, "OrderPlaced", body, {"ce_id": event, "ce_type": "kehu.orders.v1.OrderPlaced"})
        async with self._publishing:
            await self._publisher.publish([event], [self._publisher.encode(message)], timeout=_SECONDS)


async def _place(session: AsyncSession, request: orders_pb2.PlaceOrderRequest) -> Order:
    now = datetime.now(UTC)
    order = Order(
        id=new_id(),
        state="PENDING_PAYMENT",
        channel=request.channel,
        currency="CNY",
        total=0,
        coupons=[],
        hold="",
        points=0,
        points_value=0,
        refunded=0,
        refunded_points=0,
        backordered=False,
        imported=False,
        fingerprint=b"",
        place_time=now,
        version=1,
        update_time=now,
    )
    session.add(order)
    total = 0
    for position, line in enumerate(sorted(request.lines, key=lambda each: each.product), start=1):
        total += await _reserve(session, order.id, line, position=position, now=now)
    order.total = total
    return order


async def _reserve(
    session: AsyncSession, order: UUID, line: orders_pb2.RequestedLine, *, position: int, now: datetime
) -> int:
    """Take a line's units from the stock and write the line; its amount."""
    wanted = id_of("products", line.product)
    product = (await session.execute(select(Product).where(core.products.c.id == wanted))).scalar_one()
    locked = select(Stock).where(core.stocks.c.product_id == wanted, core.stocks.c.location == "main").with_for_update()
    stock = (await session.execute(locked)).scalar_one()
    if stock.on_hand - stock.reserved < line.quantity:
        raise ValueError("out of stock")
    stock.reserved += line.quantity
    stock.version += 1
    stock.update_time = now
    amount = int(product.price) * line.quantity
    session.add(
        Movement(
            product_id=wanted,
            location="main",
            kind="RESERVE",
            on_hand=0,
            reserved=line.quantity,
            order_id=order,
            note="",
            move_time=now,
        )
    )
    # The order first: a line belongs to one.
    await session.flush()
    session.add(
        Line(
            order_id=order,
            position=position,
            product_id=wanted,
            sku=product.sku,
            title=product.title,
            quantity=line.quantity,
            unit_price=product.price,
            amount=amount,
            shares=[[line.quantity, amount, 0, 0]],
            refunded_quantity=0,
            place_time=now,
        )
    )
    return amount


async def main() -> None:
    """Serve until the end."""
    url = os.environ["KEHU_DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://")
    engine = create_async_engine(url, pool_size=_POOL, max_overflow=0)
    publisher = await Publisher.connect(os.environ["KEHU_BROKER_URL"], "orders.events")
    server = grpc.aio.server()
    servicer = Control(async_sessionmaker(engine, expire_on_commit=False), publisher)  # type: ignore[abstract]  # nothing else is called
    add_OrdersServiceServicer_to_server(servicer, server)
    server.add_insecure_port(os.environ["KEHU_GRPC_ADDRESS"])
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main())
