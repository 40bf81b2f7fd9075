"""Fulfilment as people use it: pack, ship, deliver, pick up, and why it is refused."""

from __future__ import annotations

import uuid
from typing import Any

import grpc
import pytest
from kehu.orders.v1 import (
    deliveries_pb2,
    group_buys_pb2,
    inventory_pb2,
    orders_pb2,
    refunds_pb2,
    shipping_pb2,
    stock_pb2,
)
from kehu.orders.v1 import fulfilment_pb2 as pb
from kehu.orders.v1.fulfilment_pb2_grpc import FulfilmentServiceStub
from kehu.orders.v1.group_buys_pb2_grpc import GroupBuysServiceStub
from kehu.orders.v1.inventory_pb2_grpc import InventoryServiceStub
from kehu.orders.v1.order_desk_pb2 import HoldOrderRequest, ReleaseOrderRequest
from kehu.orders.v1.order_desk_pb2_grpc import OrderDeskServiceStub
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub
from kehu.orders.v1.shipping_pb2_grpc import ShippingServiceStub
from sqlalchemy import text

from kit.db import Database
from services.orders.storage.unit import OrdersUnit
from tests.component.orders.conftest import Shop, placing
from tests.component.orders.test_group_buys import a_group_buy, joining, opening
from tests.component.orders.test_pay_and_cancel import events
from tests.support.rpc import refused


@pytest.fixture
def fulfilment(channel: grpc.aio.Channel) -> FulfilmentServiceStub:
    return FulfilmentServiceStub(channel)


@pytest.fixture
async def order(orders: OrdersServiceStub, shop: Shop) -> orders_pb2.Order:
    """Three of one and one of another, paid."""
    lines = ((await shop.product(price=1000), 3), (await shop.product(price=500), 1))
    return await shop.pay(await orders.PlaceOrder(placing(*lines)))


def packing(order: orders_pb2.Order, *lines: tuple[int, int], **fields: Any) -> pb.CreateShipmentRequest:
    wanted = [pb.ShipmentLine(position=position, quantity=quantity) for position, quantity in lines]
    return pb.CreateShipmentRequest(parent=order.name, shipment=pb.Shipment(lines=wanted, **fields))


def parcels(*waybills: str) -> list[pb.Parcel]:
    return [pb.Parcel(carrier="SF", waybill=waybill) for waybill in waybills]


async def current(orders: OrdersServiceStub, order: orders_pb2.Order) -> orders_pb2.Order:
    found: orders_pb2.Order = await orders.GetOrder(orders_pb2.GetOrderRequest(name=order.name))
    return found


async def test_an_order_leaves_in_two_shipments_with_several_parcels_and_is_completed(
    fulfilment: FulfilmentServiceStub,
    orders: OrdersServiceStub,
    order: orders_pb2.Order,
    database: Database[OrdersUnit],
) -> None:
    request = packing(order, (1, 2), parcels=parcels("SF1"))
    request.request_id = str(uuid.uuid4())
    first = await fulfilment.CreateShipment(request)
    assert await fulfilment.CreateShipment(request) == first
    shipped = await fulfilment.ShipShipment(
        pb.ShipShipmentRequest(name=first.name, parcels=parcels("SF2"), etag=first.etag)
    )
    assert await fulfilment.ShipShipment(pb.ShipShipmentRequest(name=first.name)) == shipped
    assert [parcel.waybill for parcel in shipped.parcels] == ["SF1", "SF2"]
    assert (shipped.state, shipped.location) == (pb.Shipment.STATE_SHIPPED, "locations/main")
    await fulfilment.DeliverShipment(pb.DeliverShipmentRequest(name=first.name))

    rest = await fulfilment.CreateShipment(packing(order))
    assert [(line.position, line.quantity) for line in rest.lines] == [(1, 1), (2, 1)]
    await fulfilment.ShipShipment(pb.ShipShipmentRequest(name=rest.name, parcels=parcels("SF3")))
    assert (await current(orders, order)).state == orders_pb2.Order.STATE_PAID
    done = await fulfilment.DeliverShipment(pb.DeliverShipmentRequest(name=rest.name))
    assert await fulfilment.DeliverShipment(pb.DeliverShipmentRequest(name=rest.name)) == done
    assert (await current(orders, order)).state == orders_pb2.Order.STATE_COMPLETED

    listed = await fulfilment.ListShipments(pb.ListShipmentsRequest(parent=order.name))
    assert [each.name for each in listed.shipments] == [rest.name, first.name]
    assert len(events(database, "OrderCompleted")) == 1
    assert len(events(database, "OrderDelivered")) == 2
    told = events(database, "OrderShipped")[0]
    assert told["shipment"] == first.name
    assert told["parcels"][1] == {"carrier": "SF", "waybill": "SF2"}


async def test_goods_stay_for_many_reasons(
    channel: grpc.aio.Channel,
    fulfilment: FulfilmentServiceStub,
    orders: OrdersServiceStub,
    shop: Shop,
    order: orders_pb2.Order,
) -> None:
    async def why(request: pb.CreateShipmentRequest) -> tuple[str, str]:
        refusal = await refused(fulfilment.CreateShipment(request))
        return refusal.reason, refusal.metadata.get("cause", "")

    unpaid = await orders.PlaceOrder(placing((await shop.product(), 1)))
    assert await why(packing(unpaid)) == ("ORDER_NOT_FULFILLABLE", "STATE")
    desk = OrderDeskServiceStub(channel)
    await desk.HoldOrder(HoldOrderRequest(name=order.name, reason="fraud?"))
    assert await why(packing(order)) == ("ORDER_NOT_FULFILLABLE", "ON_HOLD")
    await desk.ReleaseOrder(ReleaseOrderRequest(name=order.name))
    assert await why(packing(order, (1, 4))) == ("UNITS_NOT_SHIPPABLE", "")
    assert await why(packing(order, (9, 1))) == ("LINE_NOT_FOUND", "")
    assert (await refused(fulfilment.CreateShipment(packing(order, (1, 1), (1, 1))))).fields == ["lines"]

    packed = await fulfilment.CreateShipment(packing(order, (1, 3)))
    assert (await refused(fulfilment.ShipShipment(pb.ShipShipmentRequest(name=packed.name)))).fields == ["parcels"]
    refund = refunds_pb2.RefundOrderRequest(name=order.name, lines=[refunds_pb2.RefundLine(position=1, quantity=1)])
    await orders.RefundOrder(refund)
    late = await refused(fulfilment.ShipShipment(pb.ShipShipmentRequest(name=packed.name, parcels=parcels("SF1"))))
    assert (late.reason, late.metadata["shippable"]) == ("UNITS_NOT_SHIPPABLE", "2")
    await fulfilment.CancelShipment(pb.CancelShipmentRequest(name=packed.name))
    deliver = fulfilment.DeliverShipment(pb.DeliverShipmentRequest(name=packed.name))
    assert (await refused(deliver)).reason == "SHIPMENT_STATE_INVALID"
    await fulfilment.CreateShipment(packing(order, (1, 2)))
    await orders.CompleteOrder(orders_pb2.CompleteOrderRequest(name=order.name))
    assert await why(packing(order)) == ("ORDER_NOT_FULFILLABLE", "COMPLETED")
    missing = pb.GetShipmentRequest(name=f"{order.name}/shipments/{uuid.uuid4()}")
    assert (await refused(fulfilment.GetShipment(missing))).reason == "SHIPMENT_NOT_FOUND"


async def test_goods_that_came_back_undelivered_are_shipped_again(
    fulfilment: FulfilmentServiceStub, order: orders_pb2.Order
) -> None:
    first = await fulfilment.CreateShipment(packing(order, parcels=parcels("SF1")))
    early = pb.ReturnShipmentRequest(name=first.name)
    assert (await refused(fulfilment.ReturnShipment(early))).reason == "SHIPMENT_STATE_INVALID"
    await fulfilment.ShipShipment(pb.ShipShipmentRequest(name=first.name))
    assert (await refused(fulfilment.CreateShipment(packing(order)))).reason == "UNITS_NOT_SHIPPABLE"

    back = await fulfilment.ReturnShipment(pb.ReturnShipmentRequest(name=first.name, note="nobody at home"))

    assert back.state == pb.Shipment.STATE_RETURNED
    again = await fulfilment.CreateShipment(packing(order))
    assert [(line.position, line.quantity) for line in again.lines] == [(1, 3), (2, 1)]


async def test_goods_of_a_group_stay_until_it_has_succeeded(
    channel: grpc.aio.Channel, fulfilment: FulfilmentServiceStub, shop: Shop
) -> None:
    buys = GroupBuysServiceStub(channel)
    wanted = a_group_buy(await shop.product(price=1500), size=2)
    made = await buys.CreateGroupBuy(group_buys_pb2.CreateGroupBuyRequest(group_buy=wanted))
    leader = await shop.pay(await buys.OpenGroup(opening(made)))
    assert (await refused(fulfilment.CreateShipment(packing(leader)))).reason == "GROUP_NOT_SUCCEEDED"
    await shop.pay(await buys.JoinGroup(joining(leader.activity)))
    assert (await fulfilment.CreateShipment(packing(leader))).state == pb.Shipment.STATE_CREATED


async def test_goods_are_picked_up_with_a_code_that_is_stored_nowhere(
    channel: grpc.aio.Channel,
    fulfilment: FulfilmentServiceStub,
    orders: OrdersServiceStub,
    shop: Shop,
    database: Database[OrdersUnit],
) -> None:
    store = inventory_pb2.Location(title="Shop", kind=inventory_pb2.Location.KIND_STORE, active=True, pickup=True)
    await InventoryServiceStub(channel).CreateLocation(
        inventory_pb2.CreateLocationRequest(location_id="shop-1", location=store)
    )
    method = shipping_pb2.ShippingMethod(
        title="In store", kind=deliveries_pb2.SHIPPING_KIND_PICK_UP, active=True, min_days=0, max_days=1
    )
    made = await ShippingServiceStub(channel).CreateShippingMethod(
        shipping_pb2.CreateShippingMethodRequest(shipping_method=method)
    )
    product = await shop.product()
    await orders.ReceiveStock(stock_pb2.ReceiveStockRequest(name=f"{product}/stocks/shop-1", quantity=5))
    choice = deliveries_pb2.DeliveryChoice(shipping_method=made.name, pick_up_location="locations/shop-1")
    order = await shop.pay(await orders.PlaceOrder(placing((product, 1), delivery=choice)))

    packed = await fulfilment.CreateShipment(packing(order))
    assert (packed.location, packed.pick_up_code) == ("locations/shop-1", "")
    ready = pb.ShipShipmentRequest(name=packed.name, request_id=str(uuid.uuid4()))
    code = (await fulfilment.ShipShipment(ready)).pick_up_code
    assert len(code) == 8
    assert (await fulfilment.ShipShipment(ready)).pick_up_code == code
    assert (await fulfilment.GetShipment(pb.GetShipmentRequest(name=packed.name))).pick_up_code == ""
    answers = database.read(lambda unit: unit.connection.execute(text("select response from idempotency")).all())
    assert not any(code.encode() in bytes(answer[0]) for answer in answers)

    wrong = pb.CollectShipmentRequest(name=packed.name, code=f"{(int(code) + 1) % 10**8:08d}")
    reasons = [(await refused(fulfilment.CollectShipment(wrong))).reason for _ in range(6)]
    assert reasons == [*["PICK_UP_CODE_INVALID"] * 5, "PICK_UP_ATTEMPTS_EXHAUSTED"]
    renewed = await fulfilment.RenewPickUpCode(pb.RenewPickUpCodeRequest(name=packed.name))
    assert renewed.pick_up_code != code
    stale = pb.CollectShipmentRequest(name=packed.name, code=code)
    assert (await refused(fulfilment.CollectShipment(stale))).reason == "PICK_UP_CODE_INVALID"
    right = pb.CollectShipmentRequest(name=packed.name, code=renewed.pick_up_code)
    assert (await fulfilment.CollectShipment(right)).state == pb.Shipment.STATE_DELIVERED
    assert (await refused(fulfilment.CollectShipment(right))).reason == "SHIPMENT_STATE_INVALID"
    assert (await current(orders, order)).state == orders_pb2.Order.STATE_COMPLETED
