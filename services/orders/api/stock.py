"""Stock between the wire and the domain."""

from __future__ import annotations

import re
from uuid import UUID

from kehu.orders.v1 import stock_pb2 as pb

from kit.errors import invalid
from kit.rpc import convert
from services.orders.api.wire import version_of
from services.orders.domain.stock import MovementKind, Place, Stock
from services.orders.usecases.stock import AdjustStock, ReceiveStock

_NAME = re.compile(r"products/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/stocks/([a-z0-9][a-z0-9-]{0,62})")
_KINDS = {
    pb.ADJUSTMENT_REASON_COUNT: MovementKind.COUNTED,
    pb.ADJUSTMENT_REASON_DAMAGE: MovementKind.DAMAGED,
    pb.ADJUSTMENT_REASON_LOSS: MovementKind.LOST,
    pb.ADJUSTMENT_REASON_RETURN: MovementKind.RETURNED,
    pb.ADJUSTMENT_REASON_CORRECTION: MovementKind.CORRECTED,
}


def place(name: str) -> Place:
    """The place in a stock's name. Raises a Fault for other names."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise invalid("name", "must be a name of the form products/{product}/stocks/{location}")
    return Place(UUID(match[1]), match[2])


def stock(found: Stock) -> pb.Stock:
    """Write the stock of a place."""
    return pb.Stock(
        name=found.place.name,
        on_hand=found.on_hand,
        reserved=found.reserved,
        available=found.available,
        update_time=convert.wire_instant(found.update_time),
        etag=convert.etag(found.version),
    )


def receipt(request: pb.ReceiveStockRequest) -> ReceiveStock:
    """Read a request."""
    return ReceiveStock(place(request.name), request.quantity, request.note)


def adjustment(request: pb.AdjustStockRequest) -> AdjustStock:
    """Read a request."""
    return AdjustStock(
        place(request.name),
        request.delta,
        kind=_KINDS[request.reason],
        note=request.note,
        version=version_of(request.etag),
    )
