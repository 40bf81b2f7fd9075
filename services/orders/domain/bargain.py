"""Bargains (砍价): a member's friends cut the price of a product, each once, down to a floor.

The cuts of a haggle are drawn when it begins and sum to exactly what lies between price and floor: no helper, however
many come at once, can bring it lower.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from kit import names
from kit.errors import invalid
from kit.money import Money, allocate
from services.orders.domain.errors import bargain as errors

HOLD = timedelta(minutes=15)
"""How long the order of a haggle waits for its payment if the bargain doesn't say."""

COLLECTION = "bargains"
PATTERN = "bargains/{bargain}/haggles/{haggle}"
"""What the names of haggles look like; orders carry them as their activity."""


class BargainState(StrEnum):
    """Whether haggles can begin. All but CANCELLED follow from the time."""

    SCHEDULED = "SCHEDULED"
    OPEN = "OPEN"
    ENDED = "ENDED"
    CANCELLED = "CANCELLED"


class HaggleState(StrEnum):
    """Where a haggle stands. One whose deadline is over can't go on CUTTING."""

    CUTTING = "CUTTING"
    ORDERED = "ORDERED"
    BOUGHT = "BOUGHT"


class HaggleStep(StrEnum):
    """What can happen to a haggle."""

    CUT = "CUT"
    BUY = "BUY"
    PAY = "PAY"
    CANCEL = "CANCEL"


TRANSITIONS: Mapping[tuple[HaggleState, HaggleStep], HaggleState] = {
    (HaggleState.CUTTING, HaggleStep.CUT): HaggleState.CUTTING,
    (HaggleState.CUTTING, HaggleStep.BUY): HaggleState.ORDERED,
    (HaggleState.ORDERED, HaggleStep.PAY): HaggleState.BOUGHT,
    (HaggleState.ORDERED, HaggleStep.CANCEL): HaggleState.CUTTING,
}
"""The state machine: which steps each state allows, and where they lead. Nothing else happens to a haggle."""


@dataclass(frozen=True, slots=True)
class Bargain:
    """A product whose price can be cut from `price` to `floor` by so many `helpers`. Haggles begin in [start, end) and
    last for `duration`."""

    id: UUID
    product: UUID
    display_name: str
    price: Money
    floor: int
    helpers: int
    start_time: datetime
    end_time: datetime
    duration: timedelta
    hold: timedelta
    cancel_time: datetime | None
    version: int
    create_time: datetime
    update_time: datetime

    def __post_init__(self) -> None:
        if not 1 <= self.floor < self.price.minor:
            raise invalid("bargain.floor_price", "must be more than 0 and less than price")
        if not 1 <= self.helpers <= self.price.minor - self.floor:
            raise invalid("bargain.helpers", "must be at least 1, and each must have something to cut")
        if self.end_time <= self.start_time:
            raise invalid("bargain.end_time", "must be after start_time")
        if self.duration <= timedelta():
            raise invalid("bargain.duration", "must be more than 0")

    @property
    def name(self) -> str:
        """The resource name."""
        return names.join(COLLECTION, self.id)

    def state(self, now: datetime) -> BargainState:
        """Where it stands at an instant of [start, end), before or after."""
        if self.cancel_time is not None:
            return BargainState.CANCELLED
        if now < self.start_time:
            return BargainState.SCHEDULED
        return BargainState.OPEN if now < self.end_time else BargainState.ENDED

    def check_open(self, now: datetime) -> None:
        """Raise a Fault unless a haggle can begin now."""
        state = self.state(now)
        if state is not BargainState.OPEN:
            raise errors.bargain_not_open(self.id, state, start=self.start_time, end=self.end_time)

    def cancel(self, now: datetime) -> Bargain:
        """No haggle can begin any more; those that have go on. The same once more changes nothing."""
        if self.cancel_time is not None:
            return self
        if now >= self.end_time:
            raise errors.bargain_not_open(self.id, self.state(now), start=self.start_time, end=self.end_time)
        return replace(self, cancel_time=now, version=self.version + 1, update_time=now)


@dataclass(frozen=True, slots=True)
class Haggle:
    """A member's attempt: `done` of its `cuts` were made. `order` is what bought it; None while nobody has."""

    id: UUID
    bargain: UUID
    member: UUID
    state: HaggleState
    price: Money
    cuts: tuple[int, ...]
    done: int
    order: UUID | None
    open_time: datetime
    deadline: datetime
    update_time: datetime

    @classmethod
    def begin(cls, haggle_id: UUID, of: Bargain, member: UUID, now: datetime) -> Haggle:
        """A new one, with all of its cuts drawn."""
        chance = random.Random(haggle_id.int)  # noqa: S311 - for delight, not for secrets
        weights = [chance.randint(20, 100) for _ in range(of.helpers)]
        shares = allocate(of.price.minor - of.floor - of.helpers, weights)
        cuts = tuple(share + 1 for share in shares)
        deadline = now + of.duration
        return cls(haggle_id, of.id, member, HaggleState.CUTTING, of.price, cuts, 0, None, now, deadline, now)

    @property
    def name(self) -> str:
        """The resource name."""
        return names.join(COLLECTION, self.bargain, "haggles", self.id)

    @property
    def reached(self) -> Money:
        """The price as it was cut so far."""
        return Money(self.price.minor - sum(self.cuts[: self.done]), self.price.currency)

    @property
    def left(self) -> int:
        """How many cuts are left."""
        return len(self.cuts) - self.done

    def cut(self, now: datetime) -> tuple[Haggle, int]:
        """With the next cut, and how much it is. Raises a Fault when it is over, or at its floor."""
        self.check_cutting(now)
        if not self.left:
            raise errors.haggle_state_invalid(self.name, "FLOOR")
        return replace(self._stepped(HaggleStep.CUT, now), done=self.done + 1), self.cuts[self.done]

    def buy(self, order: UUID, now: datetime) -> Haggle:
        """Ordered at the price that it has reached."""
        self.check_cutting(now)
        return replace(self._stepped(HaggleStep.BUY, now), order=order)

    def pay(self, now: datetime) -> Haggle:
        """Its order is paid."""
        return self._stepped(HaggleStep.PAY, now)

    def cancel(self, now: datetime) -> Haggle:
        """Its order was given up: it goes on, if there is time left."""
        return replace(self._stepped(HaggleStep.CANCEL, now), order=None)

    def check_cutting(self, now: datetime) -> None:
        """Raise a Fault unless it goes on."""
        if self.state is not HaggleState.CUTTING:
            raise errors.haggle_state_invalid(self.name, self.state)
        if now >= self.deadline:
            raise errors.haggle_state_invalid(self.name, "OVER")

    def _stepped(self, step: HaggleStep, now: datetime) -> Haggle:
        state = TRANSITIONS.get((self.state, step))
        if state is None:
            raise errors.haggle_state_invalid(self.name, self.state)
        return replace(self, state=state, update_time=now)


@dataclass(frozen=True, slots=True)
class Cut:
    """What a helper took off."""

    haggle: UUID
    helper: UUID
    amount: int
    time: datetime


@dataclass(frozen=True, slots=True)
class BargainQuery:
    """Which bargains to list; None asks for no filter."""

    product: UUID | None = None
