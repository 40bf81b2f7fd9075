"""Comparisons with providers' bills: rows to domain and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, insert, select, text, tuple_, update

from kit.money import Money
from kit.page import Page
from services.orders.domain.provider import BillLine, NoticeKind
from services.orders.domain.reconciliation import Difference, DifferenceKind, Report, StoredDifference
from services.orders.storage.tables.payments import reconciliation_differences, reconciliation_reports

_R = reconciliation_reports.c
_D = reconciliation_differences.c

# Whoever gets the row compares; should nobody tell how that ended, another may when the lease is over.
_CLAIM = text("""
    insert into reconciliation_reports (id, provider, day, lines, differences, lease_time)
    values (:id, :provider, :day, 0, 0, cast(:until as timestamptz))
    on conflict (provider, day) do update set lease_time = excluded.lease_time
    where reconciliation_reports.compare_time is null and reconciliation_reports.lease_time < cast(:now as timestamptz)
    returning id
""")
_FOUND_LATER = text("""
    update reconciliation_differences d
    set resolve_time = cast(:now as timestamptz), note = 'in the bill of another day'
    from unnest(cast(:movements as text[]), cast(:references as text[])) as l (movement, reference)
    where d.provider = :provider and d.kind = 'MISSING_THERE' and d.resolve_time is null
          and d.movement = l.movement and d.reference = l.reference
""")


class ReconciliationStore:
    """The comparisons of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def claim(self, report_id: UUID, provider: str, day: date, *, now: datetime, until: datetime) -> UUID | None:
        """The report of a day, to be made by the caller; None if it is made, or somebody else makes it now."""
        columns = {"id": report_id, "provider": provider, "day": day, "now": now, "until": until}
        row = self._connection.execute(_CLAIM, columns).one_or_none()
        return UUID(str(row[0])) if row else None

    def compared(self, provider: str, since: date) -> set[date]:
        """The days from `since` on whose bills were compared."""
        query = select(_R.day).where(_R.provider == provider, _R.day >= since, _R.compare_time.is_not(None))
        return {row.day for row in self._connection.execute(query)}

    def add(self, report: Report, found: Sequence[StoredDifference]) -> None:
        """Store a comparison and what it found."""
        change = update(reconciliation_reports).where(_R.id == report.id, _R.compare_time.is_(None))
        values = {"lines": report.lines, "differences": report.differences, "compare_time": report.compare_time}
        if self._connection.execute(change.values(**values)).rowcount == 1 and found:
            self._connection.execute(insert(reconciliation_differences), [_values(each) for each in found])

    def found_later(self, provider: str, lines: Sequence[BillLine], now: datetime) -> None:
        """What earlier bills lacked is in this one."""
        columns = {
            "provider": provider,
            "movements": [line.kind.value for line in lines],
            "references": [line.reference for line in lines],
            "now": now,
        }
        self._connection.execute(_FOUND_LATER, columns)

    def lock_difference(self, difference_id: UUID) -> StoredDifference | None:
        """A difference; nobody else changes it until the transaction ends."""
        query = select(reconciliation_differences).where(_D.id == difference_id).with_for_update()
        row = self._connection.execute(query).one_or_none()
        return _difference(row) if row else None

    def resolve(self, difference: StoredDifference) -> None:
        """Store how a difference was explained."""
        change = update(reconciliation_differences).where(_D.id == difference.id)
        self._connection.execute(change.values(resolve_time=difference.resolve_time, note=difference.note))

    def reports(self, page: Page) -> list[Report]:
        """The reports of a page and one more if there are more, the latest day first."""
        query = (
            select(reconciliation_reports)
            .where(_R.compare_time.is_not(None))
            .order_by(_R.day.desc(), _R.id.desc())
            .limit(page.fetch)
        )
        if page.after is not None:
            at = (date.fromisoformat(page.after[0]), UUID(page.after[1]))
            query = query.where(tuple_(_R.day, _R.id) < at)
        return [
            Report(row.id, row.provider, row.day, row.lines, row.differences, row.compare_time)
            for row in self._connection.execute(query)
        ]

    def differences(self, page: Page, *, resolved: bool) -> list[StoredDifference]:
        """The differences of a page and one more if there are more, the latest found first."""
        query = select(reconciliation_differences).order_by(_D.find_time.desc(), _D.id.desc()).limit(page.fetch)
        if not resolved:
            query = query.where(_D.resolve_time.is_(None))
        if page.after is not None:
            at = (datetime.fromisoformat(page.after[0]), UUID(page.after[1]))
            query = query.where(tuple_(_D.find_time, _D.id) < at)
        return [_difference(row) for row in self._connection.execute(query)]

    def open_differences(self) -> int:
        """How many differences nobody has explained."""
        return int(self._connection.execute(select(func.count()).where(_D.resolve_time.is_(None))).scalar_one())

    def uncompared(self, first: date, last: date) -> int:
        """How many bills of [first, last] were tried and could not be compared."""
        query = select(func.count()).where(_R.compare_time.is_(None), _R.day.between(first, last))
        return int(self._connection.execute(query).scalar_one())


def _values(stored: StoredDifference) -> dict[str, Any]:
    found = stored.difference
    money = found.theirs or found.ours
    return {
        "id": stored.id,
        "report_id": stored.report,
        "provider": stored.provider,
        "day": stored.day,
        "kind": found.kind.value,
        "movement": found.movement.value,
        "reference": found.reference,
        "transaction": found.transaction,
        "order_id": found.order,
        "ours": found.ours.minor if found.ours is not None else None,
        "theirs": found.theirs.minor if found.theirs is not None else None,
        "currency": money.currency if money is not None else "",
        "find_time": stored.find_time,
        "note": stored.note,
    }


def _difference(row: Row[*tuple[Any, ...]]) -> StoredDifference:
    return StoredDifference(
        row.id,
        row.report_id,
        row.provider,
        row.day,
        Difference(
            DifferenceKind(row.kind),
            NoticeKind(row.movement),
            row.reference,
            row.transaction,
            row.order_id,
            Money(row.ours, row.currency) if row.ours is not None else None,
            Money(row.theirs, row.currency) if row.theirs is not None else None,
        ),
        row.find_time,
        row.resolve_time,
        row.note,
    )
