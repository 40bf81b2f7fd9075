"""Top-ups as rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from kit.idempotency import Raced
from kit.page import Page
from services.members.domain.stored_value import Parts
from services.members.domain.top_up import TopUp

_COLUMNS = """
    id, owner, of_card, currency, store, reference, principal, bonus, rules, create_time,
    refunded_principal, refunded_bonus
"""
_READ = text(f"select {_COLUMNS} from top_ups where id = any(cast(:ids as uuid[]))")  # noqa: S608 - constants only
_NAMED = text(f"""
    select {_COLUMNS} from top_ups where reference = any(cast(:references as text[])) and reference <> ''
""")  # noqa: S608 - constants only
_PAGE = text(f"""
    select {_COLUMNS} from top_ups
    where owner = cast(:owner as uuid) and id < coalesce(cast(:before as uuid), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    order by id desc limit :limit
""")  # noqa: S608 - constants only
_ADD = text(f"""
    insert into top_ups ({_COLUMNS})
    select t.*, 0, 0
    from unnest(cast(:ids as uuid[]), cast(:owners as uuid[]), cast(:of_cards as boolean[]),
                cast(:currencies as text[]), cast(:stores as text[]), cast(:references as text[]),
                cast(:principals as bigint[]), cast(:bonuses as bigint[]), cast(:rules as integer[]),
                cast(:create_times as timestamptz[])) as t
    on conflict do nothing
""")  # noqa: S608 - constants only
_SAVE = text("""
    update top_ups t set refunded_principal = n.principal, refunded_bonus = n.bonus
    from unnest(cast(:ids as uuid[]), cast(:principals as bigint[]), cast(:bonuses as bigint[]))
        as n (id, principal, bonus)
    where t.id = n.id
""")


class TopUpStore:
    """Keeps top-ups. Whoever changes one has locked its owner."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read(self, top_ups: Collection[UUID]) -> dict[UUID, TopUp]:
        """The top-ups with these ids; unknown ones are missing."""
        return {found.id: found for found in self._rows(_READ, ids=list(top_ups))}

    def named(self, references: Collection[str]) -> dict[str, TopUp]:
        """The top-ups under these references."""
        return {found.reference: found for found in self._rows(_NAMED, references=list(references))}

    def page(self, owner: UUID, page: Page) -> list[TopUp]:
        """The owner's top-ups before a position, the newest first."""
        before = UUID(page.after[0]) if page.after else None
        return self._rows(_PAGE, owner=owner, before=before, limit=page.fetch)

    def add(self, top_ups: Sequence[TopUp]) -> None:
        """Keep new top-ups. Raises `Raced` when a reference was taken meanwhile."""
        if not top_ups:
            return
        columns = {
            "ids": [each.id for each in top_ups],
            "owners": [each.owner for each in top_ups],
            "of_cards": [each.of_card for each in top_ups],
            "currencies": [each.currency for each in top_ups],
            "stores": [each.store for each in top_ups],
            "references": [each.reference for each in top_ups],
            "principals": [each.paid.principal for each in top_ups],
            "bonuses": [each.paid.bonus for each in top_ups],
            "rules": [each.rules for each in top_ups],
            "create_times": [each.create_time for each in top_ups],
        }
        if self._connection.execute(_ADD, columns).rowcount != len(top_ups):
            raise Raced

    def save(self, top_ups: Sequence[TopUp]) -> None:
        """Keep what was refunded of top-ups."""
        if not top_ups:
            return
        columns = {
            "ids": [each.id for each in top_ups],
            "principals": [each.refunded.principal for each in top_ups],
            "bonuses": [each.refunded.bonus for each in top_ups],
        }
        self._connection.execute(_SAVE, columns)

    def _rows(self, statement: Any, **query: object) -> list[TopUp]:
        return [_top_up(row) for row in self._connection.execute(statement, query).all()]


def _top_up(row: Any) -> TopUp:
    return TopUp(
        id=row.id,
        owner=row.owner,
        of_card=row.of_card,
        currency=row.currency,
        store=row.store,
        reference=row.reference,
        paid=Parts(row.principal, row.bonus),
        rules=row.rules,
        create_time=row.create_time,
        refunded=Parts(row.refunded_principal, row.refunded_bonus),
    )
