"""Where things are sold: channels, and stores. Their codes are what orders, price lists and events carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from kit.errors import invalid


class OutletKind(StrEnum):
    """What an outlet is; the value is the collection of its name."""

    CHANNEL = "channels"
    STORE = "stores"


@dataclass(frozen=True, slots=True)
class Outlet:
    """A channel or a store, which belongs to a part of the organisation, `org`; `version` counts its changes from 1."""

    code: str
    title: str
    version: int
    create_time: datetime
    update_time: datetime
    org: str = ""

    def check(self) -> None:
        """Raise a Fault unless it makes sense."""
        if not self.title.strip():
            raise invalid("title", "must not be blank")

    def update(self, changes: Mapping[str, object], now: datetime) -> Outlet:
        """With another title."""
        changed = replace(self, **changes)  # type: ignore[arg-type]
        changed.check()
        return self if changed == self else replace(changed, version=self.version + 1, update_time=now)
