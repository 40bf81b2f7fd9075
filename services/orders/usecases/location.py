"""Locations: where stock lies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from kit.errors import etag_mismatch
from kit.page import Page
from services.orders.domain.errors import stock as errors
from services.orders.domain.location import Location, LocationKind


class Locations(Protocol):
    """The stored locations."""

    def add(self, location: Location) -> None:
        """Store a new location. Raises a Fault when its id is taken."""

    def get(self, location_id: str) -> Location | None:
        """A location."""

    def lock(self, location_id: str) -> Location | None:
        """A location, which nobody else changes until the transaction ends."""

    def save(self, location: Location) -> None:
        """Store a changed location."""

    def page(self, page: Page, *, org: str = "") -> list[Location]:
        """The locations of a page and one more if there are more, by their ids; of a part of the organisation, if
        given."""


class Work(Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def locations(self) -> Locations:
        """The stored locations."""


@dataclass(frozen=True, slots=True)
class CreateLocation:
    """Open a location."""

    location_id: str
    title: str
    kind: LocationKind
    active: bool
    ships: bool
    pickup: bool
    priority: int
    org: str = ""


@dataclass(frozen=True, slots=True)
class UpdateLocation:
    """Change the `values` of a location; `version`, if given, must be the latest."""

    location_id: str
    values: dict[str, object]
    version: int | None


def create_location(unit: Work, command: CreateLocation) -> Location:
    """Open a location, with nothing there. Raises a Fault when the id is taken."""
    location = Location(
        command.location_id,
        command.title,
        command.kind,
        active=command.active,
        ships=command.ships,
        pickup=command.pickup,
        priority=command.priority,
        version=1,
        create_time=unit.now,
        update_time=unit.now,
        org=command.org,
    )
    location.check()
    unit.locations.add(location)
    return location


def get_location(unit: Work, location_id: str) -> Location:
    """Read a location."""
    return _existing(unit.locations.get(location_id), location_id)


def list_locations(unit: Work, page: Page, *, org: str = "") -> list[Location]:
    """A page of locations, and one more if there are more."""
    return unit.locations.page(page, org=org)


def update_location(unit: Work, command: UpdateLocation) -> Location:
    """Change a location. Orders that it serves already stay where they are."""
    before = _existing(unit.locations.lock(command.location_id), command.location_id)
    if command.version is not None and command.version != before.version:
        raise etag_mismatch(before.name)
    after = before.update(command.values, unit.now)
    if after != before:
        unit.locations.save(after)
    return after


def _existing(location: Location | None, location_id: str) -> Location:
    if location is None:
        raise errors.location_not_found(location_id)
    return location
