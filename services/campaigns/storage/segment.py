"""Segments and their members as rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, Select, func, insert, select, text, update

from kit.page import Page
from services.campaigns.domain.events import EntryCause, SegmentEntered, SegmentLeft
from services.campaigns.domain.rule import Rule
from services.campaigns.domain.segment import Membership, Segment
from services.campaigns.storage.query import newest_first
from services.campaigns.storage.rule import from_json, to_json, to_sql
from services.campaigns.storage.tables import profiles, segment_members, spendings
from services.campaigns.storage.tables import segments as table

_RULES_LOCK = 0x7275_6C65  # "rule"

_INSIDE = text("""
    select member_id, segment_id from segment_members where member_id = any(cast(:members as uuid[]))
""")

_ENTER = text("""
    insert into segment_members (segment_id, member_id, enter_time, rule_version, cause)
    select * from unnest(cast(:segments as uuid[]), cast(:members as uuid[]), cast(:times as timestamptz[]),
                         cast(:rule_versions as bigint[]), cast(:causes as text[]))
""")

_LEAVE = text("""
    delete from segment_members m using unnest(cast(:segments as uuid[]), cast(:members as uuid[]))
        as u (segment_id, member_id)
    where m.segment_id = u.segment_id and m.member_id = u.member_id
""")


class Segments:
    """The stored segments."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def keep_rules(self) -> None:
        """Let no rule change until the transaction ends; many may hold this at once.

        A member whose judgement is not committed yet is invisible to the build that a new rule starts, so the rule
        must wait for it.
        """
        self._connection.execute(text("select pg_advisory_xact_lock_shared(:key)"), {"key": _RULES_LOCK})

    def change_rules(self) -> None:
        """Wait for those who keep the rules, and change them alone."""
        self._connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _RULES_LOCK})

    def add(self, segment: Segment) -> None:
        """Store a new segment."""
        self._connection.execute(insert(table), [_row(segment)])

    def save(self, segment: Segment) -> None:
        """Store a changed segment; a new rule is built from the first member on."""
        changed = {name: value for name, value in _row(segment).items() if name not in {"id", "create_time"}}
        if segment.building:
            changed["built_up_to"] = None
        self._connection.execute(update(table).where(table.c.id == segment.id).values(changed))

    def find(self, segment: UUID) -> Segment | None:
        """A segment, if there is one."""
        return next(iter(self._read(select(table).where(table.c.id == segment))), None)

    def lock(self, segment: UUID) -> Segment | None:
        """As `find`, and nobody else changes it until the transaction ends."""
        return next(iter(self._read(select(table).where(table.c.id == segment).with_for_update(key_share=True))), None)

    def page(self, page: Page) -> list[Segment]:
        """A page of segments, newest first."""
        return self._read(newest_first(select(table), table.c.id, page))

    def all(self) -> list[Segment]:
        """Every segment."""
        return self._read(select(table).order_by(table.c.id))

    def lock_unbuilt(self) -> tuple[Segment, UUID | None] | None:
        """The segment that has waited longest for its build, locked, and the last member who was judged, if any."""
        query = select(table).where(table.c.built_version < table.c.rule_version).order_by(table.c.update_time).limit(1)
        row = self._connection.execute(query.with_for_update(key_share=True, skip_locked=True)).mappings().first()
        return None if row is None else (_segment(row), row["built_up_to"])

    def built(self, segment: Segment, up_to: UUID | None) -> None:
        """Note the last member who was judged; None when all have been."""
        done = {"built_up_to": up_to} if up_to is not None else {"built_version": segment.rule_version}
        self._connection.execute(update(table).where(table.c.id == segment.id).values(done))

    def inside(self, members: Sequence[UUID]) -> dict[UUID, set[UUID]]:
        """The segments that members are in, by member."""
        found: dict[UUID, set[UUID]] = {}
        for member, segment in self._connection.execute(_INSIDE, {"members": members}):
            found.setdefault(member, set()).add(segment)
        return found

    def enter(self, entered: Collection[SegmentEntered]) -> None:
        """Store new memberships."""
        if not entered:
            return
        columns: dict[str, Any] = {
            "segments": [entry.segment for entry in entered],
            "members": [entry.member for entry in entered],
            "times": [entry.time for entry in entered],
            "rule_versions": [entry.rule_version for entry in entered],
            "causes": [entry.cause.value for entry in entered],
        }
        self._connection.execute(_ENTER, columns)

    def leave(self, left: Collection[SegmentLeft]) -> None:
        """Remove memberships."""
        if not left:
            return
        columns = {"segments": [each.segment for each in left], "members": [each.member for each in left]}
        self._connection.execute(_LEAVE, columns)

    def members(self, segment: UUID, page: Page) -> list[Membership]:
        """A page of a segment's members, by id."""
        query = select(segment_members).where(segment_members.c.segment_id == segment)
        if page.after is not None:
            query = query.where(segment_members.c.member_id > UUID(page.after[0]))
        rows = self._connection.execute(query.order_by(segment_members.c.member_id).limit(page.fetch)).mappings()
        return [_membership(row) for row in rows]

    def count(self, rule: Rule, now: datetime) -> tuple[int, int]:
        """How many members satisfy a rule, and how many have a profile."""
        gone = select(profiles.c.member_id).where(profiles.c.gone)
        judged = spendings.c.member_id.not_in(gone)
        grouped = select(spendings.c.member_id).where(judged).group_by(spendings.c.member_id)
        satisfied = grouped.having(to_sql(rule, now)).subquery()
        matching = select(func.count()).select_from(satisfied).scalar_subquery()
        everyone = select(func.count()).select_from(profiles).where(~profiles.c.gone).scalar_subquery()
        row = self._connection.execute(select(matching, everyone)).one()
        return row[0], row[1]

    def _read(self, query: Select[Any]) -> list[Segment]:
        return [_segment(row) for row in self._connection.execute(query).mappings()]


def _row(segment: Segment) -> dict[str, Any]:
    return {
        "id": segment.id,
        "display_name": segment.display_name,
        "rule": to_json(segment.rule),
        "rule_version": segment.rule_version,
        "built_version": segment.built_version,
        "version": segment.version,
        "create_time": segment.create_time,
        "update_time": segment.update_time,
    }


def _segment(row: RowMapping) -> Segment:
    return Segment(
        id=row["id"],
        display_name=row["display_name"],
        rule=from_json(row["rule"]),
        create_time=row["create_time"],
        update_time=row["update_time"],
        rule_version=row["rule_version"],
        built_version=row["built_version"],
        version=row["version"],
    )


def _membership(row: RowMapping) -> Membership:
    return Membership(
        segment=row["segment_id"],
        member=row["member_id"],
        enter_time=row["enter_time"],
        rule_version=row["rule_version"],
        cause=EntryCause(row["cause"]),
    )
