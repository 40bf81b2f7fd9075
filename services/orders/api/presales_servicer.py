"""PresalesService: each method is parse, call, render. Those who buy at the same moment share a transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.message import Message
from kehu.orders.v1 import orders_pb2, presales_pb2_grpc
from kehu.orders.v1 import presales_pb2 as pb

from kit import names, org
from kit.clock import Clock
from kit.page import Tokens
from kit.rpc import Edge, convert
from services.orders.api import order, presale
from services.orders.api.sending import Sendings
from services.orders.domain.presale import Presale
from services.orders.usecases import presale as usecases
from services.orders.usecases import presale_purchase


class PresalesServicer(presales_pb2_grpc.PresalesServiceServicer):
    """The gRPC edge of presales."""

    def __init__(self, edge: Edge[Any], tokens: Tokens, *, sending: Sendings, clock: Clock) -> None:
        self._edge = edge
        self._tokens = tokens
        self._sending = sending
        self._clock = clock
        self._buy: Callable[[Message, presale_purchase.BuyPresale], Awaitable[orders_pb2.Order]] = edge.lane(
            "presale_purchases", presale_purchase.buy, render=order.order
        )

    async def CreatePresale(self, request: pb.CreatePresaleRequest, context: Any) -> pb.Presale:
        """Make a presale."""
        command = presale.creation(request, names.new_id())
        return await self._edge.write(request, usecases.create_presale, command, render=self._presale)

    async def GetPresale(self, request: pb.GetPresaleRequest, context: Any) -> pb.Presale:
        """Read a presale."""
        return self._presale(await self._edge.read(usecases.get_presale, names.id_of("presales", request.name)))

    async def ListPresales(self, request: pb.ListPresalesRequest, context: Any) -> pb.ListPresalesResponse:
        """List presales."""
        page = convert.page_of(request, self._tokens)
        rows = await self._edge.read(usecases.list_presales, presale.query(request), page)
        return pb.ListPresalesResponse(
            presales=[self._presale(row) for row in rows[: page.size]],
            next_page_token=convert.next_token(request, self._tokens, page, rows=rows, position=presale.position),
        )

    async def CancelPresale(self, request: pb.CancelPresaleRequest, context: Any) -> pb.Presale:
        """End a presale before its time."""
        command = presale.cancellation(request)
        return await self._edge.write(request, usecases.cancel_presale, command, render=self._presale)

    async def BuyPresale(self, request: pb.BuyPresaleRequest, context: Any) -> orders_pb2.Order:
        """Buy units of a presale."""
        return await self._buy(request, presale.purchase(request, names.new_id(), await self._sending(request)))

    async def ListPresaleOrders(
        self, request: pb.ListPresaleOrdersRequest, context: Any
    ) -> pb.ListPresaleOrdersResponse:
        """List the orders of a presale."""
        page = convert.page_of(request, self._tokens)
        presale_id = names.id_of("presales", request.parent, field="parent")
        rows = await self._edge.read(usecases.list_presale_orders, presale_id, page, org=org.parse(request.org))
        token = convert.next_token(request, self._tokens, page, rows=rows, position=lambda row: (str(row.order),))
        return pb.ListPresaleOrdersResponse(
            presale_orders=[presale.presale_order(row) for row in rows[: page.size]], next_page_token=token
        )

    def _presale(self, found: Presale) -> pb.Presale:
        return presale.presale(found, self._clock())
