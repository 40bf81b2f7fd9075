"""Bargains, haggles and cuts: rows to domain and back."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, insert, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert

from kit.money import Money
from kit.page import Page
from services.orders.domain.bargain import Bargain, BargainQuery, Cut, Haggle, HaggleState
from services.orders.storage.tables.bargains import bargains, haggle_cuts, haggles

_MILLISECOND = timedelta(milliseconds=1)

_SAVE = text("""
    update haggles h set state = u.state, done = u.done, order_id = u.order_id, update_time = u.update_time
    from unnest(cast(:ids as uuid[]), cast(:states as text[]), cast(:done as int[]), cast(:orders as uuid[]),
                cast(:update_times as timestamptz[])) as u (id, state, done, order_id, update_time)
    where h.id = u.id
""")

_HELPED = text("""
    select haggle_id, helper_id from haggle_cuts
    where (haggle_id, helper_id) in (select * from unnest(cast(:haggles as uuid[]), cast(:helpers as uuid[])))
""")


class BargainStore:
    """The bargains of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, bargain: Bargain) -> None:
        """Store a new bargain."""
        self._connection.execute(insert(bargains).values(**_row(bargain)))

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Bargain]:
        """Those of the bargains that exist."""
        rows = self._connection.execute(select(bargains).where(bargains.c.id.in_(ids)))
        return {found.id: found for found in map(_bargain, rows)}

    def lock(self, bargain_id: UUID) -> Bargain | None:
        """The bargain, which nobody else changes until the transaction ends."""
        row = self._connection.execute(
            select(bargains).where(bargains.c.id == bargain_id).with_for_update()
        ).one_or_none()
        return _bargain(row) if row else None

    def save(self, bargain: Bargain) -> None:
        """Store a changed bargain."""
        self._connection.execute(update(bargains).where(bargains.c.id == bargain.id).values(**_row(bargain)))

    def page(self, query: BargainQuery, page: Page) -> list[Bargain]:
        """The bargains of a page and one more if there are more, the latest start first."""
        latest = (bargains.c.start_time.desc(), bargains.c.id.desc())
        statement = select(bargains).order_by(*latest).limit(page.fetch)
        if query.product is not None:
            statement = statement.where(bargains.c.product_id == query.product)
        if page.after is not None:
            at = (datetime.fromisoformat(page.after[0]), UUID(page.after[1]))
            statement = statement.where(tuple_(bargains.c.start_time, bargains.c.id) < at)
        return [_bargain(row) for row in self._connection.execute(statement)]


class HaggleStore:
    """The haggles of one transaction, and their cuts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin(self, haggle: Haggle) -> Haggle:
        """Store a new haggle; answers the one that the member has, if there is one."""
        values = {
            "id": haggle.id,
            "bargain_id": haggle.bargain,
            "member_id": haggle.member,
            "state": haggle.state.value,
            "price": haggle.price.minor,
            "currency": haggle.price.currency,
            "cuts": list(haggle.cuts),
            "done": haggle.done,
            "order_id": haggle.order,
            "open_time": haggle.open_time,
            "deadline": haggle.deadline,
            "update_time": haggle.update_time,
        }
        self._connection.execute(upsert(haggles).values(values).on_conflict_do_nothing())
        its = (haggles.c.bargain_id == haggle.bargain, haggles.c.member_id == haggle.member)
        return _haggle(self._connection.execute(select(haggles).where(*its)).one())

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Haggle]:
        """Those of the haggles that exist."""
        return self._found(select(haggles).where(haggles.c.id.in_(ids)))

    def of(self, bargain: UUID, members: Collection[UUID]) -> Haggle | None:
        """The first of the haggles that members have in a bargain."""
        its = (haggles.c.bargain_id == bargain, haggles.c.member_id.in_(sorted(members)))
        query = select(haggles).where(*its).order_by(haggles.c.open_time, haggles.c.id).limit(1)
        row = self._connection.execute(query).one_or_none()
        return _haggle(row) if row else None

    def lock(self, ids: Iterable[UUID]) -> dict[UUID, Haggle]:
        """As `get`; nobody else changes them until the transaction ends."""
        query = select(haggles).where(haggles.c.id.in_(sorted(ids)))
        return self._found(query.order_by(haggles.c.id).with_for_update())

    def save(self, changed: Sequence[Haggle]) -> None:
        """Store locked haggles."""
        columns = {
            "ids": [haggle.id for haggle in changed],
            "states": [haggle.state.value for haggle in changed],
            "done": [haggle.done for haggle in changed],
            "orders": [haggle.order for haggle in changed],
            "update_times": [haggle.update_time for haggle in changed],
        }
        self._connection.execute(_SAVE, columns)

    def helped(self, pairs: Sequence[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
        """Which of the cuts, by (haggle, helper), were made."""
        columns = {"haggles": [haggle for haggle, _ in pairs], "helpers": [helper for _, helper in pairs]}
        rows = self._connection.execute(_HELPED, columns)
        return {(UUID(str(haggle)), UUID(str(helper))) for haggle, helper in rows}

    def add_cuts(self, cuts: Sequence[Cut]) -> None:
        """Store what helpers took off."""
        values = [
            {"haggle_id": cut.haggle, "helper_id": cut.helper, "amount": cut.amount, "cut_time": cut.time}
            for cut in cuts
        ]
        self._connection.execute(insert(haggle_cuts).values(values))

    def _found(self, query: Any) -> dict[UUID, Haggle]:
        return {haggle.id: haggle for haggle in map(_haggle, self._connection.execute(query))}


def _row(bargain: Bargain) -> dict[str, object]:
    return {
        "id": bargain.id,
        "product_id": bargain.product,
        "display_name": bargain.display_name,
        "price": bargain.price.minor,
        "currency": bargain.price.currency,
        "floor": bargain.floor,
        "helpers": bargain.helpers,
        "start_time": bargain.start_time,
        "end_time": bargain.end_time,
        "duration_ms": bargain.duration // _MILLISECOND,
        "hold_ms": bargain.hold // _MILLISECOND,
        "cancel_time": bargain.cancel_time,
        "version": bargain.version,
        "create_time": bargain.create_time,
        "update_time": bargain.update_time,
    }


def _bargain(row: Row[*tuple[Any, ...]]) -> Bargain:
    return Bargain(
        id=UUID(str(row.id)),
        product=UUID(str(row.product_id)),
        display_name=row.display_name,
        price=Money(row.price, row.currency),
        floor=row.floor,
        helpers=row.helpers,
        start_time=row.start_time,
        end_time=row.end_time,
        duration=row.duration_ms * _MILLISECOND,
        hold=row.hold_ms * _MILLISECOND,
        cancel_time=row.cancel_time,
        version=row.version,
        create_time=row.create_time,
        update_time=row.update_time,
    )


def _haggle(row: Row[*tuple[Any, ...]]) -> Haggle:
    cuts: list[int] = json.loads(row.cuts) if isinstance(row.cuts, str) else row.cuts
    return Haggle(
        id=UUID(str(row.id)),
        bargain=UUID(str(row.bargain_id)),
        member=UUID(str(row.member_id)),
        state=HaggleState(row.state),
        price=Money(row.price, row.currency),
        cuts=tuple(cuts),
        done=row.done,
        order=UUID(str(row.order_id)) if row.order_id else None,
        open_time=row.open_time,
        deadline=row.deadline,
        update_time=row.update_time,
    )
