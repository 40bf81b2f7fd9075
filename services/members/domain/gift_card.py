"""Gift cards: value that belongs to whoever has the code, until it is spent, taken into stored value, or over."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from kit import names
from kit.money import Money
from services.members.domain.errors import stored_value as errors
from services.members.domain.stored_value import Parts

REFUND_GRACE = timedelta(days=30)
"""How long a card that was over can be spent again when a payment comes back to it."""

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH, _GROUP, _SUFFIX = 20, 5, 4
_MISREAD = str.maketrans("OIL", "011", " -")


class State(StrEnum):
    """Where a card stands."""

    ISSUED = "ISSUED"
    ACTIVE = "ACTIVE"
    OFFERED = "OFFERED"
    REDEEMED = "REDEEMED"
    VOID = "VOID"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class Code:
    """What is kept of a code: its hash, and the last characters, by which people tell cards apart."""

    hash: bytes
    suffix: str


def spell(number: int) -> str:
    """A random number of 100 bits as a code of 20 characters (Crockford's alphabet), in groups of five."""
    letters = [_ALPHABET[number >> 5 * position & 31] for position in range(_LENGTH)]
    return "-".join("".join(letters[start : start + _GROUP]) for start in range(0, _LENGTH, _GROUP))


def digest(code: str) -> Code:
    """What is kept of a code as people type it: case, blanks and hyphens don't count, nor O for 0 and I or L for 1.

    The codes have 100 random bits, so a plain hash is as good as a slow one.
    """
    plain = code.upper().translate(_MISREAD)
    return Code(hashlib.sha256(b"kehu gift card\0" + plain.encode()).digest(), plain[-_SUFFIX:])


@dataclass(frozen=True, slots=True)
class GiftCard:
    """One card. Its balance is a purse of the ledger; `top_up` is what brought its value in. It ends at `expire_time`,
    not included."""

    id: UUID
    batch: str
    value: Money
    promotional: bool
    code: Code
    create_time: datetime
    expire_time: datetime | None = None
    state: State = State.ISSUED
    holder: UUID | None = None
    store: str = ""
    top_up: UUID | None = None
    activate_time: datetime | None = None
    claim: bytes | None = None
    offer_expire_time: datetime | None = None
    void_reason: str = ""

    @property
    def name(self) -> str:
        """`giftCards/{id}`."""
        return names.join("giftCards", self.id)

    @property
    def parts(self) -> Parts:
        """Its value, as what was paid in when it was sold and as bonus when it was given away."""
        return Parts(bonus=self.value.minor) if self.promotional else Parts(principal=self.value.minor)

    def settled(self, now: datetime) -> GiftCard:
        """What time alone has made of it: an offer that ran out is withdrawn, a card whose time is over has expired."""
        card = self
        if card.state is State.OFFERED and card.offer_expire_time is not None and card.offer_expire_time <= now:
            card = _withdrawn(card)
        over = card.expire_time is not None and card.expire_time <= now
        if over and card.state in (State.ISSUED, State.ACTIVE, State.OFFERED):
            card = replace(_withdrawn(card) if card.claim else card, state=State.EXPIRED)
        return card

    def check(self, code: bytes, now: datetime) -> None:
        """Raise a Fault unless it can be spent now with the code of this hash."""
        if self.code.hash != code:
            raise errors.gift_card_code_unknown()
        _need(self, now, State.ACTIVE)

    def activate(self, top_up: UUID, *, store: str, now: datetime) -> GiftCard:
        """It was sold, or given away, at a store, and has its value."""
        _need(self, now, State.ISSUED)
        return replace(self, state=State.ACTIVE, store=store, top_up=top_up, activate_time=now)

    def redeem(self, now: datetime) -> GiftCard:
        """All that is left on it went into stored value."""
        _need(self, now, State.ACTIVE)
        return replace(self.settled(now), state=State.REDEEMED)

    def give(self, claim: bytes, *, now: datetime, ttl: timedelta) -> GiftCard:
        """Offer it to whoever has the claim code."""
        _need(self, now, State.ACTIVE)
        return replace(self.settled(now), state=State.OFFERED, claim=claim, offer_expire_time=now + ttl)

    def withdraw(self, now: datetime) -> GiftCard:
        """Take an offer back; nothing changes when it is over."""
        card = self.settled(now)
        return _withdrawn(card) if card.state is State.OFFERED else card

    def take(self, claim: bytes, member: UUID, *, code: Code, now: datetime) -> GiftCard:
        """It belongs to the member now, under a code that nobody has seen before."""
        card = self.settled(now)
        if card.state is not State.OFFERED or card.claim != claim:
            raise errors.claim_code_unknown()
        return replace(_withdrawn(card), holder=member, code=code)

    def void(self, reason: str, now: datetime) -> GiftCard:
        """It is worth nothing from now on; nothing changes when it already is."""
        if self.state is State.VOID:
            return self
        card = self.settled(now)
        if card.state is State.OFFERED:
            card = _withdrawn(card)
        _need(card, now, State.ISSUED, State.ACTIVE)
        return replace(card, state=State.VOID, void_reason=reason)

    def recode(self, code: Code, now: datetime) -> GiftCard:
        """It has another code."""
        _need(self, now, State.ISSUED, State.ACTIVE)
        return replace(self.settled(now), code=code)

    def refilled(self, now: datetime) -> GiftCard:
        """A payment comes back to it. A card that is over can be spent again for a while; a void one can't take it."""
        if self.state is State.VOID:
            raise errors.gift_card_unusable(self.id, self.state)
        card = self.settled(now)
        if card.state is State.OFFERED:
            return card
        over = card.expire_time is not None and card.expire_time <= now
        return replace(card, state=State.ACTIVE, expire_time=now + REFUND_GRACE if over else card.expire_time)


def _withdrawn(card: GiftCard) -> GiftCard:
    return replace(card, state=State.ACTIVE, claim=None, offer_expire_time=None)


def _need(card: GiftCard, now: datetime, *states: State) -> None:
    """Raise a Fault unless the card stands in one of the states."""
    state = card.settled(now).state
    if state is State.EXPIRED:
        raise errors.gift_card_expired(card.id)
    if state not in states:
        raise errors.gift_card_unusable(card.id, state)
