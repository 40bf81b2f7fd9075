"""A flash sale (秒杀): units of a product at a price of their own, for a while, at most so many for a member.

The quota stands in buckets, so that buyers don't queue for one row. In each of them
`free + held + sold + returned = quota` at every moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from kit import names
from kit.errors import invalid
from kit.money import Money, allocate
from services.orders.domain.errors import flash_sale as errors
from services.orders.domain.product import Product
from services.orders.domain.stock import Place

HOLD = timedelta(minutes=5)
"""How long an order waits for its payment if the sale doesn't say."""

_PER_BUCKET = 50
_MOST_BUCKETS = 8
_COLLECTION = "flashSales"


class FlashSaleState(StrEnum):
    """Where a sale stands. Only the last two are steps; the others follow from the time."""

    SCHEDULED = "SCHEDULED"
    OPEN = "OPEN"
    ENDED = "ENDED"
    CANCELLED = "CANCELLED"


class RefundPolicy(StrEnum):
    """What becomes of the units of an order that is refunded in full."""

    KEEP = "KEEP"
    RESELL = "RESELL"


@dataclass(frozen=True, slots=True)
class Terms:
    """What the merchant says of a sale and may change. Empty `tiers` or `channels` stand for all of them; a sale
    without `admitted_per_second` has no waiting room."""

    display_name: str
    price: Money
    quota: int
    start_time: datetime
    end_time: datetime
    member_limit: int = 1
    tiers: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    hold: timedelta = HOLD
    refund_policy: RefundPolicy = RefundPolicy.KEEP
    admitted_per_second: int = 0

    def __post_init__(self) -> None:
        if self.quota < 1:
            raise invalid("flash_sale.quota", "must be at least 1")
        if self.end_time <= self.start_time:
            raise invalid("flash_sale.end_time", "must be after start_time")


@dataclass(frozen=True, slots=True)
class FlashSale:
    """A sale of units at a place of stock. `ending` is how it ended, None before; `version` counts its changes."""

    id: UUID
    place: Place
    terms: Terms
    buckets: int
    ending: FlashSaleState | None
    version: int
    create_time: datetime
    update_time: datetime

    @classmethod
    def schedule(cls, sale_id: UUID, place: Place, terms: Terms, *, buckets: int, now: datetime) -> FlashSale:
        """A new sale; 0 `buckets` lets the quota decide. Raises a Fault for one that is over before it begins."""
        if terms.end_time <= now:
            raise invalid("flash_sale.end_time", "must be in the future")
        chosen = buckets or min(_MOST_BUCKETS, terms.quota // _PER_BUCKET)
        return cls(sale_id, place, terms, max(1, min(chosen, terms.quota)), None, 1, now, now)

    @property
    def name(self) -> str:
        """The resource name; orders carry it as their activity."""
        return names.join(_COLLECTION, self.id)

    def state(self, now: datetime) -> FlashSaleState:
        """Where it stands at an instant of [start, end), before or after."""
        if self.ending is not None:
            return self.ending
        if now < self.terms.start_time:
            return FlashSaleState.SCHEDULED
        return FlashSaleState.OPEN if now < self.terms.end_time else FlashSaleState.ENDED

    def opened(self) -> list[Bucket]:
        """Its buckets at the beginning."""
        shares = allocate(self.terms.quota, [1] * self.buckets)
        return [Bucket(self.id, number, quota=share, free=share) for number, share in enumerate(shares)]

    def check_open(self, now: datetime) -> None:
        """Raise a Fault unless something can be bought now."""
        state = self.state(now)
        if state is not FlashSaleState.OPEN:
            raise errors.flash_sale_not_open(self.id, state, start=self.terms.start_time, end=self.terms.end_time)

    def check_quantity(self, quantity: int) -> None:
        """Raise a Fault for more units than any member may buy."""
        if quantity > self.terms.member_limit:
            raise errors.flash_sale_limit_reached(self.id, limit=self.terms.member_limit, bought=0)

    def check_channel(self, channel: str) -> None:
        """Raise a Fault for a channel that it isn't sold in."""
        if self.terms.channels and channel not in self.terms.channels:
            raise errors.flash_sale_not_eligible(self.id, channel=channel)

    def check_tier(self, tier: str) -> None:
        """Raise a Fault for a member of a tier that may not buy."""
        if self.terms.tiers and tier not in self.terms.tiers:
            raise errors.flash_sale_not_eligible(self.id, tier=tier)

    def change(self, terms: Terms, now: datetime) -> FlashSale:
        """With other terms. Raises a Fault once it is over, or for another price or start once it has begun."""
        state, old = self.state(now), self.terms
        if terms == old:
            return self
        if state not in {FlashSaleState.SCHEDULED, FlashSaleState.OPEN}:
            raise errors.flash_sale_state_invalid(self.id, state)
        if state is FlashSaleState.OPEN and (terms.price, terms.start_time) != (old.price, old.start_time):
            raise errors.flash_sale_state_invalid(self.id, state)
        if terms.price.currency != old.price.currency:
            raise invalid("flash_sale.price", f"must be in {old.price.currency}")
        if terms.end_time <= now:
            raise invalid("flash_sale.end_time", "must be in the future")
        return replace(self, terms=terms, version=self.version + 1, update_time=now)

    def cancel(self, now: datetime) -> FlashSale:
        """Ended before its time. A cancelled sale stays as it is; one that ended by itself can't be cancelled."""
        state = self.state(now)
        if state is FlashSaleState.CANCELLED:
            return self
        if state is FlashSaleState.ENDED:
            raise errors.flash_sale_state_invalid(self.id, state)
        return self._over(FlashSaleState.CANCELLED, now)

    def end(self, now: datetime) -> FlashSale:
        """Ended, since its time is over."""
        return self._over(FlashSaleState.ENDED, now)

    def _over(self, state: FlashSaleState, now: datetime) -> FlashSale:
        return replace(self, ending=state, version=self.version + 1, update_time=now)


@dataclass(frozen=True, slots=True)
class FlashSaleQuery:
    """Which sales to list; None asks for no filter."""

    product: UUID | None = None


@dataclass(frozen=True, slots=True)
class Bucket:
    """A part of a sale's quota."""

    sale: UUID
    number: int
    quota: int
    free: int
    held: int = 0
    sold: int = 0
    returned: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """How a sale goes: the sums of its buckets, read at one moment, and what was refused by reason."""

    sale: FlashSale
    quota: int
    free: int
    held: int
    sold: int
    returned: int
    refusals: tuple[tuple[str, int], ...]
    read_time: datetime

    @property
    def refused(self) -> int:
        """All that was refused."""
        return sum(count for _, count in self.refusals)


@dataclass(frozen=True, slots=True)
class Offer:
    """A sale as buyers meet it: with its product, and the free units by bucket as they were read."""

    sale: FlashSale
    product: Product
    free: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """A member's next `units` of a sale, for an order; `skip` of them belong to earlier requests of the same call."""

    sale: UUID
    member: UUID
    order: UUID
    units: int
    skip: int
    limit: int


@dataclass(frozen=True, slots=True)
class Seat:
    """A claimed unit, the n-th of its member, and the bucket that it comes from."""

    order: UUID
    n: int
    bucket: int


@dataclass(frozen=True, slots=True)
class Freed:
    """Units of a sale that nobody holds any more: free to be bought again if `resold`, else back in stock. `unsent` of
    them were taken from stock before, and never left."""

    sale: UUID
    place: Place
    units: int
    resold: bool
    unsent: int = 0


@dataclass(frozen=True, slots=True)
class There:
    """Units of an order that are there again: `unsent` ones never left, and are not in stock; others came `back`."""

    order: UUID
    unsent: int
    back: int


class Pool:
    """The locked buckets of a sale, from which buyers take units, each from its own bucket first."""

    def __init__(self, buckets: Iterable[Bucket]) -> None:
        self._free = {bucket.number: bucket.free for bucket in buckets}

    def take(self, units: int, *, home: int) -> list[int] | None:
        """A bucket for each unit: the buyer's own as far as it goes, then the next. None, and nothing is taken, if all
        of them together have too few."""
        if sum(self._free.values()) < units:
            return None
        taken: list[int] = []
        for number in sorted(self._free, key=lambda number: (number < home, number)):
            found = min(self._free[number], units - len(taken))
            self._free[number] -= found
            taken += [number] * found
        return taken


def home_of(member: UUID, buckets: int) -> int:
    """The bucket that a member goes to first."""
    return member.int % buckets


def wanted_buckets(free: Sequence[int], wanted: Sequence[tuple[int, int]]) -> list[int]:
    """The buckets to lock for buyers told as (home, units): those of the first buyer and on, as many as will do by what
    was free; all that aren't empty if they won't."""
    units = sum(each for _, each in wanted)
    start = wanted[0][0]
    chosen: list[int] = []
    for number in [*range(start, len(free)), *range(start)]:
        if units <= 0:
            break
        if free[number]:
            chosen.append(number)
            units -= free[number]
    return chosen


def resized(sale: UUID, buckets: Sequence[Bucket], quota: int) -> dict[int, int]:
    """How many units more or fewer each bucket gets for another quota. Raises a Fault when too few are free."""
    delta = quota - sum(bucket.quota for bucket in buckets)
    if delta >= 0:
        shares = allocate(delta, [1] * len(buckets))
        return {bucket.number: share for bucket, share in zip(buckets, shares, strict=True) if share}
    free = sum(bucket.free for bucket in buckets)
    if free + delta < 0:
        raise errors.flash_sale_quota_taken(sale, quota=quota, least=quota - delta - free)
    shares = allocate(-delta, [bucket.free for bucket in buckets])
    return {bucket.number: -share for bucket, share in zip(buckets, shares, strict=True) if share}
