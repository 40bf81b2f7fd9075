"""Variants, bundles, prices and opening stock in `BatchUpsertProducts` and `kehu import-products`."""

from __future__ import annotations

import csv
from pathlib import Path

import grpc
import pytest
from google.type.money_pb2 import Money as WireMoney
from kehu.orders.v1 import catalogue_pb2 as pb
from kehu.orders.v1 import errors_pb2, inventory_pb2, products_pb2
from kehu.orders.v1.catalogue_pb2_grpc import CatalogueServiceStub
from kehu.orders.v1.inventory_pb2_grpc import InventoryServiceStub
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub

from cli.importing.gateway import Gateway
from cli.importing.products import run
from cli.importing.progress import Silent
from cli.importing.report import Remarks, Results
from kit.db import Database
from kit.rpc import Server
from services.orders.api import product as wire
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.product_import import upsert_products
from tests.component.orders.conftest import Shop
from tests.support import statements
from tests.support.rpc import Keys

EXAMPLE = Path(__file__).parents[3] / "examples" / "import" / "catalogue.csv"
STATES = pb.ProductRowResult
CREATED, UPDATED, UNCHANGED, REJECTED = (
    STATES.STATE_CREATED,
    STATES.STATE_UPDATED,
    STATES.STATE_UNCHANGED,
    STATES.STATE_REJECTED,
)


def cny(units: int) -> WireMoney:
    return WireMoney(currency_code="CNY", units=units)


def row(sku: str, **said: object) -> pb.ProductRow:
    return pb.ProductRow(**{"sku": sku, "title": sku, "price": cny(10), **said})


def options(**values: str) -> list[pb.ProductRowOption]:
    return [pb.ProductRowOption(option=name, value=value) for name, value in values.items()]


def part(sku: str, quantity: int = 1) -> pb.ProductRowComponent:
    return pb.ProductRowComponent(sku=sku, quantity=quantity)


@pytest.fixture
def catalogue(channel: grpc.aio.Channel) -> CatalogueServiceStub:
    """The service, as a client sees it."""
    return CatalogueServiceStub(channel)


@pytest.fixture
async def store(channel: grpc.aio.Channel) -> str:
    """A location beside the main one."""
    location = inventory_pb2.Location(title="Store 1", kind=inventory_pb2.Location.KIND_STORE)
    request = inventory_pb2.CreateLocationRequest(location_id="store-1", location=location)
    made = await InventoryServiceStub(channel).CreateLocation(request)
    return str(made.name)


async def sent(catalogue: CatalogueServiceStub, *rows: pb.ProductRow) -> list[pb.ProductRowResult]:
    return list((await catalogue.BatchUpsertProducts(pb.BatchUpsertProductsRequest(rows=rows))).results)


async def by_sku(orders: OrdersServiceStub, sku: str) -> products_pb2.Product:
    found: products_pb2.Product = (await orders.ListProducts(products_pb2.ListProductsRequest(sku=sku))).products[0]
    return found


async def price_of(catalogue: CatalogueServiceStub, name: str, channel: str, quantity: int = 1) -> int:
    request = pb.ExplainPriceRequest(name=name, channel=f"channels/{channel}", quantity=quantity)
    return int((await catalogue.ExplainPrice(request)).unit_price.units)


async def test_the_example_is_imported_whole_and_again_without_any_change(
    orders: OrdersServiceStub,
    catalogue: CatalogueServiceStub,
    shop: Shop,
    store: str,
    server: Server,
    keys: Keys,
    tmp_path: Path,
) -> None:
    async def imported(name: str) -> Results:
        async with Gateway(f"127.0.0.1:{server.port}", keys.bearer("importer").removeprefix("Bearer ")) as gateway:
            return await run(EXAMPLE, "CNY", Remarks(tmp_path / name), gateway, Silent())

    assert await imported("first.csv") == Results(created=5)
    assert await imported("again.csv") == Results(unchanged=5)
    small, gift, cup, bundle = [await by_sku(orders, sku) for sku in ("LJ-50-G", "LJ-100-L", "CUP-1", "SET-1")]
    assert small.product_group == gift.product_group != ""
    group = await catalogue.GetProductGroup(pb.GetProductGroupRequest(name=small.product_group))
    assert group.title == "西湖龙井"
    assert [(each.title, list(each.values)) for each in group.options] == [
        ("净含量", ["50克", "100克"]),
        ("包装", ["罐装", "礼盒"]),
    ]
    assert dict(gift.options) == {"净含量": "100克", "包装": "礼盒"}
    assert [(each.product, each.quantity) for each in bundle.components] == [(small.name, 1), (cup.name, 2)]
    assert [await price_of(catalogue, small.name, "wholesale", units) for units in (1, 10)] == [108, 98]
    assert [await price_of(catalogue, small.name, channel) for channel in ("web", "pos")] == [118, 128]
    assert (await shop.stock(small.name), await shop.stock(cup.name)) == ((40, 0), (80, 0))


async def test_a_bundle_may_stand_before_what_it_is_made_of(catalogue: CatalogueServiceStub) -> None:
    results = await sent(catalogue, row("SET", components=[part("A", 2), part("B")]), row("A"), row("B"))
    assert [each.state for each in results] == [CREATED] * 3


async def test_bad_rows_are_told_and_leave_nothing(orders: OrdersServiceStub, catalogue: CatalogueServiceStub) -> None:
    here = pb.ProductRowPrice(channel="channels/web", price=cny(9))
    unknown = "01890000-0000-7000-8000-000000000000"
    results = await sent(
        catalogue,
        row("A", group="tee", options=options(size="S")),
        row("B", group="tee", options=options(size="S")),
        row("C", group="tee", options=options(colour="red")),
        row("D", options=options(size="S")),
        row("E", group=f"productGroups/{unknown}", options=options(size="S")),
        row("F", components=[part("NONE")]),
        row("G", components=[part("A")], stocks=[pb.ProductRowStock(quantity=1)]),
        row("H", stocks=[pb.ProductRowStock(location="locations/nowhere", quantity=1)]),
        row("I", stocks=[pb.ProductRowStock(quantity=-1)]),
        row("J", prices=[pb.ProductRowPrice(price=cny(1))]),
        row("K", prices=[here, here]),
        row("L", prices=[pb.ProductRowPrice(price_list=f"priceLists/{unknown}", price=cny(1))]),
        row("M", components=[part("A"), part("N")]),
        row("N", components=[part("A")]),
        row("O", group="new"),
    )
    reasons = [errors_pb2.ErrorReason.Name(each.reason).removeprefix("ERROR_REASON_") for each in results]
    assert reasons == [
        "UNSPECIFIED",
        "VARIANT_TAKEN",
        "VARIANT_INVALID",
        "ROW_INVALID",
        "CATALOGUE_NOT_FOUND",
        "ROW_INVALID",
        "ROW_INVALID",
        "LOCATION_NOT_FOUND",
        "ROW_INVALID",
        "ROW_INVALID",
        "ROW_INVALID",
        "CATALOGUE_NOT_FOUND",
        "ROW_INVALID",
        "UNSPECIFIED",
        "ROW_INVALID",
    ]
    assert all(each.description for each in results if each.state == REJECTED)
    kept = (await orders.ListProducts(products_pb2.ListProductsRequest())).products
    assert {each.sku for each in kept} == {"A", "N"}


async def test_a_known_product_gets_what_is_new_and_keeps_the_rest(
    orders: OrdersServiceStub, catalogue: CatalogueServiceStub, shop: Shop, store: str
) -> None:
    variant = row(
        "A", group="tee", options=options(size="S"), prices=[pb.ProductRowPrice(channel="channels/web", price=cny(9))]
    )
    await sent(catalogue, variant)
    (priced,) = await sent(
        catalogue, pb.ProductRow(sku="A", prices=[pb.ProductRowPrice(channel="channels/web", price=cny(8))])
    )
    (stocked,) = await sent(catalogue, pb.ProductRow(sku="A", stocks=[pb.ProductRowStock(location=store, quantity=7)]))
    (again,) = await sent(catalogue, pb.ProductRow(sku="A", stocks=[pb.ProductRowStock(location=store, quantity=9)]))
    assert [each.state for each in (priced, stocked, again)] == [UPDATED, UPDATED, UNCHANGED]
    assert await price_of(catalogue, again.product, "web") == 8
    assert await shop.stock(again.product) == (0, 0)
    moved = row("A", group="tee", options=options(size="M"))
    taken, renamed = await sent(catalogue, moved, row("B", group="tee", options=options(size="S")))
    assert [taken.state, renamed.state] == [UPDATED, CREATED]
    assert dict((await by_sku(orders, "A")).options) == {"size": "M"}
    (same,) = await sent(catalogue, pb.ProductRow(sku="A", group="tee"))
    assert same.state == UNCHANGED


async def test_a_thousand_rows_take_as_many_statements_as_two(database: Database[OrdersUnit]) -> None:
    def rows(first: int, count: int) -> list[object]:
        made = [
            row(
                f"S-{number}",
                group=f"g-{number // 10}",
                options=options(n=str(number)),
                prices=[pb.ProductRowPrice(channel="channels/web", price=cny(9))],
                stocks=[pb.ProductRowStock(quantity=3)],
            )
            for number in range(first, first + count)
        ]
        made.append(row(f"SET-{first}", components=[part(f"S-{first}", 2)]))
        return list(wire.rows(pb.BatchUpsertProductsRequest(rows=made)))

    def counted(first: int, count: int) -> int:
        def work(unit: OrdersUnit) -> int:
            with statements.sent(unit.connection) as seen:
                results = upsert_products(unit, rows(first, count))  # type: ignore[arg-type]
            assert {each.outcome for each in results} == {"CREATED"}
            return len(seen)

        return database.write(work)

    assert counted(0, 2) == counted(1000, 999)


async def test_what_a_file_says_of_relations_is_read_or_told(
    catalogue: CatalogueServiceStub, server: Server, keys: Keys, tmp_path: Path
) -> None:
    file = tmp_path / "products.csv"
    text = "sku,title,price,components,price:web,price:web@10,stock\nA,a,1,,0.5,0.4,3\nB,b,1,A*2;C×3,,,\nC,c,1,,,,\n"
    file.write_text(text + "D,d,1,*3,,,\nE,e,1,,x,,\nF,f,1,,,,1.5\n")
    remarks = Remarks(tmp_path / "rejected.csv")
    async with Gateway(f"127.0.0.1:{server.port}", keys.bearer("importer").removeprefix("Bearer ")) as gateway:
        assert await run(file, "CNY", remarks, gateway, Silent()) == Results(created=3, rejected=1)
    with remarks.path.open(encoding="utf-8", newline="") as told:
        found = [(each["line"], each["column"], each["reason"]) for each in csv.DictReader(told)]
    assert found == [("5", "components", "ROW_INVALID"), ("6", "price:web", "NUMBER"), ("7", "stock", "NUMBER")]
