"""Payments from stored value as rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from kit.idempotency import Raced
from kit.page import Page
from services.members.domain.stored_payment import State, StoredPayment
from services.members.domain.stored_value import DrawOrder, Parts

_COLUMNS = """
    id, owner, of_card, currency, store, source, reference, draw_order, asked, principal, bonus, state, create_time,
    expire_time, end_time, refunded_principal, refunded_bonus
"""
_READ = text(f"select {_COLUMNS} from stored_payments where id = any(cast(:ids as uuid[]))")  # noqa: S608 - constants only
_NAMED = text(f"""
    select {_COLUMNS} from stored_payments where reference = any(cast(:references as text[])) and reference <> ''
""")  # noqa: S608 - constants only
_PAGE = text(f"""
    select {_COLUMNS} from stored_payments
    where owner = cast(:owner as uuid) and id < coalesce(cast(:before as uuid), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    order by id desc limit :limit
""")  # noqa: S608 - constants only
_DUE = text("""
    select id from stored_payments where state = 'HELD' and expire_time <= cast(:now as timestamptz)
    order by expire_time limit :limit for update skip locked
""")
_ADD = text(f"""
    insert into stored_payments ({_COLUMNS})
    select p.*, 0, 0
    from unnest(cast(:ids as uuid[]), cast(:owners as uuid[]), cast(:of_cards as boolean[]),
                cast(:currencies as text[]), cast(:stores as text[]), cast(:sources as text[]),
                cast(:references as text[]), cast(:orders as text[]), cast(:asked as bigint[]),
                cast(:principals as bigint[]), cast(:bonuses as bigint[]), cast(:states as text[]),
                cast(:create_times as timestamptz[]), cast(:expire_times as timestamptz[]),
                cast(:end_times as timestamptz[])) as p
    on conflict do nothing
""")  # noqa: S608 - constants only
_SAVE = text("""
    update stored_payments p
    set principal = n.principal, bonus = n.bonus, state = n.state, end_time = n.end_time,
        refunded_principal = n.refunded_principal, refunded_bonus = n.refunded_bonus
    from unnest(cast(:ids as uuid[]), cast(:principals as bigint[]), cast(:bonuses as bigint[]),
                cast(:states as text[]), cast(:end_times as timestamptz[]),
                cast(:refunded_principals as bigint[]), cast(:refunded_bonuses as bigint[]))
        as n (id, principal, bonus, state, end_time, refunded_principal, refunded_bonus)
    where p.id = n.id
""")


class StoredPaymentStore:
    """Keeps payments. Whoever changes one has locked its owner."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read(self, payments: Collection[UUID]) -> dict[UUID, StoredPayment]:
        """The payments with these ids; unknown ones are missing."""
        return {found.id: found for found in self._rows(_READ, ids=list(payments))}

    def named(self, references: Collection[str]) -> dict[str, StoredPayment]:
        """The payments under these references."""
        return {found.reference: found for found in self._rows(_NAMED, references=list(references))}

    def page(self, owner: UUID, page: Page) -> list[StoredPayment]:
        """The owner's payments before a position, the newest first."""
        before = UUID(page.after[0]) if page.after else None
        return self._rows(_PAGE, owner=owner, before=before, limit=page.fetch)

    def due(self, now: datetime, limit: int) -> list[UUID]:
        """Held payments whose time is over, the oldest first; those that somebody else works on are left out."""
        return list(self._connection.execute(_DUE, {"now": now, "limit": limit}).scalars())

    def add(self, payments: Sequence[StoredPayment]) -> None:
        """Keep new payments. Raises `Raced` when a reference was taken meanwhile."""
        if not payments:
            return
        columns = {
            "ids": [each.id for each in payments],
            "owners": [each.owner for each in payments],
            "of_cards": [each.of_card for each in payments],
            "currencies": [each.currency for each in payments],
            "stores": [each.store for each in payments],
            "sources": [each.source for each in payments],
            "references": [each.reference for each in payments],
            "orders": [each.order.value for each in payments],
            "asked": [each.asked for each in payments],
            "principals": [each.parts.principal for each in payments],
            "bonuses": [each.parts.bonus for each in payments],
            "states": [each.state.value for each in payments],
            "create_times": [each.create_time for each in payments],
            "expire_times": [each.expire_time for each in payments],
            "end_times": [each.end_time for each in payments],
        }
        if self._connection.execute(_ADD, columns).rowcount != len(payments):
            raise Raced

    def save(self, payments: Sequence[StoredPayment]) -> None:
        """Keep what payments came to."""
        if not payments:
            return
        columns = {
            "ids": [each.id for each in payments],
            "principals": [each.parts.principal for each in payments],
            "bonuses": [each.parts.bonus for each in payments],
            "states": [each.state.value for each in payments],
            "end_times": [each.end_time for each in payments],
            "refunded_principals": [each.refunded.principal for each in payments],
            "refunded_bonuses": [each.refunded.bonus for each in payments],
        }
        self._connection.execute(_SAVE, columns)

    def _rows(self, statement: Any, **query: object) -> list[StoredPayment]:
        return [_payment(row) for row in self._connection.execute(statement, query).all()]


def _payment(row: Any) -> StoredPayment:
    return StoredPayment(
        id=row.id,
        owner=row.owner,
        of_card=row.of_card,
        currency=row.currency,
        store=row.store,
        source=row.source,
        reference=row.reference,
        order=DrawOrder(row.draw_order),
        asked=row.asked,
        create_time=row.create_time,
        parts=Parts(row.principal, row.bonus),
        state=State(row.state),
        expire_time=row.expire_time,
        end_time=row.end_time,
        refunded=Parts(row.refunded_principal, row.refunded_bonus),
    )
