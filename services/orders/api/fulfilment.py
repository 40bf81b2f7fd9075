"""Shipments between the wire and the domain."""

from __future__ import annotations

import hmac
from uuid import UUID

from kehu.orders.v1 import fulfilment_pb2 as pb

from kit import names
from kit.rpc import convert
from kit.vault import Vault
from services.orders.api.delivery import KINDS
from services.orders.api.stock import optional_location, optional_location_name
from services.orders.api.wire import optional_instant, version_of
from services.orders.domain.shipment import CODE_DIGITS, Parcel, Shipment, ShipmentState
from services.orders.domain.shipping import MethodKind
from services.orders.usecases.fulfilment import Collect, CreateShipment, StepShipment

_SHIPMENT = "orders/{order}/shipments/{shipment}"
_STATES = {
    ShipmentState.CREATED: pb.Shipment.STATE_CREATED,
    ShipmentState.SHIPPED: pb.Shipment.STATE_SHIPPED,
    ShipmentState.DELIVERED: pb.Shipment.STATE_DELIVERED,
    ShipmentState.RETURNED: pb.Shipment.STATE_RETURNED,
    ShipmentState.CANCELLED: pb.Shipment.STATE_CANCELLED,
}
_STATES_BACK = {wire: state for state, wire in _STATES.items()}
_Step = (
    pb.ShipShipmentRequest
    | pb.DeliverShipmentRequest
    | pb.ReturnShipmentRequest
    | pb.CancelShipmentRequest
    | pb.RenewPickUpCodeRequest
)


def shipment(found: Shipment) -> pb.Shipment:
    """Write a shipment, without its code."""
    return pb.Shipment(
        name=found.name,
        kind=KINDS[found.kind],
        state=_STATES[found.state],
        lines=[pb.ShipmentLine(position=position, quantity=quantity) for position, quantity in found.lines],
        parcels=[pb.Parcel(carrier=parcel.carrier, waybill=parcel.waybill) for parcel in found.parcels],
        location=optional_location_name(found.location),
        create_time=convert.wire_instant(found.create_time),
        ship_time=optional_instant(found.ship_time),
        end_time=optional_instant(found.end_time),
        etag=convert.etag(found.version),
    )


def code_of(vault: Vault, shipment_id: UUID, code_round: int) -> str:
    """The pick-up code of a round: figures that nobody can guess without the keyring. It is made from a keyed hash when
    it is asked for, so that nothing of it is stored."""
    digest = vault.digest("pick-up code", str(shipment_id), str(code_round))
    return f"{int.from_bytes(digest.encode()) % _PRIME % 10**CODE_DIGITS:0{CODE_DIGITS}d}"


_PRIME = 2**255 - 19
"""Folds the letters of a hash into a number whose last figures depend on all of them."""


def waiting(found: Shipment) -> bool:
    """Whether a shipment has a code that counts."""
    return found.kind is MethodKind.PICK_UP and found.state is ShipmentState.SHIPPED


def creation(request: pb.CreateShipmentRequest, *, by: str) -> CreateShipment:
    """Read a request."""
    wanted = request.shipment
    return CreateShipment(
        names.new_id(),
        names.id_of("orders", request.parent, field="parent"),
        tuple((line.position, line.quantity) for line in wanted.lines),
        tuple(Parcel(parcel.carrier, parcel.waybill) for parcel in wanted.parcels),
        optional_location(wanted.location, field="shipment.location"),
        by,
    )


def ids(name: str) -> tuple[UUID, UUID]:
    """The order and the shipment of a name."""
    found = names.parse(_SHIPMENT, name)
    return found["order"], found["shipment"]


def step(request: _Step, *, by: str) -> StepShipment:
    """Read a request."""
    order_id, shipment_id = ids(request.name)
    parcels = request.parcels if isinstance(request, pb.ShipShipmentRequest) else ()
    return StepShipment(
        order_id,
        shipment_id,
        by,
        version_of(request.etag),
        tuple(Parcel(parcel.carrier, parcel.waybill) for parcel in parcels),
        "" if isinstance(request, pb.RenewPickUpCodeRequest) else request.note,
    )


def collection(request: pb.CollectShipmentRequest, vault: Vault, found: Shipment, *, by: str) -> Collect:
    """Read a request about a shipment: its code is compared here, and counted in the transaction."""
    code = code_of(vault, found.id, found.code_round)
    right = hmac.compare_digest(code, request.code)
    return Collect(found.order, found.id, by, found.code_round if right else None)


def parent(name: str) -> UUID | None:
    """The order that a list belongs to; None for the `-` of all."""
    return None if name == "orders/-" else names.id_of("orders", name, field="parent")


def state(request: pb.ListShipmentsRequest) -> ShipmentState | None:
    """The state that a request asks for."""
    return _STATES_BACK.get(request.state)
