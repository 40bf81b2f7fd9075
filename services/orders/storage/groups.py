"""The groups of group buys and their seats, always many at once.

Locks are taken in one order: orders, then groups by id, then stock. A seat changes only under the locks of its order
and its group. The sweeps that decide groups lock nothing but groups, and pass over those that others lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert

from kit.money import Money
from kit.page import Page
from services.orders.domain.group import Group, GroupQuery, GroupState, OpenEnd, Seat, SeatState, Sponsorship
from services.orders.storage import parts
from services.orders.storage.families import merged_into, root
from services.orders.storage.group_buys import steps_of, steps_row
from services.orders.storage.tables.group_buys import buying_groups, group_seats, group_sponsorships

_DUE = (
    select(buying_groups)
    .where(buying_groups.c.state.in_(["OPENING", "RECRUITING"]))
    .order_by(buying_groups.c.deadline)
    .with_for_update(skip_locked=True)
)

_SAVE = text("""
    update buying_groups g
    set state = u.state, held = u.held, paid = u.paid, sponsored = u.sponsored, final_price = u.final_price,
        recruit_time = u.recruit_time, end_time = u.end_time, unsettled = u.unsettled, version = u.version,
        update_time = u.update_time
    from unnest(
        cast(:ids as uuid[]), cast(:states as text[]), cast(:held as int[]), cast(:paid as int[]),
        cast(:sponsored as int[]), cast(:final_prices as bigint[]), cast(:recruit_times as timestamptz[]),
        cast(:end_times as timestamptz[]), cast(:unsettled as boolean[]), cast(:versions as bigint[]),
        cast(:update_times as timestamptz[])
    ) as u (id, state, held, paid, sponsored, final_price, recruit_time, end_time, unsettled, version, update_time)
    where g.id = u.id
""")

_SAVE_SEATS = text("""
    update group_seats s
    set state = u.state, settled = u.settled,
        newcomer = s.newcomer and u.state in ('HELD', 'PAID')
    from unnest(cast(:orders as uuid[]), cast(:states as text[]), cast(:settled as boolean[]))
        as u (order_id, state, settled)
    where s.order_id = u.order_id
""")

_SEATED = text("""
    select group_id, member_id, order_id from group_seats
    where state <> 'REFUNDED' and (group_id, member_id) in (
        select * from unnest(cast(:groups as uuid[]), cast(:members as uuid[])))
""")

_NUMBERS = text("""
    select group_buy_id, member_id, n from group_seats
    where state <> 'REFUNDED' and (group_buy_id, member_id) in (
        select * from unnest(cast(:group_buys as uuid[]), cast(:members as uuid[])))
""")

_NEWCOMERS = text("""
    select member_id from group_seats where newcomer and member_id = any(cast(:members as uuid[]))
""")

# Who is one person with somebody who has bought is no new customer either.
_CUSTOMERS = text(f"""
    select distinct a.id from unnest(cast(:members as uuid[])) as a (id)
    cross join lateral (select {root("a.id")} as id) as kept
    cross join lateral (select kept.id union all {merged_into("kept.id")}) as one
    where exists (select from orders o
                  where o.member_id = one.id and o.pay_time is not null and o.state <> 'REFUNDED')
""")  # noqa: S608 - constants

# What is still to be done for the seat `s` of the decided group `g`.
_OPEN = """(s.state in ('HELD', 'LATE')
            or s.state = 'PAID' and (g.state in ('EXPIRED', 'REFUNDING')
                                     or g.final_price < g.price and not s.settled))"""

_OPEN_ENDS = text(f"""
    select s.order_id, s.state = 'LATE' or g.state <> 'SUCCEEDED' as whole,
           coalesce(g.price - g.final_price, 0) as difference
    from buying_groups g join group_seats s on s.group_id = g.id
    where g.unsettled and {_OPEN}
    order by g.end_time, s.order_id limit :limit
""")  # noqa: S608 - constants

# Money on its way back through a provider keeps a group from being closed until it has arrived.
_FINISHED = text(f"""
    select g.* from buying_groups g
    where g.unsettled
      and not exists (select from group_seats s where s.group_id = g.id and {_OPEN})
      and (g.state = 'SUCCEEDED' or not exists (
          select from group_seats s join refund_payments p on p.order_id = s.order_id
          where s.group_id = g.id and p.state <> 'SUCCEEDED'))
    order by g.end_time limit :limit for update of g skip locked
""")  # noqa: S608 - constants


class GroupStore:
    """The groups of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, groups: Sequence[Group]) -> None:
        """Store new groups."""
        self._connection.execute(insert(buying_groups).values([_row(group) for group in groups]))

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Group]:
        """Those of the groups that exist."""
        return self._found(select(buying_groups).where(buying_groups.c.id.in_(ids)))

    def lock(self, ids: Iterable[UUID]) -> dict[UUID, Group]:
        """As `get`; nobody else changes them, or their seats, until the transaction ends."""
        query = select(buying_groups).where(buying_groups.c.id.in_(sorted(ids)))
        return self._found(query.order_by(buying_groups.c.id).with_for_update())

    def save(self, groups: Sequence[Group]) -> None:
        """Store locked groups."""
        columns = {
            "ids": [group.id for group in groups],
            "states": [group.state.value for group in groups],
            "held": [group.held for group in groups],
            "paid": [group.paid for group in groups],
            "sponsored": [group.sponsored for group in groups],
            "final_prices": [group.final_price for group in groups],
            "recruit_times": [group.recruit_time for group in groups],
            "end_times": [group.end_time for group in groups],
            "unsettled": [group.unsettled for group in groups],
            "versions": [group.version for group in groups],
            "update_times": [group.update_time for group in groups],
        }
        self._connection.execute(_SAVE, columns)

    def page(self, query: GroupQuery, page: Page, now: datetime) -> list[Group]:
        """The groups of a page and one more if there are more, the nearest deadline first."""
        statement = (
            select(buying_groups)
            .where(buying_groups.c.group_buy_id == query.group_buy)
            .where(buying_groups.c.state == "RECRUITING", buying_groups.c.deadline > now)
            .order_by(*_nearest(buying_groups.c))
            .limit(page.fetch)
        )
        if page.after is not None:
            at = (datetime.fromisoformat(page.after[0]), UUID(page.after[1]))
            statement = statement.where(tuple_(*_nearest(buying_groups.c)) > at)
        if query.org:
            statement = parts.of_stores(statement, buying_groups, query.org, _nearest).limit(page.fetch)
        return [_group(row) for row in self._connection.execute(statement)]

    def due(self, now: datetime, limit: int) -> list[Group]:
        """Undecided groups whose deadline is over; locked, those that others lock are passed over."""
        due = _DUE.where(buying_groups.c.deadline <= now).limit(limit)
        return [_group(row) for row in self._connection.execute(due)]

    def open_ends(self, limit: int) -> list[OpenEnd]:
        """Seats of decided groups that something is still to be done for."""
        rows = self._connection.execute(_OPEN_ENDS, {"limit": limit})
        return [OpenEnd(UUID(str(order)), whole, difference) for order, whole, difference in rows]

    def finished(self, limit: int) -> list[Group]:
        """Groups whose end leads to nothing any more, and that don't know it yet; locked, as `due`."""
        return [_group(row) for row in self._connection.execute(_FINISHED, {"limit": limit})]

    def sponsor(self, filled: Sponsorship) -> None:
        """Store seats that the merchant filled."""
        values = {
            "id": filled.id,
            "group_id": filled.group,
            "seats": filled.seats,
            "note": filled.note,
            "posted_by": filled.by,
            "post_time": filled.time,
        }
        self._connection.execute(insert(group_sponsorships).values(values))

    def seats(self, orders: Sequence[UUID]) -> dict[UUID, Seat]:
        """The seats of orders, by order."""
        rows = self._connection.execute(select(group_seats).where(group_seats.c.order_id.in_(orders)))
        return {seat.order: seat for seat in map(_seat, rows)}

    def take(self, seats: Sequence[Seat]) -> set[UUID]:
        """Store new seats; answers the orders of those that nobody else took meanwhile."""
        ordered = sorted(seats, key=lambda seat: (seat.member, seat.group_buy, seat.n))
        statement = upsert(group_seats).values([_seat_row(seat) for seat in ordered])
        rows = self._connection.execute(statement.on_conflict_do_nothing().returning(group_seats.c.order_id))
        return {UUID(str(order)) for (order,) in rows}

    def save_seats(self, seats: Sequence[Seat]) -> None:
        """Store changed seats."""
        columns = {
            "orders": [seat.order for seat in seats],
            "states": [seat.state.value for seat in seats],
            "settled": [seat.settled for seat in seats],
        }
        self._connection.execute(_SAVE_SEATS, columns)

    def drop(self, orders: Sequence[UUID]) -> None:
        """The seats of orders are no more."""
        self._connection.execute(delete(group_seats).where(group_seats.c.order_id.in_(orders)))

    def seated(self, pairs: Sequence[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], UUID]:
        """The orders by which members have seats, by (group, member)."""
        columns = {"groups": [group for group, _ in pairs], "members": [member for _, member in pairs]}
        rows = self._connection.execute(_SEATED, columns)
        return {(UUID(str(group)), UUID(str(member))): UUID(str(order)) for group, member, order in rows}

    def numbers(self, pairs: Sequence[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], set[int]]:
        """The numbers of the seats that members have, by (group buy, member)."""
        columns = {"group_buys": [group_buy for group_buy, _ in pairs], "members": [member for _, member in pairs]}
        found: dict[tuple[UUID, UUID], set[int]] = {}
        for group_buy, member, n in self._connection.execute(_NUMBERS, columns):
            found.setdefault((UUID(str(group_buy)), UUID(str(member))), set()).add(n)
        return found

    def customers(self, members: Sequence[UUID]) -> set[UUID]:
        """Which of the members have paid for an order that was not refunded whole."""
        return {UUID(str(member)) for (member,) in self._connection.execute(_CUSTOMERS, {"members": list(members)})}

    def newcomers(self, members: Sequence[UUID]) -> set[UUID]:
        """Which of the members have a seat that only a new customer may have."""
        return {UUID(str(member)) for (member,) in self._connection.execute(_NEWCOMERS, {"members": list(members)})}

    def _found(self, query: Any) -> dict[UUID, Group]:
        return {group.id: group for group in map(_group, self._connection.execute(query))}


def _nearest(columns: Any) -> tuple[ColumnElement[Any], ...]:
    return columns.deadline, columns.id


def _row(group: Group) -> dict[str, object]:
    return {
        "id": group.id,
        "group_buy_id": group.group_buy,
        "leader_id": group.leader,
        "state": group.state.value,
        "size": group.size,
        "price": group.price.minor,
        "currency": group.price.currency,
        "steps": steps_row(group.steps),
        "held": group.held,
        "paid": group.paid,
        "sponsored": group.sponsored,
        "final_price": group.final_price,
        "open_time": group.open_time,
        "deadline": group.deadline,
        "recruit_time": group.recruit_time,
        "end_time": group.end_time,
        "unsettled": group.unsettled,
        "version": group.version,
        "update_time": group.update_time,
        "store": group.store,
    }


def _group(row: Row[*tuple[Any, ...]]) -> Group:
    return Group(
        id=UUID(str(row.id)),
        group_buy=UUID(str(row.group_buy_id)),
        leader=UUID(str(row.leader_id)),
        state=GroupState(row.state),
        size=row.size,
        price=Money(row.price, row.currency),
        steps=steps_of(row.steps),
        held=row.held,
        paid=row.paid,
        sponsored=row.sponsored,
        final_price=row.final_price,
        open_time=row.open_time,
        deadline=row.deadline,
        recruit_time=row.recruit_time,
        end_time=row.end_time,
        unsettled=row.unsettled,
        version=row.version,
        update_time=row.update_time,
        store=row.store,
    )


def _seat_row(seat: Seat) -> dict[str, object]:
    return {
        "order_id": seat.order,
        "group_id": seat.group,
        "group_buy_id": seat.group_buy,
        "member_id": seat.member,
        "n": seat.n,
        "state": seat.state.value,
        "settled": seat.settled,
        "newcomer": seat.newcomer,
    }


def _seat(row: Row[*tuple[Any, ...]]) -> Seat:
    return Seat(
        order=UUID(str(row.order_id)),
        group=UUID(str(row.group_id)),
        group_buy=UUID(str(row.group_buy_id)),
        member=UUID(str(row.member_id)),
        n=row.n,
        state=SeatState(row.state),
        settled=row.settled,
        newcomer=row.newcomer,
    )
