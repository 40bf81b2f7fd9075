"""The order desk as people use it: search, timeline, notes, tags, holds, addresses, invoices."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from kehu.orders.v1 import deliveries_pb2, inventory_pb2, orders_pb2, refunds_pb2, shipping_pb2, stock_pb2
from kehu.orders.v1 import order_desk_pb2 as pb
from kehu.orders.v1.fulfilment_pb2 import CreateShipmentRequest, Parcel, ShipShipmentRequest
from kehu.orders.v1.fulfilment_pb2_grpc import FulfilmentServiceStub
from kehu.orders.v1.inventory_pb2_grpc import InventoryServiceStub
from kehu.orders.v1.order_desk_pb2_grpc import OrderDeskServiceStub
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub
from kehu.orders.v1.shipping_pb2_grpc import ShippingServiceStub
from kehu.orders.v1.taxes_pb2_grpc import TaxesServiceStub
from sqlalchemy import text

from kit.db import Database
from kit.rpc import Server
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.erasure import forget_members
from tests.component.orders.conftest import Shop, placing
from tests.component.orders.tariffs import ADDRESS, a_parcel, a_table, a_zone, sent
from tests.support.rpc import Keys, channel_to, refused
from tests.support.waiting import until_async

MEMBER = str(uuid.uuid4())
BEARER = pb.Invoice(title="上海茶叶有限公司", tax_number="91310000MA1FL0XX0X", email="wang@example.com")


@pytest.fixture
def desk(channel: grpc.aio.Channel) -> OrderDeskServiceStub:
    return OrderDeskServiceStub(channel)


@pytest.fixture
async def viewer(server: Server, channel: grpc.aio.Channel, keys: Keys) -> AsyncIterator[grpc.aio.Channel]:
    """Somebody who may read orders, and not whom they are for."""
    async with channel_to(f"127.0.0.1:{server.port}", keys.bearer("viewer")) as other:
        yield other


@pytest.fixture
async def order(channel: grpc.aio.Channel, orders: OrdersServiceStub, shop: Shop) -> orders_pb2.Order:
    """A paid order of a member that goes to an address."""
    shipping = ShippingServiceStub(channel)
    method = await a_parcel(shipping, (await a_zone(shipping, "广东")).name)
    lines = ((await shop.product(price=1000), 2),)
    asked = placing(*lines, member=f"members/{MEMBER}", store="sh-01", delivery=sent(method))
    return await shop.pay(await orders.PlaceOrder(asked))


async def found(desk: OrderDeskServiceStub, **filters: Any) -> list[str]:
    answer = await desk.SearchOrders(pb.SearchOrdersRequest(**filters))
    return [each.order.name for each in answer.orders]


async def timeline(desk: OrderDeskServiceStub, order: orders_pb2.Order, size: int = 4) -> list[pb.OrderEvent]:
    events: list[pb.OrderEvent] = []
    request = pb.ListOrderEventsRequest(parent=order.name, page_size=size)
    while True:
        page = await desk.ListOrderEvents(request)
        events += page.events
        request.page_token = page.next_page_token
        if not page.next_page_token:
            return events


def kinds(events: list[pb.OrderEvent]) -> list[str]:
    return [pb.OrderEvent.Kind.Name(event.kind).removeprefix("KIND_") for event in events]


async def test_an_order_is_found_by_whatever_people_know_of_it(
    desk: OrderDeskServiceStub, orders: OrdersServiceStub, shop: Shop, order: orders_pb2.Order
) -> None:
    other = await orders.PlaceOrder(placing((await shop.product(price=500), 1), channel="pos"))
    await desk.TagOrder(pb.TagOrderRequest(name=order.name, add_tags=["vip"]))
    await desk.HoldOrder(pb.HoldOrderRequest(name=order.name, reason="Call first"))
    assert await found(desk) == [other.name, order.name]

    fitting: list[dict[str, Any]] = [
        {"number": order.number},
        {"number": order.number.replace("-", " ")},
        {"phone": "138 0013 8000"},
        {"phone": ADDRESS.phone},
        {"sku": order.lines[0].sku},
        {"state": orders_pb2.Order.STATE_PAID},
        {"channel": "web"},
        {"store": "sh-01"},
        {"tag": "vip"},
        {"held": True},
        {"member": f"members/{MEMBER}"},
        {"currency_code": "CNY", "min_units": 20},
        {"end_time": other.place_time},
    ]
    for filters in fitting:
        assert await found(desk, **filters) == [order.name], filters
    together = {key: value for filters in fitting for key, value in filters.items()}
    assert await found(desk, **together) == [order.name]
    assert await found(desk, start_time=other.place_time) == [other.name]
    for miss in (
        {"sku": "NONE"},
        {"tag": "vi"},
        {"phone": "13800138001"},
        {"store": "sh-02"},
        {"max_units": 19},
    ):
        assert await found(desk, **together | miss) == []
    wrong = order.number[:-1] + str((int(order.number[-1]) + 1) % 10)
    assert (await refused(desk.SearchOrders(pb.SearchOrdersRequest(number=wrong)))).fields == ["number"]


@pytest.mark.parametrize("filters", [{}, {"sku": "SEVERAL"}, {"tag": "many"}, {"held": True}])
async def test_pages_go_through_all_orders_once(
    desk: OrderDeskServiceStub, orders: OrdersServiceStub, shop: Shop, filters: dict[str, Any]
) -> None:
    product = await shop.product()
    placed = [await orders.PlaceOrder(placing((product, 1), (product, 2))) for _ in range(5)]
    for each in placed:
        await desk.TagOrder(pb.TagOrderRequest(name=each.name, add_tags=["many"]))
        await desk.HoldOrder(pb.HoldOrderRequest(name=each.name, reason="Wait"))
    filters = filters | ({"sku": placed[0].lines[0].sku} if "sku" in filters else {})

    seen, token = [], ""
    while True:
        page = await desk.SearchOrders(pb.SearchOrdersRequest(page_size=2, page_token=token, **filters))
        seen += [each.order.name for each in page.orders]
        token = page.next_page_token
        if not token:
            break
    assert seen == [each.name for each in reversed(placed)]


async def test_the_timeline_tells_what_happened_and_who_did_it(
    desk: OrderDeskServiceStub, orders: OrdersServiceStub, order: orders_pb2.Order
) -> None:
    request_id = str(uuid.uuid4())
    note = pb.WriteOrderNoteRequest(name=order.name, text="Gift wrap", request_id=request_id)
    assert await desk.WriteOrderNote(note) == await desk.WriteOrderNote(note)
    await desk.TagOrder(pb.TagOrderRequest(name=order.name, add_tags=["b", "a"]))
    marked = await desk.TagOrder(pb.TagOrderRequest(name=order.name, add_tags=["a"], remove_tags=["b"]))
    assert list(marked.tags) == ["a"]
    hold = pb.HoldOrderRequest(name=order.name, reason="Call first")
    assert (await desk.HoldOrder(hold)).hold.reason == "Call first"
    await desk.HoldOrder(hold)
    hold.reason = "Something else"
    assert (await refused(desk.HoldOrder(hold))).reason == "ORDER_ON_HOLD"
    await desk.ReleaseOrder(pb.ReleaseOrderRequest(name=order.name))
    assert not (await desk.ReleaseOrder(pb.ReleaseOrderRequest(name=order.name))).HasField("hold")
    await orders.RefundOrder(
        refunds_pb2.RefundOrderRequest(name=order.name, lines=[refunds_pb2.RefundLine(position=1, quantity=1)])
    )

    events = await timeline(desk, order)
    told = kinds(events)
    assert [kind for kind in told if not kind.startswith(("STOCK", "REFUND"))] == [
        *("RELEASE", "HOLD", "UNTAG", "TAG", "NOTE", "PAID", "PAYMENT", "PLACED")
    ]
    assert told.count("STOCK") == 2
    assert {"REFUND", "REFUND_GIVEN", "REFUND_PAID_OUT"} <= set(told)
    assert {event.actor for event in events if event.kind >= pb.OrderEvent.KIND_NOTE} == {"tester"}
    assert events == await timeline(desk, order, 100)
    (written,) = (event for event in events if event.kind == pb.OrderEvent.KIND_NOTE)
    assert written.text == "Gift wrap"


async def test_an_address_changes_until_something_left_and_the_old_one_is_gone(
    channel: grpc.aio.Channel,
    desk: OrderDeskServiceStub,
    order: orders_pb2.Order,
    database: Database[OrdersUnit],
) -> None:
    def stored() -> tuple[bytes, str]:
        return database.read(
            lambda unit: tuple(unit.connection.execute(text("select sealed, phone from delivery_addresses")).one())
        )

    before = stored()
    moved = shipping_pb2.DeliveryAddress(name=f"{order.name}/address", address=ADDRESS)
    moved.address.MergeFrom(type(ADDRESS)(street="人民路 2 号", phone="+86 139 0013 9000"))
    change = pb.ChangeDeliveryAddressRequest(name=moved.name, address=moved.address, request_id=str(uuid.uuid4()))
    assert await desk.ChangeDeliveryAddress(change) == moved
    assert await desk.ChangeDeliveryAddress(change) == moved
    kept = await ShippingServiceStub(channel).GetDeliveryAddress(
        shipping_pb2.GetDeliveryAddressRequest(name=moved.name)
    )
    assert kept == moved
    assert not set(before) & set(stored())
    assert await found(desk, phone="13900139000") == [order.name]
    assert await found(desk, phone=ADDRESS.phone) == []
    assert kinds(await timeline(desk, order)).count("CHANGE_ADDRESS") == 1
    answers = database.read(lambda unit: unit.connection.execute(text("select response from idempotency")).all())
    assert not any("人民路".encode() in bytes(answer[0]) for answer in answers)

    abroad = pb.ChangeDeliveryAddressRequest(name=moved.name, address=type(ADDRESS)(country_code="FR"))
    assert (await refused(desk.ChangeDeliveryAddress(abroad))).metadata["cause"] == "COUNTRY"
    fulfilment = FulfilmentServiceStub(channel)
    packed = await fulfilment.CreateShipment(CreateShipmentRequest(parent=order.name))
    await fulfilment.ShipShipment(ShipShipmentRequest(name=packed.name, parcels=[Parcel(carrier="SF", waybill="SF1")]))
    refusal = await refused(
        desk.ChangeDeliveryAddress(pb.ChangeDeliveryAddressRequest(name=moved.name, address=ADDRESS))
    )
    assert (refusal.reason, refusal.metadata["cause"]) == ("ADDRESS_FIXED", "SHIPPED")


async def test_an_invoice_is_over_what_is_left_when_it_is_issued(
    desk: OrderDeskServiceStub, orders: OrdersServiceStub, order: orders_pb2.Order, viewer: grpc.aio.Channel
) -> None:
    asked = pb.RequestInvoiceRequest(parent=order.name, invoice=BEARER, request_id=str(uuid.uuid4()))
    invoice = await desk.RequestInvoice(asked)
    assert invoice == await desk.RequestInvoice(asked)
    assert (invoice.title, invoice.email) == (BEARER.title, BEARER.email)
    masked = await OrderDeskServiceStub(viewer).GetInvoice(pb.GetInvoiceRequest(name=invoice.name))
    assert (masked.title, masked.tax_number, masked.email) == ("上****", "****", "****")
    twice = pb.RequestInvoiceRequest(parent=order.name, invoice=BEARER)
    assert (await refused(desk.RequestInvoice(twice))).reason == "INVOICE_EXISTS"

    await orders.RefundOrder(
        refunds_pb2.RefundOrderRequest(name=order.name, lines=[refunds_pb2.RefundLine(position=1, quantity=1)])
    )
    issued = await desk.IssueInvoice(pb.IssueInvoiceRequest(name=invoice.name, number="INV-1", etag=invoice.etag))
    assert (issued.state, issued.amount.units) == (pb.Invoice.STATE_ISSUED, order.amount_due.units - 10)
    again = pb.IssueInvoiceRequest(name=invoice.name, number="INV-1")
    assert (await refused(desk.IssueInvoice(again))).reason == "INVOICE_STATE_INVALID"
    await desk.VoidInvoice(pb.VoidInvoiceRequest(name=invoice.name, note="refunded"))

    await orders.RefundOrder(refunds_pb2.RefundOrderRequest(name=order.name))
    assert (await refused(desk.RequestInvoice(twice))).reason == "ORDER_STATE_INVALID"
    assert [each.state for each in (await desk.ListInvoices(pb.ListInvoicesRequest(parent="orders/-"))).invoices] == [
        pb.Invoice.STATE_VOID
    ]


async def test_an_invoice_that_was_rejected_leaves_room_for_another(
    desk: OrderDeskServiceStub, order: orders_pb2.Order
) -> None:
    asked = pb.RequestInvoiceRequest(parent=order.name, invoice=BEARER)
    invoice = await desk.RequestInvoice(asked)
    rejected = await desk.RejectInvoice(pb.RejectInvoiceRequest(name=invoice.name, note="no such company"))
    assert rejected.state == pb.Invoice.STATE_REJECTED
    late = pb.IssueInvoiceRequest(name=invoice.name, number="INV-1")
    assert (await refused(desk.IssueInvoice(late))).reason == "INVOICE_STATE_INVALID"
    assert (await desk.RequestInvoice(asked)).state == pb.Invoice.STATE_REQUESTED


async def test_what_was_sealed_and_written_of_an_erased_member_is_gone(
    desk: OrderDeskServiceStub, order: orders_pb2.Order, database: Database[OrdersUnit]
) -> None:
    await desk.WriteOrderNote(pb.WriteOrderNoteRequest(name=order.name, text="Mrs Wang called"))
    invoice = await desk.RequestInvoice(pb.RequestInvoiceRequest(parent=order.name, invoice=BEARER))

    database.write(lambda unit: forget_members(unit, [uuid.UUID(MEMBER)]))

    assert await found(desk, phone=ADDRESS.phone) == []
    assert {event.text for event in await timeline(desk, order)} == {""}
    erased = await desk.GetInvoice(pb.GetInvoiceRequest(name=invoice.name))
    assert (erased.title, erased.tax_number, erased.email) == ("", "", "")
    keys = database.read(
        lambda unit: unit.connection.execute(text("select key_id, wrapped, sealed from invoices")).all()
    )
    assert [tuple(row) for row in keys] == [(None, None, None)]


async def test_an_order_without_an_address_gets_its_first_one(
    channel: grpc.aio.Channel, desk: OrderDeskServiceStub, orders: OrdersServiceStub, shop: Shop
) -> None:
    order = await orders.PlaceOrder(placing((await shop.product(), 1)))
    given = shipping_pb2.DeliveryAddress(name=f"{order.name}/address", address=ADDRESS)
    first = pb.ChangeDeliveryAddressRequest(name=given.name, address=ADDRESS)
    assert await desk.ChangeDeliveryAddress(first) == given
    shipping = ShippingServiceStub(channel)
    assert await shipping.GetDeliveryAddress(shipping_pb2.GetDeliveryAddressRequest(name=given.name)) == given
    assert await found(desk, phone=ADDRESS.phone) == [order.name]
    assert kinds(await timeline(desk, order)).count("CHANGE_ADDRESS") == 1
    abroad = pb.ChangeDeliveryAddressRequest(name=given.name, address=type(ADDRESS)(country_code="FR"))
    assert (await refused(desk.ChangeDeliveryAddress(abroad))).metadata["cause"] == "COUNTRY"


def waiting(database: Database[OrdersUnit]) -> int:
    """How many transactions wait for a lock."""
    query = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    return database.read(lambda unit: int(unit.connection.execute(text(query)).scalar_one()))


async def test_of_two_first_addresses_in_two_countries_one_counts(
    desk: OrderDeskServiceStub, shop: Shop, database: Database[OrdersUnit], shipping: ShippingServiceStub
) -> None:
    order = await shop.orders.PlaceOrder(placing((await shop.product(), 1)))
    name = f"{order.name}/address"
    changes = [
        desk.ChangeDeliveryAddress(pb.ChangeDeliveryAddressRequest(name=name, address=type(ADDRESS)(country_code=each)))
        for each in ("CN", "FR")
    ]
    with database._engine.connect() as somebody:
        somebody.execute(text("select 1 from orders for update"))
        asked = [asyncio.ensure_future(each) for each in changes]
        await until_async(lambda: waiting(database) == 2, what="both have looked, and wait")
    answers = await asyncio.gather(*asked, return_exceptions=True)
    (won,) = [each for each in answers if not isinstance(each, BaseException)]
    (lost,) = [each for each in answers if isinstance(each, grpc.aio.AioRpcError)]
    assert lost.code() is grpc.StatusCode.ABORTED
    found = await shipping.GetDeliveryAddress(shipping_pb2.GetDeliveryAddressRequest(name=name))
    assert found.address.country_code == won.address.country_code


async def test_the_first_address_lies_where_the_order_was_taxed(
    channel: grpc.aio.Channel, desk: OrderDeskServiceStub, orders: OrdersServiceStub, shop: Shop
) -> None:
    await a_table(TaxesServiceStub(channel), home=True)
    order = await orders.PlaceOrder(placing((await shop.product(), 1)))
    change = pb.ChangeDeliveryAddressRequest(name=f"{order.name}/address", address=type(ADDRESS)(country_code="FR"))
    refusal = await refused(desk.ChangeDeliveryAddress(change))
    assert (refusal.reason, refusal.metadata["cause"]) == ("ADDRESS_FIXED", "COUNTRY")
    change.address.CopyFrom(ADDRESS)
    assert (await desk.ChangeDeliveryAddress(change)).address == ADDRESS


async def test_an_order_that_is_picked_up_gets_no_address(
    channel: grpc.aio.Channel, desk: OrderDeskServiceStub, orders: OrdersServiceStub, shop: Shop
) -> None:
    store = inventory_pb2.Location(title="Shop", kind=inventory_pb2.Location.KIND_STORE, active=True, pickup=True)
    await InventoryServiceStub(channel).CreateLocation(
        inventory_pb2.CreateLocationRequest(location_id="shop-1", location=store)
    )
    method = shipping_pb2.ShippingMethod(title="In store", kind=deliveries_pb2.SHIPPING_KIND_PICK_UP, active=True)
    made = await ShippingServiceStub(channel).CreateShippingMethod(
        shipping_pb2.CreateShippingMethodRequest(shipping_method=method)
    )
    product = await shop.product()
    await orders.ReceiveStock(stock_pb2.ReceiveStockRequest(name=f"{product}/stocks/shop-1", quantity=5))
    choice = deliveries_pb2.DeliveryChoice(shipping_method=made.name, pick_up_location="locations/shop-1")
    order = await orders.PlaceOrder(placing((product, 1), delivery=choice))
    change = pb.ChangeDeliveryAddressRequest(name=f"{order.name}/address", address=ADDRESS)
    assert (await refused(desk.ChangeDeliveryAddress(change))).metadata["cause"] == "PICK_UP"
