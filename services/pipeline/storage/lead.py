"""Leads in their table, and the keys that only one open lead may have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, delete, func, insert, select, text, tuple_

from kit.page import Page
from services.pipeline.domain.keys import Key
from services.pipeline.domain.lead import Lead, LeadState
from services.pipeline.storage.resource import ResourceStore
from services.pipeline.storage.tables import lead_keys, leads

_LOCK_KEYS = text("""
    select pg_advisory_xact_lock(hashtextextended(key, 0)) from unnest(cast(:keys as text[])) as key
""")


class LeadStore(ResourceStore[Lead]):
    """Keeps leads."""

    table = leads
    collection = "leads"

    def add(self, resource: Lead) -> None:
        """Keep a new lead, with its keys."""
        super().add(resource)
        keys = [{"kind": key.kind, "value": key.value, "lead": resource.id} for key in resource.keys]
        self._connection.execute(insert(lead_keys), keys)

    def save(self, resource: Lead) -> None:
        """Keep a change of a locked lead; a closed lead gives its keys free."""
        super().save(resource)
        if resource.state is not LeadState.OPEN:
            self._connection.execute(delete(lead_keys).where(lead_keys.c.lead == resource.id))

    def page(self, page: Page, *, owner: UUID | None, state: LeadState | None, org: str = "") -> list[Lead]:
        """A page of those of one sales person, in one state and of a part of the organisation, where given."""
        given = ((leads.c.owner, owner), (leads.c.state, state))
        return self._page(page, *(column == value for column, value in given if value is not None), *self._of(org))

    def lock_keys(self, keys: Sequence[Key]) -> None:
        """Let nobody else take in or convert the same person or organisation until the transaction ends.

        In sorted order, so that two who want the same keys wait for each other and never in a circle.
        """
        self._connection.execute(_LOCK_KEYS, {"keys": [f"{key.kind}:{key.value}" for key in sorted(keys)]})

    def open_with(self, keys: Sequence[Key]) -> Lead | None:
        """The open lead that has one of the keys."""
        pairs = [(key.kind, key.value) for key in keys]
        owned = select(lead_keys.c.lead).where(tuple_(lead_keys.c.kind, lead_keys.c.value).in_(pairs))
        found = self._many(select(leads).where(leads.c.id.in_(owned)).order_by(leads.c.id).limit(1))
        return found[0] if found else None

    def lock_waiting(self, count: int) -> list[Lead]:
        """The oldest open leads without an owner, locked; those in other hands are left out."""
        waiting = select(leads).where(leads.c.owner.is_(None), leads.c.state == LeadState.OPEN.value)
        return self._many(waiting.order_by(leads.c.id).limit(count).with_for_update(skip_locked=True, key_share=True))

    def waiting(self) -> int:
        """How many open leads have no owner."""
        waiting = select(func.count()).where(leads.c.owner.is_(None), leads.c.state == LeadState.OPEN.value)
        return self._connection.scalar(waiting) or 0

    def _read(self, rows: Sequence[RowMapping]) -> list[Lead]:
        return [Lead(**{**row, "state": LeadState(row["state"])}) for row in rows]

    def _row(self, resource: Lead) -> Mapping[str, Any]:
        return asdict(resource)
