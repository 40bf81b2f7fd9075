"""The order desk: find orders, read what happened to one, and what people put on it. Whoever changes something locks
the order first, and each change is written down with who made it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.errors import conflict
from kit.page import Page
from services.orders.domain.address import Address, SealedAddress
from services.orders.domain.desk import Act, ActKind, DeskOrder, DeskQuery, Hold, Marks, OrderEvent
from services.orders.domain.errors import desk as errors
from services.orders.domain.errors import shipping as shipping_errors
from services.orders.domain.order import Order
from services.orders.domain.order_state import OrderState
from services.orders.domain.shipment import Shipment, ShipmentState
from services.orders.domain.shipping import MethodKind
from services.orders.domain.tax import TaxTable
from services.orders.usecases import erasure
from services.orders.usecases.erasure import check_remembered, kept_text
from services.orders.usecases.order import check_version, existing

_CLOSED = frozenset({OrderState.CANCELLED, OrderState.REFUNDED, OrderState.COMPLETED})


class Orders(Protocol):
    """The stored orders."""

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Order]:
        """Those of the orders that exist."""

    def lock(self, ids: Sequence[UUID]) -> dict[UUID, Order]:
        """As `get`; nobody else changes them until the transaction ends."""


class Desk(Protocol):
    """What the desk put on orders."""

    def act(self, acts: Sequence[Act]) -> None:
        """Write down what was done."""

    def marks(self, orders: Sequence[UUID]) -> dict[UUID, Marks]:
        """What is on orders."""

    def retag(self, order: Order, add: Sequence[str], remove: Sequence[str]) -> None:
        """Put tags on an order, and take tags off it."""

    def hold(self, order: Order, hold: Hold) -> None:
        """Hold an order that is not held."""

    def release(self, order_id: UUID) -> None:
        """Hold an order no more."""


class Search(Protocol):
    """The searches of the desk."""

    def ids(self, query: DeskQuery, page: Page) -> list[UUID]:
        """The orders of a page and one more if there are more, the latest placed first."""


class Events(Protocol):
    """The timelines of orders."""

    def page(self, order_id: UUID, page: Page) -> list[OrderEvent]:
        """The events of a page and one more if there are more, the latest first."""


class Addresses(Protocol):
    """Where orders are sent."""

    def get(self, order_id: UUID) -> SealedAddress | None:
        """The address of an order, if it has one."""

    def put(self, order_id: UUID, address: SealedAddress) -> None:
        """Store the address of an order, in the place of one that it had."""


class TaxTables(Protocol):
    """The stored tax tables."""

    def get(self, document_id: UUID) -> TaxTable | None:
        """The one of this id."""


class Shipments(Protocol):
    """The stored shipments."""

    def of_order(self, order_id: UUID) -> list[Shipment]:
        """The shipments of an order, the oldest first."""


class Work(erasure.Storing, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def orders(self) -> Orders:
        """The stored orders."""

    @property
    def desk(self) -> Desk:
        """What the desk put on orders."""

    @property
    def order_search(self) -> Search:
        """The searches of the desk."""

    @property
    def order_events(self) -> Events:
        """The timelines of orders."""

    @property
    def addresses(self) -> Addresses:
        """Where orders are sent."""

    @property
    def tax_tables(self) -> TaxTables:
        """The stored tax tables."""

    @property
    def shipments(self) -> Shipments:
        """The stored shipments."""

    def new_id(self) -> UUID:
        """An id for what comes into being."""


@dataclass(frozen=True, slots=True)
class WriteNote:
    """Write something down about an order."""

    note_id: UUID
    order_id: UUID
    text: str = field(repr=False)
    by: str


@dataclass(frozen=True, slots=True)
class TagOrder:
    """Put tags on an order, and take others off it."""

    order_id: UUID
    add: tuple[str, ...]
    remove: tuple[str, ...]
    by: str


@dataclass(frozen=True, slots=True)
class HoldOrder:
    """Keep the goods of an order where they are."""

    order_id: UUID
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class ReleaseOrder:
    """Let the goods of an order leave again."""

    order_id: UUID
    note: str
    by: str


@dataclass(frozen=True, slots=True)
class ChangeAddress:
    """Send an order elsewhere, to an address in a `country` that is sealed already; `version`, if given, must be the
    latest. It is the `first`, or lies in the country of the one that was there."""

    order_id: UUID
    country: str
    sealed: SealedAddress
    by: str
    version: int | None = None
    first: bool = False


def search_orders(unit: Work, query: DeskQuery, page: Page) -> list[DeskOrder]:
    """A page of orders, and one more if there are more."""
    ids = unit.order_search.ids(query, page)
    if not ids:
        return []
    orders, marks = unit.orders.get(ids), unit.desk.marks(ids)
    return [DeskOrder(orders[each], marks[each]) for each in ids]


def list_events(unit: Work, order_id: UUID, page: Page) -> tuple[Order, list[OrderEvent]]:
    """A page of what happened to an order, and one more if there is more."""
    order = existing(unit.orders.get([order_id]), order_id)
    return order, unit.order_events.page(order_id, page)


def write_note(unit: Work, command: WriteNote) -> Act:
    """Write a note."""
    unit.members.keep()
    order = existing(unit.orders.get([command.order_id]), command.order_id)
    check_remembered(unit, order)
    note = Act(command.note_id, order.id, ActKind.NOTE, command.by, unit.now, command.text)
    unit.desk.act([note])
    return note


def tag_order(unit: Work, command: TagOrder) -> DeskOrder:
    """Change the tags of an order; what is so already changes nothing."""
    order, marks = _locked(unit, command.order_id)
    after = marks.tagged(command.add, command.remove)
    added, removed = sorted(set(after.tags) - set(marks.tags)), sorted(set(marks.tags) - set(after.tags))
    if added or removed:
        unit.desk.retag(order, added, removed)
        told = ((ActKind.TAG, added), (ActKind.UNTAG, removed))
        unit.desk.act([_act(unit, order, kind, command.by, ", ".join(tags)) for kind, tags in told if tags])
    return DeskOrder(order, after)


def hold_order(unit: Work, command: HoldOrder) -> DeskOrder:
    """Hold an order; for the same reason once more changes nothing. Who is forgotten, of that no reason is kept."""
    unit.members.keep()
    order, marks = _locked(unit, command.order_id)
    reason = kept_text(unit, order, command.reason)
    if marks.hold is not None:
        if marks.hold.reason != reason:
            raise errors.order_on_hold(order.id)
        return DeskOrder(order, marks)
    hold = Hold(reason, command.by, unit.now)
    unit.desk.hold(order, hold)
    unit.desk.act([_act(unit, order, ActKind.HOLD, command.by, reason)])
    return DeskOrder(order, Marks(marks.tags, hold))


def release_order(unit: Work, command: ReleaseOrder) -> DeskOrder:
    """Hold an order no more; one that is not held stays so."""
    unit.members.keep()
    order, marks = _locked(unit, command.order_id)
    if marks.hold is not None:
        unit.desk.release(order.id)
        unit.desk.act([_act(unit, order, ActKind.RELEASE, command.by, kept_text(unit, order, command.note))])
    return DeskOrder(order, Marks(marks.tags))


def get_address(unit: Work, order_id: UUID) -> SealedAddress | None:
    """Where an order is sent now, if anywhere, for whoever is to change it."""
    existing(unit.orders.get([order_id]), order_id)
    return unit.addresses.get(order_id)


def change_address(unit: Work, command: ChangeAddress) -> SealedAddress:
    """Send an order elsewhere, or somewhere in the first place, as long as nothing of it has left. The old address is
    gone; what is written down is that it changed, and who changed it."""
    unit.members.keep()
    order = existing(unit.orders.lock([command.order_id]), command.order_id)
    check_version(order, command.version)
    check_remembered(unit, order)
    if order.state in _CLOSED or order.complete_time is not None:
        raise errors.address_fixed(order.id, order.state.value)
    if any(each.stands and each.state is not ShipmentState.CREATED for each in unit.shipments.of_order(order.id)):
        raise errors.address_fixed(order.id, "SHIPPED")
    if unit.addresses.get(order.id) is None:
        _check_first(unit, order, command.country)
    elif command.first:
        raise conflict()  # there is one by now, perhaps in another country
    unit.addresses.put(order.id, command.sealed)
    unit.desk.act([_act(unit, order, ActKind.CHANGE_ADDRESS, command.by)])
    return command.sealed


def check_country(old: Address, new: Address, order_id: UUID) -> None:
    """Raise a Fault when an address lies in another country: tax and freight were fixed for the first one."""
    if old.country != new.country:
        raise errors.address_fixed(order_id, "COUNTRY")


def _check_first(unit: Work, order: Order, country: str) -> None:
    """Raise a Fault when an order can't get its first address: its goods left in another system, they are picked up, or
    it was taxed for another country."""
    if order.imported:
        raise shipping_errors.address_not_found(order.id)
    if order.delivery is not None and order.delivery.kind is MethodKind.PICK_UP:
        raise errors.address_fixed(order.id, "PICK_UP")
    table = unit.tax_tables.get(order.taxation.table) if order.taxation else None
    if table is not None and table.country != country:
        raise errors.address_fixed(order.id, "COUNTRY")


def _locked(unit: Work, order_id: UUID) -> tuple[Order, Marks]:
    order = existing(unit.orders.lock([order_id]), order_id)
    return order, unit.desk.marks([order.id])[order.id]


def _act(unit: Work, order: Order, kind: ActKind, by: str, text: str = "") -> Act:
    return Act(unit.new_id(), order.id, kind, by, unit.now, text)
