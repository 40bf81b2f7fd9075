"""Payments: what an order's total was paid with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kit.money import Money


class Tender(StrEnum):
    """How a part of an order is paid."""

    MANUAL = "MANUAL"
    POINTS = "POINTS"
    IMPORTED = "IMPORTED"


@dataclass(frozen=True, slots=True)
class Payment:
    """A part of the total that was paid; `reference` is the receipt, the transfer or the hold."""

    tender: Tender
    amount: Money
    reference: str
    pay_time: datetime


@dataclass(frozen=True, slots=True)
class PointsTender:
    """Points of a member that are held for an order, and what they are worth in it."""

    hold: str
    points: int
    value: Money
