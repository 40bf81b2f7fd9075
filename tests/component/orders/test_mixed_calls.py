"""Everything that may happen to an order, at once and by two processes: nothing breaks, and all books agree after."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import grpc
import pytest
from kehu.orders.v1 import fulfilment_pb2, order_desk_pb2, refunds_pb2
from kehu.orders.v1 import orders_pb2 as pb
from kehu.orders.v1.fulfilment_pb2_grpc import FulfilmentServiceStub
from kehu.orders.v1.order_desk_pb2_grpc import OrderDeskServiceStub
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub
from kehu.orders.v1.refunds_pb2_grpc import RefundsServiceStub
from kehu.orders.v1.shipping_pb2_grpc import ShippingServiceStub

from kit.db import Database
from kit.rpc.convert import money
from services.orders import publish
from services.orders.config import Config
from services.orders.server import build
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.expiry import expire_orders
from tests.component.orders.conftest import Shop, placing
from tests.component.orders.peers import Members
from tests.component.orders.tariffs import ADDRESS, a_parcel, a_zone, cny, sent
from tests.contract.orders.test_exchanges import differences
from tests.support.rpc import Keys, serving
from tests.support.waiting import until_async

MEMBER = f"members/{uuid.uuid4()}"
MAY_FAIL = {
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.ALREADY_EXISTS,
}
ROUNDS = 6


@pytest.fixture
async def beside(url: str, peers: str, settings: Callable[..., Any], keys: Keys) -> AsyncIterator[grpc.aio.Channel]:
    """The same service by another process."""
    other = build(settings(Config, database_url=url, peers_campaigns=peers, peers_members=peers))
    async with serving(other, keys.bearer("admin")) as channel:
        yield channel


async def tried(call: Awaitable[Any]) -> str:
    """What became of a call."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        if error.code() not in MAY_FAIL:
            raise
        return str(error.code().name)
    return "OK"


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_at_once_the_books_agree(
    shop: Shop,
    members: Members,
    shipping: ShippingServiceStub,
    channel: grpc.aio.Channel,
    beside: grpc.aio.Channel,
    database: Database[OrdersUnit],
    url: str,
    seed: int,
) -> None:
    draw = random.Random(seed)
    members.available[MEMBER], members.funds[MEMBER] = 100_000, 1_000_000
    parcel = await a_parcel(shipping, (await a_zone(shipping)).name)
    product, dearer = await shop.product(price=2000, stock=100), await shop.product(price=2500, stock=100)
    late = Database(
        url,
        partial(OrdersUnit, publish=publish.to_event),
        clock=lambda: datetime.now(UTC) + timedelta(days=4),
        pool_size=2,
    )

    def calls(old: pb.Order, new: pb.Order, exchange: refunds_pb2.Refund) -> list[Callable[[], Awaitable[Any]]]:
        def orders() -> OrdersServiceStub:
            return OrdersServiceStub(draw.choice([channel, beside]))

        whole = money(new.total).minor
        desk, refunds = OrderDeskServiceStub(beside), RefundsServiceStub(beside)
        return [
            lambda: orders().PayOrder(
                pb.PayOrderRequest(name=new.name, tender=pb.TENDER_MANUAL, amount=new.amount_due)
            ),
            lambda: orders().PayOrder(
                pb.PayOrderRequest(name=new.name, tender=pb.TENDER_MANUAL, amount=cny(100), partial=True)
            ),
            lambda: orders().CheckoutOrder(pb.CheckoutOrderRequest(name=new.name, stored_value=cny(whole))),
            lambda: orders().CheckoutOrder(
                pb.CheckoutOrderRequest(name=new.name, points=100, stored_value=cny(whole - 2000 - 100))
            ),
            lambda: orders().CancelOrder(pb.CancelOrderRequest(name=new.name, reason=pb.CANCEL_REASON_CUSTOMER)),
            lambda: orders().RefundOrder(refunds_pb2.RefundOrderRequest(name=new.name)),
            lambda: orders().RefundOrder(
                refunds_pb2.RefundOrderRequest(
                    name=old.name, lines=[refunds_pb2.RefundLine(position=1, amount=cny(700))]
                )
            ),
            lambda: orders().RefundOrder(
                refunds_pb2.RefundOrderRequest(
                    name=new.name, lines=[refunds_pb2.RefundLine(position=1, quantity=1)], restock_unshipped=True
                )
            ),
            lambda: refunds.ReceiveReturn(refunds_pb2.ReceiveReturnRequest(name=exchange.name)),
            lambda: refunds.RejectRefund(refunds_pb2.RejectRefundRequest(name=exchange.name)),
            lambda: desk.ChangeDeliveryAddress(
                order_desk_pb2.ChangeDeliveryAddressRequest(name=f"{new.name}/address", address=ADDRESS)
            ),
            lambda: FulfilmentServiceStub(channel).CreateShipment(
                fulfilment_pb2.CreateShipmentRequest(parent=new.name)
            ),
            lambda: asyncio.to_thread(late.write, expire_orders, 2),
        ]

    acts = []
    for _ in range(ROUNDS):
        old = await shop.pay(await shop.orders.PlaceOrder(placing((product, 2), member=MEMBER)))
        new = await shop.orders.PlaceOrder(placing((dearer, 1), member=MEMBER, delivery=sent(parcel)))
        exchange = await shop.orders.RefundOrder(
            refunds_pb2.RefundOrderRequest(
                name=old.name,
                kind=refunds_pb2.Refund.KIND_EXCHANGE,
                lines=[refunds_pb2.RefundLine(position=1, quantity=1)],
                replacement=new.name,
            )
        )
        acts += calls(old, new, exchange)
    draw.shuffle(acts)
    outcomes = await asyncio.gather(*(tried(act()) for act in acts))
    late.close()
    assert "OK" in outcomes
    await until_async(
        lambda: not database.read(lambda unit: unit.checkouts.unfinished()), what="no checkout is left open"
    )
    assert differences(database) == []
