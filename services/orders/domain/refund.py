"""A refund: what of a paid order was given back, and how the money goes back to each payment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kit.money import Money
from services.orders.domain.payment import REMOTE, Payment, Tender


class RefundKind(StrEnum):
    """What else happens beside the money."""

    REFUND = "REFUND"
    RETURN = "RETURN"
    EXCHANGE = "EXCHANGE"
    CANCELLATION = "CANCELLATION"


class RefundState(StrEnum):
    """Where a refund stands."""

    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"


class PayoutState(StrEnum):
    """Where the money of one payment stands on its way back."""

    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class RefundLine:
    """Units of the line at `position`, or, with a quantity of 0, an amount of it; `amount` is what was paid for them in
    all tenders."""

    position: int
    quantity: int
    amount: Money


@dataclass(frozen=True, slots=True)
class ClaimLine:
    """Units of a line that are to be given back, or, without units, an amount of it in minor units."""

    position: int
    quantity: int = 0
    amount: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """What is to be given back of an order: of its lines, and minor units of its freight."""

    lines: tuple[ClaimLine, ...] = ()
    freight: int = 0

    @classmethod
    def units(cls, *units: tuple[int, int]) -> Claim:
        """Units, told as (position, quantity)."""
        return cls(tuple(ClaimLine(position, quantity) for position, quantity in units))


@dataclass(frozen=True, slots=True)
class Payout:
    """Money that goes back to the payment at `payment`; `reference` is what whoever paid it out calls it."""

    payment: int
    tender: Tender
    amount: Money
    state: PayoutState
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Refund:
    """What was given back: `amount` in money, and `points` that were worth `points_value`. `freight` of both together
    was for the delivery, and `tax` is the tax within."""

    id: UUID
    order: UUID
    request_id: str
    lines: tuple[RefundLine, ...]
    amount: Money
    points: int
    points_value: Money
    reason: str
    refund_time: datetime
    kind: RefundKind = RefundKind.REFUND
    state: RefundState = RefundState.SUCCEEDED
    freight: int = 0
    tax: int = 0
    payouts: tuple[Payout, ...] = ()

    def answers(self, claim: Claim) -> bool:
        """Whether it gave back what is claimed."""
        lines = tuple(
            ClaimLine(line.position, line.quantity, 0 if line.quantity else line.amount.minor) for line in self.lines
        )
        return Claim(lines, self.freight) == claim


def payouts(payments: Sequence[Payment], shares: Sequence[int]) -> tuple[Payout, ...]:
    """The money that goes back to each payment: through its provider in a while, else at once."""
    return tuple(
        Payout(
            position,
            payment.tender,
            Money(share, payment.amount.currency),
            PayoutState.PENDING if payment.tender in REMOTE else PayoutState.SUCCEEDED,
        )
        for position, (payment, share) in enumerate(zip(payments, shares, strict=True), 1)
        if share
    )


def state_of(payouts: Sequence[Payout]) -> RefundState:
    """Where a refund stands whose money goes back so."""
    arrived = all(payout.state is PayoutState.SUCCEEDED for payout in payouts)
    return RefundState.SUCCEEDED if arrived else RefundState.PENDING
