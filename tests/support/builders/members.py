"""Members, their wallets, orders and the programme, with sensible values for all that a test does not care about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from kit.money import Money
from kit.posting import Cause, Lot
from services.members.domain.hold import Hold, State
from services.members.domain.member import Identity, Member, Profile
from services.members.domain.points import Part, Wallet
from services.members.domain.programme import Programme, Rate, Tier
from services.members.domain.purchase import Settlement
from services.members.domain.tier import Gain
from services.members.usecases.member import Enroll

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MEMBER = UUID("018f0000-0000-7000-8000-000000000001")
CAUSE = Cause("ACCRUAL", "orders/1", NOW)


def day(number: int) -> datetime:
    """Midnight, so many days after the first of January 2024 (a leap year)."""
    return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=number)


def dollars(amount: int) -> Money:
    """Whole US dollars."""
    return Money(amount * 100, "USD")


def spend(number: int, amount: int) -> Gain:
    """A purchase of whole dollars on a day."""
    return Gain(day(number), amount * 100)


def profile(**fields: Any) -> Profile:
    """A profile with a name, and what the test gives."""
    return Profile(**{"display_name": "Wang Fang", **fields})


def row(external_id: str, *, channel: str = "pos", **fields: Any) -> Enroll:
    """A row of another system, whose member gets a new id if there is none."""
    return Enroll(uuid4(), Profile(identities=(Identity(channel, external_id),), **fields))


def member(**fields: Any) -> Member:
    """A member who joined now."""
    return Member.enroll(uuid4(), profile(**fields), enroll_time=None, now=NOW)[0]


LOT = UUID("018f0000-0000-7000-8000-00000000000f")


def wallet(*, available: int = 0, held: int = 0, receivable: int = 0) -> Wallet:
    """A wallet with balances, all in one lot that never expires."""
    empty = Wallet(MEMBER, available, held, receivable)
    if not available and not held:
        return empty
    return empty.knowing([Lot(LOT, MEMBER, "tests/1", available + held, NOW, NOW, available=available, held=held)])


def hold(points: int = 50, *, state: State = State.ACTIVE, confirmed: int = 0, ttl: int = 60) -> Hold:
    """A hold that was placed now and lasts for `ttl` seconds."""
    ended = None if state is State.ACTIVE else NOW
    return Hold(
        uuid4(),
        MEMBER,
        points,
        Money(points, "USD"),
        "orders/1",
        create_time=NOW,
        expire_time=NOW + timedelta(seconds=ttl),
        state=state,
        confirmed=confirmed,
        end_time=ended,
        parts=(Part(LOT, points),),
    )


def programme(
    *, earn: Rate | None = None, redeem: Rate | None = None, tiers: dict[str, int] | None = None, window: int = 365
) -> Programme:
    """The programme that a new installation begins with, but for what is given; tiers in whole dollars."""
    thresholds = {"silver": 100, "gold": 250, "platinum": 500} if tiers is None else tiers
    return Programme(
        version=1,
        earn=earn or Rate(1, dollars(1)),
        redeem=redeem or Rate(100, dollars(1)),
        tiers=tuple(Tier(name, dollars(amount)) for name, amount in thresholds.items()),
        window=timedelta(days=window),
        update_time=NOW,
    )


def settlement(
    member: UUID = MEMBER,
    *,
    net: int = 100,
    version: int = 1,
    order: UUID | None = None,
    pay_time: datetime = NOW,
    hold: UUID | None = None,
) -> Settlement:
    """The news that so many dollars of an order are paid and left."""
    return Settlement(order or uuid4(), member, dollars(net), pay_time, version, hold)
