"""Statements, read from the entries alone."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from kit.page import Page
from services.members.domain.statement import Line, Period

# Whoever was merged is led to the heir, however many merges there were.
_OWNER = text("""
    with recursive line (owner, heir) as (
        select distinct owner, heir from ledger_accounts where unit = :unit and owner = cast(:member as uuid)
        union
        select a.owner, a.heir from line join ledger_accounts a on a.unit = :unit and a.owner = line.heir
    )
    select owner from line where heir is null
""")

_IN_PERIOD = """
    create_time >= coalesce(cast(:start as timestamptz), '-infinity') and create_time < cast(:end as timestamptz)
"""

_BALANCES = text("""
    with mine as (
        select id, kind from ledger_accounts where unit = :unit and owner = cast(:owner as uuid) and sign <> 0
    ), moves as (
        select mine.kind, e.amount, e.create_time from mine join ledger_entries e on e.credit = mine.id
        where e.create_time < cast(:end as timestamptz)
        union all
        select mine.kind, -e.amount, e.create_time from mine join ledger_entries e on e.debit = mine.id
        where e.create_time < cast(:end as timestamptz)
    )
    select mine.kind,
           cast(coalesce(sum(m.amount) filter (where m.create_time < cast(:start as timestamptz)), 0) as bigint),
           cast(coalesce(sum(m.amount), 0) as bigint)
    from mine left join moves m on m.kind = mine.kind group by mine.kind
""")

# Each account is read through its own index, in the order of posting, and never further than the page.
_LINES = text(f"""
    with mine as (select id from ledger_accounts where unit = :unit and owner = cast(:owner as uuid) and sign <> 0),
    page as (
        select e.* from mine cross join lateral (
            select * from ledger_entries where debit = mine.id and id > :after and {_IN_PERIOD}
            order by id limit :limit
        ) e
        union
        select e.* from mine cross join lateral (
            select * from ledger_entries where credit = mine.id and id > :after and {_IN_PERIOD}
            order by id limit :limit
        ) e
    )
    select page.id, page.kind, d.kind, c.kind, page.amount, page.lot, page.source, page.effective_time,
           page.create_time
    from page join ledger_accounts d on d.id = page.debit join ledger_accounts c on c.id = page.credit
    order by page.id limit :limit
""")  # noqa: S608 - constants only


class StatementStore:
    """Reads what was posted to a member's accounts, of any unit."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def period(self, member: UUID, unit: str, *, start: datetime | None, end: datetime) -> Period | None:
        """The balances on both sides of [start, end); None when the member has no accounts of the unit."""
        owner = self._connection.scalar(_OWNER, {"member": member, "unit": unit})
        if owner is None:
            return None
        query = {"owner": owner, "unit": unit, "start": start, "end": end}
        balances = self._connection.execute(_BALANCES, query).all()
        return Period(
            owner,
            unit,
            start,
            end,
            opening={kind: before for kind, before, _ in balances},
            closing={kind: after for kind, _, after in balances},
        )

    def lines(self, period: Period, page: Page) -> list[Line]:
        """What was posted in the period, in the order of posting."""
        query = {
            "owner": period.member,
            "unit": period.unit,
            "start": period.start,
            "end": period.end,
            "after": int(page.after[0]) if page.after else 0,
            "limit": page.fetch,
        }
        return [Line(*row) for row in self._connection.execute(_LINES, query)]
