"""Statements: what was posted to a member's accounts of one unit in [start, end), between two balances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Line:
    """A transfer, as it stands in a statement; `id` rises in the order of posting."""

    id: int
    kind: str
    debit: str
    credit: str
    amount: int
    lot: UUID | None
    source: str
    effective_time: datetime
    create_time: datetime


@dataclass(frozen=True, slots=True)
class Period:
    """The balances of a member's accounts right before `start` (None: before everything) and right before `end`.

    `member` is whose accounts they are: the heir, when the one who was asked for was merged.
    """

    member: UUID
    unit: str
    start: datetime | None
    end: datetime
    opening: Mapping[str, int]
    closing: Mapping[str, int]
