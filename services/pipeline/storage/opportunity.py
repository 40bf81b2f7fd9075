"""Opportunities in their table, and the history of their steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, func, insert, select

from kit.money import Money
from kit.page import Page
from services.pipeline.domain.opportunity import Changed, Opportunity, StageChange
from services.pipeline.storage.resource import ResourceStore
from services.pipeline.storage.tables import opportunities, stage_changes


class OpportunityStore(ResourceStore[Opportunity]):
    """Keeps opportunities and their history."""

    table = opportunities
    collection = "opportunities"

    def standing(self, stages: Sequence[str]) -> dict[str, int]:
        """How many opportunities stand in each of these stages, where there are any."""
        stage = opportunities.c.stage
        query = select(stage, func.count()).where(stage.in_(stages)).group_by(stage)
        return {row[0]: row[1] for row in self._connection.execute(query)}

    def begin(self, changed: Changed) -> None:
        """Keep a new opportunity, and that it began."""
        self.add(changed.opportunity)
        self._record(changed.steps)

    def change(self, changed: Changed) -> None:
        """Keep a change of a locked opportunity, with its steps."""
        self.save(changed.opportunity)
        self._record(changed.steps)

    def find_locked(self, id: UUID) -> Opportunity | None:  # noqa: A002 - the field's name
        """The opportunity, kept from changing, if there is one."""
        found = self._many(select(opportunities).where(opportunities.c.id == id).with_for_update(key_share=True))
        return found[0] if found else None

    def page(
        self, page: Page, *, account: UUID | None, owner: UUID | None, stage: str | None, org: str = ""
    ) -> list[Opportunity]:
        """A page of those of one account, of one sales person, in one stage and of a part of the organisation, where
        given."""
        columns = opportunities.c
        given = ((columns.account, account), (columns.owner, owner), (columns.stage, stage))
        return self._page(page, *(column == value for column, value in given if value is not None), *self._of(org))

    def steps(self, id: UUID, page: Page) -> list[StageChange]:  # noqa: A002 - the field's name
        """A page of the history, oldest first."""
        columns = stage_changes.c
        statement = select(stage_changes).where(columns.opportunity == id).order_by(columns.number).limit(page.fetch)
        if page.after is not None:
            statement = statement.where(columns.number > int(page.after[0]))
        return [_step(row) for row in self._connection.execute(statement).mappings()]

    def _record(self, steps: Sequence[StageChange]) -> None:
        if steps:
            self._connection.execute(insert(stage_changes), [_step_row(step) for step in steps])

    def _read(self, rows: Sequence[RowMapping]) -> list[Opportunity]:
        return [Opportunity(**_with_money(row)) for row in rows]

    def _row(self, resource: Opportunity) -> Mapping[str, Any]:
        row = {name: getattr(resource, name, None) for name in opportunities.c.keys()}  # noqa: SIM118 - columns
        return {**row, **_money_columns(resource.amount)}


def _step(row: RowMapping) -> StageChange:
    return StageChange(**_with_money(row))


def _step_row(step: StageChange) -> dict[str, Any]:
    row = {name: getattr(step, name, None) for name in stage_changes.c.keys()}  # noqa: SIM118 - columns
    return {**row, **_money_columns(step.amount)}


def _with_money(row: RowMapping) -> dict[str, Any]:
    values = dict(row)
    currency = values.pop("currency")
    values["amount"] = None if currency is None else Money(values["amount"], currency)
    return values


def _money_columns(amount: Money | None) -> dict[str, Any]:
    if amount is None:
        return {"amount": None, "currency": None}
    return {"amount": amount.minor, "currency": amount.currency}
