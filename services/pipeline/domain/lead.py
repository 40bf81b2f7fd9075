"""Leads: interest that came in, before anybody knows what it is worth."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kit.errors import invalid
from services.pipeline.domain import errors, keys
from services.pipeline.domain.events import Fact, LeadAssigned, LeadConverted, LeadCreated, LeadDecided
from services.pipeline.domain.keys import Key


class LeadState(StrEnum):
    """What became of a lead."""

    OPEN = "OPEN"
    CONVERTED = "CONVERTED"
    DISQUALIFIED = "DISQUALIFIED"


@dataclass(frozen=True, slots=True)
class Lead:
    """Somebody showed interest. `phone` is E.164 and `email` in lower case; at least one key is known."""

    id: UUID
    source: str
    create_time: datetime
    update_time: datetime
    display_name: str = field(default="", repr=False)
    company_name: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    note: str = field(default="", repr=False)
    state: LeadState = LeadState.OPEN
    owner: UUID | None = None
    account: UUID | None = None
    contact: UUID | None = None
    opportunity: UUID | None = None
    disqualify_reason: str = field(default="", repr=False)
    version: int = 1
    org: str = ""

    @property
    def person_keys(self) -> tuple[Key, ...]:
        """By which the person is known again."""
        kinds = (("email", self.email), ("phone", self.phone))
        return tuple(Key(kind, value) for kind, value in kinds if value)

    @property
    def company_key(self) -> Key | None:
        """By which the organisation is known again."""
        value = keys.company(self.company_name)
        return Key("company", value) if value else None

    @property
    def keys(self) -> tuple[Key, ...]:
        """What no other open lead may have: the person's keys, or without any the organisation's.

        Two people of one organisation are two leads, so its name counts only where no person is known.
        """
        return self.person_keys or ((self.company_key,) if self.company_key else ())

    @property
    def person(self) -> str:
        """What to call the person: the name, or the next best thing that is known."""
        return self.display_name.strip() or self.email or self.phone or self.company_name

    @property
    def organisation(self) -> str:
        """What to call the organisation; a person without one buys for themselves."""
        return self.company_name.strip() or self.person

    def captured(self) -> tuple[Lead, list[Fact]]:
        """The lead as it comes in."""
        if not self.keys:
            raise invalid("lead", "must have a phone number, an e-mail address or a company name")
        return self, [LeadCreated(self.id, self.version, self.source, self.create_time)]

    def assigned(self, owner: UUID, now: datetime, *, org: str = "") -> tuple[Lead, list[Fact]]:
        """The lead in the hands of a sales person, and of that one's part of the organisation."""
        lead = replace(self, owner=owner, org=org, update_time=now, version=self.version + 1)
        return lead, [LeadAssigned(lead.id, lead.version, owner, now)]

    def converted(self, *, account: UUID, contact: UUID, opportunity: UUID, now: datetime) -> tuple[Lead, list[Fact]]:
        """The lead after it became an account, a contact and an opportunity."""
        self.require_open()
        lead = replace(
            self,
            state=LeadState.CONVERTED,
            account=account,
            contact=contact,
            opportunity=opportunity,
            update_time=now,
            version=self.version + 1,
        )
        return lead, [LeadConverted(lead.id, lead.version, account, contact, opportunity, now)]

    def disqualified(self, reason: str, now: datetime) -> Lead:
        """The lead after it was given up."""
        self.require_open()
        if not reason.strip():
            raise errors.empty("reason")
        return replace(
            self,
            state=LeadState.DISQUALIFIED,
            disqualify_reason=reason,
            update_time=now,
            version=self.version + 1,
        )

    def decided(self) -> LeadDecided:
        """The fact that somebody decided about the lead, just now."""
        return LeadDecided(self.id, self.state.lower(), self.create_time, self.update_time)

    def require_open(self) -> None:
        """Refuse what can't be done to a closed lead."""
        if self.state is not LeadState.OPEN:
            raise errors.lead_closed(self.id, self.state)
