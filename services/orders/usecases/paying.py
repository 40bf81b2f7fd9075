"""Paying by providers: what is asked of them, always outside of a transaction, and what follows from their answers.

Every step can be taken again by any replica: rows say what is under way, a provider is asked under references that make
asking twice harmless, and what its answer changes is decided under the order's lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar
from uuid import UUID

from kit.errors import Fault, unavailable
from kit.telemetry import log
from services.orders.domain import reconciliation as books
from services.orders.domain.errors import payments as errors
from services.orders.domain.payment_intent import IntentCause, IntentState, PaymentIntent
from services.orders.domain.provider import (
    BillLine,
    Charge,
    Prepared,
    Refunding,
    RefundStanding,
    Scene,
    Standing,
    Status,
)
from services.orders.domain.provider_refund import AMOUNT_DIFFERS, ProviderRefund
from services.orders.usecases import payment_intent as intents
from services.orders.usecases import provider_refund as refunds
from services.orders.usecases import reconciliation
from services.orders.usecases.payment_intent import Due, PaymentSaid
from services.orders.usecases.provider_refund import RefundSaid

_AT_ONCE = 50
"""Most rows that one round of a sweep takes."""

P = ParamSpec("P")
R = TypeVar("R")


class Provider(Protocol):
    """A payment provider, as these steps use it."""

    name: str
    scenes: frozenset[Scene]
    merchant: str

    async def prepare(self, charge: Charge) -> Prepared:
        """Open a charge. Again with the same reference and the same content it is the same charge."""

    async def query(self, reference: str) -> Standing:
        """How a charge stands; NOT_FOUND is an answer, too."""

    async def close(self, reference: str) -> None:
        """Make sure that the charge can't be paid any more; unknown or closed ones are fine. Raises CHARGE_PAID."""

    async def refund(self, refunding: Refunding) -> RefundStanding:
        """Give money back. The same reference gives it back once, however often it is said."""

    async def query_refund(self, reference: str, charge_reference: str) -> RefundStanding:
        """How a refund stands; NOT_FOUND is an answer, too."""

    async def bill(self, day: date) -> Sequence[BillLine]:
        """What moved on a past day. Transient while it is not ready yet."""


class Transactions(Protocol):
    """Where the use-cases run, one transaction each."""

    async def write(self, fn: Callable[Concatenate[Any, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a use-case in one transaction."""

    async def read(self, fn: Callable[Concatenate[Any, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a use-case that only reads."""


class Paying:
    """Leads payments through providers, told by their tender. `wake` is set when there may be something to do."""

    def __init__(self, transactions: Transactions, providers: Mapping[str, Provider]) -> None:
        self._transactions = transactions
        self._providers = providers
        self.wake = asyncio.Event()

    @property
    def offered(self) -> bool:
        """Whether any provider is set up that shows a cashier."""
        return any(provider.scenes for provider in self._providers.values())

    def provider(self, name: str) -> Provider:
        """A provider by its tender. Raises a Fault if no account of it is set up."""
        found = self._providers.get(name)
        if found is None:
            raise errors.provider_unknown(name)
        return found

    async def prepare(
        self, intent: PaymentIntent, subject: str, *, payer: str, client_ip: str, return_url: str
    ) -> PaymentIntent:
        """Ask the provider how an intent can be paid, unless that is known or it is decided already.

        A provider that refuses ends the intent; one that can't be reached leaves it for the same request once more.
        """
        if not intent.pending or intent.prepared is not None:
            return intent
        charge = intent.charge(subject, payer=payer, client_ip=client_ip, return_url=return_url)
        try:
            prepared = await self.provider(intent.provider).prepare(charge)
        except Fault as fault:
            if not fault.transient:
                await self._transactions.write(intents.keep_refusal, intent.id, _code(fault))
            raise
        return await self._transactions.write(intents.keep_answer, intent.id, prepared.fields)

    async def close_all(self, order_id: UUID) -> None:
        """Make sure that nothing of an order can be paid at a provider any more. What was paid meanwhile pays it.

        Raises a Fault when a provider can't be asked, or will not close: then it may still be paid.
        """
        for intent in await self._transactions.read(intents.pending_intents, order_id):
            await self.close(intent, IntentCause.CANCELLED)

    async def close(self, intent: PaymentIntent, cause: IntentCause) -> PaymentIntent:
        """Make sure that an intent can't be paid any more; one that was paid meanwhile pays its order."""
        try:
            await self.provider(intent.provider).close(intent.reference)
        except Fault as fault:
            if fault.reason != "CHARGE_PAID":
                raise
            settled = await self.ask(intent)
            if settled.pending:
                raise unavailable(intent.provider) from fault  # it says paid, and a moment later not yet
            return settled
        return await self._transactions.write(intents.close_intent, intent.id, cause)

    async def ask(self, intent: PaymentIntent) -> PaymentIntent:
        """Ask the provider how an intent stands, and do what that calls for."""
        standing = await self.provider(intent.provider).query(intent.reference)
        return await self.settle(PaymentSaid(intent.provider, standing)) or intent

    async def settle(self, said: PaymentSaid) -> PaymentIntent | None:
        """Do what a provider's word calls for; None for a reference that is not ours."""
        settled = await self._transactions.write(intents.settle_payment, said)
        if settled is None:
            log.warning("payment of no intent", provider=said.provider, reference=said.standing.reference)
        elif settled.state is IntentState.PARKED:
            log.error("payment parked", provider=said.provider, intent=str(settled.id), cause=settled.cause)
        if settled is not None and settled.received:
            self.wake.set()  # perhaps money goes back
        return settled

    async def settle_refund(self, said: RefundSaid) -> ProviderRefund | None:
        """Do what a provider's word on a refund calls for; None for a reference that is not ours."""
        settled = await self._transactions.write(refunds.settle_refund, said)
        if settled is not None and settled.detail == AMOUNT_DIFFERS:
            log.error("refund of another amount", provider=said.provider, refund=str(settled.id))
        return settled

    async def sweep_intents(self) -> int:
        """Ask about silent intents, and close those whose time is over; answers how many."""
        due = await self._transactions.write(intents.due_intents, _AT_ONCE)
        await _each(self._move(each) for each in due)
        return len(due)

    async def _move(self, due: Due) -> None:
        if due.closing is not None:
            await self.close(due.intent, due.closing)
        else:
            await self.ask(due.intent)

    async def sweep_refunds(self) -> int:
        """Have money given back that is due; answers how much was asked for."""
        await self._transactions.write(refunds.adopt_refunds, _AT_ONCE)
        due = await self._transactions.write(refunds.due_refunds, _AT_ONCE)
        await _each(self._give_back(refund) for refund in due)
        return len(due)

    async def _give_back(self, refund: ProviderRefund) -> None:
        try:
            standing = await self._refund_standing(refund)
        except Fault as fault:
            if fault.transient:
                raise
            log.warning("refund refused", provider=refund.provider, refund=str(refund.id), code=_code(fault))
            await self._transactions.write(refunds.note_refusal, refund.id, _code(fault))
            return
        await self.settle_refund(RefundSaid(refund.provider, standing))

    async def _refund_standing(self, refund: ProviderRefund) -> RefundStanding:
        provider = self.provider(refund.provider)
        if refund.attempts > 1:
            standing = await provider.query_refund(refund.reference, refund.charge)
            if standing.status is not Status.NOT_FOUND:
                return standing
        return await provider.refund(refund.refunding())

    async def reconcile(self) -> int:
        """Compare the bills of past days that nobody has compared; answers how many."""
        done = [await self._reconcile(provider) for name, provider in self._providers.items() if provider.scenes]
        return sum(done)

    async def _reconcile(self, provider: Provider) -> bool:
        claimed = await self._transactions.write(reconciliation.claim_bill, provider.name)
        if claimed is None:
            return False
        report_id, day = claimed
        try:
            lines = await provider.bill(day)
        except Fault as fault:
            log.warning("no bill yet", provider=provider.name, day=str(day), reason=fault.reason)
            return False
        stored = await self._transactions.read(reconciliation.open_books, provider.name, day, lines)
        payments, back = books.unsettled(stored)
        await _each([*(self.ask(intent) for intent in payments), *(self._ask_refund(refund) for refund in back)])
        report = await self._transactions.write(reconciliation.close_books, report_id, provider.name, day, lines)
        if report.differences:
            log.error("bill differs", provider=provider.name, day=str(day), differences=report.differences)
        return True

    async def _ask_refund(self, refund: ProviderRefund) -> None:
        standing = await self.provider(refund.provider).query_refund(refund.reference, refund.charge)
        await self.settle_refund(RefundSaid(refund.provider, standing))


async def _each(steps: Iterable[Awaitable[object]]) -> None:
    """Take the steps side by side; whichever fails is logged, and taken again when its row is due."""
    for outcome in await asyncio.gather(*steps, return_exceptions=True):
        if isinstance(outcome, Fault):
            log.warning("payment step failed", reason=outcome.reason, kind=outcome.kind.value)
        elif isinstance(outcome, BaseException):
            log.error("payment step failed", exc_info=outcome)


def _code(fault: Fault) -> str:
    return fault.metadata.get("code", fault.reason)
