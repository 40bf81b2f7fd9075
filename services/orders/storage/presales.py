"""Presales: rows to domain and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, insert, select, text, tuple_, update

from kit.money import Money
from kit.page import Page
from services.orders.domain.presale import Presale, PresaleQuery, Terms, Window
from services.orders.storage.tables.presales import presales

_MILLISECOND = timedelta(milliseconds=1)

_FREE = text("""
    with locked as (
        select p.id, u.units from presales p
        join unnest(cast(:ids as uuid[]), cast(:units as bigint[])) as u (id, units) on u.id = p.id
        order by p.id for update of p
    )
    update presales p set taken = p.taken - l.units from locked l where p.id = l.id
""")
_TAKE = text("""
    update presales p set taken = p.taken + u.units
    from unnest(cast(:ids as uuid[]), cast(:units as bigint[])) as u (id, units) where p.id = u.id
""")


class PresaleStore:
    """The presales of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, presale: Presale) -> None:
        """Store a new presale."""
        self._connection.execute(insert(presales).values(**_row(presale)))

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Presale]:
        """Those of the presales that exist."""
        return self._found(select(presales).where(presales.c.id.in_(ids)))

    def lock(self, ids: Iterable[UUID]) -> dict[UUID, Presale]:
        """As `get`; nobody else changes them until the transaction ends."""
        query = select(presales).where(presales.c.id.in_(sorted(ids)))
        return self._found(query.order_by(presales.c.id).with_for_update())

    def save(self, presale: Presale) -> None:
        """Store a locked presale that was cancelled."""
        values = {name: getattr(presale, name) for name in ("cancel_time", "version", "update_time")}
        self._connection.execute(update(presales).where(presales.c.id == presale.id).values(**values))

    def take(self, units: Mapping[UUID, int]) -> None:
        """So many units of locked presales are taken."""
        self._connection.execute(_TAKE, {"ids": list(units), "units": list(units.values())})

    def free(self, units: Mapping[UUID, int]) -> None:
        """So many units of presales are not taken any more."""
        self._connection.execute(_FREE, {"ids": list(units), "units": list(units.values())})

    def page(self, query: PresaleQuery, page: Page) -> list[Presale]:
        """The presales of a page and one more if there are more, the latest start first."""
        latest = (presales.c.deposit_start.desc(), presales.c.id.desc())
        statement = select(presales).order_by(*latest).limit(page.fetch)
        if query.product is not None:
            statement = statement.where(presales.c.product_id == query.product)
        if page.after is not None:
            at = (datetime.fromisoformat(page.after[0]), UUID(page.after[1]))
            statement = statement.where(tuple_(presales.c.deposit_start, presales.c.id) < at)
        return [_presale(row) for row in self._connection.execute(statement)]

    def _found(self, query: Any) -> dict[UUID, Presale]:
        return {presale.id: presale for presale in map(_presale, self._connection.execute(query))}


def _row(presale: Presale) -> dict[str, object]:
    terms = presale.terms
    return {
        "id": presale.id,
        "product_id": presale.product,
        "display_name": terms.display_name,
        "price": terms.price.minor,
        "currency": terms.price.currency,
        "deposit": terms.deposit,
        "credit": terms.credit,
        "expansion": terms.expansion,
        "quota": terms.quota,
        "taken": presale.taken,
        "member_limit": terms.member_limit,
        "deposit_start": terms.deposits.start,
        "deposit_end": terms.deposits.end,
        "balance_start": terms.balances.start,
        "balance_end": terms.balances.end,
        "forfeit": terms.forfeit,
        "ship_time": terms.ship_time,
        "hold_ms": terms.hold // _MILLISECOND,
        "remind_ms": terms.remind // _MILLISECOND,
        "channels": list(terms.channels),
        "cancel_time": presale.cancel_time,
        "version": presale.version,
        "create_time": presale.create_time,
        "update_time": presale.update_time,
    }


def _presale(row: Row[*tuple[Any, ...]]) -> Presale:
    terms = Terms(
        display_name=row.display_name,
        price=Money(row.price, row.currency),
        deposit=row.deposit,
        credit=row.credit,
        quota=row.quota,
        deposits=Window(row.deposit_start, row.deposit_end),
        balances=Window(row.balance_start, row.balance_end),
        forfeit=row.forfeit,
        expansion=row.expansion,
        member_limit=row.member_limit,
        ship_time=row.ship_time,
        hold=row.hold_ms * _MILLISECOND,
        remind=row.remind_ms * _MILLISECOND,
        channels=tuple(row.channels),
    )
    return Presale(
        UUID(str(row.id)),
        UUID(str(row.product_id)),
        terms,
        row.taken,
        row.cancel_time,
        row.version,
        row.create_time,
        row.update_time,
    )
