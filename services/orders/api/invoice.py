"""Invoices between the wire and the domain."""

from __future__ import annotations

import json
from uuid import UUID

from kehu.orders.v1 import order_desk_pb2 as pb

from kit import names
from kit.errors import internal, invalid
from kit.money import Money
from kit.rpc import call, convert, policy
from kit.vault import Unreadable, Vault, WrappedKey
from services.orders.api.delivery import PERSONAL
from services.orders.api.wire import optional_instant, version_of
from services.orders.domain.invoice import Bearer, Invoice, InvoiceState, SealedBearer
from services.orders.usecases.invoice import DecideInvoice, RequestInvoice

_INVOICE = "orders/{order}/invoices/{invoice}"
_PURPOSE = b"invoice"
_STARS = "****"
_STATES = {
    InvoiceState.REQUESTED: pb.Invoice.STATE_REQUESTED,
    InvoiceState.ISSUED: pb.Invoice.STATE_ISSUED,
    InvoiceState.REJECTED: pb.Invoice.STATE_REJECTED,
    InvoiceState.VOID: pb.Invoice.STATE_VOID,
}
_STATES_BACK = {wire: state for state, wire in _STATES.items()}


def bare(found: Invoice) -> pb.Invoice:
    """Write the name of an invoice: what is stored to answer repeats must not tell whom it is for."""
    return pb.Invoice(name=found.name)


def invoice(found: Invoice, vault: Vault) -> pb.Invoice:
    """Write an invoice, and whom it is for as far as the present caller may see it; nobody once that is erased."""
    bearer = _seen(opened(vault, found)) if found.bearer is not None else Bearer("")
    amount = found.amount
    return pb.Invoice(
        name=found.name,
        state=_STATES[found.state],
        title=bearer.title,
        tax_number=bearer.tax_number,
        email=bearer.email,
        amount=convert.wire_money(Money(amount, found.currency)) if amount is not None else None,
        number=found.number,
        requester=found.requested_by,
        request_time=convert.wire_instant(found.request_time),
        decider=found.decided_by,
        decide_time=optional_instant(found.decide_time),
        note=found.note,
        etag=convert.etag(found.version),
    )


def request(wire: pb.RequestInvoiceRequest, vault: Vault, *, by: str) -> RequestInvoice:
    """Read a request; whom the invoice is for is sealed at once, under a key of its own."""
    asked = wire.invoice
    if not asked.title.strip():
        raise invalid("invoice.title", "must not be blank")
    invoice_id = names.new_id()
    box, key = vault.create(invoice_id.bytes)
    text = json.dumps([asked.title, asked.tax_number, asked.email], ensure_ascii=False)
    sealed = SealedBearer(key.key_id, key.wrapped, box.seal(text.encode(), _PURPOSE))
    return RequestInvoice(invoice_id, names.id_of("orders", wire.parent, field="parent"), sealed, by)


def opened(vault: Vault, found: Invoice) -> Bearer:
    """Whom an invoice is for. Raises a Fault when the keyring does not open it."""
    sealed = found.bearer
    assert sealed is not None  # noqa: S101 - callers look first
    try:
        box = vault.box(WrappedKey(sealed.key_id, sealed.wrapped), found.id.bytes)
        return Bearer(*json.loads(box.open(sealed.sealed, _PURPOSE)))
    except Unreadable:
        raise internal() from None


def decision(
    wire: pb.IssueInvoiceRequest | pb.RejectInvoiceRequest | pb.VoidInvoiceRequest, *, by: str
) -> DecideInvoice:
    """Read a request."""
    order_id, invoice_id = ids(wire.name)
    number = wire.number if isinstance(wire, pb.IssueInvoiceRequest) else ""
    return DecideInvoice(order_id, invoice_id, by, wire.note, version_of(wire.etag), number)


def ids(name: str) -> tuple[UUID, UUID]:
    """The order and the invoice of a name."""
    found = names.parse(_INVOICE, name)
    return found["order"], found["invoice"]


def parent(name: str) -> UUID | None:
    """The order that a list belongs to; None for the `-` of all."""
    return None if name == "orders/-" else names.id_of("orders", name, field="parent")


def state(wire: pb.ListInvoicesRequest) -> InvoiceState | None:
    """The state that a request asks for."""
    return _STATES_BACK.get(wire.state)


def position(found: Invoice) -> tuple[str, str]:
    """Where an invoice stands in its pages."""
    return found.request_time.isoformat(), str(found.id)


def _seen(bearer: Bearer) -> Bearer:
    if policy.granted(call.current().identity.roles, PERSONAL):
        return bearer
    return Bearer(bearer.title[:1] + _STARS, bearer.tax_number and _STARS, bearer.email and _STARS)
