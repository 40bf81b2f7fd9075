"""Sales people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from services.pipeline.domain import errors


@dataclass(frozen=True, slots=True)
class Rep:
    """A sales person. `weight` is the share of new leads, `available` whether any may come now. What the sales person
    owns belongs to the same part of the organisation, `org`."""

    id: UUID
    display_name: str = field(repr=False)
    weight: int
    available: bool
    create_time: datetime
    update_time: datetime
    version: int = 1
    org: str = ""

    def checked(self) -> Rep:
        """This, as a caller may ask for it. Raises a Fault on the field otherwise."""
        if not self.display_name.strip():
            raise errors.empty("rep.display_name")
        return self

    def revised(self, changes: Mapping[str, Any], now: datetime) -> Rep:
        """The sales person with new values of some fields."""
        return replace(self, **changes, update_time=now, version=self.version + 1).checked()
