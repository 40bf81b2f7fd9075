"""CatalogueService: each method is parse, call, render."""

from __future__ import annotations

from typing import Any

from google.protobuf.empty_pb2 import Empty
from kehu.orders.v1 import catalogue_pb2 as pb
from kehu.orders.v1 import catalogue_pb2_grpc, products_pb2

from kit import names, org
from kit.page import Tokens
from kit.rpc import Edge, convert
from services.orders.api import catalogue, price_list, product
from services.orders.api.wire import code_of, position
from services.orders.domain.outlet import OutletKind
from services.orders.usecases import catalogue as usecases
from services.orders.usecases import offer as offer_usecases
from services.orders.usecases import price_list as price_usecases
from services.orders.usecases import product as product_usecases
from services.orders.usecases import product_import, product_search


class CatalogueServicer(catalogue_pb2_grpc.CatalogueServiceServicer):
    """How products are arranged, where they are offered, and what they cost whom."""

    def __init__(self, edge: Edge[Any], tokens: Tokens) -> None:
        self._edge = edge
        self._tokens = tokens

    async def SearchProducts(self, request: pb.SearchProductsRequest, context: Any) -> pb.SearchProductsResponse:
        """Find products."""
        page = convert.page_of(request, self._tokens)
        rows = await self._edge.read(product_search.search_products, product.search(request), page)
        return pb.SearchProductsResponse(
            products=[product.product(row) for row in rows[: page.size]],
            next_page_token=convert.next_token(request, self._tokens, page, rows=rows, position=product.position),
        )

    async def BatchUpsertProducts(
        self, request: pb.BatchUpsertProductsRequest, context: Any
    ) -> pb.BatchUpsertProductsResponse:
        """Create and change products by their SKUs."""
        return await self._edge.write(
            request, product_import.upsert_products, product.rows(request), render=product.results
        )

    async def PublishProduct(self, request: pb.PublishProductRequest, context: Any) -> products_pb2.Product:
        """Offer a product in a channel."""
        command = product.publication(request)
        return await self._edge.write(request, product_usecases.publish_product, command, render=product.product)

    async def UnpublishProduct(self, request: pb.UnpublishProductRequest, context: Any) -> products_pb2.Product:
        """Withhold a product from a channel."""
        command = product.withdrawal(request)
        return await self._edge.write(request, product_usecases.publish_product, command, render=product.product)

    async def ExplainPrice(self, request: pb.ExplainPriceRequest, context: Any) -> pb.ExplainPriceResponse:
        """Say what a product costs, and why."""
        product_id, shopper = names.id_of("products", request.name), price_list.shopper(request)
        found = await self._edge.read(offer_usecases.explain_price, shopper, product_id, request.quantity or 1)
        return price_list.explanation(found)

    async def CreateProductGroup(self, request: pb.CreateProductGroupRequest, context: Any) -> pb.ProductGroup:
        """Begin a group of variants."""
        command = catalogue.new_group(request)
        return await self._edge.write(request, usecases.create_group, command, render=catalogue.group)

    async def GetProductGroup(self, request: pb.GetProductGroupRequest, context: Any) -> pb.ProductGroup:
        """Read a group."""
        return catalogue.group(await self._edge.read(usecases.get_group, names.id_of("productGroups", request.name)))

    async def ListProductGroups(
        self, request: pb.ListProductGroupsRequest, context: Any
    ) -> pb.ListProductGroupsResponse:
        """List groups."""
        page = convert.page_of(request, self._tokens)
        rows = await self._edge.read(usecases.list_groups, page)
        return pb.ListProductGroupsResponse(
            product_groups=[catalogue.group(row) for row in rows[: page.size]],
            next_page_token=convert.next_token(request, self._tokens, page, rows=rows, position=position),
        )

    async def UpdateProductGroup(self, request: pb.UpdateProductGroupRequest, context: Any) -> pb.ProductGroup:
        """Change a group."""
        command = catalogue.group_change(request)
        return await self._edge.write(request, usecases.update_group, command, render=catalogue.group)

    async def CreateCategory(self, request: pb.CreateCategoryRequest, context: Any) -> pb.Category:
        """Begin a category."""
        command = catalogue.new_category(request)
        return await self._edge.write(request, usecases.create_category, command, render=catalogue.category)

    async def GetCategory(self, request: pb.GetCategoryRequest, context: Any) -> pb.Category:
        """Read a category."""
        return catalogue.category(await self._edge.read(usecases.get_category, code_of("categories", request.name)))

    async def ListCategories(self, request: pb.ListCategoriesRequest, context: Any) -> pb.ListCategoriesResponse:
        """List categories."""
        page = convert.page_of(request, self._tokens)
        parent = code_of("categories", request.parent, field="parent") or None
        rows = await self._edge.read(usecases.list_categories, parent, page)
        return pb.ListCategoriesResponse(
            categories=[catalogue.category(row) for row in rows[: page.size]],
            next_page_token=convert.next_token(
                request, self._tokens, page, rows=rows, position=catalogue.category_position
            ),
        )

    async def UpdateCategory(self, request: pb.UpdateCategoryRequest, context: Any) -> pb.Category:
        """Change or move a category."""
        command = catalogue.category_change(request)
        return await self._edge.write(request, usecases.update_category, command, render=catalogue.category)

    async def DeleteCategory(self, request: pb.DeleteCategoryRequest, context: Any) -> Empty:
        """Give a category up."""
        command = catalogue.category_deletion(request)
        return await self._edge.write(request, usecases.delete_category, command, render=lambda _: Empty())

    async def CreateChannel(self, request: pb.CreateChannelRequest, context: Any) -> pb.Channel:
        """Open a channel."""
        command = catalogue.new_channel(request)
        return await self._edge.write(request, usecases.create_outlet, command, render=catalogue.channel)

    async def GetChannel(self, request: pb.GetChannelRequest, context: Any) -> pb.Channel:
        """Read a channel."""
        code = code_of("channels", request.name)
        return catalogue.channel(await self._edge.read(usecases.get_outlet, OutletKind.CHANNEL, code))

    async def ListChannels(self, request: pb.ListChannelsRequest, context: Any) -> pb.ListChannelsResponse:
        """List channels."""
        page = convert.page_of(request, self._tokens)
        rows = await self._edge.read(usecases.list_outlets, OutletKind.CHANNEL, page)
        return pb.ListChannelsResponse(
            channels=[catalogue.channel(row) for row in rows[: page.size]],
            next_page_token=convert.next_token(
                request, self._tokens, page, rows=rows, position=catalogue.outlet_position
            ),
        )

    async def UpdateChannel(self, request: pb.UpdateChannelRequest, context: Any) -> pb.Channel:
        """Change a channel."""
        command = catalogue.channel_change(request)
        return await self._edge.write(request, usecases.update_outlet, command, render=catalogue.channel)

    async def CreateStore(self, request: pb.CreateStoreRequest, context: Any) -> pb.Store:
        """Open a store."""
        command = catalogue.new_store(request)
        return await self._edge.write(request, usecases.create_outlet, command, render=catalogue.store)

    async def GetStore(self, request: pb.GetStoreRequest, context: Any) -> pb.Store:
        """Read a store."""
        code = code_of("stores", request.name)
        return catalogue.store(await self._edge.read(usecases.get_outlet, OutletKind.STORE, code))

    async def ListStores(self, request: pb.ListStoresRequest, context: Any) -> pb.ListStoresResponse:
        """List stores."""
        page = convert.page_of(request, self._tokens)
        rows = await self._edge.read(usecases.list_outlets, OutletKind.STORE, page, org=org.parse(request.org))
        return pb.ListStoresResponse(
            stores=[catalogue.store(row) for row in rows[: page.size]],
            next_page_token=convert.next_token(
                request, self._tokens, page, rows=rows, position=catalogue.outlet_position
            ),
        )

    async def UpdateStore(self, request: pb.UpdateStoreRequest, context: Any) -> pb.Store:
        """Change a store."""
        command = catalogue.store_change(request)
        return await self._edge.write(request, usecases.update_outlet, command, render=catalogue.store)

    async def CreatePriceList(self, request: pb.CreatePriceListRequest, context: Any) -> pb.PriceList:
        """Begin a price list."""
        command = price_list.creation(request)
        return await self._edge.write(request, price_usecases.create_price_list, command, render=price_list.price_list)

    async def GetPriceList(self, request: pb.GetPriceListRequest, context: Any) -> pb.PriceList:
        """Read a price list."""
        list_id = names.id_of("priceLists", request.name)
        return price_list.price_list(await self._edge.read(price_usecases.get_price_list, list_id))

    async def ListPriceLists(self, request: pb.ListPriceListsRequest, context: Any) -> pb.ListPriceListsResponse:
        """List price lists."""
        page = convert.page_of(request, self._tokens)
        rows = await self._edge.read(price_usecases.list_price_lists, page)
        return pb.ListPriceListsResponse(
            price_lists=[price_list.price_list(row) for row in rows[: page.size]],
            next_page_token=convert.next_token(request, self._tokens, page, rows=rows, position=position),
        )

    async def UpdatePriceList(self, request: pb.UpdatePriceListRequest, context: Any) -> pb.PriceList:
        """Change a price list."""
        return await self._change_list(request, price_list.update(request))

    async def ArchivePriceList(self, request: pb.ArchivePriceListRequest, context: Any) -> pb.PriceList:
        """Take a price list out of use."""
        return await self._change_list(request, price_list.archival(request))

    async def ActivatePriceList(self, request: pb.ActivatePriceListRequest, context: Any) -> pb.PriceList:
        """Bring a price list back into use."""
        return await self._change_list(request, price_list.activation(request))

    async def SetPrices(self, request: pb.SetPricesRequest, context: Any) -> pb.PriceList:
        """Set and remove prices of a list."""
        command = price_list.prices(request)
        return await self._edge.write(request, price_usecases.set_prices, command, render=price_list.price_list)

    async def ListPrices(self, request: pb.ListPricesRequest, context: Any) -> pb.ListPricesResponse:
        """List the prices of a list."""
        page = convert.page_of(request, self._tokens)
        list_id = names.id_of("priceLists", request.parent, field="parent")
        product_id = names.id_of("products", request.product, field="product") if request.product else None
        of, rows = await self._edge.read(price_usecases.list_prices, list_id, product_id, page)
        return pb.ListPricesResponse(
            prices=[price_list.listed(of, row) for row in rows[: page.size]],
            next_page_token=convert.next_token(
                request, self._tokens, page, rows=rows, position=price_list.entry_position
            ),
        )

    async def _change_list(
        self,
        request: pb.UpdatePriceListRequest | pb.ArchivePriceListRequest | pb.ActivatePriceListRequest,
        command: price_usecases.UpdatePriceList,
    ) -> pb.PriceList:
        return await self._edge.write(request, price_usecases.update_price_list, command, render=price_list.price_list)
