"""Members with points, made by the database itself: ten entries and ten lots each, in the shape that accruals leave."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from bench.installation import Installation

_BASE = 0x018F0000_0000_7000_8000_000000000000
ENTRIES = 10
_AT_ONCE = 100_000

# A member's number as the id of the member, and of its lots.
_FUNCTIONS = """
create or replace function bench_member(n bigint) returns uuid language sql immutable as
$$ select cast('018f0000-0000-7000-8000-' || lpad(to_hex(n), 12, '0') as uuid) $$;
create or replace function bench_lot(n bigint) returns uuid language sql immutable as
$$ select cast('018f0000-0000-7000-9000-' || lpad(to_hex(n), 12, '0') as uuid) $$;
"""
_ACCOUNTS = """
insert into ledger_accounts (unit, owner, kind, sign, balance, version)
select 'points', bench_member(n), k.kind, k.sign, case k.kind when 'available' then {entries} * 10 else 0 end,
       case k.kind when 'available' then {entries} else 0 end
from generate_series({first}, {last}) n,
     (values ('pending', 1), ('available', 1), ('held', 1), ('receivable', -1)) k (kind, sign)
"""
_LOTS = """
insert into ledger_lots (id, unit, owner, source, granted, grant_time, available_time, expire_time, pending, available,
                         held)
select bench_lot(n * {entries} + i), 'points', bench_member(n), 'orders/' || bench_lot(n * {entries} + i), 10,
       now() - interval '1 year' + i * interval '30 days', now() - interval '1 year' + i * interval '30 days',
       now() + (i + 1) * interval '30 days', 0, 10, 0
from generate_series({first}, {last}) n, generate_series(0, {entries} - 1) i
"""
_ENTRIES = """
insert into ledger_entries (debit, credit, amount, kind, source, effective_time, create_time, lot)
select e.id, a.id, 10, 'ACCRUAL', 'orders/' || bench_lot(n * {entries} + i), now(), now(),
       bench_lot(n * {entries} + i)
from generate_series(0, {entries} - 1) i, generate_series({first}, {last}) n
join ledger_accounts a on a.owner = bench_member(n) and a.kind = 'available'
cross join (select id from ledger_accounts where kind = 'expense' and unit = 'points') e
"""


def member(number: int) -> UUID:
    """The id of a member."""
    return UUID(int=_BASE + number)


def populate(place: Installation, first: int, last: int) -> None:
    """Make the members of these numbers."""
    place.query(_FUNCTIONS)

    def make(start: int) -> None:
        numbers = {"first": start, "last": min(last, start + _AT_ONCE - 1), "entries": ENTRIES}
        for statement in (_ACCOUNTS, _LOTS, _ENTRIES):
            place.query(statement.format(**numbers))

    with ThreadPoolExecutor(2) as makers:
        list(makers.map(make, range(first, last + 1, _AT_ONCE)))
    place.query("vacuum analyze ledger_accounts")
    place.query("vacuum analyze ledger_lots")
    place.query("vacuum analyze ledger_entries")
    place.query("checkpoint")
