"""Invoices: asked for, issued over what is left of what was paid, refused, or made void."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.page import Page
from services.orders.domain import errors as order_errors
from services.orders.domain.desk import Act, ActKind
from services.orders.domain.errors import desk as errors
from services.orders.domain.invoice import Invoice, InvoiceState, InvoiceStep, SealedBearer
from services.orders.domain.order import Order
from services.orders.domain.order_state import OrderState
from services.orders.usecases import erasure
from services.orders.usecases.erasure import check_remembered, kept_text
from services.orders.usecases.order import existing

_NEVER = frozenset({OrderState.CANCELLED, OrderState.REFUNDED})
_ACTS = {InvoiceStep.REJECT: ActKind.REJECT_INVOICE, InvoiceStep.VOID: ActKind.VOID_INVOICE}


class Orders(Protocol):
    """The stored orders."""

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Order]:
        """Those of the orders that exist."""

    def lock(self, ids: Sequence[UUID]) -> dict[UUID, Order]:
        """As `get`; nobody else changes them until the transaction ends."""


class Invoices(Protocol):
    """The stored invoices."""

    def add(self, invoice: Invoice) -> None:
        """Store a new invoice."""

    def get(self, invoice_id: UUID) -> Invoice | None:
        """An invoice."""

    def save(self, before: Invoice, after: Invoice) -> None:
        """Store an invoice over its version `before`. Raises a Fault otherwise."""

    def page(self, order_id: UUID | None, state: InvoiceState | None, page: Page, *, org: str = "") -> list[Invoice]:
        """The invoices of a page and one more if there are more, the latest first; of a part of the organisation, if
        given."""


class Desk(Protocol):
    """What is written down of the desk."""

    def act(self, acts: Sequence[Act]) -> None:
        """Write down what was done."""


class Work(erasure.Storing, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def orders(self) -> Orders:
        """The stored orders."""

    @property
    def invoices(self) -> Invoices:
        """The stored invoices."""

    @property
    def desk(self) -> Desk:
        """What is written down of the desk."""

    def new_id(self) -> UUID:
        """An id for what comes into being."""


@dataclass(frozen=True, slots=True)
class RequestInvoice:
    """Ask for an invoice of an order."""

    invoice_id: UUID
    order_id: UUID
    bearer: SealedBearer
    by: str


@dataclass(frozen=True, slots=True)
class DecideInvoice:
    """A step of an invoice; `version`, if given, must be the latest. An issued one gets its `number`."""

    order_id: UUID
    invoice_id: UUID
    by: str
    note: str = field(repr=False)
    version: int | None
    number: str = ""


def request_invoice(unit: Work, command: RequestInvoice) -> Invoice:
    """Ask for an invoice. An order that was given up or given back has none."""
    unit.members.keep()
    order = existing(unit.orders.lock([command.order_id]), command.order_id)
    check_remembered(unit, order)
    if order.state in _NEVER:
        raise order_errors.order_state_invalid(order.id, order.state)
    invoice = Invoice(
        command.invoice_id, order.id, InvoiceState.REQUESTED, command.bearer, order.currency, command.by, unit.now
    )
    unit.invoices.add(invoice)
    _write_down(unit, invoice, ActKind.REQUEST_INVOICE, command.by, "")
    return invoice


def issue_invoice(unit: Work, command: DecideInvoice) -> Invoice:
    """Issue an invoice over what was paid in money and not given back: the order is locked, so a refund comes before or
    after it."""
    order, invoice, note = _locked(unit, command)
    if order.pay_time is None:
        raise errors.nothing_to_invoice(order.id)
    issued = invoice.issue(order.net_total, number=command.number, by=command.by, note=note, now=unit.now)
    return _save(unit, invoice, issued, ActKind.ISSUE_INVOICE, note)


def reject_invoice(unit: Work, command: DecideInvoice) -> Invoice:
    """Refuse an invoice that was asked for."""
    return _step(unit, command, InvoiceStep.REJECT)


def void_invoice(unit: Work, command: DecideInvoice) -> Invoice:
    """Tell that an issued invoice holds no more."""
    return _step(unit, command, InvoiceStep.VOID)


def get_invoice(unit: Work, order_id: UUID, invoice_id: UUID) -> Invoice:
    """Read an invoice."""
    found = unit.invoices.get(invoice_id)
    if found is None or found.order != order_id:
        raise errors.invoice_not_found(order_id, invoice_id)
    return found


def list_invoices(
    unit: Work, order_id: UUID | None, state: InvoiceState | None, page: Page, *, org: str = ""
) -> list[Invoice]:
    """A page of invoices, and one more if there are more."""
    if order_id is not None:
        existing(unit.orders.get([order_id]), order_id)
    return unit.invoices.page(order_id, state, page, org=org)


def _step(unit: Work, command: DecideInvoice, step: InvoiceStep) -> Invoice:
    _, invoice, note = _locked(unit, command)
    after = invoice.step(step, by=command.by, note=note, now=unit.now)
    return _save(unit, invoice, after, _ACTS[step], note)


def _save(unit: Work, before: Invoice, after: Invoice, kind: ActKind, note: str) -> Invoice:
    unit.invoices.save(before, after)
    _write_down(unit, after, kind, after.decided_by, note)
    return after


def _write_down(unit: Work, invoice: Invoice, kind: ActKind, by: str, note: str) -> None:
    unit.desk.act([Act(unit.new_id(), invoice.order, kind, by, unit.now, note, invoice.name)])


def _locked(unit: Work, command: DecideInvoice) -> tuple[Order, Invoice, str]:
    """The locked order, its invoice, and what is kept of the note."""
    unit.members.keep()
    order = existing(unit.orders.lock([command.order_id]), command.order_id)
    invoice = get_invoice(unit, order.id, command.invoice_id)
    invoice.check_version(command.version)
    return order, invoice, kept_text(unit, order, command.note)
