"""A cart: what a customer thinks of buying. It reserves nothing and promises no price."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from kit.money import Money
from services.orders.domain.errors import shipping as errors
from services.orders.domain.errors.catalogue import purchase_limit_exceeded
from services.orders.domain.events import CartAbandoned

MOST_LINES = 100
"""Most lines that can be ordered at once, and most that are saved for later."""
MOST_UNITS = 1_000_000
"""Most units of all lines together."""
MOST_COUPONS = 20
KEPT = timedelta(days=30)
"""How long a cart of a guest or of a store is kept that nobody touches."""


@dataclass(frozen=True, slots=True)
class CartLine:
    """Units of a product, to buy or `saved` for later, and the price of one that the customer last saw."""

    product: UUID
    quantity: int
    saved: bool
    seen: Money | None
    add_time: datetime


@dataclass(frozen=True, slots=True)
class Offered:
    """A product as it can be put into a cart: its price today, and the most units of one order (0: no limit)."""

    product: UUID
    price: Money | None
    limit: int = 0


@dataclass(frozen=True, slots=True)
class Access:
    """Who wants to use a cart: a member, whoever has the secret of a guest's, or staff, who may use any."""

    member: UUID | None = None
    secret: bool = False
    staff: bool = False


@dataclass(frozen=True, slots=True)
class Cart:
    """The cart of a member, or of a guest. `version` counts the changes of what would be ordered; `touch_time` is when
    the customer last did anything with it, `abandon_time` when it was found left alone since. `store` is where the
    customer is served, if in one.

    `member` is whoever stands now for the one who opened it, `others` are those who were merged into that member.

    `order` is what its lines last became, asked for at `ordered_version` with terms whose hash is `ordered_terms`.
    """

    id: UUID
    member: UUID | None
    channel: str
    lines: tuple[CartLine, ...]
    coupons: tuple[str, ...]
    create_time: datetime
    touch_time: datetime
    version: int = 1
    merged_into: UUID | None = None
    abandon_time: datetime | None = None
    order: UUID | None = None
    ordered_version: int = 0
    ordered_terms: bytes = b""
    store: str = ""
    others: frozenset[UUID] = frozenset()

    @classmethod
    def open(cls, cart_id: UUID, member: UUID | None, channel: str, now: datetime, *, store: str = "") -> Cart:
        """An empty cart."""
        return cls(cart_id, member, channel, (), (), now, now, store=store)

    @property
    def active(self) -> tuple[CartLine, ...]:
        """The lines that would be ordered."""
        return tuple(line for line in self.lines if not line.saved)

    @property
    def saved(self) -> tuple[CartLine, ...]:
        """The lines that are saved for later."""
        return tuple(line for line in self.lines if line.saved)

    @property
    def expire_time(self) -> datetime | None:
        """When it is thrown away if nobody touches it; None for a member's that is of no store."""
        return self.touch_time + KEPT if self.member is None or self.store else None

    def check(self, access: Access) -> Cart:
        """The same. Raises a Fault, as for a cart that does not exist, unless the caller may use it."""
        own = access.secret if self.member is None else access.member in {self.member, *self.others}
        if not (own or access.staff):
            raise errors.cart_not_found(self.id)
        return self

    def usable(self) -> Cart:
        """The same. Raises a Fault when it was merged into another."""
        if self.merged_into is not None:
            raise errors.cart_merged(self.id)
        return self

    def add(self, offered: Offered, quantity: int, now: datetime) -> Cart:
        """With more units of a product. Raises a Fault beyond the limits."""
        line = self._line(offered.product, saved=False)
        return self._with(offered, quantity + (line.quantity if line else 0), now)

    def set(self, offered: Offered, quantity: int, now: datetime) -> Cart:
        """With so many units of a product; none takes the line out, saved or not. Raises a Fault beyond the limits."""
        if quantity:
            return self._with(offered, quantity, now)
        kept = tuple(line for line in self.lines if line.product != offered.product)
        if kept == self.lines:
            raise errors.cart_line_not_found(offered.product)
        return self._changed(kept, now)

    def move(self, offered: Offered, *, saved: bool, now: datetime) -> Cart:
        """With a product saved for later, or taken back among what would be ordered; units on both sides are summed.
        The same once more changes nothing. Raises a Fault without such a line, and beyond the limits."""
        line = self._line(offered.product, saved=not saved)
        there = self._line(offered.product, saved=saved)
        if line is None:
            if there is None:
                raise errors.cart_line_not_found(offered.product)
            return self
        moved = replace(line, saved=saved, quantity=line.quantity + (there.quantity if there else 0))
        lines = _put(tuple(each for each in self.lines if each != line), moved)
        return self._limited(lines, offered, now)

    def with_coupons(self, coupons: Sequence[str], now: datetime) -> Cart:
        """With these coupons."""
        return replace(self._changed(self.lines, now), coupons=tuple(coupons))

    def seen(self, prices: Mapping[UUID, Money], now: datetime) -> Cart:
        """Looked at, with the prices of today."""
        lines = tuple(replace(line, seen=prices.get(line.product, line.seen)) for line in self.lines)
        return replace(self, lines=lines, touch_time=now, abandon_time=None)

    def merged(self, other: Cart, limits: Mapping[UUID, int], now: datetime) -> Cart:
        """With what another cart has: units are summed as far as the limits allow, coupons kept. Lines that find no
        place among those to order are saved for later."""
        lines = self.lines
        for line in other.lines:
            lines = _joined(lines, line, limits.get(line.product, 0))
        coupons = tuple(dict.fromkeys((*self.coupons, *other.coupons)))[:MOST_COUPONS]
        return replace(self._changed(lines, now), coupons=coupons)

    def gone_into(self, cart: UUID, now: datetime) -> Cart:
        """Empty, because all went into another cart."""
        return replace(self._changed((), now), coupons=(), merged_into=cart)

    def ordered(self, order: UUID, terms: bytes, now: datetime) -> Cart:
        """Without the lines and coupons that became an order; what is saved for later stays."""
        return replace(
            self._changed(self.saved, now),
            coupons=(),
            order=order,
            ordered_version=self.version,
            ordered_terms=terms,
        )

    def abandoned(self, now: datetime) -> tuple[Cart, CartAbandoned]:
        """Left alone, with lines in it."""
        cart = replace(self, abandon_time=now)
        return cart, CartAbandoned(cart)

    def _line(self, product: UUID, *, saved: bool) -> CartLine | None:
        return next((line for line in self.lines if line.product == product and line.saved is saved), None)

    def _with(self, offered: Offered, quantity: int, now: datetime) -> Cart:
        line = self._line(offered.product, saved=False)
        added = CartLine(offered.product, quantity, saved=False, seen=offered.price, add_time=now)
        if line is not None:
            added = replace(line, quantity=quantity, seen=offered.price or line.seen)
        return self._limited(_put(self.lines, added), offered, now)

    def _limited(self, lines: tuple[CartLine, ...], offered: Offered, now: datetime) -> Cart:
        changed = self._changed(lines, now)
        units = sum(line.quantity for line in changed.active if line.product == offered.product)
        if offered.limit and units > offered.limit:
            raise purchase_limit_exceeded(offered.product, requested=units, limit=offered.limit)
        if max(len(changed.active), len(changed.saved)) > MOST_LINES:
            raise errors.cart_limit("lines", MOST_LINES)
        if _units(lines) > MOST_UNITS:
            raise errors.cart_limit("units", MOST_UNITS)
        return changed

    def _changed(self, lines: tuple[CartLine, ...], now: datetime) -> Cart:
        return replace(self, lines=lines, touch_time=now, abandon_time=None, version=self.version + 1)


def _units(lines: Iterable[CartLine]) -> int:
    return sum(line.quantity for line in lines)


def _put(lines: tuple[CartLine, ...], line: CartLine) -> tuple[CartLine, ...]:
    """The lines with this one, in the place of that of the same product and kind if there is one."""
    for index, each in enumerate(lines):
        if (each.product, each.saved) == (line.product, line.saved):
            return (*lines[:index], line, *lines[index + 1 :])
    return (*lines, line)


def _joined(lines: tuple[CartLine, ...], line: CartLine, limit: int) -> tuple[CartLine, ...]:
    """The lines with those units of `line` that the limits leave room for."""
    there = next((each for each in lines if (each.product, each.saved) == (line.product, line.saved)), None)
    room = max(0, MOST_UNITS - _units(lines))
    if limit and not line.saved:
        room = min(room, max(0, limit - (there.quantity if there else 0)))
    added = min(line.quantity, room)
    if not added:
        return lines
    if there is not None:
        return _put(lines, replace(there, quantity=there.quantity + added))
    if len([each for each in lines if each.saved is line.saved]) < MOST_LINES:
        return _put(lines, replace(line, quantity=added))
    return lines if line.saved else _joined(lines, replace(line, saved=True), limit)
