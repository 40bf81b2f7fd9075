"""A member who was erased stays so: every way to buy, to store an address or to write something down is closed."""

from __future__ import annotations

import importlib
import pkgutil
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import Descriptor
from kehu.orders import v1
from kehu.orders.v1 import (
    bargains_pb2,
    carts_pb2,
    channels_pb2,
    deliveries_pb2,
    flash_sales_pb2,
    order_desk_pb2,
    orders_pb2,
)
from kehu.orders.v1.bargains_pb2_grpc import BargainsServiceStub
from kehu.orders.v1.carts_pb2_grpc import CartsServiceStub
from kehu.orders.v1.channels_pb2_grpc import IngestServiceStub
from kehu.orders.v1.flash_sales_pb2_grpc import FlashSalesServiceStub
from kehu.orders.v1.order_desk_pb2_grpc import OrderDeskServiceStub
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub
from kehu.orders.v1.shipping_pb2_grpc import ShippingServiceStub

from kit.db import Database
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.buyers import forget, tell_segments, tell_tiers
from services.orders.usecases.erasure import forget_members
from tests.component.orders import activities, test_import_orders, test_ingest
from tests.component.orders.conftest import Shop, placing
from tests.component.orders.tariffs import ADDRESS, a_parcel, a_zone, cny, sent
from tests.support.rpc import refused

FIELDS = {"member", "helper", "members", "customer"}
PERSONAL = {"Address", "DeliveryChoice"}


@dataclass(frozen=True)
class Scene:
    """A shop with one product, which sends parcels, and a member who had an order before being erased."""

    channel: grpc.aio.Channel
    shop: Shop
    product: str
    member: str
    delivery: deliveries_pb2.DeliveryChoice
    order: orders_pb2.Order

    def buying(self, **fields: Any) -> dict[str, Any]:
        """What a request to buy says; with an address."""
        return {"member": self.member, "channel": "web", "delivery": self.delivery, **fields}


@pytest.fixture
async def scene(
    channel: grpc.aio.Channel, shop: Shop, shipping: ShippingServiceStub, database: Database[OrdersUnit]
) -> Scene:
    parcel = await a_parcel(shipping, (await a_zone(shipping)).name)
    product, member = await shop.product(price=activities.PRICE, stock=20), activities.a_member()
    order = await shop.pay(await shop.orders.PlaceOrder(placing((product, 1), member=member, delivery=sent(parcel))))
    found = Scene(channel, shop, product, member, sent(parcel), order)
    database.write(forget_members, [id_of(member)])
    return found


def id_of(member: str) -> uuid.UUID:
    return uuid.UUID(member.removeprefix("members/"))


async def place(scene: Scene) -> object:
    return await scene.shop.orders.PlaceOrder(placing((scene.product, 1), **scene.buying()))


async def place_nothing_personal(scene: Scene) -> object:
    return await scene.shop.orders.PlaceOrder(placing((scene.product, 1), member=scene.member))


async def place_with_points(scene: Scene) -> object:
    return await scene.shop.orders.PlaceOrder(placing((scene.product, 1), member=scene.member, points=100))


async def open_cart(scene: Scene) -> object:
    cart = carts_pb2.Cart(member=scene.member, channel="web")
    return await CartsServiceStub(scene.channel).CreateCart(carts_pb2.CreateCartRequest(cart=cart))


async def merge_cart(scene: Scene) -> object:
    carts = CartsServiceStub(scene.channel)
    guest = await carts.CreateCart(carts_pb2.CreateCartRequest(cart=carts_pb2.Cart(channel="web")))
    return await carts.MergeCart(carts_pb2.MergeCartRequest(name=guest.name, token=guest.token, member=scene.member))


async def buy_flash_sale(scene: Scene) -> object:
    return await (await activities.a_flash_sale(scene.channel, scene.product)).buy(**scene.buying())


async def enter_waiting_room(scene: Scene) -> object:
    stub = FlashSalesServiceStub(scene.channel)
    wanted = flash_sales_pb2.FlashSale(
        product=scene.product, price=cny(100), quota=1, admitted_per_second=1, **activities.window()
    )
    sale = await stub.CreateFlashSale(flash_sales_pb2.CreateFlashSaleRequest(flash_sale=wanted))
    return await stub.EnterWaitingRoom(flash_sales_pb2.EnterWaitingRoomRequest(name=sale.name, member=scene.member))


async def open_group(scene: Scene) -> object:
    return await (await activities.a_group_buy(scene.channel, scene.product)).buy(**scene.buying())


async def join_group(scene: Scene) -> object:
    bought = await activities.a_group_buy(scene.channel, scene.product)
    led = await scene.shop.pay(await bought.buy())
    return await bought.buy(group=led.activity, **scene.buying())


async def a_haggle(scene: Scene, member: str) -> bargains_pb2.Haggle:
    bought = await activities.a_bargain(scene.channel, scene.product)
    ordered = await bought.buy()
    stub = BargainsServiceStub(scene.channel)
    bargain = "/".join(ordered.activity.split("/")[:2])
    begun: bargains_pb2.Haggle = await stub.BeginHaggle(bargains_pb2.BeginHaggleRequest(parent=bargain, member=member))
    return begun


async def begin_haggle(scene: Scene) -> object:
    return await a_haggle(scene, scene.member)


async def cut_price(scene: Scene) -> object:
    haggle = await a_haggle(scene, activities.a_member())
    request = bargains_pb2.CutPriceRequest(name=haggle.name, member=scene.member)
    return await BargainsServiceStub(scene.channel).CutPrice(request)


async def buy_presale(scene: Scene) -> object:
    return await (await activities.a_presale(scene.channel, scene.product)).buy(**scene.buying())


async def change_address(scene: Scene) -> object:
    request = order_desk_pb2.ChangeDeliveryAddressRequest(name=f"{scene.order.name}/address", address=ADDRESS)
    return await OrderDeskServiceStub(scene.channel).ChangeDeliveryAddress(request)


async def request_invoice(scene: Scene) -> object:
    invoice = order_desk_pb2.Invoice(title="王芳", email="w@example.com")
    request = order_desk_pb2.RequestInvoiceRequest(parent=scene.order.name, invoice=invoice)
    return await OrderDeskServiceStub(scene.channel).RequestInvoice(request)


async def write_note(scene: Scene) -> object:
    request = order_desk_pb2.WriteOrderNoteRequest(name=scene.order.name, text="王芳 called")
    return await OrderDeskServiceStub(scene.channel).WriteOrderNote(request)


CLOSED: dict[str, Callable[[Scene], Awaitable[object]]] = {
    "OrdersService.PlaceOrder": place,
    "OrdersService.PlaceOrder without an address": place_nothing_personal,
    "OrdersService.PlaceOrder with points": place_with_points,
    "CartsService.CreateCart": open_cart,
    "CartsService.MergeCart": merge_cart,
    "FlashSalesService.BuyFlashSale": buy_flash_sale,
    "FlashSalesService.EnterWaitingRoom": enter_waiting_room,
    "GroupBuysService.OpenGroup": open_group,
    "GroupBuysService.JoinGroup": join_group,
    "BargainsService.BeginHaggle": begin_haggle,
    "BargainsService.CutPrice": cut_price,
    "PresalesService.BuyPresale": buy_presale,
    "OrderDeskService.ChangeDeliveryAddress": change_address,
    "OrderDeskService.RequestInvoice": request_invoice,
    "OrderDeskService.WriteOrderNote": write_note,
}

OPEN = {
    "BargainsService.BuyHaggle": "the haggle began before; see below",
    "CartsService.CheckoutCart": "the cart is gone; see below",
    "CatalogueService.ExplainPrice": "reads",
    "FlashSalesService.CreateFlashSale": "of nobody",
    "GroupBuysService.CreateGroupBuy": "`members` of a price step is a number",
    "GroupBuysService.UpdateGroupBuy": "`members` of a price step is a number",
    "IngestService.IngestOrders": "the order is kept, of nobody; see below",
    "OrderDeskService.SearchOrders": "reads",
    "OrdersService.ImportOrders": "the order is kept, of nobody; see below",
    "OrdersService.ListOrders": "reads",
    "OrdersService.QuoteOrder": "reads",
    "ShippingService.SuggestShippingMethods": "reads",
}


def methods() -> Iterator[tuple[str, Descriptor]]:
    """All methods of orders, and what they take."""
    for module in pkgutil.iter_modules(v1.__path__):
        found = importlib.import_module(f"{v1.__name__}.{module.name}")
        services = found.DESCRIPTOR.services_by_name.values() if hasattr(found, "DESCRIPTOR") else []
        for service in services:
            for method in service.methods:
                yield f"{service.name}.{method.name}", method.input_type


def personal(message: Descriptor, depth: int = 4) -> bool:
    """Whether a message names a member or an address, at any depth."""
    return any(
        field.name in FIELDS
        or (
            field.message_type is not None
            and depth > 0
            and (
                field.message_type.name in PERSONAL
                or (field.message_type.file.package.startswith("kehu.") and personal(field.message_type, depth - 1))
            )
        )
        for field in message.fields
    )


def test_every_method_that_names_a_member_or_an_address_is_known_here() -> None:
    found = {name for name, takes in methods() if personal(takes)}
    assert "OrdersService.PlaceOrder" in found
    assert found - set(CLOSED) - set(OPEN) == set()


@pytest.mark.parametrize("method", CLOSED)
async def test_nothing_is_stored_of_a_member_who_was_erased(scene: Scene, method: str) -> None:
    before = await scene.shop.stock(scene.product)
    refusal = await refused(CLOSED[method](scene))
    assert (refusal.reason, refusal.metadata["member"]) == ("MEMBER_ERASED", scene.member)
    if method.startswith(("OrdersService", "CartsService", "OrderDesk")):
        assert await scene.shop.stock(scene.product) == before


async def test_a_haggle_that_began_before_is_bought_by_nobody(scene: Scene, database: Database[OrdersUnit]) -> None:
    member = activities.a_member()
    haggle = await a_haggle(scene, member)
    database.write(forget_members, [id_of(member)])
    request = bargains_pb2.BuyHaggleRequest(name=haggle.name, **scene.buying(member=member))
    assert (await refused(BargainsServiceStub(scene.channel).BuyHaggle(request))).reason == "MEMBER_ERASED"


async def test_a_cart_that_was_open_is_gone(scene: Scene, database: Database[OrdersUnit]) -> None:
    carts, member = CartsServiceStub(scene.channel), activities.a_member()
    cart = await carts.CreateCart(carts_pb2.CreateCartRequest(cart=carts_pb2.Cart(member=member, channel="web")))
    await carts.AddCartLine(carts_pb2.AddCartLineRequest(name=cart.name, product=scene.product, quantity=1))
    database.write(forget_members, [id_of(member)])
    request = carts_pb2.CheckoutCartRequest(name=cart.name, delivery=scene.delivery)
    assert (await refused(carts.CheckoutCart(request))).reason == "CART_NOT_FOUND"


async def test_a_waiting_order_of_who_was_erased_is_paid_with_money_alone(
    scene: Scene, database: Database[OrdersUnit]
) -> None:
    member = activities.a_member()
    order = await scene.shop.orders.PlaceOrder(placing((scene.product, 1), member=member))
    database.write(forget_members, [id_of(member)])
    request = orders_pb2.CheckoutOrderRequest(name=order.name, stored_value=cny(100))
    assert (await refused(scene.shop.orders.CheckoutOrder(request))).reason == "MEMBER_ERASED"
    assert (await scene.shop.pay(order)).state == orders_pb2.Order.STATE_PAID


async def test_an_imported_order_is_kept_as_one_of_nobody(
    scene: Scene, orders: OrdersServiceStub, database: Database[OrdersUnit]
) -> None:
    row = test_import_orders.row("1", member=scene.member)
    (created,) = await test_import_orders.imported(orders, row)
    assert created.state == test_import_orders.CREATED
    assert (await orders.GetOrder(orders_pb2.GetOrderRequest(name=created.order))).member == ""
    (again,) = await test_import_orders.imported(orders, row)
    assert (again.state, again.order) == (test_import_orders.UNCHANGED, created.order)
    (changed,) = await test_import_orders.imported(orders, test_import_orders.row("1", member=scene.member, amount=5))
    assert changed.state == test_import_orders.UPDATED
    assert (await orders.GetOrder(orders_pb2.GetOrderRequest(name=created.order))).member == ""


async def test_an_order_that_was_imported_before_can_be_imported_anew(
    scene: Scene, orders: OrdersServiceStub, database: Database[OrdersUnit]
) -> None:
    member = activities.a_member()
    (created,) = await test_import_orders.imported(orders, test_import_orders.row("1", member=member))
    database.write(forget_members, [id_of(member)])
    (changed,) = await test_import_orders.imported(orders, test_import_orders.row("1", member=member, amount=5))
    assert (changed.state, changed.order) == (test_import_orders.UPDATED, created.order)
    assert (await orders.GetOrder(orders_pb2.GetOrderRequest(name=created.order))).member == member
    (other,) = await test_import_orders.imported(orders, test_import_orders.row("1", member=activities.a_member()))
    assert other.state == test_import_orders.REJECTED


async def test_an_order_of_another_platform_is_kept_as_one_of_nobody(scene: Scene) -> None:
    shops = IngestServiceStub(scene.channel)
    await shops.CreateShop(test_ingest.creation())
    await shops.MapChannelSku(
        channels_pb2.MapChannelSkuRequest(parent=test_ingest.NAME, sku="CUP", product=scene.product)
    )
    (result,) = await test_ingest.tell(shops, test_ingest.told(member=scene.member))
    order = await scene.shop.orders.GetOrder(orders_pb2.GetOrderRequest(name=result.order))
    assert (result.state, order.member) == (test_ingest.RESULT.STATE_CREATED, "")
    (next_version,) = await test_ingest.tell(shops, test_ingest.told(member=scene.member, version=2))
    assert (next_version.state, next_version.order) == (test_ingest.RESULT.STATE_UPDATED, order.name)


async def test_an_order_can_be_held_and_no_reason_is_kept(scene: Scene) -> None:
    desk = OrderDeskServiceStub(scene.channel)
    held = await desk.HoldOrder(order_desk_pb2.HoldOrderRequest(name=scene.order.name, reason="王芳 disputes it"))
    assert (held.HasField("hold"), held.hold.reason) == (True, "")
    await desk.ReleaseOrder(order_desk_pb2.ReleaseOrderRequest(name=scene.order.name, note="王芳 agreed"))
    events = await desk.ListOrderEvents(order_desk_pb2.ListOrderEventsRequest(parent=scene.order.name))
    assert "王芳" not in str(events)


def test_what_is_told_late_of_who_was_erased_is_not_stored(database: Database[OrdersUnit]) -> None:
    gone, other, segment = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    database.write(forget, [gone])
    database.write(tell_tiers, [(gone, "gold", 1), (other, "gold", 1)])
    database.write(tell_segments, [(gone, segment, True, 1), (other, segment, True, 1)])
    standing = database.read(lambda unit: [unit.buyers.standing(who) for who in (gone, other)])
    assert [(each.tier, each.segments) for each in standing] == [("", frozenset()), ("gold", frozenset({segment}))]
