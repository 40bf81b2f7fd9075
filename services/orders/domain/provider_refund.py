"""Money on its way back through a provider: asked for until the provider says that it is there, or a person looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from kit.money import Money
from services.orders.domain.errors import payments as errors
from services.orders.domain.payment_intent import PaymentIntent
from services.orders.domain.provider import Refunding, RefundStanding, Status

MOST_ATTEMPTS = 10
"""After so many refusals in a row a person has to look."""

AMOUNT_DIFFERS = "AMOUNT_DIFFERS"
"""The detail of one of which the provider says that it gave back another amount. A person has to look."""

_FIRST_PAUSE = timedelta(seconds=2)
_LONGEST_PAUSE = timedelta(minutes=30)


class ProviderRefundState(StrEnum):
    """Where money on its way back stands."""

    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class ProviderRefundStep(StrEnum):
    """What can happen to it."""

    SETTLE = "SETTLE"
    FAIL = "FAIL"
    RETRY = "RETRY"


TRANSITIONS: Mapping[tuple[ProviderRefundState, ProviderRefundStep], ProviderRefundState] = {
    (ProviderRefundState.PENDING, ProviderRefundStep.SETTLE): ProviderRefundState.SUCCEEDED,
    (ProviderRefundState.PENDING, ProviderRefundStep.FAIL): ProviderRefundState.FAILED,
    (ProviderRefundState.FAILED, ProviderRefundStep.RETRY): ProviderRefundState.PENDING,
    (ProviderRefundState.FAILED, ProviderRefundStep.SETTLE): ProviderRefundState.SUCCEEDED,
}
"""The state machine: where each step leads. Nothing else happens."""


class ProviderRefundCause(StrEnum):
    """Why money goes back."""

    ORDER_REFUND = "ORDER_REFUND"
    """Units of the order were refunded."""
    RETURNED = "RETURNED"
    """It could not pay the order: too late, or nothing was due."""
    DUPLICATE = "DUPLICATE"
    """The provider took the same charge twice."""


@dataclass(frozen=True, slots=True)
class OwedRefund:
    """What a refund of an order gives back of the payment at `position`, whose money was the provider's transaction."""

    refund: UUID
    position: int
    order: UUID
    tender: str
    amount: Money
    transaction: str


@dataclass(frozen=True, slots=True)
class ProviderRefund:
    """Money on its way back. `charge` and `transaction_charged` say which charge it was taken by, `total` how much that
    was. Of an order's refund, `refund` and `position` name the payment. A `round` begins when the provider gave a
    reference up for good and a person tries again under another."""

    id: UUID
    order: UUID
    intent: UUID
    provider: str
    cause: ProviderRefundCause
    charge: str
    transaction_charged: str
    amount: Money
    total: Money
    state: ProviderRefundState
    create_time: datetime
    update_time: datetime
    refund: UUID | None = None
    position: int | None = None
    round: int = 1
    attempts: int = 0
    next_time: datetime | None = None
    transaction: str = ""
    settle_time: datetime | None = None
    detail: str = ""
    given_up: bool = False
    version: int = 1

    @classmethod
    def of(
        cls,
        refund_id: UUID,
        intent: PaymentIntent,
        amount: Money,
        *,
        cause: ProviderRefundCause,
        now: datetime,
        refund: UUID | None = None,
        position: int | None = None,
    ) -> ProviderRefund:
        """Money of an intent that goes back."""
        assert intent.captured is not None  # noqa: S101 - only what came can go back
        return cls(
            id=refund_id,
            order=intent.order,
            intent=intent.id,
            provider=intent.provider,
            cause=cause,
            charge=intent.reference,
            transaction_charged=intent.transaction,
            amount=amount,
            total=intent.captured,
            state=ProviderRefundState.PENDING,
            create_time=now,
            update_time=now,
            refund=refund,
            position=position,
            next_time=now,
        )

    @property
    def reference(self) -> str:
        """What the provider knows it by; the same reference never gives back twice."""
        return self.id.hex if self.round == 1 else f"{self.id.hex}-{self.round}"

    def refunding(self) -> Refunding:
        """What the provider is asked to do."""
        return Refunding(
            reference=self.reference,
            charge_reference=self.charge,
            transaction=self.transaction_charged,
            amount=self.amount,
            total=self.total,
        )

    def leased(self, now: datetime) -> ProviderRefund:
        """The provider is being asked; should nobody tell how that ended, it is asked again after a longer pause."""
        pause = min(_FIRST_PAUSE * 2 ** min(self.attempts, 16), _LONGEST_PAUSE)
        return replace(self, attempts=self.attempts + 1, next_time=now + pause, version=self.version + 1)

    def heard(self, standing: RefundStanding, now: datetime) -> ProviderRefund:
        """What the provider says of it."""
        if standing.status is Status.SUCCEEDED:
            return self._settled(standing, now) if self._believed(standing) else self._differing(standing, now)
        if standing.status in {Status.FAILED, Status.CLOSED} and self.state is ProviderRefundState.PENDING:
            return replace(self._failed(standing.status.value, now), given_up=True)
        return self

    def refused(self, code: str, now: datetime) -> ProviderRefund:
        """The provider said no: it is asked again, until a person has to look."""
        if self.attempts >= MOST_ATTEMPTS:
            return self._failed(code, now)
        return replace(self, detail=code, update_time=now, version=self.version + 1)

    def retry(self, now: datetime) -> ProviderRefund:
        """A person has it tried again."""
        fresh = self._stepped(ProviderRefundStep.RETRY, now)
        return replace(fresh, attempts=0, next_time=now, round=self.round + (1 if self.given_up else 0), given_up=False)

    def _settled(self, standing: RefundStanding, now: datetime) -> ProviderRefund:
        if self.state is ProviderRefundState.SUCCEEDED:
            return self
        settled = self._stepped(ProviderRefundStep.SETTLE, now)
        return replace(settled, transaction=standing.transaction, settle_time=standing.time or now, detail="")

    def _believed(self, standing: RefundStanding) -> bool:
        """Whether it gave back what it was asked for; no word without an amount mends one with another."""
        return self.detail != AMOUNT_DIFFERS if standing.amount is None else standing.amount == self.amount

    def _differing(self, standing: RefundStanding, now: datetime) -> ProviderRefund:
        if self.state is ProviderRefundState.SUCCEEDED or (
            self.state is ProviderRefundState.FAILED and self.detail == AMOUNT_DIFFERS
        ):
            return self
        if self.state is ProviderRefundState.PENDING:
            known = self._failed(AMOUNT_DIFFERS, now)
        else:
            known = replace(self, detail=AMOUNT_DIFFERS, update_time=now, version=self.version + 1)
        return replace(known, transaction=standing.transaction, given_up=False)

    def _failed(self, code: str, now: datetime) -> ProviderRefund:
        return replace(self._stepped(ProviderRefundStep.FAIL, now), detail=code)

    def _stepped(self, step: ProviderRefundStep, now: datetime) -> ProviderRefund:
        state = TRANSITIONS.get((self.state, step))
        if state is None:
            raise errors.provider_refund_state_invalid(self.order, self.id, self.state)
        return replace(self, state=state, next_time=None, update_time=now, version=self.version + 1)
