"""Automations and their runs as rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, Select, insert, select, text, update

from kit.page import Page
from services.campaigns.domain.automation import Automation, Run, State
from services.campaigns.storage.query import newest_first, one_of
from services.campaigns.storage.tables import automation_runs
from services.campaigns.storage.tables import automations as table

_GRANTED = text("""
    select automation_id, member_id from automation_runs
    where automation_id = any(cast(:automations as uuid[])) and member_id = any(cast(:members as uuid[]))
      and coupon_id is not null
""")


class Automations:
    """The stored automations."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, automation: Automation) -> None:
        """Store a new automation."""
        self._connection.execute(insert(table), [_row(automation)])

    def save(self, automation: Automation) -> None:
        """Store a changed automation."""
        changed = {name: value for name, value in _row(automation).items() if name not in {"id", "create_time"}}
        self._connection.execute(update(table).where(table.c.id == automation.id).values(changed))

    def find(self, automation: UUID) -> Automation | None:
        """An automation, if there is one."""
        return next(iter(self._read(select(table).where(table.c.id == automation))), None)

    def lock(self, automation: UUID) -> Automation | None:
        """As `find`, and nobody else changes it until the transaction ends."""
        query = select(table).where(table.c.id == automation).with_for_update(key_share=True)
        return next(iter(self._read(query)), None)

    def page(self, page: Page) -> list[Automation]:
        """A page of automations, newest first."""
        return self._read(newest_first(select(table), table.c.id, page))

    def of_segments(self, segments: Collection[UUID]) -> list[Automation]:
        """The automations of these segments, oldest first."""
        return self._read(select(table).where(one_of(table.c.segment_id, segments)).order_by(table.c.id))

    def granted(self, automations: Collection[UUID], members: Collection[UUID]) -> set[tuple[UUID, UUID]]:
        """Which of the members had their coupon from which of the automations."""
        rows = self._connection.execute(_GRANTED, {"automations": list(automations), "members": list(members)})
        return {(row[0], row[1]) for row in rows}

    def add_runs(self, runs: Sequence[Run]) -> None:
        """Store what automations did."""
        self._connection.execute(insert(automation_runs), [_run_row(run) for run in runs])

    def runs(self, automation: UUID, page: Page) -> list[Run]:
        """A page of what an automation did, newest first."""
        query = select(automation_runs).where(automation_runs.c.automation_id == automation)
        rows = self._connection.execute(newest_first(query, automation_runs.c.id, page)).mappings()
        return [_run(row) for row in rows]

    def _read(self, query: Select[Any]) -> list[Automation]:
        return [_automation(row) for row in self._connection.execute(query).mappings()]


def _row(automation: Automation) -> dict[str, Any]:
    return {
        "id": automation.id,
        "display_name": automation.display_name,
        "segment_id": automation.segment,
        "template_id": automation.template,
        "state": automation.state.value,
        "version": automation.version,
        "create_time": automation.create_time,
        "update_time": automation.update_time,
    }


def _automation(row: RowMapping) -> Automation:
    return Automation(
        id=row["id"],
        display_name=row["display_name"],
        segment=row["segment_id"],
        template=row["template_id"],
        create_time=row["create_time"],
        update_time=row["update_time"],
        state=State(row["state"]),
        version=row["version"],
    )


def _run_row(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "automation_id": run.automation,
        "member_id": run.member,
        "coupon_id": run.coupon,
        "skip_reason": run.skip_reason,
        "rule_version": run.rule_version,
        "run_time": run.time,
    }


def _run(row: RowMapping) -> Run:
    return Run(
        id=row["id"],
        automation=row["automation_id"],
        member=row["member_id"],
        coupon=row["coupon_id"],
        skip_reason=row["skip_reason"],
        rule_version=row["rule_version"],
        time=row["run_time"],
    )
