"""Categories of products, as a tree. The code is what products, lines of orders and events carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from kit.errors import invalid
from services.orders.domain.errors import catalogue as errors

MOST_LEVELS = 10
"""How deep the tree may be."""


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of goods. `position` orders it among its siblings; `version` counts its changes from 1."""

    code: str
    title: str
    parent: str | None
    position: int
    version: int
    create_time: datetime
    update_time: datetime

    def update(self, changes: Mapping[str, object], now: datetime) -> Category:
        """With another title, parent or position."""
        changed = replace(self, **changes)  # type: ignore[arg-type]
        changed.check()
        return self if changed == self else replace(changed, version=self.version + 1, update_time=now)

    def check(self) -> None:
        """Raise a Fault unless it makes sense by itself."""
        if not self.title.strip():
            raise invalid("category.title", "must not be blank")


def check_place(code: str, ancestors: Sequence[str], height: int) -> None:
    """Raise a Fault unless the category, which has `height` levels with those below it, may stand below `ancestors`."""
    if code in ancestors:
        raise errors.category_misplaced(code, "can't stand below itself")
    if len(ancestors) + height > MOST_LEVELS:
        raise errors.category_misplaced(code, f"would stand too deep: there may be {MOST_LEVELS} levels")
