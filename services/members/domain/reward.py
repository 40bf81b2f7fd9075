"""Rewards: what members may redeem points for, for whom, when, and how many there are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from kit.money import LIMIT, Money
from services.members.domain.errors import mall as errors
from services.members.domain.programme import DEFAULT

MOST_AT_ONCE = 1_000
"""No redemption is for more pieces, so that its price stays an amount."""


class Kind(StrEnum):
    """What a member gets."""

    PHYSICAL = "PHYSICAL"
    COUPON = "COUPON"
    STORED_VALUE = "STORED_VALUE"
    VIRTUAL = "VIRTUAL"


class State(StrEnum):
    """Whether a reward can be had."""

    DRAFT = "DRAFT"
    ON_SALE = "ON_SALE"
    OFF_SALE = "OFF_SALE"


@dataclass(frozen=True, slots=True)
class Offer:
    """What the merchant decides about a reward. Prices are for one piece, in points of `programme`; None is no cash, no
    limit, no bound."""

    display_name: str
    points: int
    stock: int
    cash: Money | None = None
    description: str = ""
    item: str = ""
    per_member: int | None = None
    per_day: int | None = None
    tier: str = ""
    tag: str = ""
    start: datetime | None = None
    end: datetime | None = None
    programme: str = DEFAULT

    def check(self, tiers: Collection[str]) -> None:
        """Raise a Fault unless it makes sense; `tiers` are those of the programme."""
        if not self.display_name.strip():
            raise errors.reward_invalid("display_name", "must not be empty")
        if self.points <= 0:
            raise errors.reward_invalid("points", "must be more than zero")
        if self.cash is not None and not 0 < self.cash.minor < LIMIT // MOST_AT_ONCE:
            raise errors.reward_invalid("cash", f"must be more than zero and less than {LIMIT // MOST_AT_ONCE} minor")
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise errors.reward_invalid("end_time", "must be later than start_time")
        if self.tier and self.tier not in tiers:
            raise errors.reward_invalid("tier", "must be one of the programme's tiers")


class Taken(NamedTuple):
    """How many of a reward a member has, in all and of this day."""

    total: int = 0
    today: int = 0


class Share(NamedTuple):
    """What a member has of a reward, of all days and of one."""

    reward: UUID
    member: UUID
    day: str


class Pieces(NamedTuple):
    """How many of a reward are set aside and given away, and how many the member has as far as limits count."""

    held: int = 0
    redeemed: int = 0
    taken: int = 0

    def plus(self, other: Pieces) -> Pieces:
        """Both together."""
        return Pieces(self.held + other.held, self.redeemed + other.redeemed, self.taken + other.taken)

    def less(self, other: Pieces) -> Pieces:
        """The difference to other pieces."""
        return Pieces(self.held - other.held, self.redeemed - other.redeemed, self.taken - other.taken)


@dataclass(frozen=True, slots=True)
class Reward:
    """A reward with its counters: `held` are set aside, `redeemed` given away; together never more than the stock."""

    id: UUID
    kind: Kind
    offer: Offer
    create_time: datetime
    update_time: datetime
    state: State = State.DRAFT
    held: int = 0
    redeemed: int = 0
    version: int = 1

    @property
    def left(self) -> int:
        """How many can still be had."""
        return self.offer.stock - self.held - self.redeemed

    def changed(self, offer: Offer, tiers: Collection[str], now: datetime) -> Reward:
        """With another offer; itself when it is the same. Raises a Fault when the offer makes no sense."""
        if offer == self.offer:
            return self
        offer.check(tiers)
        if offer.stock < self.held + self.redeemed:
            raise errors.reward_invalid("stock", f"must be at least {self.held + self.redeemed}, which are given away")
        return replace(self, offer=offer, update_time=now, version=self.version + 1)

    def turned(self, state: State, now: datetime) -> Reward:
        """On sale or off; itself when it is so already."""
        if state is self.state:
            return self
        return replace(self, state=state, update_time=now, version=self.version + 1)

    def check_open(self, now: datetime) -> None:
        """Raise a Fault unless it is on sale at this moment."""
        if self.state is not State.ON_SALE:
            raise errors.reward_not_on_sale(self.id, self.state.lower())
        if self.offer.start is not None and now < self.offer.start:
            raise errors.reward_not_on_sale(self.id, "not yet")
        if self.offer.end is not None and now >= self.offer.end:
            raise errors.reward_not_on_sale(self.id, "no longer")

    def check_member(self, reached: Collection[str], tags: Collection[str]) -> None:
        """Raise a Fault unless it is for a member who has reached these tiers and has these tags."""
        if self.offer.tier and self.offer.tier not in reached:
            raise errors.reward_not_for_member(self.id, "tier", self.offer.tier)
        if self.offer.tag and self.offer.tag not in tags:
            raise errors.reward_not_for_member(self.id, "tag", self.offer.tag)

    def check_limits(self, quantity: int, taken: Taken) -> None:
        """Raise a Fault when the member would have more than is allowed."""
        limits = ((self.offer.per_member, taken.total, "in all"), (self.offer.per_day, taken.today, "a day"))
        for limit, count, span in limits:
            if limit is not None and count + quantity > limit:
                raise errors.reward_limit_reached(self.id, limit=limit, taken=count, span=span)

    def counted(self, pieces: Pieces) -> Reward:
        """With more or fewer pieces set aside and given away. Raises a Fault when that is more than are left."""
        asked = pieces.held + pieces.redeemed
        if asked > max(self.left, 0):
            raise errors.reward_sold_out(self.id, left=self.left, asked=asked)
        return replace(self, held=self.held + pieces.held, redeemed=self.redeemed + pieces.redeemed)
