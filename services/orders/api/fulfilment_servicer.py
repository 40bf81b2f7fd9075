"""FulfilmentService: each method is parse, call, render."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from kehu.orders.v1 import fulfilment_pb2 as pb
from kehu.orders.v1 import fulfilment_pb2_grpc

from kit import org
from kit.page import Tokens
from kit.rpc import Edge, convert
from kit.rpc import call as calls
from kit.vault import Vault
from services.orders.api import fulfilment as wire
from services.orders.api.wire import position
from services.orders.domain.shipment import Shipment
from services.orders.usecases import fulfilment as usecases
from services.orders.usecases.fulfilment import Collect, StepShipment


class FulfilmentServicer(fulfilment_pb2_grpc.FulfilmentServiceServicer):
    """The gRPC edge of shipments."""

    def __init__(self, edge: Edge[Any], tokens: Tokens, vault: Vault) -> None:
        self._edge = edge
        self._tokens = tokens
        self._vault = vault

    async def CreateShipment(self, request: pb.CreateShipmentRequest, context: Any) -> pb.Shipment:
        """Pack units of an order."""
        command = wire.creation(request, by=_caller())
        return await self._edge.write(request, usecases.create_shipment, command, render=wire.shipment)

    async def GetShipment(self, request: pb.GetShipmentRequest, context: Any) -> pb.Shipment:
        """Read a shipment."""
        return wire.shipment(await self._edge.read(usecases.get_shipment, *wire.ids(request.name)))

    async def ListShipments(self, request: pb.ListShipmentsRequest, context: Any) -> pb.ListShipmentsResponse:
        """List shipments."""
        page = convert.page_of(request, self._tokens)
        asked, part = (wire.parent(request.parent), wire.state(request)), org.parse(request.org)
        rows = await self._edge.read(usecases.list_shipments, *asked, page, org=part)
        return pb.ListShipmentsResponse(
            shipments=[wire.shipment(row) for row in rows[: page.size]],
            next_page_token=convert.next_token(request, self._tokens, page, rows=rows, position=position),
        )

    async def ShipShipment(self, request: pb.ShipShipmentRequest, context: Any) -> pb.Shipment:
        """Tell that a shipment left, or waits to be picked up."""
        return await self._with_code(await self._step(request, usecases.ship))

    async def DeliverShipment(self, request: pb.DeliverShipmentRequest, context: Any) -> pb.Shipment:
        """Tell that a shipment arrived."""
        return await self._step(request, usecases.deliver)

    async def ReturnShipment(self, request: pb.ReturnShipmentRequest, context: Any) -> pb.Shipment:
        """Tell that a shipment came back and never arrived."""
        return await self._step(request, usecases.give_back)

    async def CancelShipment(self, request: pb.CancelShipmentRequest, context: Any) -> pb.Shipment:
        """Give up a shipment that has not left."""
        return await self._step(request, usecases.cancel)

    async def RenewPickUpCode(self, request: pb.RenewPickUpCodeRequest, context: Any) -> pb.Shipment:
        """Make another code."""
        return await self._with_code(await self._step(request, usecases.renew_code))

    async def CollectShipment(self, request: pb.CollectShipmentRequest, context: Any) -> pb.Shipment:
        """Hand a shipment over for its code."""
        found = await self._edge.read(usecases.get_shipment, *wire.ids(request.name))
        command = wire.collection(request, self._vault, found, by=_caller())
        # A refusal that it answers is raised by the edge, after the commit.
        usecase = cast("Callable[[Any, Collect], Shipment]", usecases.collect)
        return await self._edge.write(request, usecase, command, render=wire.shipment)

    async def _step(self, request: Any, usecase: Callable[[Any, StepShipment], Shipment]) -> pb.Shipment:
        command = wire.step(request, by=_caller())
        answer: pb.Shipment = await self._edge.write(request, usecase, command, render=wire.shipment)
        return answer

    async def _with_code(self, answer: pb.Shipment) -> pb.Shipment:
        """The answer with the code that counts, which no stored answer has."""
        found = await self._edge.read(usecases.get_shipment, *wire.ids(answer.name))
        if wire.waiting(found):
            answer.pick_up_code = wire.code_of(self._vault, found.id, found.code_round)
        return answer


def _caller() -> str:
    return calls.current().identity.subject
