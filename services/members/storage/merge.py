"""Merges as rows: the merge itself, which rows of which tables it has given another owner, and the accounts."""

# ruff: noqa: S608 - the statements are put together from the names of the schema only

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, Row, Table, UniqueConstraint, Uuid, text
from sqlalchemy.sql.elements import TextClause

from kit.ledger import Ledger
from kit.page import Page
from kit.posting import Lot, Transfer
from services.members.domain.merge import Drawn, Estate, Merge, MergeState, document, restored
from services.members.domain.points import HOUSE
from services.members.storage.tables import metadata

OWNERS = ("member", "owner", "holder", "referrer", "recipient")
"""What the columns are called that name a member."""

KEPT = frozenset(
    {
        *("members", "member_keys", "identifiers"),  # the merged member's own, which resolves to the other
        *("ledger_accounts", "ledger_entries"),  # append-only; the accounts have an heir
        *("standings", "tier_changes"),  # they follow from purchases
        *("tier_overrides", "adjustments", "verifications"),  # append-only: what was done and proved under the old name
    }
)
"""Tables whose rows a merge leaves with the member that is gone."""

_INHERITED = "tier_overrides.inherited"
"""The kind under which it is kept by which act a tier went to the member that is kept."""

_HELD = "holds.member"
"""The kind under which it is kept which holds were moved."""

_COLUMNS = "id, gone, kept, reason, time, state, end_time, document"
_ADD = text(f"""
    insert into merges ({_COLUMNS})
    values (:id, :gone, :kept, :reason, :time, :state, :end_time, cast(:document as jsonb))
""")
_END = text("update merges set state = :state, end_time = :end_time where id = :id and state = 'ACTIVE'")
_READ = text(f"select {_COLUMNS} from merges where id = :id")
_ACTIVE = text(f"select {_COLUMNS} from merges where gone = :gone and state = 'ACTIVE'")
_PAGE = text(f"""
    select {_COLUMNS} from merges
    where (gone = :member or kept = :member)
          and id < coalesce(cast(:before as uuid), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    order by id desc limit :limit
""")

_ACCOUNTS = text("""
    select unit, owner, kind, sign, balance from ledger_accounts
    where owner = any(cast(:owners as uuid[])) and sign <> 0 order by id for update
""")
_OPEN = text("""
    insert into ledger_accounts (unit, owner, kind, sign, balance)
    select unit, cast(:other as uuid), kind, sign, 0 from ledger_accounts where owner = :one and sign <> 0
    on conflict do nothing
""")
_LOTS = text("""
    select id, owner, source, granted, grant_time, available_time, expire_time, pending, available, held
    from ledger_lots
    where owner = :owner and unit = :unit
          and (pending > 0 or available > 0 or held > 0 or id = any(cast(:empty as uuid[])))
""")
_HEIRLESS = text("update ledger_accounts set heir = null where owner = :gone and heir = :kept")

_HOLDS = text(f"""
    select h.lots, m.merge is not null from holds h
    left join merge_moves m on m.merge = :merge and m.kind = '{_HELD}' and m.key = jsonb_build_array(h.id)
    where h.member = :kept and h.state = 'ACTIVE'
""")
# A redemption that was paid late has another hold than the one that was moved along with it.
_HELD_ANEW = text("""
    update holds h set member = :gone
    from merge_moves m join redemptions r on m.key = jsonb_build_array(r.id)
    where m.merge = :merge and m.kind = 'redemptions.member' and h.id = r.hold and h.member = :kept
""")
_KEEP_INHERITED = text(f"""
    insert into merge_moves (merge, kind, key, state)
    values (:merge, '{_INHERITED}', jsonb_build_array(cast(:override as bigint)), '')
""")
_INHERITED_BY = text(f"""
    select cast(key ->> 0 as bigint) from merge_moves where merge = :merge and kind = '{_INHERITED}'
""")
_MOVED_LOTS = text("select key ->> 0 from merge_moves where merge = :merge and kind = 'ledger_lots.owner'")
_CHANGED = text("""
    select count(*) from merge_moves m join stored_payments p on m.key = jsonb_build_array(p.id)
    where m.merge = :merge and m.kind = 'stored_payments.owner' and m.state = 'HELD' and p.state <> 'HELD'
""")

# What comes under the name of the merged member since belongs to every merge on the way to who has it now.
_FOLLOW = text("""
    with recursive way as (
        select n.of, g.id, g.kept
        from unnest(cast(:members as uuid[]), cast(:ids as uuid[])) as n (member, of)
        join merges g on g.gone = n.member and g.state = 'ACTIVE'
        union all
        select w.of, g.id, g.kept from way w join merges g on g.gone = w.kept and g.state = 'ACTIVE'
    )
    insert into merge_moves (merge, kind, key, state)
    select w.id, k.kind, jsonb_build_array(w.of), 'FOLLOWED'
    from way w cross join unnest(cast(:kinds as text[])) as k (kind)
    on conflict do nothing
""")
_FOLLOWED_LOTS = text("""
    insert into merge_moves (merge, kind, key, state)
    select m.merge, 'ledger_lots.owner', jsonb_build_array(l.id), 'FOLLOWED'
    from merge_moves m join ledger_lots l on l.source = 'orders/' || (m.key ->> 0) and l.owner = :kept
    where m.merge = :merge and m.kind = 'purchases.member' and m.state = 'FOLLOWED'
    on conflict do nothing
""")

_CLOSE = text("""
    with changes as (delete from tier_changes where member = :gone) delete from standings where member = :gone
""")


@dataclass(frozen=True, slots=True)
class _Owned:
    """A table with a column that says whose a row is, and the statements that move rows."""

    kind: str
    move: TextClause
    move_back: TextClause


class MergeStore:
    """Keeps merges. Whoever changes one has locked both members and their wallets."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, merge: Merge) -> None:
        """Keep a new merge."""
        self._connection.execute(_ADD, _columns(merge))

    def end(self, merge: Merge) -> None:
        """Keep that a merge was undone."""
        self._connection.execute(_END, {"id": merge.id, "state": merge.state.value, "end_time": merge.end_time})

    def read(self, merge: UUID) -> Merge | None:
        """The merge, if there was one."""
        row = self._connection.execute(_READ, {"id": merge}).one_or_none()
        return _merge(row) if row else None

    def active(self, gone: UUID) -> Merge | None:
        """The merge by which a member is gone."""
        row = self._connection.execute(_ACTIVE, {"gone": gone}).one_or_none()
        return _merge(row) if row else None

    def page(self, member: UUID, page: Page) -> list[Merge]:
        """Merges that a member was part of, before a position, the newest first."""
        before = UUID(page.after[0]) if page.after else None
        query = {"member": member, "before": before, "limit": page.fetch}
        return [_merge(row) for row in self._connection.execute(_PAGE, query).all()]

    def estates(self, gone: UUID, kept: UUID, empty: Collection[UUID] = ()) -> list[tuple[Estate, Estate]]:
        """What both have in each unit in which one has accounts, all of which are locked; the other gets accounts there
        too.

        Lots of which nothing is left are missing, but for those in `empty`.
        """
        for one, other in ((gone, kept), (kept, gone)):
            self._connection.execute(_OPEN, {"one": one, "other": other})
        balances: dict[str, dict[UUID, dict[str, int]]] = {}
        for unit, owner, kind, _, balance in self._connection.execute(_ACCOUNTS, {"owners": [gone, kept]}).all():
            balances.setdefault(unit, {}).setdefault(owner, {})[kind] = balance
        return [
            (self._estate(unit, gone, owners[gone], empty), self._estate(unit, kept, owners[kept], empty))
            for unit, owners in sorted(balances.items())
        ]

    def post(self, unit: str, owners: Sequence[UUID], transfers: Sequence[Transfer], now: datetime) -> None:
        """Write transfers between the owners' accounts in a unit, whether or not an heir stands for one of them."""
        if not transfers:
            return
        kinds = {account.kind for each in transfers for account in (each.debit, each.credit)}
        ledger = Ledger(self._connection, unit=unit, house=HOUSE)
        ledger.lock(owners, sorted(kinds))
        ledger.post(transfers, now=now)

    def take_over(self, unit: str, gone: UUID, kept: UUID) -> None:
        """In this unit the accounts of the one stand for those of the other."""
        Ledger(self._connection, unit=unit, house=HOUSE).take_over(gone, kept)

    def give_back(self, gone: UUID, kept: UUID) -> None:
        """The member's accounts stand for themselves again, in all units."""
        self._connection.execute(_HEIRLESS, {"gone": gone, "kept": kept})

    def move(self, merge: Merge) -> None:
        """Give every row of the member that goes to the other, and keep which ones they were.

        Where both have a row that only one can have, such as a check-in of the same day, each keeps its own.
        """
        given = {"merge": merge.id, "gone": merge.gone, "kept": merge.kept}
        for owned in OWNED:
            self._connection.execute(owned.move, given)
        self._connection.execute(_CLOSE, {"gone": merge.gone})

    def follow(self, news: Iterable[tuple[UUID, UUID]]) -> None:
        """Keep that orders, each given after its member, came under the name of a member that is gone."""
        self._follow(list(news), FOLLOWING)

    def follow_held(self, placed: Iterable[tuple[UUID, UUID]]) -> None:
        """Keep that holds, each given after its member, were placed under the name of a member that is gone."""
        self._follow(list(placed), [_HELD])

    def keep_inherited(self, merge: Merge, override: int) -> None:
        """Keep by which act the kept member has the tier that was given to the other by hand."""
        self._connection.execute(_KEEP_INHERITED, {"merge": merge.id, "override": override})

    def inherited(self, merge: Merge) -> int | None:
        """The act by which the kept member has the other's tier."""
        found: int | None = self._connection.execute(_INHERITED_BY, {"merge": merge.id}).scalar_one_or_none()
        return found

    def returning(self, merge: Merge) -> set[UUID]:
        """The lots that go back."""
        self._connection.execute(_FOLLOWED_LOTS, {"merge": merge.id, "kept": merge.kept})
        return {UUID(lot) for lot in self._connection.execute(_MOVED_LOTS, {"merge": merge.id}).scalars()}

    def holds(self, merge: Merge) -> list[Drawn]:
        """The active holds of the member that is kept."""
        query = {"merge": merge.id, "kept": merge.kept}
        return [Drawn(moved, lots) for lots, moved in self._connection.execute(_HOLDS, query).all()]

    def payments_changed(self, merge: Merge) -> bool:
        """Whether a payment by stored value that was held when it was moved is not held any more."""
        return bool(self._connection.execute(_CHANGED, {"merge": merge.id}).scalar_one())

    def move_back(self, merge: Merge) -> None:
        """Give the rows back that were moved and those that followed."""
        given = {"merge": merge.id, "gone": merge.gone, "kept": merge.kept}
        for owned in OWNED:
            self._connection.execute(owned.move_back, given)
        self._connection.execute(_HELD_ANEW, given)

    def _follow(self, named: Sequence[tuple[UUID, UUID]], kinds: Sequence[str]) -> None:
        if named:
            columns = {"members": [member for member, _ in named], "ids": [id_ for _, id_ in named]}
            self._connection.execute(_FOLLOW, {**columns, "kinds": list(kinds)})

    def _estate(self, unit: str, owner: UUID, balances: dict[str, int], empty: Collection[UUID]) -> Estate:
        lots = self._connection.execute(_LOTS, {"owner": owner, "unit": unit, "empty": list(empty)}).all()
        return Estate(unit, owner, balances, tuple(Lot(*row) for row in lots))


def _columns(merge: Merge) -> dict[str, Any]:
    return {
        "id": merge.id,
        "gone": merge.gone,
        "kept": merge.kept,
        "reason": merge.reason,
        "time": merge.time,
        "state": merge.state.value,
        "end_time": merge.end_time,
        "document": json.dumps(document(merge)),
    }


def _merge(row: Row[Any]) -> Merge:
    merge = Merge(row.id, row.gone, row.kept, row.reason, row.time, state=MergeState(row.state), end_time=row.end_time)
    return restored(merge, row.document)


def _owned(table: Table, column: Column[Any]) -> _Owned:
    name, owner = table.name, column.name
    key = ", ".join(f't."{each.name}"' for each in table.primary_key.columns if each is not column)
    kind = f"{name}.{owner}"
    state = 't."state"' if "state" in table.c else "''"
    single = " ".join(
        f'and not exists (select 1 from "{name}" o where o."{owner}" = :kept and {_same(columns)})'
        for columns in _once_each(table, column)
    )
    return _Owned(
        kind,
        text(f"""
            with moved as (
                update "{name}" t set "{owner}" = :kept where t."{owner}" = :gone {single}
                returning jsonb_build_array({key}) as key, {state} as state
            )
            insert into merge_moves (merge, kind, key, state)
            select cast(:merge as uuid), '{kind}', key, state from moved
        """),
        text(f"""
            update "{name}" t set "{owner}" = :gone from merge_moves m
            where m.merge = :merge and m.kind = '{kind}' and t."{owner}" = :kept and m.key = jsonb_build_array({key})
        """),
    )


def _once_each(table: Table, column: Column[Any]) -> list[list[str]]:
    """What each owner has once only: the other columns of every key that the owner is a part of."""
    keys = [list(table.primary_key.columns)]
    keys += [list(each.columns) for each in table.constraints if isinstance(each, UniqueConstraint)]
    return [[each.name for each in key if each is not column] for key in keys if column in key]


def _same(columns: Iterable[str]) -> str:
    return " and ".join(["true", *(f'o."{name}" = t."{name}"' for name in columns)])


OWNED = [
    _owned(table, table.c[name])
    for table in metadata.sorted_tables
    if table.name not in KEPT
    for name in OWNERS
    if name in table.c and isinstance(table.c[name].type, Uuid)
]
"""Every table with something that moves. A table of a later day is among them unless it is in KEPT."""

FOLLOWING = [
    f"{table.name}.member"
    for table in metadata.sorted_tables
    if {"member", "order"} == {column.name for column in table.primary_key.columns}
]
"""The tables with one row for each order of a member."""
