"""Proof: what an order and its neighbours say of each other, recomputed and compared.

What is kept twice must agree: a total with its lines, payments with what is due, refunds with what they gave, stock
with its movements, and what other services keep for an order with what the order says of them. What was found about
one order is signed, and each statement names the hash of the one before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from kit import names
from kit.proof import GENESIS, canonical
from kit.wire import instant

UNKNOWN = "unknown"
"""What stands in place of what could not be found out. It agrees with nothing."""

SETTLED_WITHIN = timedelta(minutes=1)
"""News of an order may take so long to the other services; until then what differs there is not known to be wrong."""


class Kind(StrEnum):
    """What is compared."""

    TOTAL = "total"
    """An order's total with its lines and freight."""
    SHARES = "shares"
    """What the units of a line cost, and how many they are, with the line."""
    DISCOUNT = "discount"
    """What was taken off a line with nothing: never less."""
    POINTS = "points"
    """The points that the units and the freight are paid with, with those of the order."""
    PAYMENTS = "payments"
    """What payments cover with what is due."""
    REFUNDED = "refunded"
    """What was given back of an order, a line or a payment with its refunds; and what a cancelled order keeps."""
    PAYOUTS = "payouts"
    """What a refund gives back with how it divides over the payments."""
    CAPTURED = "captured"
    """A payment by a provider with what its intent captured."""
    RETURNED = "returned"
    """What a refund gives back through a provider with what that has told."""
    EXCHANGED = "exchanged"
    """What an exchange passed on with what that paid for, and what came back of it."""
    STOCK = "stock"
    """What an order holds, took or waits for with its movements of stock."""
    PLACE = "place"
    """The stock of a place with its movements and holders."""
    QUOTA = "quota"
    """The quota of a flash sale with its buckets, and their units with the orders; the units of a presale."""
    CHECKOUT = "checkout"
    """A checkout with its end."""
    OVERDUE = "overdue"
    """An order whose time to pay is over with its end."""
    COUPON = "coupon"
    """A coupon of an order as campaigns knows it."""
    HOLD = "hold"
    """Points that pay an order as members knows them."""
    PURCHASE = "purchase"
    """What members counts of an order."""
    STORED_VALUE = "stored_value"
    """Stored value or a gift card that pays an order as members knows it."""


class Verdict(StrEnum):
    """How a comparison came out."""

    OK = "OK"
    DIFFERENT = "DIFFERENT"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison: what should be against what is."""

    kind: Kind
    subject: str
    expected: str
    actual: str

    @property
    def verdict(self) -> Verdict:
        """How it came out."""
        if self.actual == UNKNOWN:
            return Verdict.UNKNOWN
        return Verdict.OK if self.expected == self.actual else Verdict.DIFFERENT

    @property
    def ok(self) -> bool:
        """Whether both agree."""
        return self.verdict is Verdict.OK

    def __str__(self) -> str:
        return f"{self.kind} of {self.subject}: {self.expected} expected, {self.actual} found"


def remote(kind: Kind, subject: str, *, expected: str, actual: str | None, changed: datetime, now: datetime) -> Check:
    """A comparison with what another service said, None if it did not answer. What differs so soon after the order
    `changed` may only be late."""
    late = actual != expected and now < changed + SETTLED_WITHIN
    return Check(kind, subject, expected, UNKNOWN if actual is None or late else actual)


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found about one order at `time`. It follows the order's statement with the hash `previous`."""

    order: UUID
    sequence: int
    time: datetime
    version: int
    """The order's."""
    checks: Sequence[Check] = field(repr=False)
    previous: str = GENESIS

    @property
    def ok(self) -> bool:
        """Whether everything agrees."""
        return all(each.ok for each in self.checks)

    def payload(self) -> str:
        """What is signed: the statement as canonical JSON."""
        return canonical(
            {
                "name": names.join("orders", self.order, "verifications", str(self.sequence)),
                "time": instant(self.time),
                "version": self.version,
                "ok": self.ok,
                "checks": [
                    {"kind": each.kind, "subject": each.subject, "expected": each.expected, "actual": each.actual}
                    for each in self.checks
                ],
                "previousHash": self.previous,
            }
        )


@dataclass(frozen=True, slots=True)
class Signed:
    """A statement that was signed (`jws`, RFC 7515 compact), and the hash that the next one names."""

    order: UUID
    sequence: int
    time: datetime
    ok: bool
    previous: str
    hash: str
    jws: str


class Sweep(NamedTuple):
    """When everything was compared last, and how much differed, by kind."""

    time: datetime
    differences: Mapping[str, int]
