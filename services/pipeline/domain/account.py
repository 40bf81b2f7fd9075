"""Accounts: the organisations that buy, in a tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from services.pipeline.domain import errors, keys


@dataclass(frozen=True, slots=True)
class Account:
    """An organisation that buys, or may. `parent` is the account above it, `org` the part of our own organisation that
    it belongs to: its owner's, if it has one."""

    id: UUID
    display_name: str = field(repr=False)
    create_time: datetime
    update_time: datetime
    parent: UUID | None = None
    industry: str = ""
    website: str = ""
    owner: UUID | None = None
    version: int = 1
    org: str = ""

    def checked(self) -> Account:
        """This, as a caller may ask for it. Raises a Fault on the field otherwise."""
        if not self.display_name.strip():
            raise errors.empty("account.display_name")
        return self

    @property
    def match_key(self) -> str:
        """By which a lead finds its account."""
        return keys.company(self.display_name)

    def revised(self, changes: Mapping[str, Any], now: datetime) -> Account:
        """The account with new values of some fields."""
        return replace(self, **changes, update_time=now, version=self.version + 1).checked()
