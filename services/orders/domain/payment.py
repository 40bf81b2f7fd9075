"""Payments: what an order's total was paid with, and what of each payment was given back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from kit.money import Money, allocate
from services.orders.domain.errors import checkout as errors


class Tender(StrEnum):
    """How a part of an order is paid."""

    MANUAL = "MANUAL"
    POINTS = "POINTS"
    IMPORTED = "IMPORTED"
    STORED_VALUE = "STORED_VALUE"
    GIFT_CARD = "GIFT_CARD"
    WECHAT_PAY = "WECHAT_PAY"
    ALIPAY = "ALIPAY"
    EXCHANGE = "EXCHANGE"
    """What came back in an exchange; the reference is the refund that passed its value on."""


REMOTE = frozenset({Tender.WECHAT_PAY, Tender.ALIPAY})
"""Tenders whose money comes from a provider, and goes back through it: a refund waits until that has done it."""


HELD = frozenset({Tender.STORED_VALUE, Tender.GIFT_CARD})
"""Tenders whose money members holds, by the reference, until the order is paid."""


@dataclass(frozen=True, slots=True)
class Payment:
    """A part of the total that was paid; `reference` is the receipt, the transfer, the provider's transaction or the
    hold. `refunded` of its minor units were given back, or are on their way."""

    tender: Tender
    amount: Money
    reference: str
    pay_time: datetime
    refunded: int = 0

    @property
    def left(self) -> int:
        """What was not given back."""
        return self.amount.minor - self.refunded

    def give_back(self, minor: int) -> Payment:
        """The payment when so much more of it is given back."""
        return replace(self, refunded=self.refunded + minor)

    def same(self, other: Payment) -> bool:
        """Whether both are one and the same payment, told twice. By hand, two may have the same reference."""
        return self.tender is not Tender.MANUAL and (self.tender, self.reference) == (other.tender, other.reference)


@dataclass(frozen=True, slots=True)
class PointsTender:
    """Points of a member that are held for an order, and what they are worth in it."""

    hold: str
    points: int
    value: Money


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many points may pay for an order, by the rules of their programme."""

    least: int
    most: int

    def check(self, points: int) -> None:
        """Raise a Fault unless so many may."""
        if not self.least <= points <= self.most:
            raise errors.points_not_allowed(points, least=self.least, most=self.most)


RefundPolicy = tuple[Tender, ...]
"""Which tenders get their money back first; empty: each in proportion to what is left of it."""


def split(minor: int, payments: Sequence[Payment], policy: RefundPolicy = ()) -> list[int]:
    """How much of a refund each payment gives back: never more than is left of it. Points are no money and give none.

    In proportion by largest remainder, ties to the earlier payment; or, by a policy, one after the other: those that it
    does not name come last.
    """
    left = [0 if payment.tender is Tender.POINTS else payment.left for payment in payments]
    if not policy:
        return allocate(minor, left) if minor else [0] * len(left)
    shares = [0] * len(left)
    for index in sorted(range(len(left)), key=lambda index: _rank(payments[index].tender, policy)):
        shares[index] = min(minor, left[index])
        minor -= shares[index]
    return shares


def _rank(tender: Tender, policy: RefundPolicy) -> int:
    return policy.index(tender) if tender in policy else len(policy)
