"""A group of a group buy: its seats, its deadline, and how it ends.

A seat is held before it is paid; held, paid and sponsored seats are never more than the group has. Whatever decides a
group happens under the lock of its row, so that paying and the deadline are decided once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kit import names
from kit.money import Money
from services.orders.domain.errors import group_buy as errors
from services.orders.domain.group_buy import COLLECTION, GroupBuy, PriceStep

PATTERN = "groupBuys/{group_buy}/groups/{group}"
"""What the names of groups look like; orders carry them as their activity."""


class GroupState(StrEnum):
    """Where a group of a group buy stands."""

    OPENING = "OPENING"
    RECRUITING = "RECRUITING"
    SUCCEEDED = "SUCCEEDED"
    EXPIRED = "EXPIRED"
    REFUNDING = "REFUNDING"
    CLOSED = "CLOSED"


class GroupStep(StrEnum):
    """What can happen to a group."""

    PAY = "PAY"
    LEAVE = "LEAVE"
    FILL = "FILL"
    DEADLINE = "DEADLINE"
    REFUND = "REFUND"
    CLOSE = "CLOSE"


TRANSITIONS: Mapping[tuple[GroupState, GroupStep], frozenset[GroupState]] = {
    (GroupState.OPENING, GroupStep.PAY): frozenset({GroupState.RECRUITING}),
    (GroupState.OPENING, GroupStep.LEAVE): frozenset({GroupState.EXPIRED}),
    (GroupState.OPENING, GroupStep.DEADLINE): frozenset({GroupState.EXPIRED}),
    (GroupState.RECRUITING, GroupStep.PAY): frozenset({GroupState.RECRUITING, GroupState.SUCCEEDED}),
    (GroupState.RECRUITING, GroupStep.LEAVE): frozenset({GroupState.RECRUITING, GroupState.EXPIRED}),
    (GroupState.RECRUITING, GroupStep.FILL): frozenset({GroupState.RECRUITING, GroupState.SUCCEEDED}),
    (GroupState.RECRUITING, GroupStep.DEADLINE): frozenset({GroupState.SUCCEEDED, GroupState.EXPIRED}),
    (GroupState.EXPIRED, GroupStep.REFUND): frozenset({GroupState.REFUNDING}),
    (GroupState.REFUNDING, GroupStep.CLOSE): frozenset({GroupState.CLOSED}),
}
"""The state machine: which steps each state allows, and where they may lead. Nothing else happens to a group."""

UNDECIDED = frozenset({GroupState.OPENING, GroupState.RECRUITING})
"""The states of a group that may still succeed."""


class SeatState(StrEnum):
    """Where a seat stands. A LATE one was paid when its group was decided without it."""

    HELD = "HELD"
    PAID = "PAID"
    LATE = "LATE"
    REFUNDED = "REFUNDED"


@dataclass(frozen=True, slots=True)
class Seat:
    """A member's seat in a group, by an order; the `n`-th of the member in the group buy. It is `settled` once the
    member has back what the ladder led down. Only a new customer may have a `newcomer` seat, and nobody
    has two of them that stand. The seat of an order that was cancelled is no more."""

    order: UUID
    group: UUID
    group_buy: UUID
    member: UUID
    n: int
    state: SeatState = SeatState.HELD
    settled: bool = False
    newcomer: bool = False


@dataclass(frozen=True, slots=True)
class OpenEnd:
    """A seat of a decided group that something is still to be done for: its order is given up or refunded `whole`, or
    gets back the `difference` to the final price."""

    order: UUID
    whole: bool
    difference: int


@dataclass(frozen=True, slots=True)
class Sponsorship:
    """Seats that the merchant filled."""

    id: UUID
    group: UUID
    seats: int
    note: str
    by: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Group:
    """A group, with the terms that it was opened with. `paid` members are in it, also those who gave their unit back
    after it had succeeded. Nobody sees it before its leader has paid (`recruit_time`). It is `unsettled` while its
    end still leads to something. `store` is where it was opened, if in one."""

    id: UUID
    group_buy: UUID
    leader: UUID
    state: GroupState
    size: int
    price: Money
    steps: tuple[PriceStep, ...]
    held: int
    paid: int
    sponsored: int
    final_price: int | None
    open_time: datetime
    deadline: datetime
    recruit_time: datetime | None
    end_time: datetime | None
    unsettled: bool
    version: int
    update_time: datetime
    store: str = ""

    @classmethod
    def open(cls, group_id: UUID, of: GroupBuy, leader: UUID, now: datetime, *, store: str = "") -> Group:
        """A new group, whose leader holds the first seat."""
        terms = of.terms
        return cls(
            id=group_id,
            group_buy=of.id,
            leader=leader,
            state=GroupState.OPENING,
            size=terms.size,
            price=terms.price,
            steps=terms.steps,
            held=1,
            paid=0,
            sponsored=0,
            final_price=None,
            open_time=now,
            deadline=now + terms.duration,
            recruit_time=None,
            end_time=None,
            unsettled=False,
            version=1,
            update_time=now,
            store=store,
        )

    @property
    def name(self) -> str:
        """The resource name."""
        return names.join(COLLECTION, self.group_buy, "groups", self.id)

    @property
    def visible(self) -> bool:
        """Whether its leader has paid."""
        return self.recruit_time is not None

    @property
    def free(self) -> int:
        """Seats that nobody has."""
        return self.size - self.held - self.paid - self.sponsored

    @property
    def undecided(self) -> bool:
        """Whether it may still succeed."""
        return self.state in UNDECIDED

    @property
    def difference(self) -> int:
        """What each member gets back of the price of joining."""
        return 0 if self.final_price is None else self.price.minor - self.final_price

    def check_recruiting(self, now: datetime) -> None:
        """Raise a Fault unless it takes members."""
        if not self.visible:
            raise errors.group_not_found(self.name)
        if self.state is not GroupState.RECRUITING or now >= self.deadline:
            raise errors.group_not_recruiting(self.name, self.state, self.deadline)

    def hold(self, now: datetime) -> Group:
        """With one more seat that waits for its payment. Raises a Fault when none is free."""
        self.check_recruiting(now)
        if not self.free:
            raise errors.group_full(self.name, free=0)
        return replace(self, held=self.held + 1)

    def pay(self, now: datetime) -> tuple[Group, SeatState]:
        """A held seat is paid: in time, or too late. The last one makes the group succeed."""
        group = self.after_deadline(now)
        without = replace(group, held=group.held - 1)
        if not group.undecided:
            return replace(without, unsettled=True), SeatState.LATE
        within = replace(without, paid=group.paid + 1, recruit_time=group.recruit_time or now)
        return _counted(within, GroupStep.PAY, now), SeatState.PAID

    def release(self, now: datetime) -> Group:
        """A held seat is given up. Without its leader a group never begins."""
        group = replace(self, held=self.held - 1)
        if self.state is GroupState.OPENING:
            return _ended(group, GroupStep.LEAVE, GroupState.EXPIRED, now)
        return group

    def leave(self, seat: SeatState, now: datetime) -> Group:
        """A paid seat was refunded whole. Before the group has succeeded it is free again, and when nobody is left who
        paid, the group ends; afterwards nothing changes."""
        group = self if seat is SeatState.LATE else replace(self, paid=self.paid - 1)
        if self.state is GroupState.SUCCEEDED:
            return self
        if self.state is GroupState.RECRUITING:
            if group.paid:
                return stepped(group, GroupStep.LEAVE, GroupState.RECRUITING, now)
            return _ended(group, GroupStep.LEAVE, GroupState.EXPIRED, now)
        return _refunding(group, now)

    def fill(self, seats: int, now: datetime) -> Group:
        """With free seats filled by the merchant, all of them for 0. Raises a Fault when fewer are free."""
        self.check_recruiting(now)
        count = seats or self.free
        if not 0 < count <= self.free:
            raise errors.group_full(self.name, free=self.free)
        return _counted(replace(self, sponsored=self.sponsored + count), GroupStep.FILL, now)

    def after_deadline(self, now: datetime) -> Group:
        """As its deadline leaves it, if that is over: a ladder whose first step is reached succeeds."""
        if not self.undecided or now < self.deadline:
            return self
        reached = bool(self.steps) and self.paid >= self.steps[0].members
        return _ended(self, GroupStep.DEADLINE, GroupState.SUCCEEDED if reached else GroupState.EXPIRED, now)

    def finish(self, now: datetime) -> Group:
        """All that its end led to is done."""
        group = replace(self, unsettled=False)
        if group.state is GroupState.SUCCEEDED:
            return group
        return stepped(_refunding(group, now), GroupStep.CLOSE, GroupState.CLOSED, now)

    def price_for(self, members: int) -> int:
        """The price when so many members have paid."""
        return min([self.price.minor, *(step.price for step in self.steps if step.members <= members)])


def stepped(group: Group, step: GroupStep, state: GroupState, now: datetime) -> Group:
    """The group after a step. Raises a Fault if its state does not allow it."""
    if state not in TRANSITIONS.get((group.state, step), frozenset()):
        raise errors.group_not_recruiting(group.name, group.state, group.deadline)
    return replace(group, state=state, version=group.version + 1, update_time=now)


def _counted(group: Group, step: GroupStep, now: datetime) -> Group:
    if group.paid + group.sponsored == group.size:
        return _ended(group, step, GroupState.SUCCEEDED, now)
    return stepped(group, step, GroupState.RECRUITING, now)


def _ended(group: Group, step: GroupStep, state: GroupState, now: datetime) -> Group:
    final = group.price_for(group.paid) if state is GroupState.SUCCEEDED else None
    return replace(stepped(group, step, state, now), final_price=final, end_time=now, unsettled=True)


def _refunding(group: Group, now: datetime) -> Group:
    if group.state is GroupState.REFUNDING:
        return group
    return stepped(group, GroupStep.REFUND, GroupState.REFUNDING, now)


@dataclass(frozen=True, slots=True)
class GroupQuery:
    """The groups of a group buy that take members; those of stores within a part of the organisation, if given."""

    group_buy: UUID
    org: str = ""
