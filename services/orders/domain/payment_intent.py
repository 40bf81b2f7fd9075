"""A payment intent: money that a provider is to take for an order, from the wish to the proof that it came.

An intent is stored before its provider is asked, and the provider is asked outside of any transaction: whatever breaks
in between, the row is there, and the provider is asked about it until its fate is known. Money is believed when the
provider says so in a signed message or an answer of its own, never because a browser came back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from kit.money import Money
from services.orders.domain.errors import payments as errors
from services.orders.domain.payment import Payment, Tender
from services.orders.domain.provider import Charge, Scene, Standing

FIRST_QUESTION = timedelta(seconds=20)
"""How long a provider may be silent about an intent before it is asked; the pause doubles with each question."""

LONGEST_PAUSE = timedelta(minutes=10)


class IntentState(StrEnum):
    """Where an intent stands."""

    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    CLOSED = "CLOSED"
    FAILED = "FAILED"
    PARKED = "PARKED"
    RETURNED = "RETURNED"
    REVIVING = "REVIVING"


class IntentStep(StrEnum):
    """What can happen to an intent."""

    CAPTURE = "CAPTURE"
    RETURN = "RETURN"
    PARK = "PARK"
    CLOSE = "CLOSE"
    FAIL = "FAIL"
    REVIVE = "REVIVE"


_UNPAID = (IntentState.PENDING, IntentState.CLOSED, IntentState.FAILED)
_CAME = (*_UNPAID, IntentState.PARKED)

TRANSITIONS: Mapping[tuple[IntentState, IntentStep], IntentState] = {
    **{(state, IntentStep.CAPTURE): IntentState.SUCCEEDED for state in (*_CAME, IntentState.REVIVING)},
    **{(state, IntentStep.PARK): IntentState.PARKED for state in _UNPAID},
    **{(state, IntentStep.RETURN): IntentState.RETURNED for state in (*_CAME, IntentState.REVIVING)},
    **{(state, IntentStep.REVIVE): IntentState.REVIVING for state in _CAME},
    (IntentState.PENDING, IntentStep.CLOSE): IntentState.CLOSED,
    (IntentState.PENDING, IntentStep.FAIL): IntentState.FAILED,
}
"""The state machine: where each step leads. Nothing else happens to an intent. Money may come even for one that was
closed or refused: a provider's word that it took money counts more than its word that it would not."""


class IntentCause(StrEnum):
    """Why an intent is not simply paid."""

    AMOUNT_DIFFERS = "AMOUNT_DIFFERS"
    CURRENCY_DIFFERS = "CURRENCY_DIFFERS"
    MERCHANT_DIFFERS = "MERCHANT_DIFFERS"
    TRANSACTION_REUSED = "TRANSACTION_REUSED"
    ORDER_CLOSED = "ORDER_CLOSED"
    NOTHING_DUE = "NOTHING_DUE"
    OPERATOR = "OPERATOR"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    REFUSED = "REFUSED"


TENDERS: Mapping[str, Tender] = {"WECHAT_PAY": Tender.WECHAT_PAY, "ALIPAY": Tender.ALIPAY}
"""The tender that each provider's money is."""


@dataclass(frozen=True, slots=True)
class PaymentIntent:
    """An intent. `reference` is what the provider knows it by, unique for ever. `prepared` is what the buyer's device
    needs to pay, once the provider answered. `captured` is what the provider took, whatever was asked for; `next_time`
    when the provider is asked next, None when there is nothing to ask."""

    id: UUID
    order: UUID
    provider: str
    scene: Scene
    amount: Money
    reference: str
    merchant: str
    state: IntentState
    create_time: datetime
    expire_time: datetime
    update_time: datetime
    prepared: Mapping[str, str] | None = field(default=None, repr=False)
    transaction: str = ""
    captured: Money | None = None
    pay_time: datetime | None = None
    cause: IntentCause | None = None
    detail: str = ""
    next_time: datetime | None = None
    questions: int = 0
    version: int = 1

    @classmethod
    def create(
        cls,
        intent_id: UUID,
        *,
        order: UUID,
        provider: str,
        scene: Scene,
        amount: Money,
        merchant: str,
        now: datetime,
        expire_time: datetime,
    ) -> PaymentIntent:
        """A new intent; its provider knows nothing of it yet."""
        return cls(
            id=intent_id,
            order=order,
            provider=provider,
            scene=scene,
            amount=amount,
            reference=intent_id.hex,
            merchant=merchant,
            state=IntentState.PENDING,
            create_time=now,
            expire_time=expire_time,
            update_time=now,
            next_time=min(now + FIRST_QUESTION, expire_time),
        )

    @property
    def pending(self) -> bool:
        """Whether it may still be paid."""
        return self.state is IntentState.PENDING

    @property
    def received(self) -> bool:
        """Whether its money came, wherever it went since."""
        return self.captured is not None

    def charge(self, subject: str, *, payer: str, client_ip: str, return_url: str) -> Charge:
        """What its provider is asked for."""
        return Charge(
            reference=self.reference,
            amount=self.amount,
            subject=subject,
            scene=self.scene,
            expire_time=self.expire_time,
            payer=payer,
            client_ip=client_ip,
            return_url=return_url,
        )

    def payment(self) -> Payment:
        """The money that came, as a payment of its order."""
        assert self.captured is not None  # noqa: S101 - only what came is a payment
        known = self.transaction or self.reference
        return Payment(TENDERS[self.provider], self.captured, known, self.pay_time or self.update_time)

    def answered(self, prepared: Mapping[str, str], now: datetime) -> PaymentIntent:
        """The provider said how to pay it. One that is decided already stays as it is."""
        if not self.pending:
            return self
        return replace(self, prepared=dict(prepared), update_time=now, version=self.version + 1)

    def asked(self, now: datetime) -> PaymentIntent:
        """The provider is being asked about it: next time after a longer pause, but no later than it expires."""
        pause = min(FIRST_QUESTION * 2 ** min(self.questions + 1, 16), LONGEST_PAUSE)
        later = now + pause
        if now < self.expire_time:
            later = min(later, self.expire_time)
        return replace(self, next_time=later, questions=self.questions + 1, version=self.version + 1)

    def objection(self, standing: Standing, merchant: str) -> IntentCause | None:
        """What is wrong with a provider's word that this intent was paid; None if it is as it should be."""
        named = {name for name in (merchant, standing.merchant) if name}
        if named - {self.merchant}:
            return IntentCause.MERCHANT_DIFFERS
        if standing.amount is None:
            return IntentCause.AMOUNT_DIFFERS
        if standing.amount.currency != self.amount.currency:
            return IntentCause.CURRENCY_DIFFERS
        return None if standing.amount == self.amount else IntentCause.AMOUNT_DIFFERS

    def took(self, standing: Standing, now: datetime) -> PaymentIntent:
        """With the money that the provider says it took, before it is decided what becomes of it."""
        return replace(
            self,
            transaction=standing.transaction,
            captured=standing.amount or Money(0, self.amount.currency),
            pay_time=standing.pay_time or now,
        )

    def capture(self, now: datetime) -> PaymentIntent:
        """Its money pays the order."""
        return self._stepped(IntentStep.CAPTURE, now, cause=None)

    def give_back(self, cause: IntentCause, now: datetime) -> PaymentIntent:
        """Its money can't pay the order and goes back whole."""
        return self._stepped(IntentStep.RETURN, now, cause=cause)

    def revive(self, now: datetime) -> PaymentIntent:
        """Its money came when the order was closed, whose coupons, points and held money are being taken again."""
        return self._stepped(IntentStep.REVIVE, now, cause=IntentCause.ORDER_CLOSED)

    def park(self, cause: IntentCause, now: datetime) -> PaymentIntent:
        """Money came, but not as it should have: a person decides."""
        return self._stepped(IntentStep.PARK, now, cause=cause)

    def close(self, cause: IntentCause, now: datetime) -> PaymentIntent:
        """It can't be paid any more."""
        return self._stepped(IntentStep.CLOSE, now, cause=cause)

    def fail(self, detail: str, now: datetime) -> PaymentIntent:
        """The provider refused it; `detail` is the provider's own code."""
        return self._stepped(IntentStep.FAIL, now, cause=IntentCause.REFUSED, detail=detail)

    def _stepped(self, step: IntentStep, now: datetime, **values: object) -> PaymentIntent:
        state = TRANSITIONS.get((self.state, step))
        if state is None:
            raise errors.intent_state_invalid(self.order, self.id, self.state)
        changed = replace(self, **values)  # type: ignore[arg-type]
        return replace(changed, state=state, next_time=None, update_time=now, version=self.version + 1)
