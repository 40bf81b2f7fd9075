"""Referrals: codes, who brought whom, and the rewards that follow the orders of new members."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from uuid import UUID

from kit import names
from kit.errors import not_found
from kit.page import Page
from services.members.domain import errors
from services.members.domain.badge import Metric
from services.members.domain.daily_limit import Origin
from services.members.domain.engagement_events import ReferralRevoked, ReferralRewarded
from services.members.domain.errors.engagement import (
    engagement_disabled,
    referral_circular,
    referral_closed,
    referral_code_unknown,
    referral_self,
)
from services.members.domain.points import Wallet
from services.members.domain.referral import Order, Referral, ReferralRules, State, code_of
from services.members.usecases import badge, engagement
from services.members.usecases.engagement_ports import EngagementUnit
from services.members.usecases.points import Accrue

ACTIVITY = "referral"


@dataclass(frozen=True, slots=True)
class Attach:
    """A new member was brought by who has this code."""

    member: UUID
    code: str
    device: str = ""
    store: str = ""


def create_code(unit: EngagementUnit, member: UUID) -> tuple[UUID, str]:
    """The member and the code to bring others with, a new one if there is none. Raises a Fault for nobody."""
    member = engagement.lock(unit, Origin(member)).member
    code = unit.referrals.code(member)
    while code is None:
        made = code_of(unit.new_id().int)
        code = made if unit.referrals.add_code(member, made) else None
    return member, code


def get_code(unit: EngagementUnit, member: UUID) -> tuple[UUID, str]:
    """The member and the code. Raises a Fault when there is none."""
    member = engagement.resolve(unit, member)
    code = unit.referrals.code(member)
    if code is None:
        raise not_found(names.join("members", member, "referralCode"))
    return member, code


def attach(unit: EngagementUnit, command: Attach) -> Referral:
    """Say who brought a new member; the same once more answers the same.

    Raises a Fault for an unknown code, a member who brings themself or whoever brought them, one who can't be referred
    any more, and when a daily limit would be passed.
    """
    rules = _rules(unit)
    referrer = unit.referrals.owner(command.code)
    if referrer is None:
        raise referral_code_unknown()
    locked = unit.wallets.lock([command.member, referrer])
    member, referrer = unit.wallets.heir(command.member), unit.wallets.heir(referrer)
    if member not in locked:
        raise errors.member_not_found(command.member)
    if referrer == member:
        raise referral_self()
    known = unit.referrals.read([member]).get(member)
    if known is not None:
        return _same(known, referrer)
    unit.referrals.queue_up()
    if member in unit.referrals.chain(referrer):
        raise referral_circular()
    _check_member(unit, rules, member)
    origin = Origin(referrer, command.device, command.store)
    engagement.limit(unit, ACTIVITY, rules.limits, origin=origin, points=rules.referrer_points)
    made = Referral(member, referrer, unit.now, rules.referrer_points, rules.member_points)
    unit.referrals.add(made)
    return made


def get(unit: EngagementUnit, member: UUID) -> Referral:
    """Who brought a member. Raises a Fault when nobody did."""
    member = engagement.resolve(unit, member)
    known = unit.referrals.read([member]).get(member)
    if known is None:
        raise not_found(names.join("members", member, "referral"))
    return known


def page(unit: EngagementUnit, referrer: UUID, page: Page) -> Sequence[Referral]:
    """A page of the members whom a member has brought. Raises a Fault when there is no such member."""
    return unit.referrals.page(engagement.resolve(unit, referrer), page)


def lock(unit: EngagementUnit, members: Collection[UUID]) -> Mapping[UUID, Wallet]:
    """Lock the wallets of members and of those who brought them, all at once, also when somebody says so in this very
    moment; answers them. Whoever locked the ones first and the others later could wait in a circle with somebody who
    does the same."""

    def theirs() -> set[UUID]:
        owners = unit.wallets.read(members).keys()
        return {*owners, *(referral.referrer for referral in unit.referrals.read(owners).values())}

    return unit.wallets.lock_with(members, theirs)


def settle(unit: EngagementUnit, told: Sequence[Order]) -> None:
    """Bring referrals and badges in line with what is now known of these orders.

    Raises a Fault when a member does not exist: the event can't be used.
    """
    if not told:
        return
    members = {order.member for order in told}
    locked = lock(unit, members)
    for member in members:
        if unit.wallets.heir(member) not in locked:
            raise errors.member_not_found(member)
    told = [replace(order, member=unit.wallets.heir(order.member)) for order in told]
    members = {order.member for order in told}
    known = {order.id: order for order in unit.referrals.known(told)}
    for order in told:
        before = known.get(order.id)
        known[order.id] = before.told(order) if before else order
    unit.referrals.save_orders(list(known.values()))
    # Few were brought by somebody, and all that they bought is read for those alone.
    brought = unit.referrals.read(members)
    orders = unit.referrals.orders(brought) if brought else []
    for referral in brought.values():
        _judge(unit, referral, [order for order in orders if order.member == referral.member])
    badge.award(unit, members, Metric.ORDERS)


def source(referral: Referral) -> str:
    """What the points of a referral come from, as the ledger names it."""
    return names.join("members", referral.member, "referral")


def _judge(unit: EngagementUnit, before: Referral, orders: Sequence[Order]) -> None:
    state, order = before.judged(orders)
    won = state is State.REWARDED and before.state is not State.REWARDED
    lost = state is not State.REWARDED and before.state is State.REWARDED
    after = before.settled(state, order, now=unit.now, capped=won and _capped(unit, before))
    if after is before:
        return
    unit.referrals.save(after)
    if won:
        engagement.grant(unit, _given(after))
        unit.emit([_rewarded(after, unit.now)])
    if lost:
        engagement.reclaim(unit, _given(before))
        unit.emit([ReferralRevoked(after.member, after.referrer, unit.now, after.version)])


def _given(referral: Referral) -> list[Accrue]:
    shares = ((referral.referrer, referral.referrer_given), (referral.member, referral.member_given))
    return [Accrue(who, points, source(referral)) for who, points in shares]


def _rewarded(referral: Referral, now: datetime) -> ReferralRewarded:
    return ReferralRewarded(
        referral.member, referral.referrer, referral.referrer_given, referral.member_given, now, referral.version
    )


def _capped(unit: EngagementUnit, referral: Referral) -> bool:
    """Whether a locked referrer gets nothing: one who is the member, after a merge, or has had the month's rewards."""
    if unit.wallets.heir(referral.referrer) == unit.wallets.heir(referral.member):
        return True
    rules = unit.engagement_policies.current().referrals
    if rules is None or not rules.rewards_per_month:
        return False
    zone = unit.programmes.current().zone
    today: date = unit.now.astimezone(zone).date()
    month = datetime.combine(today.replace(day=1), time(), zone)
    return unit.referrals.rewarded(referral.referrer, month) >= rules.rewards_per_month


def _same(known: Referral, referrer: UUID) -> Referral:
    if known.referrer != referrer:
        raise referral_closed("referred", "was referred by somebody else")
    return known


def _check_member(unit: EngagementUnit, rules: ReferralRules, member: UUID) -> None:
    joined = unit.members.read([member])[member].enroll_time
    bought = bool(unit.purchases.of([member])) or any(order.counts for order in unit.referrals.orders([member]))
    rules.check_member(joined=joined, bought=bought, now=unit.now)


def _rules(unit: EngagementUnit) -> ReferralRules:
    rules = unit.engagement_policies.current().referrals
    if rules is None:
        raise engagement_disabled(ACTIVITY)
    return rules
