"""An invoice that a customer asks for: what is to stand on it, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kit import names
from kit.errors import etag_mismatch
from services.orders.domain.errors import desk as errors


class InvoiceState(StrEnum):
    """Where an invoice stands."""

    REQUESTED = "REQUESTED"
    ISSUED = "ISSUED"
    REJECTED = "REJECTED"
    VOID = "VOID"


class InvoiceStep(StrEnum):
    """What can happen to an invoice."""

    ISSUE = "ISSUE"
    REJECT = "REJECT"
    VOID = "VOID"


TRANSITIONS: Mapping[tuple[InvoiceState, InvoiceStep], InvoiceState] = {
    (InvoiceState.REQUESTED, InvoiceStep.ISSUE): InvoiceState.ISSUED,
    (InvoiceState.REQUESTED, InvoiceStep.REJECT): InvoiceState.REJECTED,
    (InvoiceState.ISSUED, InvoiceStep.VOID): InvoiceState.VOID,
}
"""The state machine."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whom an invoice is for. Personal: stored only sealed."""

    title: str = field(repr=False)
    tax_number: str = field(default="", repr=False)
    email: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SealedBearer:
    """A bearer that only whoever has the keyring can open."""

    key_id: str
    wrapped: bytes = field(repr=False)
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice over `amount` minor units: what was paid in money and not given back when it was issued, None before.
    `bearer` is None once its member was erased. `number` is what the tax office or the merchant calls it."""

    id: UUID
    order: UUID
    state: InvoiceState
    bearer: SealedBearer | None
    currency: str
    requested_by: str
    request_time: datetime
    amount: int | None = None
    number: str = ""
    decided_by: str = ""
    decide_time: datetime | None = None
    note: str = ""
    version: int = 1

    @property
    def name(self) -> str:
        """Its resource name."""
        return names.join("orders", self.order, "invoices", self.id)

    def check_version(self, version: int | None) -> None:
        """Raise a Fault unless `version`, if given, is the invoice's."""
        if version is not None and version != self.version:
            raise etag_mismatch(self.name)

    def step(self, step: InvoiceStep, *, by: str, note: str, now: datetime) -> Invoice:
        """The invoice after a step. Raises a Fault if its state does not allow it."""
        state = TRANSITIONS.get((self.state, step))
        if state is None:
            raise errors.invoice_state_invalid(self.order, self.id, self.state)
        return replace(
            self, state=state, decided_by=by, decide_time=now, note=note or self.note, version=self.version + 1
        )

    def issue(self, amount: int, *, number: str, by: str, note: str, now: datetime) -> Invoice:
        """It was issued over an amount. Raises a Fault when that is nothing."""
        issued = self.step(InvoiceStep.ISSUE, by=by, note=note, now=now)
        if amount <= 0:
            raise errors.nothing_to_invoice(self.order)
        return replace(issued, amount=amount, number=number)
