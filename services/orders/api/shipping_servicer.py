"""ShippingService: each method is parse, call, render."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from kehu.orders.v1 import shipping_pb2 as pb
from kehu.orders.v1 import shipping_pb2_grpc

from kit import names
from kit.clock import utc_now
from kit.page import Tokens
from kit.rpc import Edge, convert
from kit.vault import Vault
from services.orders.api import basket, delivery, shipping
from services.orders.api.wire import position
from services.orders.usecases import address
from services.orders.usecases.quote import Quoting
from services.orders.usecases.tariff import METHODS, ZONES, KnownTariff

C = TypeVar("C")
R = TypeVar("R")
M = TypeVar("M", bound=Message)


class ShippingServicer(shipping_pb2_grpc.ShippingServiceServicer):
    """How goods reach customers, and what that costs."""

    def __init__(self, edge: Edge[Any], tokens: Tokens, *, quote: Quoting, tariff: KnownTariff, vault: Vault) -> None:
        self._edge = edge
        self._tokens = tokens
        self._quote = quote
        self._tariff = tariff
        self._vault = vault

    async def CreateShippingZone(self, request: pb.CreateShippingZoneRequest, context: Any) -> pb.ShippingZone:
        """Create a zone."""
        return await self._change(request, ZONES.create, shipping.new_zone(request, utc_now()), shipping.zone)

    async def GetShippingZone(self, request: pb.GetShippingZoneRequest, context: Any) -> pb.ShippingZone:
        """Read a zone."""
        return shipping.zone(await self._edge.read(ZONES.get, names.id_of("shippingZones", request.name)))

    async def ListShippingZones(
        self, request: pb.ListShippingZonesRequest, context: Any
    ) -> pb.ListShippingZonesResponse:
        """List the zones."""
        page = convert.page_of(request, self._tokens)
        rows = await self._edge.read(ZONES.page, page)
        return pb.ListShippingZonesResponse(
            shipping_zones=[shipping.zone(row) for row in rows[: page.size]],
            next_page_token=convert.next_token(request, self._tokens, page, rows=rows, position=position),
        )

    async def UpdateShippingZone(self, request: pb.UpdateShippingZoneRequest, context: Any) -> pb.ShippingZone:
        """Change a zone."""
        return await self._change(request, ZONES.update, shipping.zone_update(request), shipping.zone)

    async def DeleteShippingZone(self, request: pb.DeleteShippingZoneRequest, context: Any) -> Empty:
        """Delete a zone."""
        command = shipping.deletion("shippingZones", request)
        return await self._change(request, ZONES.delete, command, lambda _: Empty())

    async def CreateShippingMethod(self, request: pb.CreateShippingMethodRequest, context: Any) -> pb.ShippingMethod:
        """Create a method."""
        return await self._change(request, METHODS.create, shipping.new_method(request, utc_now()), shipping.method)

    async def GetShippingMethod(self, request: pb.GetShippingMethodRequest, context: Any) -> pb.ShippingMethod:
        """Read a method."""
        return shipping.method(await self._edge.read(METHODS.get, names.id_of("shippingMethods", request.name)))

    async def ListShippingMethods(
        self, request: pb.ListShippingMethodsRequest, context: Any
    ) -> pb.ListShippingMethodsResponse:
        """List the methods."""
        page = convert.page_of(request, self._tokens)
        rows = await self._edge.read(METHODS.page, page)
        return pb.ListShippingMethodsResponse(
            shipping_methods=[shipping.method(row) for row in rows[: page.size]],
            next_page_token=convert.next_token(request, self._tokens, page, rows=rows, position=position),
        )

    async def UpdateShippingMethod(self, request: pb.UpdateShippingMethodRequest, context: Any) -> pb.ShippingMethod:
        """Change a method."""
        return await self._change(request, METHODS.update, shipping.method_update(request), shipping.method)

    async def DeleteShippingMethod(self, request: pb.DeleteShippingMethodRequest, context: Any) -> Empty:
        """Delete a method."""
        command = shipping.deletion("shippingMethods", request)
        return await self._change(request, METHODS.delete, command, lambda _: Empty())

    async def SuggestShippingMethods(
        self, request: pb.SuggestShippingMethodsRequest, context: Any
    ) -> pb.SuggestShippingMethodsResponse:
        """Say which methods can bring a basket to an address."""
        found = await self._quote.suggest(
            basket.suggested(request), delivery.address(request.address) if request.HasField("address") else None
        )
        return pb.SuggestShippingMethodsResponse(shipping_methods=[shipping.suggestion(each) for each in found])

    async def GetDeliveryAddress(self, request: pb.GetDeliveryAddressRequest, context: Any) -> pb.DeliveryAddress:
        """Read where an order is sent."""
        stored = await self._edge.read(address.get_address, delivery.order_of(request.name))
        return pb.DeliveryAddress(name=request.name, address=delivery.shown(delivery.opened(self._vault, stored)))

    async def _change(
        self, request: Message, usecase: Callable[[Any, C], R], command: C, render: Callable[[R], M]
    ) -> M:
        """Change the tariff; this process knows the change at once, the others soon."""
        answer = await self._edge.write(request, usecase, command, render=render)
        self._tariff.forget()
        return answer
