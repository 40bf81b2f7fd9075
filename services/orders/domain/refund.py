"""A refund: what of a paid order was given back, and how the money goes back to each payment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kit import names
from kit.errors import etag_mismatch
from kit.money import Money
from services.orders.domain.errors import refund as errors
from services.orders.domain.payment import REMOTE, Payment, Tender

CREDIT_RETURNED = "CREDIT_RETURNED"
"""The reason of a refund that gives back what an exchange had passed on."""


class RefundKind(StrEnum):
    """What else happens beside the money."""

    REFUND = "REFUND"
    RETURN = "RETURN"
    EXCHANGE = "EXCHANGE"
    CANCELLATION = "CANCELLATION"


class RefundState(StrEnum):
    """Where a refund stands."""

    REQUESTED = "REQUESTED"
    AWAITING_GOODS = "AWAITING_GOODS"
    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"


class RefundStep(StrEnum):
    """What can happen to a refund."""

    APPROVE = "APPROVE"
    RECEIVE = "RECEIVE"
    REJECT = "REJECT"
    SETTLE = "SETTLE"
    WITHDRAW = "WITHDRAW"


TRANSITIONS: Mapping[tuple[RefundState, RefundStep], frozenset[RefundState]] = {
    (RefundState.REQUESTED, RefundStep.APPROVE): frozenset(
        {RefundState.AWAITING_GOODS, RefundState.PENDING, RefundState.SUCCEEDED}
    ),
    (RefundState.REQUESTED, RefundStep.REJECT): frozenset({RefundState.REJECTED}),
    (RefundState.AWAITING_GOODS, RefundStep.RECEIVE): frozenset({RefundState.PENDING, RefundState.SUCCEEDED}),
    (RefundState.AWAITING_GOODS, RefundStep.REJECT): frozenset({RefundState.REJECTED}),
    (RefundState.PENDING, RefundStep.SETTLE): frozenset({RefundState.PENDING, RefundState.SUCCEEDED}),
    (RefundState.SUCCEEDED, RefundStep.WITHDRAW): frozenset({RefundState.WITHDRAWN}),
}
"""The state machine: which steps each state allows, and where they may lead. Nothing else happens to a refund. One that
nobody has to approve, and that waits for no goods, begins as PENDING or SUCCEEDED. Only what a cancellation gave back
to accounts is withdrawn: when money that came late brings the order back."""


class PayoutState(StrEnum):
    """Where the money of one payment stands on its way back."""

    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class PayoutStep(StrEnum):
    """What can happen to the money of one payment on its way back."""

    SUCCEED = "SUCCEED"
    FAIL = "FAIL"
    RETRY = "RETRY"


PAYOUT_TRANSITIONS: Mapping[tuple[PayoutState, PayoutStep], PayoutState] = {
    (PayoutState.PENDING, PayoutStep.SUCCEED): PayoutState.SUCCEEDED,
    (PayoutState.PENDING, PayoutStep.FAIL): PayoutState.FAILED,
    (PayoutState.FAILED, PayoutStep.RETRY): PayoutState.PENDING,
    (PayoutState.FAILED, PayoutStep.SUCCEED): PayoutState.SUCCEEDED,
}
"""The same for the money of one payment. That of cash, stored value and gift cards begins as SUCCEEDED: it is given by
hand at once, or by the service that keeps it when it hears of the refund."""


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
    """What is to be given back of an order: of its lines, and minor units of its freight. The `currency` of its amounts
    has to be the order's; it is empty where nobody asked for an amount."""

    lines: tuple[ClaimLine, ...] = ()
    freight: int = 0
    currency: str = field(default="", compare=False)

    @classmethod
    def units(cls, *units: tuple[int, int]) -> Claim:
        """Units, told as (position, quantity)."""
        return cls(tuple(ClaimLine(position, quantity) for position, quantity in units))


@dataclass(frozen=True, slots=True)
class RefundQuery:
    """Which refunds to list; None asks for no filter."""

    order: UUID | None = None
    state: RefundState | None = None
    org: str = ""


@dataclass(frozen=True, slots=True)
class Payout:
    """Money that goes back to the payment at `payment`; `reference` is what whoever paid it out calls it."""

    payment: int
    tender: Tender
    amount: Money
    state: PayoutState
    reference: str = ""

    def step(self, step: PayoutStep, reference: str) -> Payout:
        """The payout after a step; what has happened already changes nothing. Raises a Fault if it can't happen."""
        state = PAYOUT_TRANSITIONS.get((self.state, step))
        if state is None and self.state in {PAYOUT_TRANSITIONS[key] for key in PAYOUT_TRANSITIONS if key[1] is step}:
            return self
        if state is None:
            raise errors.payout_state_invalid(self.payment, self.state)
        return replace(self, state=state, reference=reference or self.reference)


@dataclass(frozen=True, slots=True)
class Refund:
    """What was given back: `amount` in money, and `points` that were worth `points_value`. `freight` of both together
    was for the delivery, and `tax` is the tax within.

    Until it is approved and its goods are there, nothing was given back yet: then these are what it would have given
    when it was asked for. `effect_time` is when it did. With `restock` those of its units that never left are for sale
    again. An exchange names the `replacement`, the order of what the customer gets instead, and passes `credit` minor
    units on to it, which are no part of `amount`. What the replacement gives back of them comes back by a refund whose
    credit is negative.
    """

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
    requested_by: str = ""
    decided_by: str = ""
    decide_time: datetime | None = None
    note: str = ""
    effect_time: datetime | None = None
    replacement: UUID | None = None
    version: int = 1
    restock: bool = False
    credit: int = 0

    @property
    def name(self) -> str:
        """Its resource name."""
        return names.join("orders", self.order, "refunds", self.id)

    @property
    def claim(self) -> Claim:
        """What was asked for."""
        lines = tuple(
            ClaimLine(line.position, line.quantity, 0 if line.quantity else line.amount.minor) for line in self.lines
        )
        return Claim(lines, self.freight)

    @property
    def worth(self) -> int:
        """What it gives back, in minor units, points at their worth, with what it passes on."""
        return self.amount.minor + self.points_value.minor + self.credit

    @property
    def of_goods(self) -> bool:
        """Whether goods come back with it."""
        return self.kind in {RefundKind.RETURN, RefundKind.EXCHANGE}

    def check_version(self, version: int | None) -> None:
        """Raise a Fault unless `version`, if given, is the refund's."""
        if version is not None and version != self.version:
            raise etag_mismatch(self.name)

    def awaiting(self, state: RefundState) -> Refund:
        """As it is before it gives anything back."""
        return replace(self, state=state, payouts=(), effect_time=None)

    def decided(self, by: str, note: str, now: datetime) -> Refund:
        """With who decided on it, and what they said."""
        return replace(self, decided_by=by, note=note, decide_time=now)

    def reject(self, *, by: str, note: str, now: datetime) -> Refund:
        """Refused, or its goods never came."""
        return self.step(RefundStep.REJECT, RefundState.REJECTED).decided(by, note, now)

    def withdraw(self) -> Refund:
        """The order lives again, and what this had given back pays it again. Raises a Fault for anything but that."""
        if self.kind is not RefundKind.CANCELLATION:
            raise errors.refund_state_invalid(self.order, self.id, self.state)
        return self.step(RefundStep.WITHDRAW, RefundState.WITHDRAWN)

    def settle(self, payment: int, step: PayoutStep, reference: str) -> Refund:
        """What became of the money of one payment. Raises a Fault if it gives nothing back to that payment."""
        if payment not in {payout.payment for payout in self.payouts}:
            raise errors.payout_not_found(payment)
        payouts = tuple(
            payout.step(step, reference) if payout.payment == payment else payout for payout in self.payouts
        )
        if payouts == self.payouts:
            return self
        return replace(self.step(RefundStep.SETTLE, state_of(payouts)), payouts=payouts)

    def settle_by_hand(self, payment: int, reference: str) -> Refund:
        """Somebody paid the money of one payment, which its provider could not give back; the same once more changes
        nothing. Raises a Fault while the provider may still give it back, for then it would go back twice."""
        under_way = [each for each in self.payouts if each.payment == payment and each.state is PayoutState.PENDING]
        if under_way:
            raise errors.payout_state_invalid(payment, PayoutState.PENDING)
        return self.settle(payment, PayoutStep.SUCCEED, reference)

    def check(self, step: RefundStep) -> None:
        """Raise a Fault unless the refund's state allows the step."""
        if (self.state, step) not in TRANSITIONS:
            raise errors.refund_state_invalid(self.order, self.id, self.state)

    def step(self, step: RefundStep, state: RefundState) -> Refund:
        """The refund after a step. Raises a Fault if its state does not allow it."""
        if state not in TRANSITIONS.get((self.state, step), frozenset()):
            raise errors.refund_state_invalid(self.order, self.id, self.state)
        return replace(self, state=state, version=self.version + 1)


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
