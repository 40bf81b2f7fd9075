"""RefundsService: each method is parse, call, render."""

from __future__ import annotations

from typing import Any

from kehu.orders.v1 import refunds_pb2 as pb
from kehu.orders.v1 import refunds_pb2_grpc

from kit.rpc import Edge
from kit.rpc import call as calls
from services.orders.api import refund
from services.orders.usecases import refund as usecases
from services.orders.usecases.refund import Limits


class RefundsServicer(refunds_pb2_grpc.RefundsServiceServicer):
    """The gRPC edge of refunds, beside those of an order."""

    def __init__(self, edge: Edge[Any], *, limits: Limits) -> None:
        self._edge = edge
        self._limits = limits

    async def PreviewRefund(self, request: pb.PreviewRefundRequest, context: Any) -> pb.Refund:
        """Say what a refund would give back."""
        command = refund.previewing(request, limits=self._limits)
        return refund.preview(await self._edge.read(usecases.preview_refund, command))

    async def GetRefund(self, request: pb.GetRefundRequest, context: Any) -> pb.Refund:
        """Read a refund."""
        return refund.refund(await self._edge.read(usecases.get_refund, *refund.refund_name(request.name)))

    async def ApproveRefund(self, request: pb.ApproveRefundRequest, context: Any) -> pb.Refund:
        """Approve a refund."""
        command = refund.decision(request, by=calls.current().identity.subject)
        return await self._edge.write(
            request, usecases.approve_refund, command, render=refund.refund, recall=refund.recalled
        )

    async def RejectRefund(self, request: pb.RejectRefundRequest, context: Any) -> pb.Refund:
        """Refuse a refund."""
        command = refund.decision(request, by=calls.current().identity.subject)
        return await self._edge.write(
            request, usecases.reject_refund, command, render=refund.refund, recall=refund.recalled
        )

    async def ReceiveReturn(self, request: pb.ReceiveReturnRequest, context: Any) -> pb.Refund:
        """Tell that the goods of a return are there."""
        return await self._edge.write(
            request, usecases.receive_return, refund.receipt(request), render=refund.refund, recall=refund.recalled
        )

    async def SettleRefund(self, request: pb.SettleRefundRequest, context: Any) -> pb.Refund:
        """Tell that money was paid back by hand."""
        return await self._edge.write(
            request, usecases.settle_refund, refund.settlement(request), render=refund.refund, recall=refund.recalled
        )
