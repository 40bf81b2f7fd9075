"""Carts: filled, looked at, merged, ordered, left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from kit.errors import Fault, etag_mismatch
from kit.money import Money
from kit.names import join
from services.orders.domain.cart import KEPT, Access, Cart
from services.orders.domain.errors import shipping as errors
from services.orders.domain.order import Order
from services.orders.usecases import erasure, placing
from services.orders.usecases import order as orders
from services.orders.usecases.placing import Placement


class Carts(Protocol):
    """The stored carts."""

    def open(self, cart: Cart) -> Cart:
        """Store a new cart, or answer the one that its member has in the channel and the store; locked."""

    def get(self, cart_id: UUID) -> Cart | None:
        """The cart, if it exists."""

    def lock(self, ids: Sequence[UUID]) -> dict[UUID, Cart]:
        """Those of the carts that exist, which nobody else changes until the transaction ends."""

    def save(self, changed: Sequence[Cart]) -> None:
        """Store changed carts, which must be locked."""

    def left(self, before: datetime, limit: int) -> list[Cart]:
        """Carts with lines that nobody has touched since, and that were not found so before; locked."""

    def expire(self, before: datetime, limit: int) -> int:
        """Delete carts of guests and of stores that nobody has touched since; answers how many."""


class Work(erasure.Storing, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def carts(self) -> Carts:
        """The stored carts."""

    def emit(self, facts: Iterable[object]) -> None:
        """Publish facts with the transaction."""


class Ordering(Work, orders.Work, Protocol):
    """What ordering a cart needs of a unit of work."""


@dataclass(frozen=True, slots=True)
class OpenCart:
    """Open a cart, under `cart_id` unless the member has one in the channel and the store."""

    cart_id: UUID
    member: UUID | None
    channel: str
    access: Access
    store: str = ""


@dataclass(frozen=True, slots=True)
class ChangeCart:
    """Change a cart; `version`, if given, must be the latest."""

    cart_id: UUID
    access: Access
    change: Callable[[Cart, datetime], Cart]
    version: int | None = None


@dataclass(frozen=True, slots=True)
class MergeCarts:
    """Merge a guest's cart into that of a member, which is opened under `cart_id` if there is none. `limits` are the
    most units of one order, for products that have such a limit."""

    guest: UUID
    access: Access
    member: UUID
    cart_id: UUID
    limits: Mapping[UUID, int]


@dataclass(frozen=True, slots=True)
class OrderCart:
    """Place the order of a cart that was priced at `version`; `terms` are a hash of all else that the order is made
    of."""

    cart_id: UUID
    version: int
    terms: bytes
    placement: Placement


def open_cart(unit: Work, command: OpenCart) -> Cart:
    """Open a cart, or answer the one that the member has."""
    cart = Cart.open(command.cart_id, command.member, command.channel, unit.now, store=command.store)
    if command.member is not None:
        cart.check(command.access)
        unit.members.keep()
        erasure.check_known(unit, cart.member)
    return unit.carts.open(cart)


def get_cart(unit: Work, cart_id: UUID, access: Access) -> Cart:
    """Read a cart."""
    cart = unit.carts.get(cart_id)
    if cart is None:
        raise errors.cart_not_found(cart_id)
    return cart.check(access)


def change_cart(unit: Work, command: ChangeCart) -> Cart:
    """Change a cart, one change after the other."""
    before = _locked(unit, command.cart_id, command.access)
    if command.version is not None and command.version != before.version:
        raise etag_mismatch(join("carts", before.id))
    after = command.change(before, unit.now)
    if after != before:
        unit.carts.save([after])
    return after


def see_prices(cart_id: UUID, access: Access, prices: Mapping[UUID, Money]) -> ChangeCart:
    """The change that a look at today's prices makes."""
    return ChangeCart(cart_id, access, lambda cart, now: cart.seen(prices, now))


def merge_carts(unit: Work, command: MergeCarts) -> Cart:
    """Merge a guest's cart into the member's; the same once more answers the member's and adds nothing."""
    unit.members.keep()
    erasure.check_known(unit, command.member)
    guest = get_cart(unit, command.guest, command.access)
    if guest.member is not None:
        raise errors.cart_not_found(guest.id)
    own = Cart.open(command.cart_id, command.member, guest.channel, unit.now, store=guest.store)
    target = unit.carts.open(own)
    # A guest's cart is always locked after the member's that it goes into, so two merges can't wait for each other.
    guest = _existing(unit.carts.lock([guest.id]), guest.id)
    if guest.merged_into == target.id:
        return target
    guest.usable()
    merged = target.merged(guest, command.limits, unit.now)
    unit.carts.save([merged, guest.gone_into(target.id, unit.now)])
    return merged


def order_cart(unit: Ordering, command: OrderCart) -> Order:
    """Place the order and empty the cart, both or neither; whoever wanted the same at the same moment gets the same
    order. Raises a Fault when the cart changed since it was priced."""
    erasure.keep_for(unit, [command.placement.order.address])
    cart = _existing(unit.carts.lock([command.cart_id]), command.cart_id)
    if cart.version != command.version:
        return orders.get_order(unit, made(cart, command.version, command.terms))
    (outcome,) = placing.place(unit, [command.placement])
    if isinstance(outcome, Fault):
        raise outcome
    unit.carts.save([cart.ordered(outcome.id, command.terms, unit.now)])
    return outcome


def made(cart: Cart, version: int, terms: bytes) -> UUID:
    """The order that the lines of a version became by the same request. Raises a Fault when there is none."""
    if cart.order is None or cart.ordered_version != version:
        raise errors.cart_changed(cart.id)
    if cart.ordered_terms != terms:
        raise errors.cart_ordered(cart.id, cart.order)
    return cart.order


def find_abandoned(unit: Work, after: timedelta, limit: int) -> int:
    """Tell which carts were left alone for so long, each once; answers how many."""
    found = [cart.abandoned(unit.now) for cart in unit.carts.left(unit.now - after, limit)]
    if found:
        unit.carts.save([cart for cart, _ in found])
        unit.emit(fact for _, fact in found)
    return len(found)


def expire_carts(unit: Work, limit: int) -> int:
    """Throw away carts of guests and of stores that nobody has touched for long; answers how many."""
    return unit.carts.expire(unit.now - KEPT, limit)


def _locked(unit: Work, cart_id: UUID, access: Access) -> Cart:
    return _existing(unit.carts.lock([cart_id]), cart_id).check(access).usable()


def _existing(carts: Mapping[UUID, Cart], cart_id: UUID) -> Cart:
    cart = carts.get(cart_id)
    if cart is None:
        raise errors.cart_not_found(cart_id)
    return cart
