"""Locations: rows to domain and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, insert, select, update

from kit.page import Page
from services.orders.domain.location import Location, LocationKind
from services.orders.storage import parts
from services.orders.storage.tables.stock import locations


class LocationStore:
    """The locations of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, location: Location) -> None:
        """Store a new location; the key `locations_pkey` refuses an id that is taken."""
        self._connection.execute(insert(locations).values(**_row(location)))

    def get(self, location_id: str) -> Location | None:
        """A location."""
        return self._one(location_id, lock=False)

    def lock(self, location_id: str) -> Location | None:
        """A location, which nobody else changes until the transaction ends."""
        return self._one(location_id, lock=True)

    def among(self, ids: Sequence[str]) -> set[str]:
        """Which of the locations exist."""
        return set(self._connection.scalars(select(locations.c.id).where(locations.c.id.in_(ids)))) if ids else set()

    def save(self, location: Location) -> None:
        """Store a changed location."""
        self._connection.execute(update(locations).where(locations.c.id == location.id).values(**_row(location)))

    def page(self, page: Page, *, org: str = "") -> list[Location]:
        """The locations of a page and one more if there are more, by their ids; of a part of the organisation, if
        given."""
        statement = select(locations).order_by(locations.c.id).limit(page.fetch)
        if org:
            statement = statement.where(parts.own("locations", org))
        if page.after is not None:
            statement = statement.where(locations.c.id > page.after[0])
        return [location_of(row) for row in self._connection.execute(statement)]

    def _one(self, location_id: str, *, lock: bool) -> Location | None:
        statement = select(locations).where(locations.c.id == location_id)
        row = self._connection.execute(statement.with_for_update() if lock else statement).one_or_none()
        return location_of(row) if row else None


def location_of(row: Sequence[Any]) -> Location:
    """The location of a row, its columns in the order of the table."""
    location_id, title, kind, *rest = row
    return Location(location_id, title, LocationKind(kind), *rest)


def _row(location: Location) -> dict[str, object]:
    return {
        "id": location.id,
        "title": location.title,
        "kind": location.kind.value,
        "active": location.active,
        "ships": location.ships,
        "pickup": location.pickup,
        "priority": location.priority,
        "version": location.version,
        "create_time": location.create_time,
        "update_time": location.update_time,
        "org": location.org,
    }
