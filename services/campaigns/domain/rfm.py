"""Recency, frequency and monetary value: how a member compares with the others, in scores from 1 to 5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

BEST = 5


@dataclass(frozen=True, slots=True, order=True)
class Score:
    """Three scores from 1 to 5; 5 is the most recent, the most often, the most spent."""

    recency: int
    frequency: int
    monetary: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Of `count` members, how many have a strictly lower value than one of them."""

    count: int
    less_recent: int
    less_often: int
    less_spent: int

    def score(self) -> Score:
        """The member's scores: equal values have equal scores, and the lowest value always has 1."""
        lower = (self.less_recent, self.less_often, self.less_spent)
        return Score(*(1 + BEST * below // self.count for below in lower))


@dataclass(frozen=True, slots=True)
class Cell:
    """The members with the same scores: how many, their purchases and what they spent in minor units."""

    score: Score
    members: int
    orders: int
    total: int


@dataclass(frozen=True, slots=True)
class Table:
    """All cells of one currency, as of an instant."""

    currency: str
    as_of: datetime
    cells: Sequence[Cell]

    @property
    def members(self) -> int:
        """Members with purchases in the currency."""
        return sum(cell.members for cell in self.cells)
