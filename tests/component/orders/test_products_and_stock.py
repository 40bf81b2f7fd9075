"""CreateProduct, GetProduct, ListProducts, UpdateProduct, ArchiveProduct, ActivateProduct; GetStock, ReceiveStock,
AdjustStock."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.money_pb2 import Money as WireMoney
from kehu.orders.v1 import orders_pb2, products_pb2, stock_pb2
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from kit.db import Database
from services.orders.storage.unit import OrdersUnit
from tests.component.orders.conftest import Shop, placing
from tests.support.rpc import refused

PRICE = WireMoney(currency_code="CNY", units=9, nanos=900_000_000)


def creating(sku: str = "TEA-1", **fields: Any) -> products_pb2.CreateProductRequest:
    product = products_pb2.Product(**{"sku": sku, "title": "Green tea", "price": PRICE, **fields})
    return products_pb2.CreateProductRequest(product=product)


def updating(name: str, *paths: str, etag: str = "", **fields: Any) -> products_pb2.UpdateProductRequest:
    product = products_pb2.Product(name=name, etag=etag, **fields)
    return products_pb2.UpdateProductRequest(product=product, update_mask=FieldMask(paths=paths))


async def test_a_product_is_created_with_an_empty_stock(orders: OrdersServiceStub, shop: Shop) -> None:
    product = await orders.CreateProduct(creating())
    assert (product.sku, product.title, product.price) == ("TEA-1", "Green tea", PRICE)
    assert product.state == products_pb2.Product.STATE_ACTIVE
    assert await orders.GetProduct(products_pb2.GetProductRequest(name=product.name)) == product
    assert await shop.stock(product.name) == (0, 0)


async def test_a_sku_is_given_once(orders: OrdersServiceStub) -> None:
    answers = await asyncio.gather(*(orders.CreateProduct(creating()) for _ in range(5)), return_exceptions=True)
    assert len([answer for answer in answers if isinstance(answer, products_pb2.Product)]) == 1
    refusal = await refused(orders.CreateProduct(creating()))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ALREADY_EXISTS, "SKU_TAKEN")


@pytest.mark.parametrize(
    "fields",
    [
        {"title": " "},
        {"title": ""},
        {"sku": "a\0b"},
        {"sku": "x" * 65},
        {"price": WireMoney(currency_code="CNY", units=-1)},
        {"price": WireMoney(currency_code="CNY", units=10**9 + 1)},
        {"price": WireMoney(currency_code="JPY", nanos=500_000_000)},
        {"price": WireMoney(currency_code="yuan", units=1)},
        {"price": None},
    ],
)
async def test_a_product_that_makes_no_sense_is_refused(orders: OrdersServiceStub, fields: dict[str, Any]) -> None:
    refusal = await refused(orders.CreateProduct(creating(**fields)))
    assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT


async def test_an_update_changes_what_its_mask_names(orders: OrdersServiceStub) -> None:
    name = (await orders.CreateProduct(creating())).name
    free = WireMoney(currency_code="CNY")
    changed = await orders.UpdateProduct(updating(name, "title", title="Black tea", price=free))
    assert (changed.title, changed.price) == ("Black tea", PRICE)
    changed = await orders.UpdateProduct(updating(name, title="White tea"))
    assert changed.title == "White tea"
    changed = await orders.UpdateProduct(updating(name, "*", title="Oolong", price=free))
    assert (changed.title, changed.price) == ("Oolong", free)
    assert (await orders.UpdateProduct(updating(name, "state", "sku", sku="NEW"))) == changed


async def test_an_update_needs_a_known_field_the_right_version_and_a_product(orders: OrdersServiceStub) -> None:
    product = await orders.CreateProduct(creating())
    unknown = await refused(orders.UpdateProduct(updating(product.name, "colour")))
    assert (unknown.code, unknown.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["update_mask"])
    await orders.UpdateProduct(updating(product.name, etag=product.etag, title="Black tea"))
    stale = await refused(orders.UpdateProduct(updating(product.name, etag=product.etag, title="Oolong")))
    assert (stale.code, stale.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    nowhere = await refused(orders.UpdateProduct(updating(f"products/{uuid.uuid4()}", title="Oolong")))
    assert (nowhere.code, nowhere.reason) == (grpc.StatusCode.NOT_FOUND, "PRODUCT_NOT_FOUND")


async def test_a_new_price_leaves_placed_orders_alone(orders: OrdersServiceStub, shop: Shop) -> None:
    product = await shop.product(price=100)
    order = await orders.PlaceOrder(placing((product, 1)))
    await orders.UpdateProduct(updating(product, price=WireMoney(currency_code="CNY", units=2)))
    assert (await orders.GetOrder(orders_pb2.GetOrderRequest(name=order.name))).total.units == 1
    assert (await orders.PlaceOrder(placing((product, 1)))).total.units == 2


async def test_a_product_is_archived_and_activated(orders: OrdersServiceStub) -> None:
    name = (await orders.CreateProduct(creating())).name
    archived = await orders.ArchiveProduct(products_pb2.ArchiveProductRequest(name=name))
    assert archived.state == products_pb2.Product.STATE_ARCHIVED
    assert await orders.ArchiveProduct(products_pb2.ArchiveProductRequest(name=name)) == archived
    activated = await orders.ActivateProduct(products_pb2.ActivateProductRequest(name=name, etag=archived.etag))
    assert activated.state == products_pb2.Product.STATE_ACTIVE


async def test_products_are_listed_page_by_page_the_latest_first(orders: OrdersServiceStub) -> None:
    made = [(await orders.CreateProduct(creating(f"TEA-{index}"))).name for index in range(5)]
    await orders.ArchiveProduct(products_pb2.ArchiveProductRequest(name=made[1]))
    listed, token = [], ""
    while True:
        request = products_pb2.ListProductsRequest(
            page_size=2, page_token=token, state=products_pb2.Product.STATE_ACTIVE
        )
        page = await orders.ListProducts(request)
        listed += [product.name for product in page.products]
        token = page.next_page_token
        if not token:
            break
    assert listed == [name for name in made[::-1] if name != made[1]]
    found = await orders.ListProducts(products_pb2.ListProductsRequest(sku="TEA-3"))
    assert [product.name for product in found.products] == [made[3]]


async def test_received_units_are_on_hand(orders: OrdersServiceStub, shop: Shop) -> None:
    name = f"{await shop.product(stock=5)}/stocks/main"
    request = stock_pb2.ReceiveStockRequest(name=name, quantity=7, note="note 12", request_id=str(uuid.uuid4()))
    stock = await orders.ReceiveStock(request)
    assert await orders.ReceiveStock(request) == stock
    assert (stock.on_hand, stock.reserved, stock.available) == (12, 0, 12)
    assert await orders.GetStock(stock_pb2.GetStockRequest(name=name)) == stock


async def test_reserved_units_cannot_be_adjusted_away(orders: OrdersServiceStub, shop: Shop) -> None:
    product = await shop.product(stock=5)
    await orders.PlaceOrder(placing((product, 4)))
    name = f"{product}/stocks/main"
    request = stock_pb2.AdjustStockRequest(name=name, delta=-1, reason=stock_pb2.ADJUSTMENT_REASON_LOSS)
    stock = await orders.AdjustStock(request)
    assert (stock.on_hand, stock.available) == (4, 0)
    refusal = await refused(orders.AdjustStock(request))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "STOCK_RESERVED")
    assert refusal.metadata == {"stock": name, "on_hand": "3", "reserved": "4"}
    request.etag = '"1"'
    assert (await refused(orders.AdjustStock(request))).reason == "ETAG_MISMATCH"


async def test_stock_that_is_not_kept_is_not_found(orders: OrdersServiceStub, shop: Shop) -> None:
    for name in (f"{await shop.product()}/stocks/attic", f"products/{uuid.uuid4()}/stocks/main"):
        for call in (
            orders.GetStock(stock_pb2.GetStockRequest(name=name)),
            orders.ReceiveStock(stock_pb2.ReceiveStockRequest(name=name, quantity=1)),
            orders.AdjustStock(
                stock_pb2.AdjustStockRequest(name=name, delta=1, reason=stock_pb2.ADJUSTMENT_REASON_COUNT)
            ),
        ):
            refusal = await refused(call)
            assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "STOCK_NOT_FOUND")
    bad = await refused(orders.GetStock(stock_pb2.GetStockRequest(name="products/1/stocks/main")))
    assert bad.code is grpc.StatusCode.INVALID_ARGUMENT


async def test_movements_explain_the_stock_and_are_never_changed(
    orders: OrdersServiceStub, shop: Shop, database: Database[OrdersUnit]
) -> None:
    product = await shop.product(stock=5)
    await shop.pay(await orders.PlaceOrder(placing((product, 2))))
    order = await orders.PlaceOrder(placing((product, 1)))
    await orders.CancelOrder(orders_pb2.CancelOrderRequest(name=order.name, reason=orders_pb2.CANCEL_REASON_MERCHANT))
    rows = database.read(
        lambda unit: unit.connection.execute(
            text("select kind, on_hand, reserved from stock_movements order by id")
        ).all()
    )
    assert [tuple(row) for row in rows] == [
        ("RECEIVED", 5, 0),
        ("RESERVED", 0, 2),
        ("COMMITTED", -2, -2),
        ("RESERVED", 0, 1),
        ("RELEASED", 0, -1),
    ]
    assert await shop.stock(product) == (3, 0)
    with pytest.raises(DBAPIError, match="never changed"), database._engine.begin() as connection:
        connection.execute(text("delete from stock_movements"))
