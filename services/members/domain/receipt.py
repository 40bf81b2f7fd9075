"""Receipts that members scan. A receipt carries a code: a JSON Web Token (RFC 7519) whose claims say what was bought
where, signed by the service or, without a network, by the till itself."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwt.types import Options

from kit.errors import Fault, invalid
from kit.money import LIMIT, Money
from services.members.domain.daily_limit import DailyLimit, check_limits
from services.members.domain.errors import engagement as errors

PUBLIC_KEY_BYTES = 32
MAX_TEXT = 100
"""Letters that a store and the number of a receipt may have."""
_SKEW = timedelta(minutes=5)
"""How much a till's clock may be ahead."""
_TYPES = {"store": str, "receipt": str, "amount": int, "currency": str, "iat": int}
_LAST_SECOND = 4_102_444_800
_SIGNATURE_ONLY: Options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
"""The times in a code are judged by the rules and the clock of the unit of work."""


class Algorithm(StrEnum):
    """How a code is signed, as RFC 7518 and RFC 8037 call it."""

    HS256 = "HS256"
    """By the service, with a secret that only it has."""
    EDDSA = "EdDSA"
    """By a till, with an Ed25519 key of which the service knows the public half."""


@dataclass(frozen=True, slots=True)
class ReceiptRules:
    """Receipts can be claimed for so many days; `max_points` bounds what one may give, 0 for no bound."""

    claim_days: int
    max_points: int = 0
    limits: tuple[DailyLimit, ...] = ()

    def check(self, field: str) -> None:
        """Raise a Fault when the rules contradict each other."""
        check_limits(self.limits, f"{field}.limits")

    def check_time(self, receipt: Receipt, now: datetime) -> None:
        """Raise a Fault unless a receipt of this time may be claimed now."""
        if receipt.time > now + _SKEW:
            raise errors.receipt_code_invalid("is dated in the future")
        if receipt.time + timedelta(days=self.claim_days) <= now:
            raise errors.receipt_expired(self.claim_days)

    @property
    def most(self) -> int | None:
        """The most points that one receipt may give, if there is a bound."""
        return self.max_points or None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a code says: the receipt of this number of a store, and what was paid when."""

    store: str
    number: str
    amount: Money
    time: datetime


@dataclass(frozen=True, slots=True)
class ReceiptKey:
    """A key that signs codes: of one store, or of the service for all (no store).

    `material` is the secret, or a till's public key. What is signed before a key is retired stays good; nothing of a
    revoked key is.
    """

    id: UUID
    store: str
    algorithm: Algorithm
    material: bytes = field(repr=False)
    create_time: datetime
    retire_time: datetime | None = None
    revoke_time: datetime | None = None

    def sign(self, receipt: Receipt) -> str:
        """The code of a receipt."""
        claims = {
            "store": receipt.store,
            "receipt": receipt.number,
            "amount": receipt.amount.minor,
            "currency": receipt.amount.currency,
            "iat": int(receipt.time.timestamp()),
        }
        return jwt.encode(claims, self.material, algorithm=self.algorithm, headers={"kid": str(self.id)})

    def read(self, code: str) -> Receipt:
        """The receipt of a code that this key has signed. Raises a Fault for any other."""
        if self.revoke_time is not None:
            raise errors.receipt_key_revoked(self.id)
        try:
            claims = jwt.decode(code, self._verifier(), algorithms=[self.algorithm], options=_SIGNATURE_ONLY)
        except jwt.InvalidTokenError:
            raise errors.receipt_code_invalid("is not as it was signed") from None
        receipt = _receipt(claims)
        if self.store not in ("", receipt.store):
            raise errors.receipt_code_foreign("was signed by the key of another store")
        if self.retire_time is not None and receipt.time >= self.retire_time:
            raise errors.receipt_key_revoked(self.id)
        return receipt

    def retired(self, time: datetime) -> ReceiptKey:
        """The key, good only for what it signed before a moment; a moment that was set stays."""
        return self if self.retire_time else replace(self, retire_time=time)

    def revoked(self, now: datetime) -> ReceiptKey:
        """The key, good for nothing from now on."""
        return self if self.revoke_time else replace(self, revoke_time=now)

    def signs(self, now: datetime) -> bool:
        """Whether the service may sign with this key now."""
        retired = self.retire_time is not None and self.retire_time <= now
        return self.algorithm is Algorithm.HS256 and not retired and self.revoke_time is None

    def _verifier(self) -> Any:
        return self.material if self.algorithm is Algorithm.HS256 else Ed25519PublicKey.from_public_bytes(self.material)


@dataclass(frozen=True, slots=True)
class ReceiptClaim:
    """A receipt that a member has claimed, and what it gave in the default programme. A receipt of a store is claimed
    once, for ever. The claim is a purchase of the member, under the same id."""

    id: UUID
    member: UUID
    receipt: Receipt
    points: int
    key: UUID
    claim_time: datetime


def key_of(code: str) -> UUID:
    """The id of the key that a code says to be signed by. Raises a Fault when it says none."""
    try:
        return UUID(str(jwt.get_unverified_header(code).get("kid")))
    except (jwt.InvalidTokenError, ValueError):
        raise errors.receipt_code_invalid("is no code of a receipt") from None


def check_public_key(key: bytes, field: str) -> None:
    """Raise a Fault unless these are the bytes of an Ed25519 public key."""
    try:
        Ed25519PublicKey.from_public_bytes(key)
    except (ValueError, UnsupportedAlgorithm):
        raise invalid(field, f"must be the {PUBLIC_KEY_BYTES} bytes of an Ed25519 public key") from None


def _receipt(claims: dict[str, Any]) -> Receipt:
    """What signed claims say. A till may still have said nonsense."""
    if any(type(claims.get(name)) is not kind for name, kind in _TYPES.items()):
        raise errors.receipt_code_invalid(f"must have the claims {', '.join(_TYPES)}")
    store, number, minor, seconds = claims["store"], claims["receipt"], claims["amount"], claims["iat"]
    if not all(0 < len(text) <= MAX_TEXT and text.isprintable() for text in (store, number)):
        raise errors.receipt_code_invalid("has a store or receipt that is empty, too long or not printable")
    if not 0 < minor < LIMIT or not 0 <= seconds <= _LAST_SECOND:
        raise errors.receipt_code_invalid("has an amount or time that is out of range")
    return Receipt(store, number, Money(minor, _currency(claims["currency"])), datetime.fromtimestamp(seconds, UTC))


def _currency(code: str) -> str:
    try:
        return Money.from_wire(0, 0, code).currency
    except Fault:
        raise errors.receipt_code_invalid("has no currency of ISO 4217") from None
