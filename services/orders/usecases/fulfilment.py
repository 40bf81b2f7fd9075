"""Fulfilment: units of an order leave, arrive, or come back. The order's row is locked first, so that refunds and
shipments of the same units are decided one after the other; an order whose units all arrived is completed.

Review before fulfilment, merging and splitting of orders and the choice of a warehouse have their seams here: `_check`
is where a review would say no, a shipment has a `location` of its own, and nothing asks that the units of a shipment
are all of an order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from kit.errors import Fault, invalid
from kit.page import Page
from services.orders.domain import errors as order_errors
from services.orders.domain.backorder import Backorder
from services.orders.domain.desk import Act, ActKind, Marks
from services.orders.domain.errors import desk as errors
from services.orders.domain.events import OrderDelivered, OrderShipped
from services.orders.domain.order import Order
from services.orders.domain.order_state import Step
from services.orders.domain.shipment import (
    Parcel,
    Progress,
    Shipment,
    ShipmentState,
    ShipmentStep,
    obstacle,
)
from services.orders.domain.shipping import MethodKind
from services.orders.domain.stock import MAIN
from services.orders.usecases import consequences, group_seats
from services.orders.usecases.order import carry_out, existing


class Orders(Protocol):
    """The stored orders."""

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Order]:
        """Those of the orders that exist."""

    def lock(self, ids: Sequence[UUID]) -> dict[UUID, Order]:
        """As `get`; nobody else changes them until the transaction ends."""

    def save(self, changes: Sequence[tuple[Order, Order]]) -> None:
        """Store orders as (before, after)."""


class Shipments(Protocol):
    """The stored shipments."""

    def add(self, shipment: Shipment) -> None:
        """Store a new shipment."""

    def get(self, shipment_id: UUID) -> Shipment | None:
        """A shipment."""

    def save(self, before: Shipment, after: Shipment) -> None:
        """Store a shipment over its version `before`, with new parcels. Raises a Fault otherwise."""

    def progress(self, order_id: UUID) -> list[Progress]:
        """How far the lines of an order are."""

    def book(self, order_id: UUID, units: Sequence[tuple[Progress, int]]) -> None:
        """So many units more (or less, below 0) of lines are in shipments. Raises a Fault when another booking was
        faster."""

    def page(self, order_id: UUID | None, state: ShipmentState | None, page: Page, *, org: str = "") -> list[Shipment]:
        """The shipments of a page and one more if there are more, the latest first; of a part of the organisation, if
        given."""


class Desk(Protocol):
    """What the desk put on orders."""

    def act(self, acts: Sequence[Act]) -> None:
        """Write down what was done."""

    def marks(self, orders: Sequence[UUID]) -> dict[UUID, Marks]:
        """What is on orders."""


class Backorders(Protocol):
    """What was promised before it arrived."""

    def of(self, orders: Iterable[UUID]) -> Sequence[Backorder]:
        """What orders still wait for."""


class Work(group_seats.Work, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def orders(self) -> Orders:
        """The stored orders."""

    @property
    def shipments(self) -> Shipments:
        """The stored shipments."""

    @property
    def backorders(self) -> Backorders:
        """What orders still wait for."""

    @property
    def desk(self) -> Desk:
        """What the desk put on orders."""

    def new_id(self) -> UUID:
        """An id for what comes into being."""


@dataclass(frozen=True, slots=True)
class CreateShipment:
    """Pack units of an order, by the position of their line; without lines, all that can be shipped."""

    shipment_id: UUID
    order_id: UUID
    lines: tuple[tuple[int, int], ...]
    parcels: tuple[Parcel, ...]
    location: str
    by: str


@dataclass(frozen=True, slots=True)
class StepShipment:
    """A step of a shipment; `version`, if given, must be the latest."""

    order_id: UUID
    shipment_id: UUID
    by: str
    version: int | None = None
    parcels: tuple[Parcel, ...] = ()
    note: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Collect:
    """Somebody shows a pick-up code; `right` says whether it is the one of a round."""

    order_id: UUID
    shipment_id: UUID
    by: str
    right_of: int | None


def create_shipment(unit: Work, command: CreateShipment) -> Shipment:
    """Pack units of an order: nobody else can from then on."""
    order = existing(unit.orders.lock([command.order_id]), command.order_id)
    _check(unit, order)
    progress = {line.position: line for line in unit.shipments.progress(order.id)}
    wanted = command.lines or tuple((each.position, each.shippable) for each in progress.values() if each.shippable > 0)
    if len({position for position, _ in wanted}) < len(wanted):
        raise invalid("lines", "must name each position once")
    for position, quantity in wanted:
        if position not in progress:
            raise order_errors.line_not_found(position)
        progress[position].book(quantity)
    if not wanted:
        first = min(progress)
        raise errors.units_unavailable(first, requested=1, shippable=0)
    shipment = Shipment(
        id=command.shipment_id,
        order=order.id,
        kind=order.delivery.kind if order.delivery else MethodKind.DELIVERY,
        state=ShipmentState.CREATED,
        location=command.location or order.location or MAIN,
        lines=tuple(sorted(wanted)),
        parcels=(),
        create_time=unit.now,
    ).packed(command.parcels)
    unit.shipments.add(shipment)
    unit.shipments.book(order.id, [(progress[position], quantity) for position, quantity in shipment.lines])
    _write_down(unit, shipment, ActKind.CREATE_SHIPMENT, command.by)
    return shipment


def ship(unit: Work, command: StepShipment) -> Shipment:
    """The goods leave, or wait to be picked up; the same once more changes nothing. Refused when units were refunded
    meanwhile: such a shipment is cancelled, and packed anew."""
    order, shipment = _locked(unit, command)
    if shipment.state is ShipmentState.SHIPPED and not command.parcels:
        return shipment
    shipment.check_version(command.version)
    shipped = shipment.shipped(command.parcels, unit.now)
    _check(unit, order)
    mine = dict(shipment.lines)
    for line in unit.shipments.progress(order.id):
        if line.position in mine and line.shippable < 0:
            wanted = mine[line.position]
            raise errors.units_unavailable(line.position, requested=wanted, shippable=wanted + line.shippable)
    unit.shipments.save(shipment, shipped)
    _write_down(unit, shipped, ActKind.SHIP, command.by, command.note)
    unit.emit([OrderShipped(order, shipped)])
    return shipped


def deliver(unit: Work, command: StepShipment) -> Shipment:
    """The goods arrived; the same once more changes nothing. Once all of the order did, it is completed."""
    order, shipment = _locked(unit, command)
    if shipment.state is ShipmentState.DELIVERED:
        return shipment
    shipment.check_version(command.version)
    delivered = shipment.step(ShipmentStep.DELIVER, unit.now)
    return _delivered(unit, order, shipment, delivered, command.by, command.note)


def give_back(unit: Work, command: StepShipment) -> Shipment:
    """The goods came back and never arrived: they can be shipped again, or refunded."""
    return _undo(unit, command, ShipmentStep.RETURN, ShipmentState.RETURNED, ActKind.RETURN)


def cancel(unit: Work, command: StepShipment) -> Shipment:
    """The goods stay: they can be packed again."""
    return _undo(unit, command, ShipmentStep.CANCEL, ShipmentState.CANCELLED, ActKind.CANCEL_SHIPMENT)


def renew_code(unit: Work, command: StepShipment) -> Shipment:
    """Have another pick-up code count, and none of before."""
    _, shipment = _locked(unit, command)
    shipment.check_version(command.version)
    renewed = shipment.with_new_code()
    unit.shipments.save(shipment, renewed)
    _write_down(unit, renewed, ActKind.ISSUE_CODE, command.by)
    return renewed


def collect(unit: Work, command: Collect) -> Shipment | Fault:
    """Hand goods over for the right code, once. A wrong one is counted, which a raised Fault would undo: so it is
    answered."""
    order, shipment = _locked(unit, command)
    right = command.right_of is not None and command.right_of == shipment.code_round
    collected, refusal = shipment.collect(right, unit.now)
    if refusal is not None:
        if collected is not shipment:
            unit.shipments.save(shipment, collected)
        return refusal
    return _delivered(unit, order, shipment, collected, command.by, "")


def get_shipment(unit: Work, order_id: UUID, shipment_id: UUID) -> Shipment:
    """Read a shipment."""
    found = unit.shipments.get(shipment_id)
    if found is None or found.order != order_id:
        raise errors.shipment_not_found(order_id, shipment_id)
    return found


def list_shipments(
    unit: Work, order_id: UUID | None, state: ShipmentState | None, page: Page, *, org: str = ""
) -> list[Shipment]:
    """A page of shipments, and one more if there are more."""
    if order_id is not None:
        existing(unit.orders.get([order_id]), order_id)
    return unit.shipments.page(order_id, state, page, org=org)


def _check(unit: Work, order: Order) -> None:
    held = unit.desk.marks([order.id])[order.id].hold is not None
    waiting = order.awaiting and bool(unit.backorders.of([order.id]))
    why = obstacle(order, held=held, waiting=waiting)
    if why is not None:
        raise errors.not_fulfillable(order.id, why)
    for fault in consequences.blocked(unit, [order]).values():
        raise fault


def _undo(unit: Work, command: StepShipment, step: ShipmentStep, state: ShipmentState, kind: ActKind) -> Shipment:
    order, shipment = _locked(unit, command)
    if shipment.state is state:
        return shipment
    shipment.check_version(command.version)
    after = shipment.step(step, unit.now)
    unit.shipments.save(shipment, after)
    units = dict(shipment.lines)
    lines = [line for line in unit.shipments.progress(order.id) if line.position in units]
    unit.shipments.book(order.id, [(line, -units[line.position]) for line in lines])
    _write_down(unit, after, kind, command.by, command.note)
    return after


def _delivered(unit: Work, order: Order, before: Shipment, after: Shipment, by: str, note: str) -> Shipment:
    unit.shipments.save(before, after)
    _write_down(unit, after, ActKind.DELIVER, by, note)
    unit.emit([OrderDelivered(order, after)])
    unfinished = order.complete_time is None and order.allows(Step.COMPLETE)
    if unfinished and all(line.done for line in unit.shipments.progress(order.id)):
        carry_out(unit, order)
    return after


def _write_down(unit: Work, shipment: Shipment, kind: ActKind, by: str, note: str = "") -> None:
    unit.desk.act([Act(unit.new_id(), shipment.order, kind, by, unit.now, note, shipment.name)])


def _locked(unit: Work, command: StepShipment | Collect) -> tuple[Order, Shipment]:
    order = existing(unit.orders.lock([command.order_id]), command.order_id)
    return order, get_shipment(unit, order.id, command.shipment_id)
