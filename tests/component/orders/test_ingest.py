"""IngestService: shops, what they tell, and what becomes of it."""

from __future__ import annotations

import uuid
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from kehu.orders.v1 import channels_pb2 as pb
from kehu.orders.v1 import errors_pb2, orders_pb2, products_pb2
from kehu.orders.v1.channels_pb2_grpc import IngestServiceStub

from kit.money import Money
from kit.rpc.convert import wire_money
from tests.component.orders.conftest import Shop
from tests.support.rpc import refused

RESULT, KEPT = pb.IngestResult, pb.IngestedOrder
NAME = "shops/tmall-1"


@pytest.fixture
async def shops(channel: grpc.aio.Channel) -> IngestServiceStub:
    """The service, as a client sees it, with a shop."""
    stub = IngestServiceStub(channel)
    await stub.CreateShop(creation())
    return stub


def creation(*, shop_id: str = "tmall-1", **fields: Any) -> pb.CreateShopRequest:
    told = {"title": "旗舰店", "channel": "tmall", "currency_code": "CNY", **fields}
    return pb.CreateShopRequest(shop_id=shop_id, shop=pb.Shop(platform=pb.Shop.PLATFORM_WANGDIANTONG, **told))


def told(*, tid: str = "T1", sku: str = "CUP", version: int = 1, **fields: Any) -> pb.PlatformOrder:
    line = pb.PlatformLine(oid=f"{tid}-1", sku=sku, title="Cup", quantity=2, price="12.5", amount="19.9950")
    time = Timestamp(seconds=1_700_000_000 + version)
    return pb.PlatformOrder(**{"tid": tid, "modify_time": time, "status": 30, "lines": [line], **fields})


async def tell(shops: IngestServiceStub, *orders: pb.PlatformOrder) -> list[pb.IngestResult]:
    return list((await shops.IngestOrders(pb.IngestOrdersRequest(parent=NAME, orders=orders))).results)


async def read(shops: IngestServiceStub, tid: str = "T1") -> pb.IngestedOrder:
    found: pb.IngestedOrder = await shops.GetIngestedOrder(
        pb.GetIngestedOrderRequest(name=f"{NAME}/ingestedOrders/{tid}")
    )
    return found


async def test_an_order_waits_for_its_code_and_is_then_sold(shops: IngestServiceStub, shop: Shop) -> None:
    (result,) = await tell(shops, told(exception_bits=2 | 4096))
    assert (result.state, result.exceptions[0]) == (
        RESULT.STATE_EXCEPTION,
        pb.IngestException(reason="SKU_UNKNOWN", subject="CUP"),
    )
    listing = pb.ListIngestedOrdersRequest(parent=NAME, state=KEPT.STATE_EXCEPTION)
    (waiting,) = (await shops.ListIngestedOrders(listing)).ingested_orders
    assert (waiting.order, list(waiting.platform_exceptions)) == ("", ["ADDRESS", "BIT_4096"])
    product = await shop.product(stock=5)
    mapped = await shops.MapChannelSku(pb.MapChannelSkuRequest(parent=NAME, sku="CUP", product=product))
    (kept,) = mapped.ingested_orders
    assert kept == await read(shops)
    assert (kept.state, kept.total, kept.residue) == (KEPT.STATE_STORED, wire_money(Money(2000, "CNY")), "-0.0050")
    assert await shop.stock(product) == (3, 0)
    order = await shop.orders.GetOrder(orders_pb2.GetOrderRequest(name=kept.order))
    assert (order.state, order.channel, order.store) == (orders_pb2.Order.STATE_PAID, "tmall", "tmall-1")
    refund = pb.PlatformRefund(refund_number="R1", lines=[pb.PlatformRefundLine(oid="T1-1", amount="7.5")])
    (again,) = await tell(shops, told(version=2, status=95, refunds=[refund]))
    assert again.state == RESULT.STATE_UPDATED
    order = await shop.orders.GetOrder(orders_pb2.GetOrderRequest(name=kept.order))
    assert (order.state, order.refunded_amount) == (
        orders_pb2.Order.STATE_PARTIALLY_REFUNDED,
        wire_money(Money(750, "CNY")),
    )
    assert not (await shops.ListIngestedOrders(listing)).ingested_orders


async def test_a_product_of_the_same_sku_needs_no_mapping_and_lost_stock_is_tried_again(
    shops: IngestServiceStub, shop: Shop
) -> None:
    product = await shop.product(stock=0)
    sku = (await shop.orders.GetProduct(products_pb2.GetProductRequest(name=product))).sku
    (result,) = await tell(shops, told(sku=sku))
    assert [each.reason for each in result.exceptions] == ["OUT_OF_STOCK"]
    request = pb.RetryIngestedOrderRequest(name=f"{NAME}/ingestedOrders/T1", request_id=str(uuid.uuid4()))
    assert (await shops.RetryIngestedOrder(request)).state == KEPT.STATE_EXCEPTION


async def test_rows_are_judged_one_by_one(shops: IngestServiceStub) -> None:
    bad = told(tid="T2", freight="1.00001")
    good, wrong, timeless = await tell(shops, told(), bad, pb.PlatformOrder(tid="T3"))
    assert good.state == RESULT.STATE_EXCEPTION
    assert (wrong.state, wrong.field) == (RESULT.STATE_REJECTED, "freight")
    assert (timeless.reason, timeless.field) == (errors_pb2.ERROR_REASON_ROW_INVALID, "modify_time")
    repeated = (await tell(shops, told()))[0]
    assert repeated.state == RESULT.STATE_UNCHANGED


async def test_a_shop_is_made_once_and_read(shops: IngestServiceStub) -> None:
    found = await shops.GetShop(pb.GetShopRequest(name=NAME))
    assert list((await shops.ListShops(pb.ListShopsRequest())).shops) == [found]
    assert (await refused(shops.CreateShop(creation()))).reason == "SHOP_EXISTS"
    assert (await refused(shops.GetShop(pb.GetShopRequest(name="shops/none")))).reason == "SHOP_NOT_FOUND"
    assert (await refused(shops.GetShop(pb.GetShopRequest(name="shops/a/b")))).fields == ["name"]
    nothing = pb.GetIngestedOrderRequest(name=f"{NAME}/ingestedOrders/none")
    assert (await refused(shops.GetIngestedOrder(nothing))).reason == "INGESTED_ORDER_NOT_FOUND"
