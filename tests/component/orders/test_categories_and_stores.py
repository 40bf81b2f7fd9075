"""What rules go by: the category that a product was bought with, and the store that an order was sold in."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from kehu.orders.v1 import catalogue_pb2, imports_pb2, products_pb2
from kehu.orders.v1 import orders_pb2 as pb
from kehu.orders.v1.catalogue_pb2_grpc import CatalogueServiceStub
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub

from kit.db import Database
from services.orders.storage.unit import OrdersUnit
from tests.component.orders.conftest import Shop, placing
from tests.component.orders.test_complete_order import completing
from tests.component.orders.test_import_orders import CREATED, REJECTED, UNCHANGED, UPDATED, imported, row, states, usd
from tests.component.orders.test_pay_and_cancel import events
from tests.component.orders.test_products_and_stock import creating, updating
from tests.component.orders.test_refund_order import refunding
from tests.support.rpc import refused

MEMBER = f"members/{uuid.uuid4()}"
LABELS = ["x" * 101, "te\na", "te\0a", "te\x7fa"]


async def test_a_category_is_given_shown_changed_and_taken_away(orders: OrdersServiceStub) -> None:
    product = await orders.CreateProduct(creating(category="茶 tea"))
    assert product.category == "茶 tea"
    assert await orders.GetProduct(products_pb2.GetProductRequest(name=product.name)) == product
    listed = await orders.ListProducts(products_pb2.ListProductsRequest())
    assert list(listed.products) == [product]
    assert (await orders.UpdateProduct(updating(product.name, title="Black tea"))).category == "茶 tea"
    assert (await orders.UpdateProduct(updating(product.name, category="drinks"))).category == "drinks"
    assert (await orders.UpdateProduct(updating(product.name, "title", title="Oolong", category="x"))).category == (
        "drinks"
    )
    bare = await orders.UpdateProduct(updating(product.name, "category"))
    assert (bare.category, bare.title) == ("", "Oolong")


@pytest.mark.parametrize("label", LABELS)
async def test_a_category_or_store_that_makes_no_sense_is_refused(orders: OrdersServiceStub, label: str) -> None:
    product = await orders.CreateProduct(creating(category="x" * 100))
    calls: list[tuple[Callable[..., Any], Any, str]] = [
        (orders.CreateProduct, creating(sku="TEA-2", category=label), "product.category"),
        (orders.UpdateProduct, updating(product.name, category=label), "product.category"),
        (orders.PlaceOrder, placing((product.name, 1), store=label), "store"),
    ]
    for method, request, field in calls:
        refusal = await refused(method(request))
        assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [field])


@pytest.fixture
async def bought(orders: OrdersServiceStub, shop: Shop) -> pb.Order:
    """Two of a category and one of none, sold in a store, and paid. Then the product's category changes."""
    tea, bag = await shop.product(price=1000), await shop.product(price=50)
    await orders.UpdateProduct(updating(tea, category="tea"))
    order = await orders.PlaceOrder(placing((tea, 2), (bag, 1), member=MEMBER, store="stores/hangzhou-1"))
    await orders.UpdateProduct(updating(tea, category="drinks"))
    return await shop.pay(order)


def categories(order: pb.Order) -> list[str]:
    return [line.category for line in order.lines]


async def test_an_order_keeps_the_category_it_was_bought_with(orders: OrdersServiceStub, bought: pb.Order) -> None:
    assert (bought.store, categories(bought)) == ("stores/hangzhou-1", ["tea", ""])
    assert await orders.GetOrder(pb.GetOrderRequest(name=bought.name)) == bought
    (listed,) = (await orders.ListOrders(pb.ListOrdersRequest())).orders
    assert listed == bought
    again = await orders.PlaceOrder(placing((bought.lines[0].product, 1)))
    assert (again.store, categories(again)) == ("", ["drinks"])


async def test_a_quote_tells_the_category_of_its_lines(orders: OrdersServiceStub, bought: pb.Order) -> None:
    wanted = [pb.RequestedLine(product=bought.lines[0].product, quantity=1)]
    quote = await orders.QuoteOrder(pb.QuoteOrderRequest(channel="web", lines=wanted))
    assert [line.category for line in quote.lines] == ["drinks"]


async def test_the_events_of_a_paid_order_tell_store_and_categories(
    orders: OrdersServiceStub, bought: pb.Order, database: Database[OrdersUnit]
) -> None:
    await orders.RefundOrder(refunding(bought.name, (1, 1)))
    await orders.CompleteOrder(completing(bought))
    for kind in ("OrderPaid", "OrderRefunded", "OrderCompleted"):
        (event,) = events(database, kind)
        assert event["store"] == "stores/hangzhou-1"
        assert [line.get("category") for line in event["lines"]] == ["tea", None]


def sold(external_id: str, *categories: str, **fields: Any) -> imports_pb2.ImportedOrder:
    amounts = (usd(100 + position) for position, _ in enumerate(categories))
    lines = [
        imports_pb2.ImportedLine(title="CD", quantity=1, amount=amount, category=category)
        for category, amount in zip(categories, amounts, strict=True)
    ]
    return row(external_id, lines=lines, **fields)


async def test_an_imported_order_has_the_store_and_categories_of_its_row(
    orders: OrdersServiceStub, database: Database[OrdersUnit]
) -> None:
    told = sold("1", "music", "", store="cd-2")
    first, again = await imported(orders, told), await imported(orders, told)
    moved = await imported(orders, sold("1", "music", "", store="cd-3"))
    sorted_anew = await imported(orders, sold("1", "music", "books", store="cd-3"))
    assert states([*first, *again, *moved, *sorted_anew]) == [CREATED, UNCHANGED, UPDATED, UPDATED]
    order = await orders.GetOrder(pb.GetOrderRequest(name=first[0].order))
    assert (order.store, categories(order)) == ("cd-3", ["music", "books"])
    paid = events(database, "OrderPaid")
    assert [event["store"] for event in paid] == ["cd-2", "cd-3", "cd-3"]
    assert [[line.get("category", "") for line in event["lines"]] for event in paid] == [
        ["music", ""],
        ["music", ""],
        ["music", "books"],
    ]


async def test_the_events_of_an_order_tell_the_part_of_its_store(
    orders: OrdersServiceStub, channel: grpc.aio.Channel, database: Database[OrdersUnit], shop: Shop
) -> None:
    catalogue = CatalogueServiceStub(channel)
    for code, org in (("cd-2", "/cn/east"), ("cd-3", "/cn/west")):
        store = catalogue_pb2.Store(title=code, org=org)
        await catalogue.CreateStore(catalogue_pb2.CreateStoreRequest(store_id=code, store=store))
    await imported(orders, sold("1", "music", store="cd-2"), sold("2", "music", store="elsewhere"))
    await imported(orders, sold("1", "music", store="cd-3"))
    await imported(orders, sold("2", "music", store="stores/cd-3"))
    await shop.pay(await orders.PlaceOrder(placing((await shop.product(), 1), member=MEMBER, store="stores/cd-2")))
    parts = {(event["store"], event.get("org", "")) for event in events(database, "OrderPaid")}
    by_code = {("cd-2", "/cn/east"), ("elsewhere", ""), ("cd-3", "/cn/west")}
    assert parts == by_code | {("stores/cd-2", "/cn/east"), ("stores/cd-3", "/cn/west")}


@pytest.mark.parametrize("label", LABELS)
async def test_a_row_with_a_bad_store_or_category_never_fails_the_others(orders: OrdersServiceStub, label: str) -> None:
    results = await imported(orders, sold("1", "", label), sold("2", "", store=label), sold("3", "x" * 100))
    assert states(results) == [REJECTED, REJECTED, CREATED]
    assert [result.field for result in results] == ["lines[1].category", "store", ""]
