"""What proof needs of the database: a member's books, and the whole database compared set by set.

A statement over everything compares both sides in one snapshot, so it is right while others post. It reads the tables
in their order and hashes; indexes would only be in its way. Memory is bounded by `work_mem`: what is more is spilled.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from services.members.domain.points import HELD, HOUSE, UNIT, Part
from services.members.domain.programme import DEFAULT, unit_of
from services.members.domain.verification import (
    Books,
    Check,
    Kind,
    LotBooks,
    Signed,
    Sweep,
    account_name,
    check,
    lot_name,
)

_MOST = 1000
"""Differences of one kind that are listed; whoever has more has another problem than to read them all."""

_PLAN = text("""
    select set_config('work_mem', '256MB', true), set_config('statement_timeout', '0', true),
           set_config('max_parallel_workers_per_gather', '0', true), set_config('enable_indexscan', 'off', true),
           set_config('enable_bitmapscan', 'off', true), set_config('enable_indexonlyscan', 'off', true)
""")

_ACCOUNTS = text("""
    select unit, kind, balance from ledger_accounts where owner = cast(:owner as uuid) order by id for update
""")
_SUMS = text("""
    with mine as (select id, unit, kind from ledger_accounts where owner = cast(:owner as uuid)),
    moves as (
        select mine.unit, mine.kind, e.lot, e.amount, e.id from mine join ledger_entries e on e.credit = mine.id
        union all
        select mine.unit, mine.kind, e.lot, -e.amount, e.id from mine join ledger_entries e on e.debit = mine.id
    )
    select unit, kind, lot, cast(sum(amount) as bigint), max(id) from moves group by unit, kind, lot
""")
# The lots that entries name, and what else is said to be left; there is no index over all lots of an owner.
_LOTS = text("""
    select id, unit, pending, available, held from ledger_lots
    where id = any(cast(:ids as uuid[])) and owner = cast(:owner as uuid)
    union
    select id, unit, pending, available, held from ledger_lots where owner = cast(:owner as uuid) and available > 0
    union
    select id, unit, pending, available, held from ledger_lots where owner = cast(:owner as uuid) and pending > 0
""")

_HOLDS = text("""
    select programme, points, lots, drawn from holds where state = 'ACTIVE' and member = cast(:owner as uuid)
""")

_BALANCES = text(f"""
    select a.owner, a.unit, a.kind, s.account, coalesce(s.amount, 0) as expected, a.balance
    from (select * from ledger_accounts where hashint8(id) & :mask = :part) a
    full join (
        select account, sum(amount) as amount from (
            select credit as account, amount from ledger_entries where hashint8(credit) & :mask = :part
            union all
            select debit, -amount from ledger_entries where hashint8(debit) & :mask = :part
        ) m group by account
    ) s on s.account = a.id
    where a.id is null or (a.sign <> 0 and a.balance <> coalesce(s.amount, 0))
    limit {_MOST}
""")  # noqa: S608 - constants only
# No balance is kept of the house's accounts: they are what their entries say.
_ZERO_SUMS = text("""
    with house as materialized (
        select id, unit from ledger_accounts where sign = 0
    ), flows as (
        select d.unit as debit, c.unit as credit, sum(e.amount) as amount from ledger_entries e
        left join house d on d.id = e.debit left join house c on c.id = e.credit group by d.unit, c.unit
    )
    select unit, sum(amount) as total from (
        select unit, sum(balance) as amount from ledger_accounts where sign <> 0 group by unit
        union all
        select credit, amount from flows where credit is not null
        union all
        select debit, -amount from flows where debit is not null
    ) both_sides group by unit having sum(amount) <> 0 order by unit
""")

_LOTS_BY_ENTRIES = text(f"""
    with said as (
        select lot, account, sum(amount) as amount from (
            select lot, credit as account, amount from ledger_entries
            where lot is not null and credit <> all(cast(:house as bigint[]))
                  and uuid_hash_extended(lot, 0) & :mask = :part
            union all
            select lot, debit, -amount from ledger_entries
            where lot is not null and debit <> all(cast(:house as bigint[]))
                  and uuid_hash_extended(lot, 0) & :mask = :part
        ) m group by lot, account having sum(amount) <> 0
    ), said_of as (
        select said.lot, a.owner, a.unit, a.kind, said.amount from said join ledger_accounts a on a.id = said.account
        where a.kind in ('pending', 'available', 'held')
    ), kept as (
        select l.id as lot, l.owner, l.unit, k.kind, k.amount from ledger_lots l
        cross join lateral (
            values ('pending', l.pending), ('available', l.available), ('held', l.held)
        ) k (kind, amount)
        where k.amount <> 0 and uuid_hash_extended(l.id, 0) & :mask = :part
    )
    select coalesce(k.owner, s.owner) as owner, coalesce(k.lot, s.lot) as lot, coalesce(k.kind, s.kind) as kind,
           coalesce(s.amount, 0) as expected, coalesce(k.amount, 0) as kept
    from said_of s full join kept k
        on k.lot = s.lot and k.owner = s.owner and k.unit = s.unit and k.kind = s.kind
    where s.amount is distinct from k.amount
    limit {_MOST}
""")  # noqa: S608 - constants only

_NO_LOT = text(f"""
    select a.owner, a.unit, a.kind, sum(m.amount) as amount from (
        select credit as account, amount from ledger_entries where lot is null
        union all
        select debit, -amount from ledger_entries where lot is null
    ) m join ledger_accounts a on a.id = m.account
    where (a.unit = '{UNIT}' or a.unit like '{UNIT}/%') and a.kind in ('pending', 'available', 'held')
    group by a.owner, a.unit, a.kind having sum(m.amount) <> 0 limit {_MOST}
""")  # noqa: S608 - constants only

_UNIT_OF_HOLD = f"case h.programme when '{DEFAULT}' then '{UNIT}' else '{UNIT}/' || h.programme end"

_HELD = text(f"""
    with said as (
        select member as owner, {_UNIT_OF_HOLD} as unit, sum(points) as amount from holds h where state = 'ACTIVE'
        group by 1, 2
    ), kept as (
        select owner, unit, balance from ledger_accounts
        where (unit = '{UNIT}' or unit like '{UNIT}/%') and kind = '{HELD}' and balance <> 0
    )
    select coalesce(k.owner, s.owner) as owner, coalesce(k.unit, s.unit) as unit, coalesce(s.amount, 0) as expected,
           coalesce(k.balance, 0) as kept
    from said s full join kept k on k.owner = s.owner and k.unit = s.unit
    where s.amount is distinct from k.balance limit {_MOST}
""")  # noqa: S608 - constants only

_HELD_LOTS = text(f"""
    with said as (
        select p.lot, {_UNIT_OF_HOLD} as unit, sum(p.points) as amount
        from holds h cross join lateral unnest(h.lots, h.drawn) as p (lot, points)
        where h.state = 'ACTIVE' and p.lot is not null group by 1, 2
    ), kept as (
        select id, owner, unit, held from ledger_lots
        where (unit = '{UNIT}' or unit like '{UNIT}/%') and held <> 0
    )
    select k.owner, coalesce(k.id, s.lot) as lot, coalesce(s.amount, 0) as expected, coalesce(k.held, 0) as kept
    from said s full join kept k on k.id = s.lot and k.unit = s.unit
    where s.amount is distinct from k.held limit {_MOST}
""")  # noqa: S608 - constants only

_HOUSE_ACCOUNTS = text("select id from ledger_accounts where sign = 0")

_STANDINGS = text("""
    select member from standings where member > cast(:after as uuid) and rules = :rules order by member limit :limit
""")

_LAST = text("""
    select member, sequence, time, ok, previous, hash, jws from verifications
    where member = :member order by sequence desc limit 1
""")
_PAGE = text("""
    select member, sequence, time, ok, previous, hash, jws from verifications
    where member = :member and sequence < coalesce(cast(:before as bigint), 9223372036854775807)
    order by sequence desc limit :limit
""")
_ADD = text("""
    insert into verifications (member, sequence, time, ok, previous, hash, jws)
    values (:member, :sequence, cast(:time as timestamptz), :ok, :previous, :hash, :jws)
""")

_PUBLISH = text("""
    insert into verification_keys (kid, jwk, publish_time) values (:kid, :jwk, cast(:now as timestamptz))
    on conflict do nothing
""")
_PUBLISHED = text("select jwk from verification_keys order by publish_time desc, kid")

_SWEEP = text("select time, position, differences from sweeps where name = :name")
_KEEP_SWEEP = text("""
    insert into sweeps (name, time, position, differences)
    values (:name, cast(:time as timestamptz), cast(:position as uuid), :differences)
    on conflict (name) do update
    set time = excluded.time, position = excluded.position, differences = excluded.differences
""")


class VerificationStore:
    """Reads books, compares everything, and keeps what was signed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def books(self, owner: UUID) -> Books:
        """All that is kept of a member, whose accounts stay locked until the end of the transaction."""
        query = {"owner": owner}
        balances = self._connection.execute(_ACCOUNTS, query).all()
        sums = self._connection.execute(_SUMS, query).all()
        named = list({lot for _, _, lot, _, _ in sums if lot})
        lots = self._connection.execute(_LOTS, {**query, "ids": named}).all()
        holds = self._connection.execute(_HOLDS, query).all()
        return Books(
            owner,
            balances={(unit, kind): balance for unit, kind, balance in balances},
            sums={(unit, kind, lot): amount for unit, kind, lot, amount, _ in sums},
            lots={lot.id: LotBooks(lot.unit, (lot.pending, lot.available, lot.held)) for lot in lots},
            holds=[(unit_of(each.programme), each.points, tuple(map(Part, each.lots, each.drawn))) for each in holds],
            last_entry=max((last for *_, last in sums), default=0),
        )

    def plan(self) -> None:
        """From here on to the end of the transaction, statements are planned for all rows and may take their time."""
        self._connection.execute(_PLAN)

    def balances(self, part: int, parts: int) -> list[Check]:
        """The balances that differ from their entries, in one of `parts` parts (a power of two)."""
        rows = self._connection.execute(_BALANCES, {"mask": parts - 1, "part": part})
        return [
            check(Kind.BALANCE, account_name(row.owner, row.unit, row.kind), row.expected, row.balance)
            if row.owner
            else check(Kind.BALANCE, f"ledger_accounts/{row.account}", row.expected, "no account")
            for row in rows
        ]

    def zero_sums(self) -> list[Check]:
        """The units whose accounts, those of the house included, do not sum to zero."""
        rows = self._connection.execute(_ZERO_SUMS)
        return [check(Kind.ZERO_SUM, f"units/{row.unit}", 0, row.total) for row in rows]

    def lots(self, part: int, parts: int) -> list[Check]:
        """The lots that differ from the entries that name them, in one of `parts` parts (a power of two)."""
        house = list(self._connection.execute(_HOUSE_ACCOUNTS).scalars())
        rows = self._connection.execute(_LOTS_BY_ENTRIES, {"mask": parts - 1, "part": part, "house": house})
        return [check(Kind.LOT, lot_name(row.owner, row.lot, row.kind), row.expected, row.kept) for row in rows]

    def no_lot(self) -> list[Check]:
        """The accounts of points of which entries without a lot say something: their lots can't add up to them."""
        rows = self._connection.execute(_NO_LOT)
        return [check(Kind.NO_LOT, account_name(row.owner, row.unit, row.kind), 0, row.amount) for row in rows]

    def holds(self) -> list[Check]:
        """What is held, in all and of a lot, where it differs from the active holds."""
        held = [
            check(Kind.HOLD, account_name(row.owner, row.unit, HELD), row.expected, row.kept)
            for row in self._connection.execute(_HELD)
        ]
        lots = [
            check(Kind.HOLD, lot_name(row.owner or HOUSE, row.lot, HELD), row.expected, row.kept)
            for row in self._connection.execute(_HELD_LOTS)
        ]
        return [*held, *lots]

    def standings(self, after: UUID, rules: int, limit: int) -> Sequence[UUID]:
        """The next members after one, of those who were judged by these rules."""
        query = {"after": after, "rules": rules, "limit": limit}
        return self._connection.execute(_STANDINGS, query).scalars().all()

    def last(self, member: UUID) -> Signed | None:
        """The member's newest statement."""
        row = self._connection.execute(_LAST, {"member": member}).one_or_none()
        return Signed(*row) if row else None

    def page(self, member: UUID, *, before: int | None, limit: int) -> list[Signed]:
        """The member's statements before one, the newest first."""
        query = {"member": member, "before": before, "limit": limit}
        return [Signed(*row) for row in self._connection.execute(_PAGE, query)]

    def add(self, signed: Signed) -> None:
        """Keep a statement."""
        values: dict[str, Any] = {name: getattr(signed, name) for name in signed.__slots__}
        self._connection.execute(_ADD, values)

    def publish(self, key_id: str, jwk: str, now: datetime) -> None:
        """Keep a public key for ever, if it is new."""
        self._connection.execute(_PUBLISH, {"kid": key_id, "jwk": jwk, "now": now})

    def published(self) -> list[str]:
        """The public keys that statements were signed with, the newest first."""
        return list(self._connection.execute(_PUBLISHED).scalars())

    def sweep(self, name: str) -> Sweep | None:
        """What the last sweep of this name found."""
        row = self._connection.execute(_SWEEP, {"name": name}).one_or_none()
        return Sweep(row.time, row.position, json.loads(row.differences)) if row else None

    def keep_sweep(self, name: str, sweep: Sweep) -> None:
        """Keep what a sweep found."""
        differences = json.dumps(sweep.differences, sort_keys=True)
        query = {"name": name, "time": sweep.time, "position": sweep.position, "differences": differences}
        self._connection.execute(_KEEP_SWEEP, query)
