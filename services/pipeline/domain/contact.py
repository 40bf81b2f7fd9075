"""Contacts: the people who have a say, and which part they play in which account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from kit.errors import invalid
from services.pipeline.domain import errors
from services.pipeline.domain.keys import Key


class Role(StrEnum):
    """The part a person plays in a decision to buy."""

    UNSPECIFIED = "UNSPECIFIED"
    INITIATOR = "INITIATOR"
    USER = "USER"
    INFLUENCER = "INFLUENCER"
    ECONOMIC_BUYER = "ECONOMIC_BUYER"
    TECHNICAL_BUYER = "TECHNICAL_BUYER"
    DECIDER = "DECIDER"
    GATEKEEPER = "GATEKEEPER"
    CHAMPION = "CHAMPION"
    OPPONENT = "OPPONENT"


@dataclass(frozen=True, slots=True)
class AccountRole:
    """The part a contact plays in one account; `influence` goes from 1 (little) to 5 (most), 0 is unknown."""

    account: UUID
    role: Role = Role.UNSPECIFIED
    influence: int = 0


@dataclass(frozen=True, slots=True)
class Contact:
    """A person. `phone` is E.164 and `email` in lower case; both may be empty."""

    id: UUID
    display_name: str = field(repr=False)
    create_time: datetime
    update_time: datetime
    job_title: str = ""
    phone: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    account_roles: tuple[AccountRole, ...] = ()
    version: int = 1
    org: str = ""

    @property
    def keys(self) -> tuple[Key, ...]:
        """By which the person is known again."""
        return tuple(Key(kind, value) for kind, value in (("email", self.email), ("phone", self.phone)) if value)

    def checked(self) -> Contact:
        """This, as a caller may ask for it. Raises a Fault on the field otherwise."""
        if not self.display_name.strip():
            raise errors.empty("contact.display_name")
        pairs = {(each.account, each.role) for each in self.account_roles}
        if len(pairs) < len(self.account_roles):
            raise invalid("contact.account_roles", "must not name a pair of account and role twice")
        return self

    def revised(self, changes: Mapping[str, Any], now: datetime) -> Contact:
        """The contact with new values of some fields."""
        return replace(self, **changes, update_time=now, version=self.version + 1).checked()

    def joined(self, part: AccountRole, now: datetime) -> Contact:
        """The contact with a part in one more account; unchanged when nothing new is said."""
        known = {each.role for each in self.account_roles if each.account == part.account}
        if part.role in known or (known and part.role is Role.UNSPECIFIED):
            return self
        kept = [each for each in self.account_roles if (each.account, each.role) != (part.account, Role.UNSPECIFIED)]
        return self.revised({"account_roles": (*kept, part)}, now)
