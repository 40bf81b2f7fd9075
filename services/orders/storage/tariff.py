"""Shipping zones, shipping methods and tax tables: rows to domain and back, one by one or all of them at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Table, delete, insert, select, text, tuple_, update

from kit.page import Page
from services.orders.domain.address import Area
from services.orders.domain.shipping import Band, Method, MethodKind, Rate, Zone
from services.orders.domain.tariff import Tariff
from services.orders.domain.tax import Rounding, TaxRate, TaxTable
from services.orders.storage.tables.shipping import shipping_methods, shipping_zones, tax_tables

# What is known is not read again: the version alone is one row of one page.
_ALL = text("""
    select t.version,
           case when t.version <> :known then
               (select cast(json_agg(to_json(z) order by z.create_time, z.id) as text) from shipping_zones z) end,
           case when t.version <> :known then
               (select cast(json_agg(to_json(m) order by m.create_time, m.id) as text) from shipping_methods m) end,
           case when t.version <> :known then
               (select cast(json_agg(to_json(x) order by x.create_time, x.id) as text) from tax_tables x) end
    from tariffs t
""")

# The row is a lock too: of two changes, the second sees the first.
_COUNT = text("update tariffs set version = version + 1")

_SERVED = text("""
    select exists (
        select from shipping_methods
        where rates @> jsonb_build_array(jsonb_build_object('zone', cast(:zone as text)))
    )
""")


class Dated(Protocol):
    """What these tables keep."""

    @property
    def id(self) -> UUID:
        """Its id."""


D = TypeVar("D", bound=Dated)
Values = Mapping[Any, Any]


class DocumentStore(Generic[D]):
    """The rows of one of the tables, in one transaction."""

    def __init__(
        self, connection: Connection, table: Table, row: Callable[[D], dict[str, object]], read: Callable[[Values], D]
    ) -> None:
        self._connection = connection
        self._table = table
        self._row = row
        self._read = read

    def add(self, document: D) -> None:
        """Store a new one."""
        self._count()
        self._connection.execute(insert(self._table).values(**self._row(document)))

    def get(self, document_id: UUID) -> D | None:
        """The one of this id."""
        query = select(self._table).where(self._table.c.id == document_id)
        row = self._connection.execute(query).mappings().one_or_none()
        return self._read(row) if row else None

    def lock(self, document_id: UUID) -> D | None:
        """As `get`; nobody else changes any of the tariff until the transaction ends."""
        self._count()
        return self.get(document_id)

    def save(self, document: D) -> None:
        """Store a changed one, which must be locked."""
        query = update(self._table).where(self._table.c.id == document.id).values(**self._row(document))
        self._connection.execute(query)

    def remove(self, document_id: UUID) -> None:
        """Delete one, which must be locked."""
        self._connection.execute(delete(self._table).where(self._table.c.id == document_id))

    def page(self, page: Page) -> list[D]:
        """A page of them and one more if there are more, the first created first."""
        key = (self._table.c.create_time, self._table.c.id)
        query = select(self._table).order_by(*key).limit(page.fetch)
        if page.after is not None:
            query = query.where(tuple_(*key) > (datetime.fromisoformat(page.after[0]), UUID(page.after[1])))
        return [self._read(row) for row in self._connection.execute(query).mappings()]

    def _count(self) -> None:
        self._connection.execute(_COUNT)


class ZoneStore(DocumentStore[Zone]):
    """The shipping zones."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, shipping_zones, _zone_row, _zone)

    def known(self, ids: set[UUID]) -> set[UUID]:
        """Those of the zones that exist."""
        rows = self._connection.execute(select(shipping_zones.c.id).where(shipping_zones.c.id.in_(ids)))
        return {UUID(str(row[0])) for row in rows}

    def served(self, zone: UUID) -> bool:
        """Whether a method has rates for it."""
        return bool(self._connection.execute(_SERVED, {"zone": str(zone)}).scalar_one())


class MethodStore(DocumentStore[Method]):
    """The shipping methods."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, shipping_methods, _method_row, _method)


class TaxTableStore(DocumentStore[TaxTable]):
    """The tax tables."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, tax_tables, _table_row, _table)


class TariffStore:
    """All of them together."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read(self, known: Tariff) -> Tariff:
        """The tariff as it is; the one that is known, if it still is."""
        version, zones, methods, tables = self._connection.execute(_ALL, {"known": known.version}).one()
        if version == known.version:
            return known
        return Tariff(
            version,
            tuple(map(_zone, json.loads(zones or "[]"))),
            tuple(map(_method, json.loads(methods or "[]"))),
            tuple(map(_table, json.loads(tables or "[]"))),
        )


def _dated(document: Zone | Method | TaxTable) -> dict[str, object]:
    return {
        "id": document.id,
        "title": document.title,
        "create_time": document.create_time,
        "update_time": document.update_time,
        "version": document.version,
    }


def _zone_row(zone: Zone) -> dict[str, object]:
    return {
        **_dated(zone),
        "country": zone.area.country,
        "regions": list(zone.area.regions),
        "postal_codes": list(zone.area.postal_codes),
    }


def _zone(row: Values) -> Zone:
    return Zone(
        id=UUID(str(row["id"])),
        title=row["title"],
        area=Area(row["country"], tuple(row["regions"]), tuple(row["postal_codes"])),
        create_time=_instant(row["create_time"]),
        update_time=_instant(row["update_time"]),
        version=row["version"],
    )


def _method_row(method: Method) -> dict[str, object]:
    return {
        **_dated(method),
        "kind": method.kind.value,
        "active": method.active,
        "min_days": method.days[0],
        "max_days": method.days[1],
        "channels": list(method.channels),
        "locations": list(method.locations),
        "rates": [_rate_row(rate) for rate in method.rates],
    }


def _rate_row(rate: Rate) -> dict[str, object]:
    return {
        "zone": str(rate.zone),
        "currency": rate.currency,
        "first": [rate.first_grams, rate.first_price],
        "further": [rate.further_grams, rate.further_price],
        "bands": [[band.max_grams, band.price] for band in rate.bands],
        "free_from": rate.free_from,
    }


def _method(row: Values) -> Method:
    return Method(
        id=UUID(str(row["id"])),
        title=row["title"],
        kind=MethodKind(row["kind"]),
        active=row["active"],
        days=(row["min_days"], row["max_days"]),
        channels=tuple(row["channels"]),
        locations=tuple(row["locations"]),
        rates=tuple(map(_rate, row["rates"])),
        create_time=_instant(row["create_time"]),
        update_time=_instant(row["update_time"]),
        version=row["version"],
    )


def _rate(row: Values) -> Rate:
    (first_grams, first_price), (further_grams, further_price) = row["first"], row["further"]
    return Rate(
        UUID(row["zone"]),
        row["currency"],
        first_grams,
        first_price,
        further_grams,
        further_price,
        tuple(Band(*band) for band in row["bands"]),
        row["free_from"],
    )


def _table_row(table: TaxTable) -> dict[str, object]:
    return {
        **_dated(table),
        "country": table.country,
        "region": table.region,
        "included": table.included,
        "rounding": table.rounding.value,
        "freight_class": table.freight_class,
        "home": table.home,
        "rates": [
            [rate.tax_class, rate.basis_points, *(each and each.isoformat() for each in (rate.start, rate.end))]
            for rate in table.rates
        ],
    }


def _table(row: Values) -> TaxTable:
    return TaxTable(
        id=UUID(str(row["id"])),
        title=row["title"],
        country=row["country"],
        region=row["region"],
        included=row["included"],
        rounding=Rounding(row["rounding"]),
        freight_class=row["freight_class"],
        home=row["home"],
        rates=tuple(
            TaxRate(tax_class, basis_points, start and _instant(start), end and _instant(end))
            for tax_class, basis_points, start, end in row["rates"]
        ),
        create_time=_instant(row["create_time"]),
        update_time=_instant(row["update_time"]),
        version=row["version"],
    )


def _instant(value: datetime | str) -> datetime:
    """A time as a column or, within JSON, as text."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value
