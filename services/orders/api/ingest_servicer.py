"""IngestService: each method is parse, call, render."""

from __future__ import annotations

from typing import Any

from kehu.orders.v1 import channels_pb2 as pb
from kehu.orders.v1 import channels_pb2_grpc

from kit import org
from kit.clock import Clock
from kit.page import Tokens
from kit.rpc import Edge, convert
from services.orders.api import ingest as wire
from services.orders.usecases import ingest


class IngestServicer(channels_pb2_grpc.IngestServiceServicer):
    """Takes in the orders of other platforms."""

    def __init__(self, edge: Edge[Any], tokens: Tokens, *, clock: Clock) -> None:
        self._edge = edge
        self._tokens = tokens
        self._clock = clock

    async def CreateShop(self, request: pb.CreateShopRequest, context: Any) -> pb.Shop:
        """Create a shop."""
        shop = wire.shop_of(request, self._clock())
        return await self._edge.write(request, ingest.create_shop, shop, render=wire.shop)

    async def GetShop(self, request: pb.GetShopRequest, context: Any) -> pb.Shop:
        """Read a shop."""
        return wire.shop(await self._edge.read(ingest.get_shop, wire.shop_code(request.name)))

    async def ListShops(self, request: pb.ListShopsRequest, context: Any) -> pb.ListShopsResponse:
        """List shops."""
        page = convert.page_of(request, self._tokens)
        rows = await self._edge.read(ingest.list_shops, page, org=org.parse(request.org))
        token = convert.next_token(request, self._tokens, page, rows=rows, position=lambda shop: (shop.code,))
        return pb.ListShopsResponse(shops=[wire.shop(each) for each in rows[: page.size]], next_page_token=token)

    async def IngestOrders(self, request: pb.IngestOrdersRequest, context: Any) -> pb.IngestOrdersResponse:
        """Take in orders."""
        return await self._edge.write(request, ingest.ingest_orders, wire.command(request), render=wire.response)

    async def GetIngestedOrder(self, request: pb.GetIngestedOrderRequest, context: Any) -> pb.IngestedOrder:
        """Read what is known of an order."""
        return wire.ingested(await self._edge.read(ingest.get_ingested, wire.key(request.name)))

    async def ListIngestedOrders(
        self, request: pb.ListIngestedOrdersRequest, context: Any
    ) -> pb.ListIngestedOrdersResponse:
        """List the orders of a shop."""
        page = convert.page_of(request, self._tokens)
        code = wire.shop_code(request.parent, field="parent")
        rows = await self._edge.read(ingest.list_ingested, code, wire.state(request), page)
        token = convert.next_token(request, self._tokens, page, rows=rows, position=lambda shown: (shown.ingested.tid,))
        return pb.ListIngestedOrdersResponse(
            ingested_orders=[wire.ingested(each) for each in rows[: page.size]], next_page_token=token
        )

    async def RetryIngestedOrder(self, request: pb.RetryIngestedOrderRequest, context: Any) -> pb.IngestedOrder:
        """Try an order once more."""
        return await self._edge.write(request, ingest.retry, wire.key(request.name), render=wire.ingested)

    async def MapChannelSku(self, request: pb.MapChannelSkuRequest, context: Any) -> pb.MapChannelSkuResponse:
        """Map a code."""
        return await self._edge.write(request, ingest.map_sku, wire.mapping(request), render=wire.ingested_list)
