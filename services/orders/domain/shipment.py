"""A shipment: units of an order that leave together, in parcels or over the counter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from kit import names
from kit.errors import Fault, etag_mismatch, invalid
from services.orders.domain.errors import desk as errors
from services.orders.domain.errors.desk import Obstacle
from services.orders.domain.order import Order
from services.orders.domain.order_state import OrderState
from services.orders.domain.shipping import MethodKind

CODE_DIGITS = 8
_WRONG_CODES = 5
_CODE_PAUSE = timedelta(minutes=15)
_MOST_PARCELS = 100


class ShipmentState(StrEnum):
    """Where a shipment stands."""

    CREATED = "CREATED"
    SHIPPED = "SHIPPED"
    DELIVERED = "DELIVERED"
    RETURNED = "RETURNED"
    CANCELLED = "CANCELLED"


class ShipmentStep(StrEnum):
    """What can happen to a shipment."""

    SHIP = "SHIP"
    DELIVER = "DELIVER"
    RETURN = "RETURN"
    CANCEL = "CANCEL"


TRANSITIONS: Mapping[tuple[ShipmentState, ShipmentStep], ShipmentState] = {
    (ShipmentState.CREATED, ShipmentStep.SHIP): ShipmentState.SHIPPED,
    (ShipmentState.CREATED, ShipmentStep.CANCEL): ShipmentState.CANCELLED,
    (ShipmentState.SHIPPED, ShipmentStep.DELIVER): ShipmentState.DELIVERED,
    (ShipmentState.SHIPPED, ShipmentStep.RETURN): ShipmentState.RETURNED,
}
"""The state machine. Units of a shipment that was returned undelivered, or cancelled, can be shipped again."""

_SHIPPABLE = frozenset({OrderState.PAID, OrderState.PARTIALLY_REFUNDED})


@dataclass(frozen=True, slots=True)
class Parcel:
    """A parcel: who carries it, and the number under which they do, which is one for ever."""

    carrier: str
    waybill: str


@dataclass(frozen=True, slots=True)
class Shipment:
    """Units (by the position of their line) that leave together. A pick-up is SHIPPED once it waits at its `location`;
    its code of the `code_round` lets the customer have it."""

    id: UUID
    order: UUID
    kind: MethodKind
    state: ShipmentState
    location: str
    lines: tuple[tuple[int, int], ...]
    parcels: tuple[Parcel, ...]
    create_time: datetime
    ship_time: datetime | None = None
    end_time: datetime | None = None
    code_round: int = 0
    code_failures: int = 0
    code_time: datetime | None = None
    version: int = 1

    @property
    def name(self) -> str:
        """Its resource name."""
        return names.join("orders", self.order, "shipments", self.id)

    @property
    def stands(self) -> bool:
        """Whether its units are on their way, or were."""
        return self.state not in {ShipmentState.RETURNED, ShipmentState.CANCELLED}

    @property
    def units(self) -> int:
        """All units."""
        return sum(quantity for _, quantity in self.lines)

    def check_version(self, version: int | None) -> None:
        """Raise a Fault unless `version`, if given, is the shipment's."""
        if version is not None and version != self.version:
            raise etag_mismatch(self.name)

    def step(self, step: ShipmentStep, now: datetime) -> Shipment:
        """The shipment after a step. Raises a Fault if its state does not allow it."""
        state = TRANSITIONS.get((self.state, step))
        if state is None:
            raise errors.shipment_state_invalid(self.order, self.id, self.state)
        times = {"ship_time": now} if step is ShipmentStep.SHIP else {"end_time": now}
        return replace(self, state=state, version=self.version + 1, **times)  # type: ignore[arg-type]

    def packed(self, parcels: Sequence[Parcel]) -> Shipment:
        """With more parcels. Raises a Fault for a pick-up, a parcel told twice, or too many."""
        if parcels and self.kind is MethodKind.PICK_UP:
            raise invalid("parcels", "must be empty: the customer picks the goods up")
        whole = (*self.parcels, *parcels)
        if len(set(whole)) < len(whole):
            raise errors.waybill_taken()
        if len(whole) > _MOST_PARCELS:
            raise invalid("parcels", f"must be at most {_MOST_PARCELS} in a shipment")
        return replace(self, parcels=whole)

    def shipped(self, parcels: Sequence[Parcel], now: datetime) -> Shipment:
        """It left, or waits to be picked up. Raises a Fault for a delivery without a parcel."""
        left = self.packed(parcels).step(ShipmentStep.SHIP, now)
        if not left.parcels and left.kind is MethodKind.DELIVERY:
            raise invalid("parcels", "must name at least one parcel")
        return replace(left, code_round=1) if left.kind is MethodKind.PICK_UP else left

    def with_new_code(self) -> Shipment:
        """Only the next code counts from now on. Raises a Fault unless it waits to be picked up."""
        self.check_waiting()
        fresh = replace(self, code_round=self.code_round + 1, code_failures=0, code_time=None)
        return replace(fresh, version=self.version + 1)

    def check_waiting(self) -> None:
        """Raise a Fault unless it waits to be picked up."""
        if self.kind is not MethodKind.PICK_UP or self.state is not ShipmentState.SHIPPED:
            raise errors.shipment_state_invalid(self.order, self.id, self.state)

    def collect(self, right: bool, now: datetime) -> tuple[Shipment, Fault | None]:
        """Somebody shows a code: the right one delivers it, once. After a few wrong ones none is read for a while: then
        and for a wrong one, it comes with a Fault."""
        self.check_waiting()
        if self.code_time is not None and now < self.code_time:
            return self, errors.codes_exhausted(self.name, self.code_time - now)
        if right:
            return replace(self.step(ShipmentStep.DELIVER, now), code_failures=0, code_time=None), None
        failures = self.code_failures + 1
        if failures < _WRONG_CODES:
            return replace(self, code_failures=failures), errors.code_invalid(self.name)
        return replace(self, code_failures=0, code_time=now + _CODE_PAUSE), errors.code_invalid(self.name)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the units of a line are. `out` are in shipments that did not come back, `delivered` of them arrived;
    `undelivered` came back from their way; `returned` came back from the customer, with a refund."""

    position: int
    quantity: int
    refunded: int
    out: int
    delivered: int
    undelivered: int
    returned: int

    @property
    def kept(self) -> int:
        """Units that are on their way or with the customer. Of what came back with refunds, what had come back from its
        way before is not counted twice."""
        return self.out - min(self.delivered, max(0, self.returned - self.undelivered))

    @property
    def shippable(self) -> int:
        """Units that are paid, not refunded, and not on their way yet: below 0 when refunded ones are on their way."""
        return self.quantity - self.refunded - self.kept

    @property
    def done(self) -> bool:
        """Whether every unit arrived or was refunded."""
        return self.shippable <= 0 and self.out == self.delivered

    def book(self, units: int) -> None:
        """Raise a Fault when fewer units can be shipped."""
        if units > self.shippable:
            raise errors.units_unavailable(self.position, requested=units, shippable=max(0, self.shippable))


def obstacle(order: Order, *, held: bool, waiting: bool = False) -> Obstacle | None:
    """Why goods of an order can't leave now; None if they can. `waiting` says that some of what was promised has not
    arrived yet. Goods of an order of another system's history left there."""
    if order.imported:
        return Obstacle.IMPORTED
    if order.complete_time is not None:
        return Obstacle.COMPLETED
    if order.state not in _SHIPPABLE:
        return Obstacle.STATE
    if held:
        return Obstacle.ON_HOLD
    return Obstacle.AWAITING_GOODS if waiting else None
