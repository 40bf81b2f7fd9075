"""Deliver the coupons that members redeem points for, and take them back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from kit.errors import Fault
from services.campaigns.domain.coupon import State
from services.campaigns.domain.events import RewardDelivered, RewardRefused
from services.campaigns.domain.redemption import Reason, Redemption, Refused
from services.campaigns.usecases import coupon
from services.campaigns.usecases.automation import NewId
from services.campaigns.usecases.coupon import Issue
from services.campaigns.usecases.ports import Work

_REVOKED_AT_ONCE = 1000


def deliver(unit: Work, redemptions: Sequence[Redemption], new_id: NewId) -> list[Refused]:
    """Issue the coupons of redemptions, of each all or none; answers those that can't be delivered, and why.

    What was delivered, refused or taken back before stays as it is.
    """
    unit.members.keep()
    fresh = unit.redemptions.claim({each.id for each in redemptions}, unit.now)
    new = list({each.id: each for each in redemptions if each.id in fresh}.values())
    erased = unit.members.erased({each.member for each in new})
    hopeless = {each.id: reason for each in new if (reason := _hopeless(each, erased)) is not None}
    orders = {each.id: _order(each, new_id) for each in new if each.id not in hopeless}
    outcomes = dict(zip(orders, coupon.issue_together(unit, list(orders.values())), strict=True))
    unit.redemptions.attach(
        {got.id: key for key, outcome in outcomes.items() if not isinstance(outcome, Fault) for got in outcome}
    )
    limits = {key: outcome.reason for key, outcome in outcomes.items() if isinstance(outcome, Fault)}
    refused = [Refused(key, str(reason)) for key, reason in {**hopeless, **limits}.items()]
    unit.redemptions.refuse(refused)
    for each in refused:
        unit.note(each)
    _tell(unit, new, outcomes, {each.redemption: each.reason for each in refused})
    return refused


def revoke(unit: Work, redemptions: Collection[UUID]) -> None:
    """Take back the coupons of redemptions, or keep that they are never to be issued. What was used stays used."""
    _take_back(unit, unit.redemptions.revoke(redemptions, unit.now))


def go_on_revoking(unit: Work) -> int:
    """Take back what orders have let go of since; answers of how many redemptions that was tried."""
    waiting = unit.redemptions.revoking(_REVOKED_AT_ONCE)
    _take_back(unit, waiting)
    return len(waiting)


def _tell(
    unit: Work, redemptions: Sequence[Redemption], outcomes: Mapping[UUID, object], refused: Mapping[UUID, str]
) -> None:
    """Tell what came of redemptions, so that each is fulfilled or given back."""
    for each in redemptions:
        if each.id in refused:
            unit.emit([RewardRefused(each.name, each.member, refused[each.id], unit.now)])
            continue
        issued = outcomes[each.id]
        coupons = tuple(got.id for got in issued) if isinstance(issued, list) else ()
        unit.emit([RewardDelivered(each.name, each.member, coupons, unit.now)])


def _take_back(unit: Work, redemptions: Collection[UUID]) -> None:
    if not redemptions:
        return
    issued = unit.redemptions.coupons(redemptions)
    known = unit.coupons.lock(issued)
    taken = coupon.take_back(unit, list(known.values()))
    held = {issued[each.id] for each in taken if each.state is State.LOCKED}
    unit.redemptions.end([each for each in redemptions if each not in held])


def _hopeless(redemption: Redemption, erased: Collection[UUID]) -> Reason | None:
    if redemption.template is None:
        return Reason.ITEM_NOT_A_COUPON_TEMPLATE
    return Reason.MEMBER_ERASED if redemption.member in erased else None


def _order(redemption: Redemption, new_id: NewId) -> list[Issue]:
    if redemption.template is None:
        return []
    return [Issue(new_id(), redemption.template, redemption.member, cause) for cause in redemption.causes()]
