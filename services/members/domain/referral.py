"""Referrals. Whether one is rewarded is a pure function of the new member's orders, in whatever order they are told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from services.members.domain.daily_limit import DailyLimit, check_limits
from services.members.domain.errors.engagement import engagement_invalid, referral_closed

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no letter looks like a digit."""
_ALIKE = str.maketrans("OIL", "011")
_CODE_LETTERS = 8


class State(StrEnum):
    """Where a referral stands."""

    PENDING = "PENDING"
    REWARDED = "REWARDED"
    REVOKED = "REVOKED"
    VOID = "VOID"


@dataclass(frozen=True, slots=True)
class ReferralRules:
    """What both get, until when after joining a referral can be made, and how many are rewarded in a month."""

    referrer_points: int
    member_points: int
    attach_days: int
    rewards_per_month: int = 0
    limits: tuple[DailyLimit, ...] = ()

    def check(self, field: str) -> None:
        """Raise a Fault when the rules contradict each other."""
        if not self.referrer_points and not self.member_points:
            raise engagement_invalid(f"{field}.referrer_points", "must be given, or those of the member")
        check_limits(self.limits, f"{field}.limits")

    def check_member(self, *, joined: datetime, bought: bool, now: datetime) -> None:
        """Raise a Fault when a member who joined then can't be referred any more."""
        if bought:
            raise referral_closed("bought", "has bought already")
        if joined + timedelta(days=self.attach_days) <= now:
            raise referral_closed("late", f"joined more than {self.attach_days} days ago")


@dataclass(frozen=True, slots=True)
class Order:
    """What is known of a member's order: what was paid (None: not heard yet), and what is left after refunds."""

    member: UUID
    id: UUID
    pay_time: datetime
    paid: int | None
    net: int
    version: int

    def told(self, other: Order) -> Order:
        """The order, after more was heard of it. It does not matter what was heard first."""
        newest = other if other.version > self.version else self
        return replace(newest, paid=self.paid if other.paid is None else other.paid)

    @property
    def counts(self) -> bool:
        """Whether money was paid for it."""
        return bool(self.paid)


@dataclass(frozen=True, slots=True)
class Referral:
    """Who brought a member. The points were promised when it was made; `..._given` is what they have now for it."""

    member: UUID
    referrer: UUID
    create_time: datetime
    referrer_points: int
    member_points: int
    state: State = State.PENDING
    order: UUID | None = None
    referrer_given: int = 0
    member_given: int = 0
    reward_time: datetime | None = None
    version: int = 1

    def judged(self, orders: Iterable[Order]) -> tuple[State, UUID | None]:
        """Where it stands after these orders of the member, and the first one that was paid."""
        first = min(
            (order for order in orders if order.counts), key=lambda each: (each.pay_time, each.id), default=None
        )
        if first is None:
            return State.PENDING, None
        if first.pay_time < self.create_time:
            return State.VOID, first.id
        return (State.REWARDED if first.net > 0 else State.REVOKED), first.id

    def settled(self, state: State, order: UUID | None, *, now: datetime, capped: bool) -> Referral:
        """The referral in its new state. `capped`: the referrer has had the rewards of the month."""
        if (state, order) == (self.state, self.order):
            return self
        moved = replace(self, state=state, order=order, version=self.version + 1)
        if state is State.REWARDED and self.state is not State.REWARDED:
            given = 0 if capped else self.referrer_points
            return replace(moved, referrer_given=given, member_given=self.member_points, reward_time=now)
        if state is not State.REWARDED:
            return replace(moved, referrer_given=0, member_given=0)
        return moved


def code_of(number: int) -> str:
    """A code of eight letters from a random number."""
    letters = []
    for _ in range(_CODE_LETTERS):
        number, rest = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[rest])
    return "".join(letters)


def read_code(text: str) -> str:
    """A code as somebody wrote it, in the form in which it is kept."""
    return text.strip().upper().translate(_ALIKE)
