"""Orders: place, read, cancel. Placing is set-oriented: one transaction for the calls that wait together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, TypeVar
from uuid import UUID

from kit.errors import Fault, etag_mismatch
from kit.names import join
from kit.page import Page
from services.orders.domain import errors
from services.orders.domain.address import SealedAddress
from services.orders.domain.events import OrderCancelled
from services.orders.domain.instalments import Instalments
from services.orders.domain.order import Order
from services.orders.domain.order_content import Buyer, OrderQuery
from services.orders.domain.order_state import CancelReason
from services.orders.domain.payment import PointsTender, RefundPolicy
from services.orders.domain.quote import Quote
from services.orders.domain.refund import Refund
from services.orders.usecases import consequences, credit, erasure, group_seats, haggling, holding, presale_parts
from services.orders.usecases.flash_sale_units import FlashSaleUnits


class Orders(Protocol):
    """The stored orders."""

    def add(self, orders: Sequence[Order]) -> dict[UUID, int]:
        """Store new orders; answers their counters."""

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Order]:
        """Those of the orders that exist."""

    def lock(self, ids: Sequence[UUID]) -> dict[UUID, Order]:
        """As `get`; nobody else changes them until the transaction ends."""

    def save(self, changes: Sequence[tuple[Order, Order]]) -> None:
        """Store orders as (before, after), with new payments and refunded units, only over the state and version
        `before`. Raises a Fault otherwise."""

    def page(self, query: OrderQuery, page: Page) -> list[Order]:
        """The orders of a page and one more if there are more, the latest placed first."""


class Refunds(Protocol):
    """The stored refunds."""

    def add(self, refunds: Sequence[Refund]) -> None:
        """Store new refunds, and how their money goes back."""


class Addresses(Protocol):
    """Where orders are sent."""

    def add(self, addresses: Sequence[tuple[UUID, SealedAddress]]) -> None:
        """Store the addresses of new orders."""


class Checkouts(Protocol):
    """The stored attempts to check out."""

    def lock_open(self, order_ids: Sequence[UUID]) -> set[UUID]:
        """Which of the attempts are still open; nobody else ends them until the transaction ends."""

    def place(self, order_ids: Sequence[UUID], now: datetime) -> None:
        """End attempts as placed."""


class Saving(Protocol):
    """What completing needs of the stored orders."""

    def save(self, changes: Sequence[tuple[Order, Order]]) -> None:
        """Store orders as (before, after), only over the state and version `before`. Raises a Fault otherwise."""


class Completing(Protocol):
    """What completing a locked order needs of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def orders(self) -> Saving:
        """The stored orders."""

    def emit(self, facts: Iterable[object]) -> None:
        """Publish facts with the transaction."""


class Work(holding.Work, erasure.Storing, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def orders(self) -> Orders:
        """The stored orders."""

    @property
    def refunds(self) -> Refunds:
        """The stored refunds."""

    @property
    def addresses(self) -> Addresses:
        """Where orders are sent."""

    @property
    def checkouts(self) -> Checkouts:
        """The stored attempts to check out."""

    def new_id(self) -> UUID:
        """An id for what comes into being."""

    @property
    def flash_sale_units(self) -> FlashSaleUnits:
        """The units of flash sales."""

    @property
    def groups(self) -> group_seats.Groups:
        """The groups of group buys."""

    @property
    def haggles(self) -> haggling.Haggles:
        """The haggles of bargains."""

    @property
    def presales(self) -> presale_parts.Presales:
        """The stored presales."""

    @property
    def presale_orders(self) -> presale_parts.PresaleOrders:
        """The stored orders of presales."""

    def emit(self, facts: Iterable[object]) -> None:
        """Publish facts with the transaction."""


W = TypeVar("W", bound=Work)


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """Store a priced order. `held` tells that an open checkout holds coupons or points for it; `address` is where its
    quote's delivery goes. The units of `reservation` were set aside for it."""

    order_id: UUID
    buyer: Buyer
    channel: str
    quote: Quote
    coupons: tuple[str, ...]
    tender: PointsTender | None
    held: bool
    pay_within: timedelta
    store: str = ""
    activity: str = ""
    refund_policy: RefundPolicy = ()
    address: SealedAddress | None = None
    reservation: UUID | None = None
    instalments: Instalments | None = None


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Give up an order that is not paid; `version`, if given, must be the latest."""

    order_id: UUID
    reason: CancelReason
    version: int | None


@dataclass(frozen=True, slots=True)
class CompleteOrder:
    """Tell that a paid order was carried out; `version`, if given, must be the latest."""

    order_id: UUID
    version: int | None


def place_orders(
    unit: W, commands: Sequence[PlaceOrder], *, draw: Callable[[W, list[Order | Fault]], None] | None = None
) -> list[Order | Fault]:
    """Reserve stock and store the orders, first come, first served. Each has its own outcome.

    An activity that has units of its own gives a `draw`, which takes the goods from there instead. Members who were
    forgotten buy nothing.
    """
    erasure.keep_for(unit, [command.address for command in commands if command.buyer.member])
    gone = erasure.forgotten(unit, [command.buyer.member for command in commands])
    held = [command.order_id for command in commands if command.held]
    still_open = unit.checkouts.lock_open(held) if held else set()
    outcomes = [_draft(command, unit.now, still_open, gone) for command in commands]
    if draw is not None:
        draw(unit, outcomes)
    else:
        taken = {command.order_id: command.reservation for command in commands if command.reservation}
        holding.reserve(unit, outcomes, taken=taken)
    placed = [order for order in outcomes if isinstance(order, Order)]
    counters = unit.orders.add(placed) if placed else {}
    addresses = [(each.order_id, each.address) for each in commands if each.address and each.order_id in counters]
    if addresses:
        unit.addresses.add(addresses)
    ended = [order.id for order in placed if order.id in still_open]
    if ended:
        unit.checkouts.place(ended, unit.now)
    unit.emit(order.placed() for order in placed)
    return [replace(order, counter=counters[order.id]) if isinstance(order, Order) else order for order in outcomes]


def _draft(command: PlaceOrder, now: datetime, still_open: set[UUID], gone: set[UUID]) -> Order | Fault:
    member = command.buyer.member
    if member is not None and member in gone:
        return errors.member_erased(member)
    if command.held and command.order_id not in still_open:
        return errors.checkout_abandoned()
    try:
        return Order.place(
            command.order_id,
            buyer=command.buyer,
            channel=command.channel,
            store=command.store,
            currency=command.quote.currency,
            items=command.quote.items,
            coupons=command.coupons,
            tender=command.tender,
            now=now,
            expire_time=now + command.pay_within,
            freight=command.quote.freight,
            freight_tax=command.quote.freight_tax,
            activity=command.activity,
            refund_policy=command.refund_policy,
            delivery=command.quote.delivery,
            taxation=command.quote.taxation,
            location=command.quote.serves,
            instalments=command.instalments,
        )
    except Fault as fault:
        return fault


def get_order(unit: Work, order_id: UUID) -> Order:
    """Read an order."""
    return existing(unit.orders.get([order_id]), order_id)


def list_orders(unit: Work, query: OrderQuery, page: Page) -> list[Order]:
    """A page of orders, and one more if there are more."""
    return unit.orders.page(query, page)


def cancel_order(unit: Work, command: CancelOrder) -> Order:
    """Give up an order that is not paid; its stock is free again."""
    order = existing(unit.orders.lock([command.order_id]), command.order_id)
    check_version(order, command.version)
    return give_up(unit, [order], command.reason)[0]


def give_up(unit: Work, locked: Sequence[Order], reason: CancelReason) -> list[Order]:
    """Cancel locked orders: their stock is free again, and what was paid of them goes back. Raises a Fault when one
    can't be cancelled."""
    cancelled = [order.cancel(reason, unit.now)[0] for order in locked]
    refunds: list[Refund] = []
    for index, order in enumerate(cancelled):
        if order.received > order.forfeited:
            cancelled[index], refund = order.give_up(unit.new_id(), unit.now)
            refunds.append(refund)
    unit.orders.save(list(zip(locked, cancelled, strict=True)))
    sales = consequences.cancelled(unit, cancelled)
    holding.release(unit, locked, beside=sales)
    if refunds:
        unit.refunds.add(refunds)
        given = {refund.order: refund for refund in refunds}
        credit.pass_back(unit, [(order, given[order.id]) for order in cancelled if order.id in given])
    unit.emit(OrderCancelled(order) for order in cancelled)
    return cancelled


def complete_order(unit: Work, command: CompleteOrder) -> Order:
    """Tell that a paid order was carried out; the same once more answers the same."""
    order = existing(unit.orders.lock([command.order_id]), command.order_id)
    if order.complete_time is None:
        check_version(order, command.version)
        for waiting in consequences.blocked(unit, [order]).values():
            raise waiting
    return carry_out(unit, order)


def carry_out(unit: Completing, order: Order) -> Order:
    """Complete a locked order; one that is completed already stays as it is."""
    completed, fact = order.complete(unit.now)
    if fact is not None:
        unit.orders.save([(order, completed)])
        unit.emit([fact])
    return completed


def existing(orders: dict[UUID, Order], order_id: UUID) -> Order:
    """The order, or a Fault."""
    order = orders.get(order_id)
    if order is None:
        raise errors.order_not_found(order_id)
    return order


def check_version(order: Order, version: int | None) -> None:
    """Raise a Fault unless `version`, if given, is the order's."""
    if version is not None and version != order.version:
        raise etag_mismatch(join("orders", order.id))
