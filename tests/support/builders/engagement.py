"""Rules of engagement, check-ins and receipts, with sensible values for all that a test does not care about."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kit.money import Money
from services.members.domain.check_in import CheckInRules, MakeUpRules, MissedDay, StreakBonus
from services.members.domain.daily_limit import DailyLimit, Scope
from services.members.domain.engagement import EngagementPolicy
from services.members.domain.receipt import Algorithm, Receipt, ReceiptKey, ReceiptRules
from services.members.domain.referral import Order, Referral, ReferralRules
from tests.support.builders.members import MEMBER, NOW

TODAY = NOW.date()
REFERRER = UUID("018f0000-0000-7000-8000-000000000002")


def days(*offsets: int) -> set[date]:
    """Days, counted from the first of January 2024 (a leap year)."""
    return {date(2024, 1, 1) + timedelta(days=offset) for offset in offsets}


def check_in_rules(
    points: int = 1,
    bonuses: dict[int, int] | None = None,
    *,
    cycle: int = 0,
    make_up: MakeUpRules | None = None,
    missed: MissedDay = MissedDay.RESET,
    limits: tuple[DailyLimit, ...] = (),
) -> CheckInRules:
    """A point a day and ten more on each 7th day of a streak, but for what is given."""
    steps = {7: 10} if bonuses is None else bonuses
    given = tuple(StreakBonus(day, bonus) for day, bonus in sorted(steps.items()))
    return CheckInRules(points, given, cycle, missed, make_up, limits)


def make_up(*, within: int = 7, per_month: int = 3, price: int = 0) -> MakeUpRules:
    """Missed days of a week can be filled."""
    return MakeUpRules(within, per_month, price)


def limit(scope: str, *, count: int = 0, points: int = 0) -> DailyLimit:
    """A limit of a day."""
    return DailyLimit(Scope(scope), count, points)


def receipt_rules(*, days: int = 30, most: int = 0, limits: tuple[DailyLimit, ...] = ()) -> ReceiptRules:
    """Receipts of the last month can be claimed."""
    return ReceiptRules(days, most, limits)


def receipt(
    number: str = "R-0001", *, store: str = "tea-1", cents: int = 1880, currency: str = "USD", time: datetime = NOW
) -> Receipt:
    """A cup of tea that was bought now."""
    return Receipt(store, number, Money(cents, currency), time)


def till(store: str = "tea-1", **fields: Any) -> tuple[Ed25519PrivateKey, ReceiptKey]:
    """The key of a store's till, and what the service knows of it."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    return private, ReceiptKey(uuid4(), store, Algorithm.EDDSA, public, NOW, **fields)


def own_key(**fields: Any) -> ReceiptKey:
    """A key of the service."""
    return ReceiptKey(uuid4(), "", Algorithm.HS256, b"secret" + uuid4().hex.encode(), NOW, **fields)


def printed(private: Ed25519PrivateKey, key: UUID, receipt: Receipt, claims: dict[str, Any] | None = None) -> str:
    """The code that a till prints without asking anybody, with other claims if given."""
    said = {
        "store": receipt.store,
        "receipt": receipt.number,
        "amount": receipt.amount.minor,
        "currency": receipt.amount.currency,
        "iat": int(receipt.time.timestamp()),
    }
    return jwt.encode(said | (claims or {}), private, algorithm="EdDSA", headers={"kid": str(key)})


def referral_rules(
    *, referrer: int = 200, member: int = 100, days: int = 7, per_month: int = 0, limits: tuple[DailyLimit, ...] = ()
) -> ReferralRules:
    """Two hundred points for who brings somebody within a week of joining, a hundred for who is brought."""
    return ReferralRules(referrer, member, days, per_month, limits)


def referral() -> Referral:
    """A member who was brought now."""
    return Referral(MEMBER, REFERRER, NOW, referrer_points=200, member_points=100)


def order_told(
    *, paid: int | None, member: UUID = MEMBER, net: int | None = None, days: int = 0, version: int = 1
) -> Order:
    """The news of an order that was paid so many days from now."""
    left = net if net is not None else paid or 0
    return Order(member, uuid4(), NOW + timedelta(days=days), paid, left, version)


def policy(**rules: Any) -> EngagementPolicy:
    """A policy with these rules, all else switched off."""
    return EngagementPolicy(1, NOW, **rules)
