"""Who a member is: what is known of the person, and the identifiers that lead to one member only."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import phonenumbers

from kit.errors import invalid
from services.members.domain import errors
from services.members.domain.events import MemberEnrolled

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
_EMAIL_LIMIT = 254
_LIMITS = {"display_name": 200, "card_number": 64, "home_store": 100}
_IDENTITY_LIMITS = {"channel": 64, "external_id": 200}


class Identity(NamedTuple):
    """Who the member is in another system."""

    channel: str
    external_id: str


class Identifier(NamedTuple):
    """Something that leads to one member: `kind` is `phone`, `email`, `card` or `external`; only the last has a
    channel."""

    kind: str
    channel: str
    value: str

    def __repr__(self) -> str:
        """Without the value, which is personal: a representation may end up in a log."""
        return f"Identifier({self.kind})"


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of a person; an empty field is not known. What is personal stays out of its representation."""

    display_name: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    card_number: str = field(default="", repr=False)
    home_store: str = ""
    identities: tuple[Identity, ...] = ()

    def normalised(self, path: str = "") -> Profile:
        """The same in the one form in which it is kept and compared.

        Raises the Fault of the first bad field; `path` leads to the profile in the caller's request.
        """
        for name, limit in _LIMITS.items():
            _plain(getattr(self, name), f"{path}{name}", limit)
        for identity in self.identities:
            _check_identity(identity, path)
        identities = {identity.channel: identity for identity in self.identities}
        if len(identities) < len(self.identities):
            raise invalid(f"{path}identities", "must have at most one identity per channel")
        phone = parse_phone(self.phone, field=f"{path}phone") if self.phone else ""
        email = parse_email(self.email, field=f"{path}email") if self.email else ""
        return replace(self, phone=phone, email=email, identities=tuple(sorted(identities.values())))

    def completed(self, other: Profile) -> Profile:
        """This profile, with what the other knows put over it."""
        identities = {identity.channel: identity for identity in (*self.identities, *other.identities)}
        return Profile(
            display_name=other.display_name or self.display_name,
            phone=other.phone or self.phone,
            email=other.email or self.email,
            card_number=other.card_number or self.card_number,
            home_store=other.home_store or self.home_store,
            identities=tuple(sorted(identities.values())),
        )

    def identifiers(self) -> frozenset[Identifier]:
        """What must belong to no other member."""
        contacts = (("phone", self.phone), ("email", self.email), ("card", self.card_number))
        return frozenset(Identifier(kind, "", value) for kind, value in contacts if value) | {
            external(identity) for identity in self.identities
        }


@dataclass(frozen=True, slots=True)
class Member:
    """A customer who joined. `version` counts the changes of the profile."""

    id: UUID
    profile: Profile
    enroll_time: datetime
    create_time: datetime
    update_time: datetime
    version: int = 1

    @classmethod
    def enroll(
        cls, member: UUID, profile: Profile, *, enroll_time: datetime | None, now: datetime
    ) -> tuple[Member, MemberEnrolled]:
        """A new member with a normalised profile, who joined at `enroll_time` (by default now)."""
        joined = enroll_time or now
        enrolled = cls(member, profile, enroll_time=joined, create_time=now, update_time=now)
        return enrolled, MemberEnrolled(member, joined, profile.home_store, enrolled.version)

    def changed(self, profile: Profile, now: datetime) -> Member:
        """The member with another profile; the same member when nothing differs."""
        if profile == self.profile:
            return self
        return replace(self, profile=profile, update_time=now, version=self.version + 1)


def external(identity: Identity) -> Identifier:
    """The identifier of an identity in another system."""
    return Identifier("external", identity.channel, identity.external_id)


def parse_phone(text: str, *, field: str = "phone") -> str:
    """The number in E.164 form. Raises a Fault unless it is valid in its country's numbering plan."""
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        raise errors.phone_invalid(field) from None
    if not phonenumbers.is_valid_number(number):
        raise errors.phone_invalid(field)
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def parse_email(text: str, *, field: str = "email") -> str:
    """The address in lower case. Raises a Fault for what cannot be an address."""
    address = text.strip().lower()
    if len(address) > _EMAIL_LIMIT or not _EMAIL.fullmatch(address) or not _printable(address):
        raise errors.email_invalid(field)
    return address


def _check_identity(identity: Identity, path: str) -> None:
    for name, limit in _IDENTITY_LIMITS.items():
        value = getattr(identity, name)
        if not value:
            raise errors.identity_missing(f"{path}{name}")
        _plain(value, f"{path}{name}", limit)


def _plain(text: str, field: str, limit: int) -> None:
    if len(text) > limit or not _printable(text):
        raise errors.text_invalid(field, limit)


def _printable(text: str) -> bool:
    """No control characters. Most texts are settled by the quick test alone."""
    return text.isprintable() or not any(unicodedata.category(character) == "Cc" for character in text)
