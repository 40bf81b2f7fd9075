"""Who a member is: what is known of the person, and the identifiers that lead to one member only."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from kit import masking
from kit.errors import invalid
from services.members.domain import errors
from services.members.domain.errors import identity as refusals
from services.members.domain.events import MemberEnrolled, MemberErased
from services.members.domain.loyalty_card import (
    MAX_CARDS,
    CardState,
    LoyaltyCard,
    exchanged,
    issued,
    main_number,
)
from services.members.domain.phone import parse_phone

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
_EMAIL_LIMIT = 254
_BIRTHDAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_ORG = re.compile(r"(/[^/\s]{1,63}){1,10}")
_LEAP_YEAR = 2000
MAX_TAGS = 100
"""Tags of one member."""
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
    """What is known of a person; an empty field is not known. What is personal stays out of its representation.

    `card_number` is that of the first good card. `birthday` is `1990-02-28`, or `0000-02-28` without the year; `org` is
    a path such as `/cn/east`.
    """

    display_name: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    card_number: str = field(default="", repr=False)
    home_store: str = ""
    identities: tuple[Identity, ...] = field(default=(), repr=False)
    birthday: str = field(default="", repr=False)
    org: str = ""

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
        return replace(
            self,
            phone=parse_phone(self.phone, field=f"{path}phone") if self.phone else "",
            email=parse_email(self.email, field=f"{path}email") if self.email else "",
            birthday=parse_birthday(self.birthday, field=f"{path}birthday") if self.birthday else "",
            org=parse_org(self.org, field=f"{path}org") if self.org else "",
            identities=tuple(sorted(identities.values())),
        )

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
            birthday=other.birthday or self.birthday,
            org=other.org or self.org,
        )

    def identifiers(self) -> frozenset[Identifier]:
        """What must belong to no other member."""
        found = {Identifier("external", *identity) for identity in self.identities}
        if self.phone:
            found.add(Identifier("phone", "", self.phone))
        if self.email:
            found.add(Identifier("email", "", self.email))
        if self.card_number:
            found.add(Identifier("card", "", self.card_number))
        return frozenset(found)

    def masked(self) -> Profile:
        """The profile as those see it who may not see what is personal."""
        return replace(
            self,
            display_name=masking.mask_name(self.display_name),
            phone=masking.mask_phone(self.phone),
            email=masking.mask_email(self.email),
            card_number=masking.mask_number(self.card_number),
            identities=tuple(
                each._replace(external_id=masking.mask_number(each.external_id)) for each in self.identities
            ),
            birthday=masking.mask_birthday(self.birthday),
        )

    def check_unmasked(self, fields: Iterable[str], before: Profile, path: str = "") -> None:
        """Raises a Fault if one of the fields is what a masked reading of the profile before has shown."""
        masked = before.masked()
        for name in fields:
            value = getattr(self, name)
            shown, real = getattr(masked, name), getattr(before, name)
            if name == "identities":
                hidden = set(shown) - set(real)
                if hidden & set(value):
                    raise refusals.field_masked(f"{path}{name}")
            elif value and value == shown != real:
                raise refusals.field_masked(f"{path}{name}")


@dataclass(frozen=True, slots=True)
class Member:
    """A customer who joined. `version` counts the changes of the profile, cards and tags.

    Who asked to be forgotten has an `erase_time`, and nothing else that is personal.
    """

    id: UUID
    profile: Profile
    enroll_time: datetime
    create_time: datetime
    update_time: datetime
    version: int = 1
    cards: tuple[LoyaltyCard, ...] = ()
    tags: tuple[str, ...] = ()
    erase_time: datetime | None = None
    merged: tuple[Member, ...] = ()
    """Who was merged into this member, as they were."""

    @classmethod
    def enroll(
        cls, member: UUID, profile: Profile, *, enroll_time: datetime | None, now: datetime
    ) -> tuple[Member, MemberEnrolled]:
        """A new member with a normalised profile, who joined at `enroll_time` (by default now)."""
        joined = enroll_time or now
        cards = issued((), profile.card_number, now) if profile.card_number else ()
        enrolled = cls(member, profile, enroll_time=joined, create_time=now, update_time=now, cards=cards)
        return enrolled, MemberEnrolled(member, joined, profile.home_store, enrolled.version)

    def completed(self, told: Profile) -> Profile:
        """The profile, completed by what is told; a card that the member has or had already is nothing new."""
        known = {card.number for card in self.cards}.union(*(each.known_values() for each in self.merged))
        news = {name: "" for name in ("phone", "email", "card_number") if getattr(told, name) in known}
        elsewhere = {external(identity) for each in self.merged for identity in each.profile.identities}
        identities = tuple(each for each in told.identities if external(each) not in elsewhere)
        return self.profile.completed(replace(told, identities=identities, **news))

    def changed(self, profile: Profile, now: datetime) -> Member:
        """The member with another profile; the same member when nothing differs. Raises a Fault if the profile names a
        card that is no longer good, or the person was erased."""
        if profile == self.profile:
            return self
        number = profile.card_number
        if number == self.profile.card_number:
            return self._next(now, profile=profile)
        if any(card.number == number and card.state is not CardState.ACTIVE for card in self.cards):
            raise refusals.loyalty_card_ended()
        return self._next(now, profile=profile, cards=exchanged(self.cards, number, now))

    def given(self, number: str, now: datetime) -> Member:
        """The member with one more card. Raises a Fault if there are too many, or the person was erased."""
        if len(self.cards) >= MAX_CARDS:
            raise refusals.limit_exceeded("cards", MAX_CARDS)
        return self._with_cards(issued(self.cards, number, now), now)

    def card(self, ordinal: int) -> LoyaltyCard:
        """One of the cards. Raises a Fault when there is none of this ordinal."""
        for card in self.cards:
            if card.ordinal == ordinal:
                return card
        raise refusals.loyalty_card_not_found(self.id, ordinal)

    def without(self, ordinal: int, state: CardState, now: datetime) -> Member:
        """The member with one card no longer good; the same when it was not good before."""
        card = self.card(ordinal)
        if card.state in {state, CardState.REPLACED}:
            return self
        ended = card.ended(state, now) if card.state is CardState.ACTIVE else replace(card, state=state)
        return self._with_cards(tuple(ended if each is card else each for each in self.cards), now)

    def tagged(self, add: Iterable[str], remove: Iterable[str], now: datetime) -> Member:
        """The member with other tags; the same when nothing differs. Raises a Fault when there are too many."""
        tags = tuple(sorted((set(self.tags) | set(add)) - set(remove)))
        if len(tags) > MAX_TAGS:
            raise refusals.limit_exceeded("tags", MAX_TAGS)
        return self if tags == self.tags else self._next(now, tags=tags)

    def erased(self, now: datetime) -> tuple[Member, list[MemberErased]]:
        """The member as nobody's, and the fact; the same and none when the person was erased before."""
        if self.erase_time is not None:
            return self, []
        after = replace(self._next(now, profile=Profile(), cards=(), tags=()), erase_time=now, merged=())
        return after, [MemberErased(self.id, now, after.version)]

    def touched(self, now: datetime) -> Member:
        """The member in its next version, with nothing else changed. Raises a Fault when the person was erased."""
        return self._next(now)

    def identifiers(self) -> frozenset[Identifier]:
        """What must belong to no other member. The number of a card that is no longer good stays taken."""
        return self.profile.identifiers() | {Identifier("card", "", card.number) for card in self.cards}

    def known_as(self) -> list[UUID]:
        """Every id under which something of the person is stored."""
        return [self.id, *(each.id for each in self.merged)]

    def known_values(self) -> set[str]:
        """What leads to the member, but for identities in other systems."""
        return {each.value for each in self.identifiers() if each.kind != "external"}

    def holder(self, member: UUID) -> Member:
        """The member of this id: this one, or one that was merged into it."""
        return next((each for each in self.merged if each.id == member), self)

    def leads_to(self, identifier: Identifier) -> bool:
        """Whether an identifier of the member may be used: a card that is no longer good may not."""
        return not any(
            card.number == identifier.value and card.state is not CardState.ACTIVE
            for each in (self, *self.merged)
            for card in each.cards
            if identifier.kind == "card"
        )

    def _with_cards(self, cards: tuple[LoyaltyCard, ...], now: datetime) -> Member:
        return self._next(now, cards=cards, profile=replace(self.profile, card_number=main_number(cards)))

    def _next(self, now: datetime, **changes: Any) -> Member:
        if self.erase_time is not None:
            raise refusals.member_erased(self.id)
        return replace(self, update_time=now, version=self.version + 1, **changes)


def external(identity: Identity) -> Identifier:
    """The identifier of an identity in another system."""
    return Identifier("external", identity.channel, identity.external_id)


def parse_email(text: str, *, field: str = "email") -> str:
    """The address in lower case. Raises a Fault for what cannot be an address."""
    address = text.strip().lower()
    if len(address) > _EMAIL_LIMIT or not _EMAIL.fullmatch(address) or not _printable(address):
        raise errors.email_invalid(field)
    return address


def parse_birthday(text: str, *, field: str = "birthday") -> str:
    """The day as it is kept; the year may be 0000. Raises a Fault unless it is one of the calendar."""
    match = _BIRTHDAY.fullmatch(text)
    try:
        year, month, day = map(int, match.groups()) if match else (0, 0, 0)
        date(year or _LEAP_YEAR, month, day)
    except ValueError:
        raise refusals.birthday_invalid(field) from None
    return text


def parse_org(text: str, *, field: str = "org") -> str:
    """The path as it is kept, without a slash at its end; the root is nothing. Raises a Fault for what is no path."""
    path = text.rstrip("/")
    if path and not (_ORG.fullmatch(path) and _printable(path)):
        raise refusals.org_invalid(field)
    return path


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
