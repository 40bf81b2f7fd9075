"""A refund: units of a paid order that were given back, and what each tender gave back for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kit.money import Money


@dataclass(frozen=True, slots=True)
class RefundLine:
    """Units of the line at `position`; `amount` is what was paid for them in all tenders."""

    position: int
    quantity: int
    amount: Money


@dataclass(frozen=True, slots=True)
class Refund:
    """What was given back: `amount` in money, and `points` that were worth `points_value`."""

    id: UUID
    order: UUID
    request_id: str
    lines: tuple[RefundLine, ...]
    amount: Money
    points: int
    points_value: Money
    reason: str
    refund_time: datetime
