"""What is personal of a member, as the one sealed text that is stored, and the hashes that lead to it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from kit.vault import Vault, WrappedKey
from services.members.domain.loyalty_card import CardState, LoyaltyCard, main_number
from services.members.domain.member import Identifier, Identity, Member, Profile

_PURPOSE = b"person"
_BIRTHDAY = "birthday"
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class Sealed(NamedTuple):
    """The stored forms of a person: the sealed text, and the key that opens it."""

    text: bytes
    key: WrappedKey


def seal(vault: Vault, member: Member, key: WrappedKey | None = None) -> Sealed:
    """What is personal of a member, sealed with the member's key, or with a new one when there is none."""
    if key is None:
        box, key = vault.create(member.id.bytes)
    else:
        box = vault.box(key, member.id.bytes)
    return Sealed(box.seal(_dump(member).encode(), _PURPOSE), key)


def unseal(vault: Vault, member: UUID, sealed: Sealed) -> tuple[Profile, tuple[LoyaltyCard, ...]]:
    """The personal half of a profile, and the cards. Raises Unreadable."""
    return _load(vault.box(sealed.key, member.bytes).open(sealed.text, _PURPOSE))


def stored(vault: Vault, identifier: Identifier) -> list[Identifier]:
    """What an identifier is stored as: with each of its hashes in the place of its value."""
    return [Identifier(identifier.kind, identifier.channel, each) for each in vault.hashes(*identifier)]


def birth_digest(vault: Vault, birthday: str) -> str | None:
    """What the month and day of a birthday (`1990-02-28`) are stored as, for those who congratulate."""
    return birth_digests(vault, birthday)[-1] if birthday else None


def birth_digests(vault: Vault, birthday: str) -> list[str]:
    """What they may be stored as."""
    return vault.hashes(_BIRTHDAY, birthday[-5:])


def _dump(member: Member) -> str:
    profile = member.profile
    return _ENCODER.encode(
        {
            "name": profile.display_name,
            "phone": profile.phone,
            "email": profile.email,
            "birthday": profile.birthday,
            "identities": profile.identities,
            "cards": [_card(card) for card in member.cards],
        }
    )


def _card(card: LoyaltyCard) -> list[Any]:
    ended = card.end_time.isoformat() if card.end_time else None
    return [card.ordinal, card.number, card.state.value, card.issue_time.isoformat(), ended]


def _load(text: bytes) -> tuple[Profile, tuple[LoyaltyCard, ...]]:
    known = json.loads(text)
    cards = tuple(
        LoyaltyCard(ordinal, number, _instant(issued), CardState(state), _instant(ended) if ended else None)
        for ordinal, number, state, issued, ended in known["cards"]
    )
    profile = Profile(
        display_name=known["name"],
        phone=known["phone"],
        email=known["email"],
        birthday=known["birthday"],
        card_number=main_number(cards),
        identities=tuple(Identity(*each) for each in known["identities"]),
    )
    return profile, cards


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
