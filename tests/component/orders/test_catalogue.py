"""CatalogueService, and what it means for orders."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money as WireMoney
from kehu.orders.v1 import catalogue_pb2 as pb
from kehu.orders.v1 import errors_pb2, orders_pb2, products_pb2
from kehu.orders.v1.catalogue_pb2_grpc import CatalogueServiceStub
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub

from kit.db import Database
from kit.money import Money
from kit.rpc.convert import wire_instant, wire_money
from services.orders.storage.unit import OrdersUnit
from tests.component.orders.conftest import Shop, placing
from tests.support.rpc import refused

REJECTED = pb.ProductRowResult.STATE_REJECTED


@pytest.fixture
def catalogue(channel: grpc.aio.Channel) -> CatalogueServiceStub:
    """The catalogue, as a client sees it."""
    return CatalogueServiceStub(channel)


def cny(minor: int) -> WireMoney:
    return wire_money(Money(minor, "CNY"))


def in_an_hour() -> Timestamp:
    return wire_instant(datetime.now(UTC) + timedelta(hours=1))


async def create(orders: OrdersServiceStub, **fields: Any) -> products_pb2.Product:
    given = {"sku": f"SKU-{uuid.uuid4()}", "title": "Green tea", "price": cny(990), **fields}
    made: products_pb2.Product = await orders.CreateProduct(
        products_pb2.CreateProductRequest(product=products_pb2.Product(**given))
    )
    return made


async def listed(catalogue: CatalogueServiceStub, prices: dict[tuple[str, int], int], **terms: Any) -> pb.PriceList:
    given = {"title": "Spring", "currency_code": "CNY", **terms}
    made = await catalogue.CreatePriceList(pb.CreatePriceListRequest(price_list=pb.PriceList(**given)))
    entries = [
        pb.ListedPrice(product=product, min_quantity=least, price=cny(price))
        for (product, least), price in prices.items()
    ]
    answer: pb.PriceList = await catalogue.SetPrices(pb.SetPricesRequest(name=made.name, prices=entries))
    return answer


async def quoted(orders: OrdersServiceStub, product: str, quantity: int = 1, **fields: Any) -> int:
    line = orders_pb2.RequestedLine(product=product, quantity=quantity)
    request = orders_pb2.QuoteOrderRequest(**{"channel": "web", "lines": [line], **fields})
    price = (await orders.QuoteOrder(request)).lines[0].unit_price
    return Money.from_wire(price.units, price.nanos, price.currency_code).minor


async def test_a_product_keeps_what_is_said_of_it(orders: OrdersServiceStub) -> None:
    said = {
        "description": "龙井",
        "images": [products_pb2.Image(url="https://img.example/1.jpg", alt="a tin")],
        "attributes": {"origin": "Hangzhou"},
        "weight_grams": 250,
        "tax_class": "food",
        "purchase_limit": 5,
    }
    made = await create(orders, **said)
    assert {name: getattr(made, name) for name in said} == said
    assert [(each.channel, each.published) for each in made.publications] == [("channels/-", True)]
    change = products_pb2.Product(name=made.name, attributes={"origin": "Anji"})
    changed = await orders.UpdateProduct(products_pb2.UpdateProductRequest(product=change))
    assert (dict(changed.attributes), changed.weight_grams) == ({"origin": "Anji"}, 250)
    cleared = products_pb2.UpdateProductRequest(
        product=products_pb2.Product(name=made.name), update_mask=FieldMask(paths=["images", "purchase_limit"])
    )
    changed = await orders.UpdateProduct(cleared)
    assert (list(changed.images), changed.purchase_limit) == ([], 0)


async def test_variants_are_unique_in_their_group_and_fit_it(
    orders: OrdersServiceStub, catalogue: CatalogueServiceStub
) -> None:
    sizes = pb.ProductOption(title="size", values=["S", "M"])
    group = await catalogue.CreateProductGroup(
        pb.CreateProductGroupRequest(product_group=pb.ProductGroup(title="Shirt", options=[sizes]))
    )
    variant = {"product_group": group.name, "options": {"size": "S"}}
    racing = await asyncio.gather(*(create(orders, **variant) for _ in range(5)), return_exceptions=True)
    assert len([each for each in racing if isinstance(each, products_pb2.Product)]) == 1
    assert (await refused(create(orders, **variant))).reason == "VARIANT_TAKEN"
    assert (await refused(create(orders, **variant | {"options": {"size": "XL"}}))).reason == "VARIANT_INVALID"
    await create(orders, **variant | {"options": {"size": "M"}})
    group.options[0].values[:] = ["S"]
    fewer = await refused(catalogue.UpdateProductGroup(pb.UpdateProductGroupRequest(product_group=group)))
    assert fewer.reason == "VARIANT_INVALID"
    found = await catalogue.SearchProducts(pb.SearchProductsRequest(product_group=group.name))
    assert sorted(each.options["size"] for each in found.products) == ["M", "S"]
    assert len((await catalogue.ListProductGroups(pb.ListProductGroupsRequest())).product_groups) == 1
    assert (await catalogue.GetProductGroup(pb.GetProductGroupRequest(name=group.name))).title == "Shirt"


async def test_a_bundle_is_made_of_ordinary_products_however_they_race(orders: OrdersServiceStub) -> None:
    made = [await create(orders) for _ in range(3)]

    async def bundle(of: int, part: int) -> object:
        component = products_pb2.Component(product=made[part].name, quantity=2)
        change = products_pb2.Product(name=made[of].name, components=[component], summed=True)
        return await orders.UpdateProduct(products_pb2.UpdateProductRequest(product=change))

    outcomes = await asyncio.gather(bundle(0, 1), bundle(1, 2), return_exceptions=True)
    assert len([each for each in outcomes if isinstance(each, grpc.aio.AioRpcError)]) == 1
    bundles = [0] if not isinstance(outcomes[0], BaseException) else [1]
    assert await quoted(orders, made[bundles[0]].name) == 1980
    assert (await refused(bundle(0, 0))).reason == "BUNDLE_NESTED"


async def test_a_bundle_takes_the_stock_of_its_components(orders: OrdersServiceStub, shop: Shop) -> None:
    tea = await shop.product(price=990, stock=5)
    bundle = await create(orders, components=[products_pb2.Component(product=tea, quantity=2)], price=cny(1500))
    order = await orders.PlaceOrder(placing((bundle.name, 2)))
    assert order.total.units == 30
    assert await shop.stock(tea) == (5, 4)
    assert (await refused(orders.PlaceOrder(placing((bundle.name, 1))))).reason == "OUT_OF_STOCK"


async def test_categories_are_listed_by_what_they_are_below(catalogue: CatalogueServiceStub) -> None:
    for code, parent in (("drinks", ""), ("food", ""), ("tea", "categories/drinks")):
        category = pb.Category(title=code, parent=parent)
        await catalogue.CreateCategory(pb.CreateCategoryRequest(category_id=code, category=category))
    everything = (await catalogue.ListCategories(pb.ListCategoriesRequest())).categories
    below = (await catalogue.ListCategories(pb.ListCategoriesRequest(parent="categories/drinks"))).categories
    assert {each.title for each in everything} == {"drinks", "food", "tea"}
    assert [each.name for each in below] == ["categories/tea"]


async def test_price_lists_are_read_one_by_one_and_listed(
    orders: OrdersServiceStub, catalogue: CatalogueServiceStub
) -> None:
    product = (await create(orders)).name
    web = await listed(catalogue, {(product, 1): 900}, title="Web")
    gold = await listed(catalogue, {(product, 1): 850}, title="Gold", priority=1)
    assert await catalogue.GetPriceList(pb.GetPriceListRequest(name=gold.name)) == gold
    found = (await catalogue.ListPriceLists(pb.ListPriceListsRequest())).price_lists
    assert sorted(each.name for each in found) == sorted([web.name, gold.name])


async def test_a_price_list_counts_again_once_it_is_active_again(
    orders: OrdersServiceStub, catalogue: CatalogueServiceStub
) -> None:
    product = (await create(orders)).name
    web = await listed(catalogue, {(product, 1): 900})
    await catalogue.ArchivePriceList(pb.ArchivePriceListRequest(name=web.name))
    assert await quoted(orders, product) == 990
    again = await catalogue.ActivatePriceList(pb.ActivatePriceListRequest(name=web.name))
    assert (again.state, await quoted(orders, product)) == (pb.PriceList.STATE_ACTIVE, 900)


async def test_a_category_moves_with_its_tree_and_never_below_itself(catalogue: CatalogueServiceStub) -> None:
    async def begin(code: str, parent: str = "") -> pb.Category:
        category = pb.Category(title=code, parent=f"categories/{parent}" if parent else "")
        request = pb.CreateCategoryRequest(category_id=code, category=category)
        made: pb.Category = await catalogue.CreateCategory(request)
        return made

    async def move(code: str, parent: str) -> pb.Category:
        category = pb.Category(name=f"categories/{code}", parent=f"categories/{parent}" if parent else "")
        request = pb.UpdateCategoryRequest(category=category, update_mask=FieldMask(paths=["parent"]))
        moved: pb.Category = await catalogue.UpdateCategory(request)
        return moved

    for code, parent in (("drinks", ""), ("茶", "drinks"), ("green", "茶"), ("food", "")):
        await begin(code, parent)
    assert (await refused(begin("food"))).reason == "CATALOGUE_EXISTS"
    assert (await refused(begin("x", "nowhere"))).reason == "CATALOGUE_NOT_FOUND"
    assert (await refused(move("drinks", "green"))).reason == "CATEGORY_MISPLACED"
    racing = await asyncio.gather(move("drinks", "food"), move("food", "green"), return_exceptions=True)
    assert len([each for each in racing if isinstance(each, pb.Category)]) == 1
    await move("food", "")  # whichever of the two was first
    deletion = pb.DeleteCategoryRequest(name="categories/茶")
    assert (await refused(catalogue.DeleteCategory(deletion))).reason == "CATEGORY_MISPLACED"
    await catalogue.DeleteCategory(pb.DeleteCategoryRequest(name="categories/green"))
    await catalogue.DeleteCategory(deletion)
    gone = await refused(catalogue.GetCategory(pb.GetCategoryRequest(name="categories/茶")))
    assert gone.code is grpc.StatusCode.NOT_FOUND


async def test_products_are_found_by_words_and_filters(
    orders: OrdersServiceStub, catalogue: CatalogueServiceStub
) -> None:
    for code, parent in (("drinks", ""), ("tea", "categories/drinks")):
        category = pb.Category(title=code, parent=parent)
        await catalogue.CreateCategory(pb.CreateCategoryRequest(category_id=code, category=category))
    green = await create(orders, sku="LJ-1", title="明前龙井绿茶", category="tea", price=cny(9900))
    black = await create(orders, sku="KM-1", title="祁门红茶 Keemun", category="tea", price=cny(5000))
    water = await create(orders, sku="W-1", title="Spring water", category="drinks", price=cny(200))
    channel = "channels/pos"
    await catalogue.UnpublishProduct(pb.UnpublishProductRequest(name=black.name, channel=channel))

    async def found(**fields: Any) -> list[str]:
        request = pb.SearchProductsRequest(page_size=1, **fields)
        names = []
        while True:
            page = await catalogue.SearchProducts(request)
            names += [product.name for product in page.products]
            if not page.next_page_token:
                return names
            request.page_token = page.next_page_token

    assert await found(query="绿茶") == [green.name]
    assert await found(query="茶") == [black.name, green.name]
    assert await found(query="keem") == [black.name]
    assert await found(query="lj-1") == [green.name]
    assert await found(query="%_'") == []
    assert await found(category="categories/drinks") == [water.name, black.name, green.name]
    assert await found(category="categories/tea", currency_code="CNY", min_units=40, max_units=60) == [black.name]
    assert await found(channel=channel) == [water.name, green.name]
    assert await found(state=products_pb2.Product.STATE_ARCHIVED) == []


async def test_a_price_list_decides_for_those_it_is_for(
    orders: OrdersServiceStub, catalogue: CatalogueServiceStub, database: Database[OrdersUnit], shop: Shop
) -> None:
    tea = await shop.product(price=1000)
    gold = uuid.uuid4()
    database.write(lambda unit: unit.buyers.tell_tiers([(gold, "gold", 1)]))
    web = await listed(catalogue, {(tea, 1): 900, (tea, 10): 800}, channel="channels/web")
    tier = await listed(catalogue, {(tea, 1): 850}, tier="gold", priority=1)
    await listed(catalogue, {(tea, 1): 1200}, store="stores/airport", priority=2)
    member = f"members/{gold}"
    assert [await quoted(orders, tea, quantity) for quantity in (1, 9, 10)] == [900, 900, 800]
    assert await quoted(orders, tea, channel="pos") == 1000
    assert await quoted(orders, tea, member=member, channel="pos") == 850
    assert await quoted(orders, tea, 10, member=member) == 850  # the priority is higher, though 800 is less
    assert await quoted(orders, tea, member=member, store="airport") == 1200
    split = await orders.PlaceOrder(placing((tea, 5), (tea, 5)))  # quantities are summed over the lines
    assert split.total == cny(8000)
    explained = await catalogue.ExplainPrice(
        pb.ExplainPriceRequest(name=tea, channel="channels/web", member=member, quantity=9)
    )
    assert (explained.unit_price, explained.price_list) == (cny(850), tier.name)
    assert [(each.price_list, each.unmet) for each in explained.considered[1:]] == [
        (tier.name, pb.ConsideredPriceList.CONDITION_UNSPECIFIED),
        (web.name, pb.ConsideredPriceList.CONDITION_UNSPECIFIED),
    ]
    assert explained.considered[0].unmet == pb.ConsideredPriceList.CONDITION_STORE
    await catalogue.ArchivePriceList(pb.ArchivePriceListRequest(name=tier.name))
    assert await quoted(orders, tea, member=member) == 900


async def test_prices_are_set_removed_and_listed(catalogue: CatalogueServiceStub, shop: Shop) -> None:
    tea, cup = await shop.product(), await shop.product()
    of = await listed(catalogue, {(tea, 1): 900, (tea, 10): 800, (cup, 1): 5})
    again = pb.SetPricesRequest(
        name=of.name,
        etag=of.etag,
        prices=[pb.ListedPrice(product=tea, price=cny(890))],
        removed=[pb.PriceKey(product=tea, min_quantity=10)],
    )
    await catalogue.SetPrices(again)
    assert (await refused(catalogue.SetPrices(again))).reason == "ETAG_MISMATCH"
    page = await catalogue.ListPrices(pb.ListPricesRequest(parent=of.name, product=tea))
    assert [(each.min_quantity, each.price) for each in page.prices] == [(1, cny(890))]
    first = await catalogue.ListPrices(pb.ListPricesRequest(parent=of.name, page_size=1))
    rest = await catalogue.ListPrices(
        pb.ListPricesRequest(parent=of.name, page_size=1, page_token=first.next_page_token)
    )
    assert {first.prices[0].product, rest.prices[0].product} == {tea, cup}
    yen = pb.ListedPrice(product=tea, price=WireMoney(currency_code="JPY", units=1))
    foreign = await refused(catalogue.SetPrices(pb.SetPricesRequest(name=of.name, prices=[yen])))
    assert foreign.code is grpc.StatusCode.INVALID_ARGUMENT
    nothing = pb.ListedPrice(product=f"products/{uuid.uuid4()}", price=cny(1))
    assert (await refused(catalogue.SetPrices(pb.SetPricesRequest(name=of.name, prices=[nothing])))).reason == (
        "PRODUCT_NOT_FOUND"
    )


async def test_the_times_of_a_price_list_are_changed_and_taken_away(
    orders: OrdersServiceStub, catalogue: CatalogueServiceStub, shop: Shop
) -> None:
    tea = await shop.product(price=1000)
    of = await listed(catalogue, {(tea, 1): 1}, end_time=datetime.now(UTC) - timedelta(hours=1))
    assert await quoted(orders, tea) == 1000
    endless = pb.UpdatePriceListRequest(
        price_list=pb.PriceList(name=of.name), update_mask=FieldMask(paths=["end_time"])
    )
    await catalogue.UpdatePriceList(endless)
    assert await quoted(orders, tea) == 1
    late = pb.PriceList(name=of.name, start_time=in_an_hour())
    await catalogue.UpdatePriceList(pb.UpdatePriceListRequest(price_list=late))
    assert await quoted(orders, tea) == 1000


async def test_what_is_not_offered_or_too_much_is_not_sold(
    orders: OrdersServiceStub, catalogue: CatalogueServiceStub
) -> None:
    tea = await create(orders, purchase_limit=2)
    too_many = await refused(orders.PlaceOrder(placing((tea.name, 1), (tea.name, 2))))
    assert (too_many.reason, too_many.metadata["requested"]) == ("PURCHASE_LIMIT_EXCEEDED", "3")
    hidden = await catalogue.UnpublishProduct(pb.UnpublishProductRequest(name=tea.name, channel="channels/web"))
    assert (await refused(orders.PlaceOrder(placing((tea.name, 1))))).reason == "PRODUCT_UNPUBLISHED"
    assert await quoted(orders, tea.name, channel="pos") == 990
    explained = await catalogue.ExplainPrice(pb.ExplainPriceRequest(name=tea.name, channel="channels/web"))
    assert explained.refusal == errors_pb2.ERROR_REASON_PRODUCT_UNPUBLISHED
    later = in_an_hour()
    request = pb.PublishProductRequest(name=tea.name, channel="channels/web", start_time=later, etag=hidden.etag)
    shown = await catalogue.PublishProduct(request)
    assert [each.channel for each in shown.publications] == ["channels/-", "channels/web"]
    assert (await refused(orders.PlaceOrder(placing((tea.name, 1))))).reason == "PRODUCT_UNPUBLISHED"
    request.end_time.CopyFrom(later)
    assert (await refused(catalogue.PublishProduct(request))).code is grpc.StatusCode.INVALID_ARGUMENT


async def test_rows_are_imported_each_for_itself(
    orders: OrdersServiceStub, catalogue: CatalogueServiceStub, shop: Shop
) -> None:
    rows = [
        pb.ProductRow(sku="A", title="Tea", price=cny(100), weight_grams=5, image_urls=["https://img.example/a"]),
        pb.ProductRow(sku="B", title="Cup"),
        pb.ProductRow(sku="A", title="Tea", price=cny(100)),
        pb.ProductRow(sku="C", title="x" * 201, price=cny(1)),
        pb.ProductRow(sku="D", title="Bad", price=WireMoney(currency_code="CNY", nanos=1)),
        pb.ProductRow(sku="E", title="Bad", price=cny(1), image_urls=["http://insecure"]),
        pb.ProductRow(title="Bad", price=cny(1)),
    ]
    request = pb.BatchUpsertProductsRequest(rows=rows)
    first = (await catalogue.BatchUpsertProducts(request)).results
    assert first[0].state == pb.ProductRowResult.STATE_CREATED
    assert [(each.field, each.reason) for each in first[1:]] == [
        ("price", errors_pb2.ERROR_REASON_ROW_INVALID),
        ("sku", errors_pb2.ERROR_REASON_ROW_REPEATED),
        ("title", errors_pb2.ERROR_REASON_ROW_INVALID),
        ("price.nanos", errors_pb2.ERROR_REASON_ROW_INVALID),
        ("images", errors_pb2.ERROR_REASON_ROW_INVALID),
        ("sku", errors_pb2.ERROR_REASON_ROW_INVALID),
    ]
    assert {each.state for each in first[1:]} == {REJECTED}
    assert await shop.stock(first[0].product) == (0, 0)
    again = (await catalogue.BatchUpsertProducts(request)).results[0]
    assert (again.state, again.product) == (pb.ProductRowResult.STATE_UNCHANGED, first[0].product)
    change = pb.BatchUpsertProductsRequest(rows=[pb.ProductRow(sku="A", title="Green tea")])
    assert (await catalogue.BatchUpsertProducts(change)).results[0].state == pb.ProductRowResult.STATE_UPDATED
    kept = await orders.GetProduct(products_pb2.GetProductRequest(name=first[0].product))
    assert (kept.title, kept.weight_grams, kept.price) == ("Green tea", 5, cny(100))


async def test_channels_and_stores_are_kept_by_their_codes(catalogue: CatalogueServiceStub) -> None:
    web = await catalogue.CreateChannel(pb.CreateChannelRequest(channel_id="web", channel=pb.Channel(title="Web")))
    assert web.name == "channels/web"
    assert await catalogue.GetChannel(pb.GetChannelRequest(name=web.name)) == web
    twice = pb.CreateChannelRequest(channel_id="web", channel=pb.Channel(title="Web"))
    assert (await refused(catalogue.CreateChannel(twice))).reason == "CATALOGUE_EXISTS"
    changed = await catalogue.UpdateChannel(
        pb.UpdateChannelRequest(channel=pb.Channel(name=web.name, title="Site", etag=web.etag))
    )
    assert [each.title for each in (await catalogue.ListChannels(pb.ListChannelsRequest())).channels] == ["Site"]
    stale = pb.UpdateChannelRequest(channel=pb.Channel(name=web.name, title="Shop", etag=web.etag))
    assert changed.etag != web.etag
    assert (await refused(catalogue.UpdateChannel(stale))).reason == "ETAG_MISMATCH"
    shop = await catalogue.CreateStore(pb.CreateStoreRequest(store_id="tea-1", store=pb.Store(title="Tea 1")))
    renamed = await catalogue.UpdateStore(pb.UpdateStoreRequest(store=pb.Store(name=shop.name, title="Tea One")))
    assert (await catalogue.GetStore(pb.GetStoreRequest(name=shop.name))) == renamed
    assert list((await catalogue.ListStores(pb.ListStoresRequest())).stores) == [renamed]
