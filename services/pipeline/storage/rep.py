"""Sales people in their table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import RowMapping, select

from kit.page import Page
from services.pipeline.domain.rep import Rep
from services.pipeline.storage.resource import ResourceStore
from services.pipeline.storage.tables import reps


class RepStore(ResourceStore[Rep]):
    """Keeps sales people."""

    table = reps
    collection = "reps"

    def page(self, page: Page) -> list[Rep]:
        """A page of all."""
        return self._page(page)

    def all(self) -> list[Rep]:
        """Everybody, in the order of their ids."""
        return self._many(select(reps).order_by(reps.c.id))

    def _read(self, rows: Sequence[RowMapping]) -> list[Rep]:
        return [Rep(**row) for row in rows]

    def _row(self, resource: Rep) -> Mapping[str, Any]:
        return asdict(resource)
