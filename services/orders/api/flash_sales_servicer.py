"""FlashSalesService: each method is parse, call, render. Buying asks the doorman first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from google.protobuf.message import Message
from kehu.orders.v1 import flash_sales_pb2 as pb
from kehu.orders.v1 import flash_sales_pb2_grpc, orders_pb2

from kit import names
from kit.clock import Clock
from kit.errors import Fault, Kind
from kit.page import Tokens
from kit.rpc import Edge, convert
from services.orders import metrics
from services.orders.api import flash_sale, order
from services.orders.api.sending import Sendings
from services.orders.domain.flash_sale import Figures, FlashSale, FlashSaleState
from services.orders.domain.waiting_room import Tickets
from services.orders.usecases import flash_sale as usecases
from services.orders.usecases import flash_sale_purchase as purchases
from services.orders.usecases import waiting_room
from services.orders.usecases.flash_sale_admission import SOLD_OUT, Admission

C = TypeVar("C")
R = TypeVar("R")
Lane = Callable[[Message, C], Awaitable[R]]
Buying = Lane[purchases.BuyFlashSale, orders_pb2.Order]

_INTERVAL_SECONDS = 1.0


class FlashSalesServicer(flash_sales_pb2_grpc.FlashSalesServiceServicer):
    """The gRPC edge of flash sales."""

    def __init__(
        self,
        edge: Edge[Any],
        tokens: Tokens,
        *,
        admission: Admission,
        sending: Sendings,
        tickets: Tickets,
        tell: Callable[[Mapping[tuple[UUID, str], int]], Awaitable[None]],
        clock: Clock,
    ) -> None:
        self._edge = edge
        self._tokens = tokens
        self._admission = admission
        self._sending = sending
        self._tell = tell
        self._clock = clock
        self._buy: Lane[purchases.BuyFlashSale, orders_pb2.Order] = edge.lane(
            "flash_buy", purchases.buy, render=order.order
        )
        self._buy_thoroughly: Lane[purchases.BuyFlashSale, orders_pb2.Order] = edge.lane(
            "flash_buy_thoroughly", purchases.buy_thoroughly, render=order.order
        )
        self._enter: Lane[waiting_room.Enter, pb.WaitingTicket] = edge.lane(
            "waiting_room", waiting_room.enter, render=partial(flash_sale.place, tickets)
        )
        self._figures: Callable[[UUID], Awaitable[Figures]] = edge.gather("flash_figures", usecases.get_figures)

    async def CreateFlashSale(self, request: pb.CreateFlashSaleRequest, context: Any) -> pb.FlashSale:
        """Make a flash sale and reserve its units."""
        command = flash_sale.creation(request, names.new_id())
        return await self._edge.write(request, usecases.create_flash_sale, command, render=self._sale)

    async def GetFlashSale(self, request: pb.GetFlashSaleRequest, context: Any) -> pb.FlashSale:
        """Read a flash sale."""
        return self._sale(await self._edge.read(usecases.get_flash_sale, names.id_of("flashSales", request.name)))

    async def ListFlashSales(self, request: pb.ListFlashSalesRequest, context: Any) -> pb.ListFlashSalesResponse:
        """List flash sales."""
        page = convert.page_of(request, self._tokens)
        rows = await self._edge.read(usecases.list_flash_sales, flash_sale.query(request), page)
        return pb.ListFlashSalesResponse(
            flash_sales=[self._sale(row) for row in rows[: page.size]],
            next_page_token=convert.next_token(request, self._tokens, page, rows=rows, position=flash_sale.position),
        )

    async def UpdateFlashSale(self, request: pb.UpdateFlashSaleRequest, context: Any) -> pb.FlashSale:
        """Change a flash sale."""
        return await self._edge.write(
            request, usecases.update_flash_sale, flash_sale.update(request), render=self._sale
        )

    async def CancelFlashSale(self, request: pb.CancelFlashSaleRequest, context: Any) -> pb.FlashSale:
        """End a flash sale at once."""
        return await self._edge.write(
            request, usecases.cancel_flash_sale, flash_sale.cancellation(request), render=self._sale
        )

    async def BuyFlashSale(self, request: pb.BuyFlashSaleRequest, context: Any) -> orders_pb2.Order:
        """Buy; whoever has no chance is refused before the database is asked for anything but an earlier answer."""
        command = flash_sale.purchase(request, names.new_id())
        try:
            await self._admission.check(command, request.ticket)
        except Fault as fault:
            answered: orders_pb2.Order | None = await self._edge.answered(request)
            if answered is None:
                raise self._refused(command, fault) from None
            return answered
        try:
            bought = await self._bought(request, command)
        except Fault as fault:
            if fault.reason == SOLD_OUT:
                self._admission.sold_out(command.sale_id)
            raise self._refused(command, fault) from None
        metrics.BOUGHT.inc(command.quantity)
        return bought

    async def EnterWaitingRoom(self, request: pb.EnterWaitingRoomRequest, context: Any) -> pb.WaitingTicket:
        """Give a place in the queue."""
        return await self._enter(request, flash_sale.entry(request))

    async def GetFlashSaleFigures(self, request: pb.GetFlashSaleFiguresRequest, context: Any) -> pb.FlashSaleFigures:
        """Read how a flash sale goes."""
        return flash_sale.figures(await self._figures(flash_sale.sale_of_figures(request.name)))

    async def WatchFlashSale(
        self, request: pb.WatchFlashSaleRequest, context: Any
    ) -> AsyncIterator[pb.FlashSaleFigures]:
        """Tell how a flash sale goes until it is over. All who watch at a moment share one read."""
        sale_id = flash_sale.sale_of_figures(request.name)
        interval = request.interval.ToTimedelta().total_seconds() or _INTERVAL_SECONDS
        before: Figures | None = None
        while True:
            found = await self._figures(sale_id)
            yield flash_sale.figures(found, before)
            if found.held == 0 and found.sale.state(found.read_time) in _OVER:
                return
            before = found
            await asyncio.sleep(interval)

    async def tell_refusals(self) -> None:
        """Add what this process refused to the figures of the sales; called again and again."""
        counts = self._admission.drain()
        if counts:
            await self._tell(counts)

    async def _bought(self, request: pb.BuyFlashSaleRequest, admitted: purchases.BuyFlashSale) -> orders_pb2.Order:
        command = replace(admitted, sending=await self._sending(request))  # who has no chance has no address sealed
        try:
            return await self._buy(request, command)
        except Fault as fault:
            if fault.kind is not Kind.ABORTED:
                raise
        return await self._buy_thoroughly(request, command)

    def _refused(self, command: purchases.BuyFlashSale, fault: Fault) -> Fault:
        metrics.REFUSED.labels(fault.reason).inc()
        self._admission.refused(command.sale_id, fault)
        return fault

    def _sale(self, found: FlashSale) -> pb.FlashSale:
        return flash_sale.flash_sale(found, self._clock())


_OVER = {FlashSaleState.ENDED, FlashSaleState.CANCELLED}
