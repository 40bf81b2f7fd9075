"""Sales people in their table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, select, text

from kit import errors, names
from kit.page import Page
from services.pipeline.domain.rep import Rep
from services.pipeline.storage.resource import ResourceStore
from services.pipeline.storage.tables import reps

# Leads first: while one is converted it is locked, and what it becomes is there when its lock is. Of each kind in
# sorted order, as others take several.
_TAKE_ALONG = tuple(
    text(f"""
        with theirs as materialized (
            select id from {table} where owner = :rep and org <> :org order by id for no key update
        )
        update {table} t set org = :org, version = t.version + 1, update_time = greatest(t.update_time, :now)
        from theirs where t.id = theirs.id
    """)  # noqa: S608 - put together from constants only
    for table in ("leads", "accounts", "opportunities")
)


class RepStore(ResourceStore[Rep]):
    """Keeps sales people."""

    table = reps
    collection = "reps"

    def page(self, page: Page, *, org: str = "") -> list[Rep]:
        """A page of all, or of those of a part of the organisation."""
        return self._page(page, *self._of(org))

    def part_of(self, id: UUID) -> str:  # noqa: A002 - the field's name
        """The part of the organisation that a sales person belongs to, who stays there until the transaction ends.
        Raises NOT_FOUND."""
        found = self._connection.execute(select(reps.c.org).where(reps.c.id == id).with_for_update(read=True)).scalar()
        if found is None:
            raise errors.not_found(names.join(self.collection, id))
        return str(found)

    def take_along(self, rep: Rep) -> None:
        """Bring what a sales person owns to the part of the organisation that the sales person belongs to now."""
        values = {"rep": rep.id, "org": rep.org, "now": rep.update_time}
        for statement in _TAKE_ALONG:
            self._connection.execute(statement, values)

    def all(self) -> list[Rep]:
        """Everybody, in the order of their ids."""
        return self._many(select(reps).order_by(reps.c.id))

    def _read(self, rows: Sequence[RowMapping]) -> list[Rep]:
        return [Rep(**row) for row in rows]

    def _row(self, resource: Rep) -> Mapping[str, Any]:
        return asdict(resource)
