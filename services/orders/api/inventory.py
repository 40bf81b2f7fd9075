"""Locations, transfers, counts and reservations between the wire and the domain."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from kehu.orders.v1 import inventory_pb2 as pb

from kit import names, org
from kit.errors import invalid
from kit.rpc import convert
from services.orders.api.stock import location_id, optional_location, optional_location_name
from services.orders.api.wire import optional_instant, optional_name, version_of
from services.orders.domain.location import Location, LocationKind
from services.orders.domain.reservation import Reservation
from services.orders.domain.stock_count import CountLine, CountState, StockCount
from services.orders.domain.stock_transfer import StockTransfer, TransferState
from services.orders.usecases.location import CreateLocation, UpdateLocation
from services.orders.usecases.reservation import Reserve
from services.orders.usecases.stock_count import EnterCount, OpenCount
from services.orders.usecases.stock_transfer import ReceiveTransfer, ShipTransfer

_KINDS = {LocationKind.WAREHOUSE: pb.Location.KIND_WAREHOUSE, LocationKind.STORE: pb.Location.KIND_STORE}
_KINDS_BACK = {wire: kind for kind, wire in _KINDS.items()}
_MUTABLE = ("title", "kind", "active", "ships", "pickup", "priority", "org")
_OTHERS = ("name", "create_time", "update_time", "etag")


def location(found: Location) -> pb.Location:
    """Write a location."""
    return pb.Location(
        name=found.name,
        title=found.title,
        kind=_KINDS[found.kind],
        active=found.active,
        ships=found.ships,
        pickup=found.pickup,
        priority=found.priority,
        org=found.org,
        create_time=convert.wire_instant(found.create_time),
        update_time=convert.wire_instant(found.update_time),
        etag=convert.etag(found.version),
    )


def location_creation(request: pb.CreateLocationRequest) -> CreateLocation:
    """Read a request."""
    given = request.location
    return CreateLocation(
        request.location_id,
        given.title,
        _KINDS_BACK[given.kind],
        active=given.active,
        ships=given.ships,
        pickup=given.pickup,
        priority=given.priority,
        org=org.parse(given.org, field="location.org"),
    )


def location_update(request: pb.UpdateLocationRequest) -> UpdateLocation:
    """Read a request: what its mask names, or what it fills in."""
    given = request.location
    fields = convert.masked_fields(given, request.update_mask, mutable=_MUTABLE, output_only=_OTHERS)
    values: dict[str, object] = {field: getattr(given, field) for field in fields}
    if "kind" in values:
        if given.kind not in _KINDS_BACK:
            raise invalid("location.kind", "must be a warehouse or a store")
        values["kind"] = _KINDS_BACK[given.kind]
    if "org" in values:
        values["org"] = org.parse(given.org, field="location.org")
    return UpdateLocation(location_id(given.name, field="location.name"), values, version_of(given.etag))


def location_position(found: Location) -> tuple[str]:
    """Where a location stands in its pages."""
    return (found.id,)


def transfer(found: StockTransfer) -> pb.StockTransfer:
    """Write a transfer."""
    return pb.StockTransfer(
        name=found.name,
        origin=optional_location_name(found.origin),
        destination=optional_location_name(found.destination),
        items=_items((item.product, item.shipped) for item in found.items),
        note=found.note,
        state=pb.StockTransfer.State.Value(f"STATE_{found.state.value}"),
        received_items=_items((item.product, item.received) for item in found.items if item.received),
        create_time=convert.wire_instant(found.create_time),
        end_time=optional_instant(found.end_time),
    )


def shipment(request: pb.CreateStockTransferRequest) -> ShipTransfer:
    """Read a request."""
    given = request.stock_transfer
    return ShipTransfer(
        names.new_id(),
        location_id(given.origin, field="stock_transfer.origin"),
        location_id(given.destination, field="stock_transfer.destination"),
        _units(given.items, field="stock_transfer.items"),
        given.note,
        arrived=request.arrived,
    )


def arrival(request: pb.ReceiveStockTransferRequest) -> ReceiveTransfer:
    """Read a request."""
    if request.nothing and request.items:
        raise invalid("nothing", "contradicts the items")
    received = _once((item.product, item.quantity) for item in request.items)
    return ReceiveTransfer(transfer_id(request.name), received if request.items or request.nothing else None)


def transfer_id(name: str) -> UUID:
    """The id in a transfer's name."""
    return names.id_of("stockTransfers", name)


def transfer_state(request: pb.ListStockTransfersRequest) -> TransferState | None:
    """Read a filter."""
    return TransferState(_bare(pb.StockTransfer.State.Name(request.state))) if request.state else None


def count(found: StockCount) -> pb.StockCount:
    """Write a count."""
    return pb.StockCount(
        name=found.name,
        location=optional_location_name(found.location),
        note=found.note,
        state=pb.StockCount.State.Value(f"STATE_{found.state.value}"),
        lines=[_count_line(line) for line in found.lines],
        create_time=convert.wire_instant(found.create_time),
        end_time=optional_instant(found.end_time),
    )


def count_opening(request: pb.CreateStockCountRequest) -> OpenCount:
    """Read a request."""
    given = request.stock_count
    return OpenCount(names.new_id(), location_id(given.location, field="stock_count.location"), given.note)


def count_entry(request: pb.EnterStockCountRequest) -> EnterCount:
    """Read a request."""
    return EnterCount(count_id(request.name), _once((item.product, item.counted) for item in request.items))


def count_id(name: str) -> UUID:
    """The id in a count's name."""
    return names.id_of("stockCounts", name)


def count_state(request: pb.ListStockCountsRequest) -> CountState | None:
    """Read a filter."""
    return CountState(_bare(pb.StockCount.State.Name(request.state))) if request.state else None


def latest_position(found: StockTransfer | StockCount) -> tuple[str, str]:
    """Where a transfer or a count stands in its pages."""
    return found.create_time.isoformat(), str(found.id)


def reservation(found: Reservation) -> pb.Reservation:
    """Write a reservation."""
    return pb.Reservation(
        name=found.name,
        items=_items(found.items),
        location=optional_location_name(found.location),
        source=found.source,
        state=pb.Reservation.State.Value(f"STATE_{found.state.value}"),
        create_time=convert.wire_instant(found.create_time),
        expire_time=convert.wire_instant(found.expire_time),
        end_time=optional_instant(found.end_time),
        order=optional_name("orders", found.order),
    )


def reserving(request: pb.CreateReservationRequest) -> Reserve:
    """Read a request."""
    given = request.reservation
    return Reserve(
        names.new_id(),
        _units(given.items, field="reservation.items"),
        optional_location(given.location, field="reservation.location"),
        given.source,
        timedelta(seconds=request.ttl.seconds, microseconds=request.ttl.nanos // 1_000),
    )


def reservation_id(name: str) -> UUID:
    """The id in a reservation's name."""
    return names.id_of("reservations", name)


def _count_line(line: CountLine) -> pb.StockCount.Line:
    when: datetime = line.time
    return pb.StockCount.Line(
        product=names.join("products", line.product),
        counted=line.counted,
        expected=line.expected,
        count_time=convert.wire_instant(when),
    )


def _items(units: Iterable[tuple[UUID, int]]) -> list[pb.StockItem]:
    return [pb.StockItem(product=names.join("products", product), quantity=quantity) for product, quantity in units]


def _units(items: Iterable[pb.StockItem], *, field: str) -> tuple[tuple[UUID, int], ...]:
    return tuple(
        (names.id_of("products", item.product, field=f"{field}[{index}].product"), item.quantity)
        for index, item in enumerate(items)
    )


def _once(items: Iterable[tuple[str, int]]) -> dict[UUID, int]:
    units: dict[UUID, int] = {}
    for index, (name, quantity) in enumerate(items):
        product = names.id_of("products", name, field=f"items[{index}].product")
        if product in units:
            raise invalid(f"items[{index}].product", "is named twice")
        units[product] = quantity
    return units


def _bare(name: str) -> str:
    return name.removeprefix("STATE_")
