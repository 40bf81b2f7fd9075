"""Refunds between the wire and the domain."""

from __future__ import annotations

from kehu.orders.v1 import refunds_pb2 as pb

from kit import names
from kit.rpc import convert
from services.orders.api.wire import version_of
from services.orders.domain.refund import Claim, ClaimLine, Refund
from services.orders.usecases.refund import RefundOrder


def refund(found: Refund) -> pb.Refund:
    """Write a refund."""
    return pb.Refund(
        name=names.join("orders", found.order, "refunds", found.id),
        lines=[
            pb.RefundLine(position=line.position, quantity=line.quantity, amount=convert.wire_money(line.amount))
            for line in found.lines
        ],
        amount=convert.wire_money(found.amount),
        points=found.points,
        points_value=convert.wire_money(found.points_value),
        reason=found.reason,
        refund_time=convert.wire_instant(found.refund_time),
    )


def command(request: pb.RefundOrderRequest) -> RefundOrder:
    """Read a request."""
    return RefundOrder(
        refund_id=names.new_id(),
        order_id=names.id_of("orders", request.name),
        claim=Claim(tuple(ClaimLine(line.position, line.quantity) for line in request.lines)),
        reason=request.reason,
        request_id=request.request_id,
        version=version_of(request.etag),
    )


def position(found: Refund) -> tuple[str, str]:
    """Where a refund stands in its pages."""
    return found.refund_time.isoformat(), str(found.id)
