"""A group buy (拼团): a product for less, for members who buy it together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from uuid import UUID

from kit import names
from kit.errors import invalid
from kit.money import Money
from services.orders.domain.errors import group_buy as errors

HOLD = timedelta(minutes=10)
"""How long a seat waits for its payment if the group buy doesn't say."""

COLLECTION = "groupBuys"


class GroupBuyKind(StrEnum):
    """What is special about it."""

    PLAIN = "PLAIN"
    LADDER = "LADDER"
    NEW_CUSTOMER = "NEW_CUSTOMER"


class GroupBuyState(StrEnum):
    """Whether groups can be opened. All but CANCELLED follow from the time."""

    SCHEDULED = "SCHEDULED"
    OPEN = "OPEN"
    ENDED = "ENDED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class PriceStep:
    """The price once so many members have paid, in minor units."""

    members: int
    price: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What the merchant says of it and may change; groups keep those that they were opened with. `price` is what each
    member pays to join, `steps` lead down from it. Without `channels` it is for all; a `member_limit` of 0 is none."""

    display_name: str
    price: Money
    size: int
    start_time: datetime
    end_time: datetime
    duration: timedelta
    hold: timedelta = HOLD
    member_limit: int = 0
    channels: tuple[str, ...] = ()
    steps: tuple[PriceStep, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 2:
            raise invalid("group_buy.size", "must be at least 2")
        if self.price.minor < 1:
            raise invalid("group_buy.price", "must be more than 0")
        if self.end_time <= self.start_time:
            raise invalid("group_buy.end_time", "must be after start_time")
        if self.duration <= timedelta():
            raise invalid("group_buy.duration", "must be more than 0")
        self._check_steps()

    def _check_steps(self) -> None:
        if not self.steps:
            return
        for before, after in pairwise(self.steps):
            if after.members <= before.members or after.price >= before.price:
                raise invalid("group_buy.price_steps", "each must ask for more members and a lower price")
        first, last = self.steps[0], self.steps[-1]
        if first.members < 2 or last.members > self.size:
            raise invalid("group_buy.price_steps", "must begin with 2 members or more, and end with size or fewer")
        if first.price > self.price.minor or last.price < 1:
            raise invalid("group_buy.price_steps", "must lead down from price, and not to 0")


@dataclass(frozen=True, slots=True)
class GroupBuy:
    """A group buy of a product; `version` counts its changes."""

    id: UUID
    product: UUID
    kind: GroupBuyKind
    terms: Terms
    cancel_time: datetime | None
    version: int
    create_time: datetime
    update_time: datetime

    @classmethod
    def schedule(cls, group_buy_id: UUID, product: UUID, kind: GroupBuyKind, terms: Terms, now: datetime) -> GroupBuy:
        """A new one. Raises a Fault for one that is over before it begins."""
        made = cls(group_buy_id, product, kind, terms, None, 1, now, now)
        made._check(terms, now)
        return made

    @property
    def name(self) -> str:
        """The resource name."""
        return names.join(COLLECTION, self.id)

    def state(self, now: datetime) -> GroupBuyState:
        """Where it stands at an instant of [start, end), before or after."""
        if self.cancel_time is not None:
            return GroupBuyState.CANCELLED
        if now < self.terms.start_time:
            return GroupBuyState.SCHEDULED
        return GroupBuyState.OPEN if now < self.terms.end_time else GroupBuyState.ENDED

    def check_open(self, now: datetime) -> None:
        """Raise a Fault unless a group can be opened now."""
        state = self.state(now)
        if state is not GroupBuyState.OPEN:
            raise errors.group_buy_not_open(self.id, state, start=self.terms.start_time, end=self.terms.end_time)

    def check_channel(self, channel: str) -> None:
        """Raise a Fault for a channel that it isn't sold in."""
        if self.terms.channels and channel not in self.terms.channels:
            raise errors.group_buy_not_eligible(self.id, "channel", channel)

    def change(self, terms: Terms, now: datetime) -> GroupBuy:
        """With other terms, for the groups that are opened from now on. Raises a Fault once it is over."""
        if terms == self.terms:
            return self
        self._check_alive(now)
        if terms.price.currency != self.terms.price.currency:
            raise invalid("group_buy.price", f"must be in {self.terms.price.currency}")
        self._check(terms, now)
        return replace(self, terms=terms, version=self.version + 1, update_time=now)

    def cancel(self, now: datetime) -> GroupBuy:
        """No group can be opened any more. The same once more changes nothing."""
        if self.cancel_time is not None:
            return self
        self._check_alive(now)
        return replace(self, cancel_time=now, version=self.version + 1, update_time=now)

    def _check_alive(self, now: datetime) -> None:
        state = self.state(now)
        if state not in {GroupBuyState.SCHEDULED, GroupBuyState.OPEN}:
            raise errors.group_buy_state_invalid(self.id, state)

    def _check(self, terms: Terms, now: datetime) -> None:
        if terms.end_time <= now:
            raise invalid("group_buy.end_time", "must be in the future")
        if (self.kind is GroupBuyKind.LADDER) is not bool(terms.steps):
            raise invalid("group_buy.price_steps", "are needed for a ladder, and for nothing else")


@dataclass(frozen=True, slots=True)
class GroupBuyQuery:
    """Which group buys to list; None asks for no filter."""

    product: UUID | None = None
