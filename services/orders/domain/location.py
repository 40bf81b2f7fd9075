"""A location: a warehouse or a store, where stock lies and orders are served from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from kit.errors import invalid


class LocationKind(StrEnum):
    """What a location is."""

    WAREHOUSE = "WAREHOUSE"
    STORE = "STORE"


@dataclass(frozen=True, slots=True)
class Location:
    """Where stock lies. Orders are delivered from locations that `ship`, the one with the lowest `priority` first, and
    collected from those that offer `pickup`; none is served from one that is not `active`. `org` is the part
    of the organisation that it belongs to. `version` counts its changes."""

    id: str
    title: str
    kind: LocationKind
    active: bool
    ships: bool
    pickup: bool
    priority: int
    version: int
    create_time: datetime
    update_time: datetime
    org: str = ""

    @property
    def name(self) -> str:
        """The resource name."""
        return f"locations/{self.id}"

    @property
    def collectable(self) -> bool:
        """Whether an order may name it: to be collected there, or sold there."""
        return self.active and (self.pickup or self.ships)

    def update(self, values: dict[str, object], now: datetime) -> Location:
        """With other values. Raises a Fault for a blank title."""
        changed = replace(self, **values)  # type: ignore[arg-type]
        changed.check()
        return self if changed == self else replace(changed, version=self.version + 1, update_time=now)

    def check(self) -> None:
        """Raise a Fault for a blank title."""
        if not self.title.strip():
            raise invalid("location.title", "must not be blank")
