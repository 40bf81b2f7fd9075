"""Taxes on what is sold: which rate applies, and how much of an amount it is. Integers, each rounded once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kit.errors import invalid
from services.orders.domain.address import Address, Area

WHOLE = 10_000
"""A rate of 100 %, in basis points."""
STANDARD = "standard"
"""The tax class of whatever names none."""


class Rounding(StrEnum):
    """What becomes of half a minor unit; whatever is nearer to one side goes there."""

    HALF_UP = "HALF_UP"
    HALF_EVEN = "HALF_EVEN"
    HALF_DOWN = "HALF_DOWN"


@dataclass(frozen=True, slots=True)
class TaxRate:
    """The rate of a tax class in [start, end), in basis points; None has no such end."""

    tax_class: str
    basis_points: int
    start: datetime | None = None
    end: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it is the rate of that instant."""
        return (self.start is None or self.start <= now) and (self.end is None or now < self.end)

    def meets(self, other: TaxRate) -> bool:
        """Whether both would hold at some instant."""
        before = self.end is not None and other.start is not None and self.end <= other.start
        after = other.end is not None and self.start is not None and other.end <= self.start
        return self.tax_class == other.tax_class and not before and not after


@dataclass(frozen=True, slots=True)
class TaxTable:
    """The taxes of a country, or of a region in it (`province`, `province/city`, ...). With `included` prices contain
    the tax, else it comes on top. The `home` table is also that of orders that are not sent to an address.
    `version` counts its changes from 1."""

    id: UUID
    title: str
    country: str
    region: str
    included: bool
    rounding: Rounding
    freight_class: str
    home: bool
    rates: tuple[TaxRate, ...]
    create_time: datetime
    update_time: datetime
    version: int = 1

    def checked(self) -> TaxTable:
        """The same. Raises a Fault when two rates of a class would hold at once, or one never does."""
        if not self.title.strip():
            raise invalid("tax_table.title", "must not be blank")
        for index, rate in enumerate(self.rates):
            field = f"tax_table.rates[{index}]"
            if rate.start is not None and rate.end is not None and rate.end <= rate.start:
                raise invalid(f"{field}.end_time", "must be after start_time")
            if any(rate.meets(earlier) for earlier in self.rates[:index]):
                raise invalid(field, f"holds at the same time as another rate of the class {rate.tax_class}")
        return self

    @property
    def area(self) -> Area:
        """Where it applies."""
        return Area(self.country, (self.region,) if self.region else ())

    def basis_points(self, tax_class: str, now: datetime) -> int:
        """The rate of a class at an instant; 0 when there is none."""
        for rate in self.rates:
            if rate.tax_class == (tax_class or STANDARD) and rate.holds(now):
                return rate.basis_points
        return 0


@dataclass(frozen=True, slots=True)
class Taxation:
    """By which table an order was taxed, and how."""

    table: UUID
    included: bool
    rounding: Rounding


@dataclass(frozen=True, slots=True)
class Taxed:
    """What is to be paid for something, and the tax inside of it, in minor units."""

    amount: int
    tax: int


def taxed(amount: int, basis_points: int, *, included: bool, rounding: Rounding) -> Taxed:
    """An amount of 0 or more with its tax: inside of it, or on top. Rounded once."""
    if included:
        return Taxed(amount, divided(amount * basis_points, WHOLE + basis_points, rounding))
    tax = divided(amount * basis_points, WHOLE, rounding)
    return Taxed(amount + tax, tax)


def divided(part: int, whole: int, rounding: Rounding) -> int:
    """The nearest integer to `part / whole`, neither of them negative."""
    quotient, rest = divmod(part, whole)
    if rest * 2 != whole:
        return quotient + (rest * 2 > whole)
    if rounding is Rounding.HALF_UP:
        return quotient + 1
    return quotient if rounding is Rounding.HALF_DOWN else quotient + quotient % 2


def table_of(tables: Sequence[TaxTable], address: Address | None) -> TaxTable | None:
    """The table for an address: the closest; without an address, the one at home. None if there is none."""
    if address is None:
        return next((table for table in tables if table.home), None)
    fits = [(fit, str(table.id), table) for table in tables if (fit := table.area.fit(address)) is not None]
    return max(fits, key=lambda each: each[:2])[2] if fits else None
