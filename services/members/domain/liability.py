"""Liability: what members could still claim at a moment, what it is worth, and that it ties to the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from kit.money import Money
from services.members.domain.programme import Programme
from services.members.domain.verification import divided

NEVER = "never"
"""The month of points that don't expire."""

_STORED = "stored/"


class Slice(NamedTuple):
    """What is left of the lots of one unit that expire in one month (`2026-05`) and whose owners have one home store.
    A part that is not told apart is empty."""

    unit: str
    month: str
    store: str
    pending: int
    available: int
    held: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.pending + self.available + self.held


@dataclass(frozen=True, slots=True)
class UnitTotal:
    """Both sides of one unit, by account: what members have and owe, and what the house's accounts say."""

    unit: str
    members: Mapping[str, int]
    house: Mapping[str, int]
    outstanding: int
    value: Money | None
    balanced: bool


@dataclass(frozen=True, slots=True)
class Liability:
    """What was outstanding at `time`. `slices` are by unit, month and store; the sides by unit and account."""

    time: datetime
    slices: Sequence[Slice]
    members: Mapping[tuple[str, str], int]
    house: Mapping[tuple[str, str], int]
    programmes: Mapping[str, Programme] = field(repr=False)
    """By their unit."""

    def rows(self, *, by_month: bool, by_store: bool) -> list[tuple[Slice, Money]]:
        """The slices with their worth, those that are not to be told apart as one."""
        sums: dict[tuple[str, str, str], list[int]] = {}
        for each in self.slices:
            key = (each.unit, each.month if by_month else "", each.store if by_store else "")
            total = sums.setdefault(key, [0, 0, 0])
            for place, amount in enumerate((each.pending, each.available, each.held)):
                total[place] += amount
        rows = [Slice(*key, *amounts) for key, amounts in sorted(sums.items())]
        return [(row, self.programmes[row.unit].worth(row.total)) for row in rows if row.unit in self.programmes]

    def totals(self) -> list[UnitTotal]:
        """Both sides of every unit."""
        units = sorted({unit for unit, _ in (*self.members, *self.house)})
        return [self._total(unit) for unit in units]

    def _total(self, unit: str) -> UnitTotal:
        members = {account: amount for (of, account), amount in self.members.items() if of == unit}
        house = {account: amount for (of, account), amount in self.house.items() if of == unit}
        outstanding = sum(amount for amount in members.values() if amount > 0)
        in_lots = sum(each.total for each in self.slices if each.unit == unit)
        return UnitTotal(
            unit,
            members,
            house,
            outstanding,
            self._worth(unit, outstanding),
            balanced=sum(members.values()) + sum(house.values()) == 0 and (in_lots == outstanding or not divided(unit)),
        )

    def _worth(self, unit: str, amount: int) -> Money | None:
        if unit in self.programmes:
            return self.programmes[unit].worth(amount)
        return Money(amount, unit.removeprefix(_STORED)) if unit.startswith(_STORED) else None
