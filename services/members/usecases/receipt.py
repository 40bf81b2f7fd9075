"""Receipts: keys that sign codes, codes, and their claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kit import names
from kit.errors import not_found
from kit.page import Page
from services.members.domain.audit import Act, Author
from services.members.domain.badge import Metric
from services.members.domain.basket import Basket
from services.members.domain.daily_limit import Origin
from services.members.domain.engagement_events import ReceiptClaimed
from services.members.domain.errors.engagement import (
    engagement_disabled,
    receipt_claimed,
    receipt_code_foreign,
    receipt_worthless,
)
from services.members.domain.programme import DEFAULT
from services.members.domain.purchase import Settlement
from services.members.domain.receipt import Algorithm, Receipt, ReceiptClaim, ReceiptKey, ReceiptRules, key_of
from services.members.domain.referral import Order
from services.members.usecases import badge, engagement, purchase, purchase_view, referral
from services.members.usecases.engagement_ports import EngagementUnit

ACTIVITY = "receipt"

CHANNEL = "receipt"
"""What rules know a receipt's channel as."""


@dataclass(frozen=True, slots=True)
class CreateKey:
    """A new key: a till's of one store, of which the public half is given; or one of the service."""

    id: UUID
    author: Author
    store: str = ""
    public_key: bytes = b""


@dataclass(frozen=True, slots=True)
class RetireKey:
    """From `time` on (by default now) a key signs nothing that counts."""

    key: UUID
    author: Author
    reason: str
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class RevokeKey:
    """Nothing that a key has signed counts any more."""

    key: UUID
    author: Author
    reason: str


@dataclass(frozen=True, slots=True)
class Claim:
    """Claim the receipt of a code for a member. The store is the receipt's."""

    id: UUID
    member: UUID
    code: str
    device: str = ""


def create_key(unit: EngagementUnit, command: CreateKey) -> ReceiptKey:
    """Register a key."""
    algorithm = Algorithm.EDDSA if command.public_key else Algorithm.HS256
    key = ReceiptKey(command.id, command.store, algorithm, command.public_key, unit.now)
    unit.receipt_keys.add(key)
    unit.audit.record(Act(command.author, _name(key.id), "registered", {}, _standing(key)))
    return key


def get_key(unit: EngagementUnit, key: UUID) -> ReceiptKey:
    """A key. Raises a Fault when there is none."""
    known = unit.receipt_keys.read(key)
    if known is None:
        raise not_found(_name(key))
    return known


def keys(unit: EngagementUnit, page: Page) -> Sequence[ReceiptKey]:
    """A page of the keys, the newest first."""
    return unit.receipt_keys.page(page)


def retire_key(unit: EngagementUnit, command: RetireKey) -> ReceiptKey:
    """Let a key sign no more; what it signed before can still be claimed. Raises a Fault when there is no such key."""
    before = get_key(unit, command.key)
    return _saved(unit, command, before, before.retired(command.time or unit.now))


def revoke_key(unit: EngagementUnit, command: RevokeKey) -> ReceiptKey:
    """Trust a key no more: nothing that it signed can be claimed. Raises a Fault when there is none."""
    before = get_key(unit, command.key)
    return _saved(unit, command, before, before.revoked(unit.now))


def issue(unit: EngagementUnit, receipts: Sequence[Receipt]) -> list[str]:
    """The codes of receipts, signed with the newest key of the service. Nothing is kept of them.

    Raises a Fault when receipts are switched off, or the service has no key that is good.
    """
    _rules(unit)
    key = unit.receipt_keys.signing(unit.now)
    if key is None:
        raise engagement_disabled("receipt signing")
    return [key.sign(receipt) for receipt in receipts]


def claim(unit: EngagementUnit, command: Claim) -> ReceiptClaim:
    """Let a member have bought what a receipt says: it earns by the rules of every programme, and counts for tiers,
    referrals and badges.

    Raises a Fault for a code that is forged, altered, foreign or expired, a receipt that was claimed before or earns
    nothing, and when a daily limit would be passed.
    """
    rules = _rules(unit)
    key = unit.receipt_keys.read(key_of(command.code))
    if key is None:
        raise receipt_code_foreign("was signed by a key that is not known here")
    receipt = key.read(command.code)
    rules.check_time(receipt, unit.now)
    referral.lock(unit, {command.member})
    origin = engagement.lock(unit, Origin(command.member, command.device, receipt.store))
    time = min(receipt.time, unit.now)  # a till's clock may be ahead
    points = _bought(unit, command.id, origin.member, time, receipt, rules)
    done = ReceiptClaim(command.id, origin.member, receipt, points, key.id, unit.now)
    if not unit.receipt_claims.add(done):
        raise receipt_claimed()
    engagement.limit(unit, ACTIVITY, rules.limits, origin=origin, points=points)
    badge.award(unit, {origin.member}, Metric.POINTS_EARNED)
    paid = receipt.amount.minor
    referral.settle(unit, [Order(origin.member, done.id, time, paid=paid, net=paid, version=1)])
    unit.emit([ReceiptClaimed(done.id, done.member, receipt.store, receipt.amount, points, unit.now)])
    return done


def claims(unit: EngagementUnit, member: UUID, page: Page) -> Sequence[ReceiptClaim]:
    """A page of what a member has claimed, the newest first. Raises a Fault when there is no such member."""
    return unit.receipt_claims.page(engagement.resolve(unit, member), page)


def _bought(
    unit: EngagementUnit, id_: UUID, member: UUID, time: datetime, receipt: Receipt, rules: ReceiptRules
) -> int:
    """Settle a receipt as a purchase that is over and done; answers its points in the default programme. Raises a Fault
    when it earns in none."""
    bought = Settlement(
        id_,
        member,
        receipt.amount,
        pay_time=time,
        version=1,
        basket=Basket(receipt.amount.minor, channel=CHANNEL, store=receipt.store),
        complete_time=time,
        receipt=names.join("members", member, "receiptClaims", id_),
        most=rules.most,
    )
    purchase.settle(unit, [bought])
    earnings = purchase_view.read(unit, member, id_).earnings
    if not any(earning.points for earning in earnings.values()):
        raise receipt_worthless()
    return earnings[DEFAULT].points


def _saved(unit: EngagementUnit, command: RetireKey | RevokeKey, before: ReceiptKey, after: ReceiptKey) -> ReceiptKey:
    if after is not before:
        unit.receipt_keys.save(after)
        act = Act(command.author, _name(after.id), command.reason, _standing(before), _standing(after))
        unit.audit.record(act)
    return after


def _standing(key: ReceiptKey) -> Mapping[str, str]:
    """What the trail of manual acts tells of a key."""
    times = {"retire_time": key.retire_time, "revoke_time": key.revoke_time}
    told = {name: time.isoformat() for name, time in times.items() if time}
    return {"store": key.store, "algorithm": key.algorithm.value, **told}


def _name(key: UUID) -> str:
    return names.join("receiptKeys", key)


def _rules(unit: EngagementUnit) -> ReceiptRules:
    rules = unit.engagement_policies.current().receipts
    if rules is None:
        raise engagement_disabled(ACTIVITY)
    return rules
