"""Refunds of top-ups and of payments from stored value, as rows that are never changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, text

from kit.idempotency import Raced
from services.members.domain.stored_refund import StoredRefund
from services.members.domain.stored_value import Parts

_COLUMNS = "id, document, owner, of_top_up, currency, store, reference, principal, bonus, create_time"
_NAMED = text(f"""
    select {_COLUMNS} from stored_refunds where reference = any(cast(:references as text[])) and reference <> ''
""")  # noqa: S608 - constants only
_ADD = text(f"""
    insert into stored_refunds ({_COLUMNS})
    select * from unnest(
        cast(:ids as uuid[]), cast(:documents as uuid[]), cast(:owners as uuid[]), cast(:of_top_ups as boolean[]),
        cast(:currencies as text[]), cast(:stores as text[]), cast(:references as text[]),
        cast(:principals as bigint[]), cast(:bonuses as bigint[]), cast(:create_times as timestamptz[]))
    on conflict do nothing
""")  # noqa: S608 - constants only


class StoredRefundStore:
    """Keeps refunds."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def named(self, references: Collection[str]) -> dict[str, StoredRefund]:
        """The refunds under these references."""
        rows = self._connection.execute(_NAMED, {"references": list(references)}).all()
        return {row.reference: _refund(row) for row in rows}

    def add(self, refunds: Sequence[StoredRefund]) -> None:
        """Keep new refunds. Raises `Raced` when a reference was taken meanwhile."""
        if not refunds:
            return
        columns = {
            "ids": [each.id for each in refunds],
            "documents": [each.document for each in refunds],
            "owners": [each.owner for each in refunds],
            "of_top_ups": [each.of_top_up for each in refunds],
            "currencies": [each.currency for each in refunds],
            "stores": [each.store for each in refunds],
            "references": [each.reference for each in refunds],
            "principals": [each.parts.principal for each in refunds],
            "bonuses": [each.parts.bonus for each in refunds],
            "create_times": [each.create_time for each in refunds],
        }
        if self._connection.execute(_ADD, columns).rowcount != len(refunds):
            raise Raced


def _refund(row: Any) -> StoredRefund:
    return StoredRefund(
        id=row.id,
        document=row.document,
        owner=row.owner,
        of_top_up=row.of_top_up,
        currency=row.currency,
        store=row.store,
        reference=row.reference,
        parts=Parts(row.principal, row.bonus),
        create_time=row.create_time,
    )
