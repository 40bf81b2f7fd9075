"""Invoices: rows to domain and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, insert, select, text, tuple_, update

from kit.errors import conflict
from kit.page import Page
from services.orders.domain.invoice import Invoice, InvoiceState, SealedBearer
from services.orders.storage import parts
from services.orders.storage.tables.desk import invoices

_FORGET = text("""
    update invoices i set key_id = null, wrapped = null, sealed = null, note = ''
    from orders o where o.id = i.order_id and o.member_id = any(cast(:members as uuid[]))
""")


class InvoiceStore:
    """The invoices of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, invoice: Invoice) -> None:
        """Store a new invoice."""
        values = _values(invoice)
        bearer = invoice.bearer
        if bearer is not None:
            values |= {"key_id": bearer.key_id, "wrapped": bearer.wrapped, "sealed": bearer.sealed}
        fixed = {
            "order_id": invoice.order,
            "currency": invoice.currency,
            "requested_by": invoice.requested_by,
            "request_time": invoice.request_time,
        }
        self._connection.execute(insert(invoices).values(id=invoice.id, **fixed, **values))

    def get(self, invoice_id: UUID) -> Invoice | None:
        """An invoice."""
        row = self._connection.execute(select(invoices).where(invoices.c.id == invoice_id)).one_or_none()
        return _invoice(row) if row else None

    def save(self, before: Invoice, after: Invoice) -> None:
        """Store an invoice over its version `before`. Raises a Fault otherwise."""
        change = update(invoices).where(invoices.c.id == after.id, invoices.c.version == before.version)
        if self._connection.execute(change.values(**_values(after))).rowcount != 1:
            raise conflict()

    def page(self, order_id: UUID | None, state: InvoiceState | None, page: Page, *, org: str = "") -> list[Invoice]:
        """The invoices of a page and one more if there are more, the latest first; of a part of the organisation, if
        given."""
        statement = select(invoices).order_by(invoices.c.request_time.desc(), invoices.c.id.desc()).limit(page.fetch)
        if order_id is not None:
            statement = statement.where(invoices.c.order_id == order_id)
        if state is not None:
            statement = statement.where(invoices.c.state == state.value)
        if org:
            self._connection.execute(parts.PLAN_ANEW)
            statement = statement.where(parts.of_order("invoices", org))
        if page.after is not None:
            at = (datetime.fromisoformat(page.after[0]), UUID(page.after[1]))
            statement = statement.where(tuple_(invoices.c.request_time, invoices.c.id) < at)
        return [_invoice(row) for row in self._connection.execute(statement)]

    def forget(self, members: Sequence[UUID]) -> None:
        """Delete whom the invoices of members were for, with the keys that open it."""
        self._connection.execute(_FORGET, {"members": list(members)})


def _values(invoice: Invoice) -> dict[str, Any]:
    return {
        "state": invoice.state.value,
        "amount": invoice.amount,
        "number": invoice.number,
        "decided_by": invoice.decided_by,
        "decide_time": invoice.decide_time,
        "note": invoice.note,
        "version": invoice.version,
    }


def _invoice(row: Row[*tuple[Any, ...]]) -> Invoice:
    sealed = SealedBearer(row.key_id, bytes(row.wrapped), bytes(row.sealed)) if row.sealed is not None else None
    return Invoice(
        id=row.id,
        order=row.order_id,
        state=InvoiceState(row.state),
        bearer=sealed,
        currency=row.currency,
        requested_by=row.requested_by,
        request_time=row.request_time,
        amount=row.amount,
        number=row.number,
        decided_by=row.decided_by,
        decide_time=row.decide_time,
        note=row.note,
        version=row.version,
    )
