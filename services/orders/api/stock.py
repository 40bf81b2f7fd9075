"""Stock between the wire and the domain."""

from __future__ import annotations

import re
from uuid import UUID

from kehu.orders.v1 import inventory_pb2
from kehu.orders.v1 import stock_pb2 as pb

from kit import names, org
from kit.errors import invalid
from kit.rpc import convert
from services.orders.api.wire import optional_instant, optional_name, version_of
from services.orders.domain.backorder import Backorder
from services.orders.domain.stock import MovementKind, Place, Stock, StockQuery, StoredMovement
from services.orders.domain.stock_policy import Policy, PolicyKind
from services.orders.usecases.stock import AdjustStock, ReceiveStock, UpdateStock

_LOCATION = "[a-z0-9][a-z0-9-]{0,62}"
_NAME = re.compile(rf"products/([0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}})/stocks/({_LOCATION})")
_LOCATION_NAME = re.compile(rf"locations/({_LOCATION})")
_KINDS = {
    pb.ADJUSTMENT_REASON_COUNT: MovementKind.COUNTED,
    pb.ADJUSTMENT_REASON_DAMAGE: MovementKind.DAMAGED,
    pb.ADJUSTMENT_REASON_LOSS: MovementKind.LOST,
    pb.ADJUSTMENT_REASON_RETURN: MovementKind.RETURNED,
    pb.ADJUSTMENT_REASON_CORRECTION: MovementKind.CORRECTED,
}
_POLICIES = {
    PolicyKind.DENY: pb.StockPolicy.KIND_DENY,
    PolicyKind.BACKORDER: pb.StockPolicy.KIND_BACKORDER,
    PolicyKind.PREORDER: pb.StockPolicy.KIND_PREORDER,
}
_POLICIES_BACK = {wire: kind for kind, wire in _POLICIES.items()}
_MOVEMENTS = {kind: inventory_pb2.StockMovement.Kind.Value(f"KIND_{kind.value}") for kind in MovementKind}
_MUTABLE = ("buffer", "low_threshold", "policy")
_OTHERS = ("name", "on_hand", "reserved", "available", "backordered", "location", "update_time", "etag")


def place(name: str, *, field: str = "name") -> Place:
    """The place in a stock's name. Raises a Fault for other names."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise invalid(field, "must be a name of the form products/{product}/stocks/{location}")
    return Place(UUID(match[1]), match[2])


def location_id(name: str, *, field: str = "name") -> str:
    """The id in a location's name. Raises a Fault for other names."""
    match = _LOCATION_NAME.fullmatch(name)
    if match is None:
        raise invalid(field, "must be a name of the form locations/{location}")
    return match[1]


def optional_location(name: str, *, field: str) -> str:
    """The id in a location's name; empty for an empty one."""
    return location_id(name, field=field) if name else ""


def optional_location_name(location: str) -> str:
    """The name of a location that may be missing."""
    return f"locations/{location}" if location else ""


def product_of(parent: str) -> UUID | None:
    """The product that a list belongs to; None for the `-` of all."""
    return None if parent == "products/-" else names.id_of("products", parent, field="parent")


def stock(found: Stock) -> pb.Stock:
    """Write the stock of a place."""
    return pb.Stock(
        name=found.place.name,
        on_hand=found.on_hand,
        reserved=found.reserved,
        available=found.available,
        update_time=convert.wire_instant(found.update_time),
        buffer=found.buffer,
        backordered=found.backordered,
        low_threshold=found.threshold,
        policy=pb.StockPolicy(
            kind=_POLICIES[found.policy.kind],
            limit=found.policy.limit,
            arrive_time=optional_instant(found.policy.arrive_time),
        ),
        location=optional_location_name(found.place.location),
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


def update(request: inventory_pb2.UpdateStockRequest) -> UpdateStock:
    """Read a request: what its mask names, or what it fills in."""
    given = request.stock
    fields = convert.masked_fields(given, request.update_mask, mutable=_MUTABLE, output_only=_OTHERS)
    return UpdateStock(
        place(given.name, field="stock.name"),
        frozenset("threshold" if field == "low_threshold" else field for field in fields),
        buffer=given.buffer,
        threshold=given.low_threshold if given.HasField("low_threshold") else None,
        policy=_policy(given.policy),
        version=version_of(given.etag),
    )


def query(request: inventory_pb2.ListStocksRequest) -> StockQuery:
    """Read a request's filters."""
    location = optional_location(request.location, field="location") or None
    return StockQuery(product_of(request.parent), location, low=request.low, org=org.parse(request.org))


def position(found: Stock) -> tuple[str, str]:
    """Where stock stands in its pages."""
    return str(found.place.product), found.place.location


def movement(found: StoredMovement) -> inventory_pb2.StockMovement:
    """Write a movement."""
    moved = found.movement
    return inventory_pb2.StockMovement(
        name=f"{moved.place.name}/movements/{found.position}",
        kind=_MOVEMENTS[moved.kind],
        on_hand=moved.on_hand,
        reserved=moved.reserved,
        backordered=moved.backordered,
        order=optional_name("orders", moved.order),
        source=moved.source,
        note=moved.note,
        move_time=convert.wire_instant(found.time),
    )


def movement_position(found: StoredMovement) -> tuple[str]:
    """Where a movement stands in its pages."""
    return (str(found.position),)


def backorder(found: Backorder) -> inventory_pb2.Backorder:
    """Write what is still to arrive for an order."""
    return inventory_pb2.Backorder(
        order=names.join("orders", found.order),
        stock=found.place.name,
        quantity=found.units,
        paid=found.paid,
        create_time=optional_instant(found.create_time),
    )


def backorder_position(found: Backorder) -> tuple[str]:
    """Where a promise stands in its pages."""
    return (str(found.position),)


def _policy(given: pb.StockPolicy) -> Policy:
    kind = _POLICIES_BACK.get(given.kind, PolicyKind.DENY)
    arrival = given.arrive_time if given.HasField("arrive_time") else None
    when = convert.instant(arrival, field="stock.policy.arrive_time") if arrival is not None else None
    return Policy(kind, given.limit, when)
