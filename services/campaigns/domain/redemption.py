"""Redemptions of the points mall whose reward is a coupon: what is asked for, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class State(StrEnum):
    """What came of a redemption. Of one that is taken back, a coupon may still be in the hands of an order."""

    DELIVERED = "DELIVERED"
    REFUSED = "REFUSED"
    REVOKING = "REVOKING"
    REVOKED = "REVOKED"


class Reason(StrEnum):
    """Why a redemption is refused, beside the limits of its template."""

    ITEM_NOT_A_COUPON_TEMPLATE = "ITEM_NOT_A_COUPON_TEMPLATE"
    MEMBER_ERASED = "MEMBER_ERASED"


@dataclass(frozen=True, slots=True)
class Redemption:
    """A confirmed redemption: so many coupons for a member. `name` is its resource name; `template` is None when its
    item is no coupon template."""

    id: UUID
    name: str
    member: UUID
    template: UUID | None
    quantity: int

    def causes(self) -> Iterator[str]:
        """The cause of each of its coupons: its name, and from the second one on a number behind it."""
        for number in range(1, self.quantity + 1):
            yield self.name if number == 1 else f"{self.name}#{number}"


@dataclass(frozen=True, slots=True)
class Refused:
    """A redemption whose coupons can't be issued; counted, and told by `RewardRefused`."""

    redemption: UUID
    reason: str
