"""Whether a product may be sold before it is there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kit.errors import invalid


class PolicyKind(StrEnum):
    """What happens when customers ask for more than there is."""

    DENY = "DENY"
    BACKORDER = "BACKORDER"
    PREORDER = "PREORDER"


@dataclass(frozen=True, slots=True)
class Policy:
    """Sell up to `limit` units that are not there yet. `arrive_time` is when they are expected: preorders end then,
    backorders go on."""

    kind: PolicyKind = PolicyKind.DENY
    limit: int = 0
    arrive_time: datetime | None = None

    def promises(self, now: datetime) -> int:
        """Units that may be promised beyond what is there, all orders together."""
        if self.kind is PolicyKind.DENY:
            return 0
        over = self.kind is PolicyKind.PREORDER and self.arrive_time is not None and now >= self.arrive_time
        return 0 if over else self.limit

    def check(self) -> None:
        """Raise a Fault for a policy that says too little or contradicts itself."""
        if self.kind is PolicyKind.DENY:
            if self.limit or self.arrive_time is not None:
                raise invalid("stock.policy", "has a limit or a time of arrival only when it promises units")
        elif self.limit <= 0:
            raise invalid("stock.policy.limit", "must be at least 1")
        elif self.kind is PolicyKind.PREORDER and self.arrive_time is None:
            raise invalid("stock.policy.arrive_time", "is needed for preorders")


DENIED = Policy()
"""Only what is there is sold."""
