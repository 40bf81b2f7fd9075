"""BargainsService: each method is parse, call, render. Helpers who come at the same moment share a transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.message import Message
from kehu.orders.v1 import bargains_pb2 as pb
from kehu.orders.v1 import bargains_pb2_grpc, orders_pb2

from kit import names
from kit.clock import Clock
from kit.page import Tokens
from kit.rpc import Edge, convert
from services.orders.api import bargain, order
from services.orders.api.sending import Sendings
from services.orders.domain.bargain import Bargain
from services.orders.usecases import bargain as usecases


class BargainsServicer(bargains_pb2_grpc.BargainsServiceServicer):
    """The gRPC edge of bargains."""

    def __init__(self, edge: Edge[Any], tokens: Tokens, *, sending: Sendings, clock: Clock) -> None:
        self._edge = edge
        self._tokens = tokens
        self._sending = sending
        self._clock = clock
        self._cut: Callable[[Message, usecases.CutPrice], Awaitable[pb.CutPriceResponse]] = edge.lane(
            "price_cuts", usecases.cut_prices, render=bargain.cut
        )

    async def CreateBargain(self, request: pb.CreateBargainRequest, context: Any) -> pb.Bargain:
        """Make a bargain."""
        command = bargain.creation(request, names.new_id())
        return await self._edge.write(request, usecases.create_bargain, command, render=self._bargain)

    async def GetBargain(self, request: pb.GetBargainRequest, context: Any) -> pb.Bargain:
        """Read a bargain."""
        return self._bargain(await self._edge.read(usecases.get_bargain, names.id_of("bargains", request.name)))

    async def ListBargains(self, request: pb.ListBargainsRequest, context: Any) -> pb.ListBargainsResponse:
        """List bargains."""
        page = convert.page_of(request, self._tokens)
        rows = await self._edge.read(usecases.list_bargains, bargain.query(request), page)
        return pb.ListBargainsResponse(
            bargains=[self._bargain(row) for row in rows[: page.size]],
            next_page_token=convert.next_token(request, self._tokens, page, rows=rows, position=bargain.position),
        )

    async def CancelBargain(self, request: pb.CancelBargainRequest, context: Any) -> pb.Bargain:
        """Let no more haggles begin."""
        command = bargain.cancellation(request)
        return await self._edge.write(request, usecases.cancel_bargain, command, render=self._bargain)

    async def BeginHaggle(self, request: pb.BeginHaggleRequest, context: Any) -> pb.Haggle:
        """Begin to haggle."""
        command = bargain.beginning(request, names.new_id())
        return await self._edge.write(request, usecases.begin_haggle, command, render=bargain.haggle)

    async def GetHaggle(self, request: pb.GetHaggleRequest, context: Any) -> pb.Haggle:
        """Read a haggle."""
        return bargain.haggle(await self._edge.read(usecases.get_haggle, *bargain.ids(request.name)))

    async def CutPrice(self, request: pb.CutPriceRequest, context: Any) -> pb.CutPriceResponse:
        """Take the next cut off the price."""
        return await self._cut(request, bargain.cutting(request))

    async def BuyHaggle(self, request: pb.BuyHaggleRequest, context: Any) -> orders_pb2.Order:
        """Buy at the price that was reached."""
        command = bargain.purchase(request, names.new_id(), await self._sending(request))
        return await self._edge.write(request, usecases.buy_haggle, command, render=order.order)

    def _bargain(self, found: Bargain) -> pb.Bargain:
        return bargain.bargain(found, self._clock())
