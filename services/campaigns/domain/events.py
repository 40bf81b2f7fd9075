"""What happened in campaigns, as facts; `publish` says them to the other services."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class EntryCause(StrEnum):
    """What brought a member into a segment."""

    PURCHASE = "PURCHASE"
    TIME = "TIME"
    RULE = "RULE"
    IMPORT = "IMPORT"
    MERGE = "MERGE"

    @property
    def automated(self) -> bool:
        """Whether automations act on it: something happened to the member, today."""
        return self in {EntryCause.PURCHASE, EntryCause.TIME}


@dataclass(frozen=True, slots=True)
class SegmentEntered:
    """A member came into a segment. `version` is that of the member's profile."""

    segment: UUID
    member: UUID
    time: datetime
    rule_version: int
    version: int
    cause: EntryCause


@dataclass(frozen=True, slots=True)
class SegmentLeft:
    """A member left a segment. `version` is that of the member's profile."""

    segment: UUID
    member: UUID
    time: datetime
    rule_version: int
    version: int


@dataclass(frozen=True, slots=True)
class CouponIssued:
    """A member got a coupon."""

    coupon: UUID
    template: UUID
    member: UUID
    cause: str
    time: datetime
    expire_time: datetime
    version: int


@dataclass(frozen=True, slots=True)
class CouponUsed:
    """A paid order used a coupon up."""

    coupon: UUID
    member: UUID
    order: UUID
    time: datetime
    version: int


@dataclass(frozen=True, slots=True)
class CouponReturned:
    """The member can use a coupon again: all of the order that had used it up was refunded."""

    coupon: UUID
    member: UUID
    order: UUID
    time: datetime
    expire_time: datetime
    version: int


@dataclass(frozen=True, slots=True)
class RewardDelivered:
    """The coupons of a redemption, which is given by its name, were issued."""

    redemption: str
    member: UUID
    coupons: tuple[UUID, ...]
    time: datetime


@dataclass(frozen=True, slots=True)
class RewardRefused:
    """The coupons of a redemption, which is given by its name, can't be issued."""

    redemption: str
    member: UUID
    reason: str
    time: datetime
