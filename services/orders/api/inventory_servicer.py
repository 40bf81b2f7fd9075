"""InventoryService: each method is parse, call, render."""

from __future__ import annotations

from typing import Any

from kehu.orders.v1 import inventory_pb2 as pb
from kehu.orders.v1 import inventory_pb2_grpc, stock_pb2

from kit import org
from kit.page import Tokens
from kit.rpc import Edge
from kit.rpc.convert import next_token, page_of
from services.orders.api import inventory, stock
from services.orders.usecases import location, reservation, stock_count, stock_transfer
from services.orders.usecases import stock as stock_usecases


class InventoryServicer(inventory_pb2_grpc.InventoryServiceServicer):
    """Serves locations, stock by location, transfers, counts and reservations."""

    def __init__(self, edge: Edge[Any], tokens: Tokens) -> None:
        self._edge = edge
        self._tokens = tokens

    async def CreateLocation(self, request: pb.CreateLocationRequest, context: Any) -> pb.Location:
        """Open a location."""
        command = inventory.location_creation(request)
        return await self._edge.write(request, location.create_location, command, render=inventory.location)

    async def GetLocation(self, request: pb.GetLocationRequest, context: Any) -> pb.Location:
        """Read a location."""
        return inventory.location(await self._edge.read(location.get_location, stock.location_id(request.name)))

    async def ListLocations(self, request: pb.ListLocationsRequest, context: Any) -> pb.ListLocationsResponse:
        """List locations."""
        page = page_of(request, self._tokens)
        rows = await self._edge.read(location.list_locations, page, org=org.parse(request.org))
        token = next_token(request, self._tokens, page, rows=rows, position=inventory.location_position)
        found = [inventory.location(row) for row in rows[: page.size]]
        return pb.ListLocationsResponse(locations=found, next_page_token=token)

    async def UpdateLocation(self, request: pb.UpdateLocationRequest, context: Any) -> pb.Location:
        """Change a location."""
        command = inventory.location_update(request)
        return await self._edge.write(request, location.update_location, command, render=inventory.location)

    async def ListStocks(self, request: pb.ListStocksRequest, context: Any) -> pb.ListStocksResponse:
        """List stock."""
        page = page_of(request, self._tokens)
        rows = await self._edge.read(stock_usecases.list_stocks, stock.query(request), page)
        token = next_token(request, self._tokens, page, rows=rows, position=stock.position)
        return pb.ListStocksResponse(stocks=[stock.stock(row) for row in rows[: page.size]], next_page_token=token)

    async def UpdateStock(self, request: pb.UpdateStockRequest, context: Any) -> stock_pb2.Stock:
        """Change how stock is sold."""
        return await self._edge.write(request, stock_usecases.update_stock, stock.update(request), render=stock.stock)

    async def ListStockMovements(
        self, request: pb.ListStockMovementsRequest, context: Any
    ) -> pb.ListStockMovementsResponse:
        """List what moved stock."""
        page = page_of(request, self._tokens)
        place = stock.place(request.parent, field="parent")
        rows = await self._edge.read(stock_usecases.list_movements, place, page)
        token = next_token(request, self._tokens, page, rows=rows, position=stock.movement_position)
        found = [stock.movement(row) for row in rows[: page.size]]
        return pb.ListStockMovementsResponse(stock_movements=found, next_page_token=token)

    async def ListBackorders(self, request: pb.ListBackordersRequest, context: Any) -> pb.ListBackordersResponse:
        """List what is still to arrive for orders."""
        page = page_of(request, self._tokens)
        product, part = stock.product_of(request.parent), org.parse(request.org)
        rows = await self._edge.read(stock_usecases.list_backorders, product, page, org=part)
        token = next_token(request, self._tokens, page, rows=rows, position=stock.backorder_position)
        found = [stock.backorder(row) for row in rows[: page.size]]
        return pb.ListBackordersResponse(backorders=found, next_page_token=token)

    async def CreateStockTransfer(self, request: pb.CreateStockTransferRequest, context: Any) -> pb.StockTransfer:
        """Send units to another location."""
        command = inventory.shipment(request)
        return await self._edge.write(request, stock_transfer.ship_transfer, command, render=inventory.transfer)

    async def GetStockTransfer(self, request: pb.GetStockTransferRequest, context: Any) -> pb.StockTransfer:
        """Read a transfer."""
        found = await self._edge.read(stock_transfer.get_transfer, inventory.transfer_id(request.name))
        return inventory.transfer(found)

    async def ListStockTransfers(
        self, request: pb.ListStockTransfersRequest, context: Any
    ) -> pb.ListStockTransfersResponse:
        """List transfers."""
        page = page_of(request, self._tokens)
        state, part = inventory.transfer_state(request), org.parse(request.org)
        rows = await self._edge.read(stock_transfer.list_transfers, state, page, org=part)
        token = next_token(request, self._tokens, page, rows=rows, position=inventory.latest_position)
        found = [inventory.transfer(row) for row in rows[: page.size]]
        return pb.ListStockTransfersResponse(stock_transfers=found, next_page_token=token)

    async def ReceiveStockTransfer(self, request: pb.ReceiveStockTransferRequest, context: Any) -> pb.StockTransfer:
        """Book what arrived."""
        command = inventory.arrival(request)
        return await self._edge.write(request, stock_transfer.receive_transfer, command, render=inventory.transfer)

    async def CancelStockTransfer(self, request: pb.CancelStockTransferRequest, context: Any) -> pb.StockTransfer:
        """Book everything back."""
        transfer = inventory.transfer_id(request.name)
        return await self._edge.write(request, stock_transfer.cancel_transfer, transfer, render=inventory.transfer)

    async def CreateStockCount(self, request: pb.CreateStockCountRequest, context: Any) -> pb.StockCount:
        """Begin to count."""
        command = inventory.count_opening(request)
        return await self._edge.write(request, stock_count.open_count, command, render=inventory.count)

    async def GetStockCount(self, request: pb.GetStockCountRequest, context: Any) -> pb.StockCount:
        """Read a count."""
        return inventory.count(await self._edge.read(stock_count.get_count, inventory.count_id(request.name)))

    async def ListStockCounts(self, request: pb.ListStockCountsRequest, context: Any) -> pb.ListStockCountsResponse:
        """List counts."""
        page = page_of(request, self._tokens)
        state, part = inventory.count_state(request), org.parse(request.org)
        rows = await self._edge.read(stock_count.list_counts, state, page, org=part)
        token = next_token(request, self._tokens, page, rows=rows, position=inventory.latest_position)
        found = [inventory.count(row) for row in rows[: page.size]]
        return pb.ListStockCountsResponse(stock_counts=found, next_page_token=token)

    async def EnterStockCount(self, request: pb.EnterStockCountRequest, context: Any) -> pb.StockCount:
        """Note what was counted."""
        command = inventory.count_entry(request)
        return await self._edge.write(request, stock_count.enter_count, command, render=inventory.count)

    async def PostStockCount(self, request: pb.PostStockCountRequest, context: Any) -> pb.StockCount:
        """Book the differences."""
        count = inventory.count_id(request.name)
        return await self._edge.write(request, stock_count.post_count, count, render=inventory.count)

    async def CancelStockCount(self, request: pb.CancelStockCountRequest, context: Any) -> pb.StockCount:
        """Give a count up."""
        count = inventory.count_id(request.name)
        return await self._edge.write(request, stock_count.cancel_count, count, render=inventory.count)

    async def CreateReservation(self, request: pb.CreateReservationRequest, context: Any) -> pb.Reservation:
        """Set units aside."""
        command = inventory.reserving(request)
        return await self._edge.write(request, reservation.reserve, command, render=inventory.reservation)

    async def GetReservation(self, request: pb.GetReservationRequest, context: Any) -> pb.Reservation:
        """Read a reservation."""
        found = await self._edge.read(reservation.get_reservation, inventory.reservation_id(request.name))
        return inventory.reservation(found)

    async def ConfirmReservation(self, request: pb.ConfirmReservationRequest, context: Any) -> pb.Reservation:
        """Take the units away."""
        held = inventory.reservation_id(request.name)
        return await self._edge.write(request, reservation.confirm_reservation, held, render=inventory.reservation)

    async def ReleaseReservation(self, request: pb.ReleaseReservationRequest, context: Any) -> pb.Reservation:
        """Give the units back."""
        held = inventory.reservation_id(request.name)
        return await self._edge.write(request, reservation.release_reservation, held, render=inventory.reservation)
