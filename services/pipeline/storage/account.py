"""Accounts in their table, and the lock on their tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, select, text

from kit.page import Page
from services.pipeline.domain.account import Account
from services.pipeline.storage.resource import ResourceStore
from services.pipeline.storage.tables import accounts

_LOCK_TREE = text("select pg_advisory_xact_lock(hashtextextended('accounts.parent', 0))")

_IS_BELOW = text("""
    with recursive above as (
        select id, parent from accounts where id = :account
        union
        select accounts.id, accounts.parent from accounts join above on accounts.id = above.parent
    )
    select exists (select from above where id = :top)
""")


class AccountStore(ResourceStore[Account]):
    """Keeps accounts."""

    table = accounts
    collection = "accounts"

    def page(self, page: Page, *, parent: UUID | None, owner: UUID | None, org: str = "") -> list[Account]:
        """A page of those below one parent, of one sales person and of a part of the organisation, where given."""
        given = ((accounts.c.parent, parent), (accounts.c.owner, owner))
        return self._page(page, *(column == value for column, value in given if value is not None), *self._of(org))

    def matching(self, match_key: str) -> Account | None:
        """The oldest account of this name."""
        found = self._many(select(accounts).where(accounts.c.match_key == match_key).order_by(accounts.c.id).limit(1))
        return found[0] if found else None

    def lock_tree(self) -> None:
        """Let nobody else change a parent until the transaction ends: two moves could make a cycle together."""
        self._connection.execute(_LOCK_TREE)

    def is_below(self, account: UUID, top: UUID) -> bool:
        """Whether `account` is `top` or stands below it."""
        return bool(self._connection.scalar(_IS_BELOW, {"account": account, "top": top}))

    def _read(self, rows: Sequence[RowMapping]) -> list[Account]:
        return [Account(**{key: value for key, value in row.items() if key != "match_key"}) for row in rows]

    def _row(self, resource: Account) -> Mapping[str, Any]:
        return {**asdict(resource), "match_key": resource.match_key}
