"""Facts of campaigns as the events that go out: proto JSON of the messages in `kehu/campaigns/v1/events.proto`.

Each kind of fact has a subject of its own, with versions
that grow: a coupon, or a member's place in a segment. What came of a redemption is told once.
"""

from __future__ import annotations

from functools import singledispatch
from uuid import UUID

from kit.outbox import Event
from kit.wire import instant
from services.campaigns.domain.events import (
    CouponIssued,
    CouponReturned,
    CouponUsed,
    RewardDelivered,
    RewardRefused,
    SegmentEntered,
    SegmentLeft,
)


@singledispatch
def to_event(fact: object) -> Event:
    """The event that tells a fact."""
    raise TypeError(f"{type(fact).__name__} is not published")


@to_event.register
def _entered(fact: SegmentEntered) -> Event:
    return _membership("SegmentEntered", fact, {"enterTime": instant(fact.time)})


@to_event.register
def _left(fact: SegmentLeft) -> Event:
    return _membership("SegmentLeft", fact, {"leaveTime": instant(fact.time)})


@to_event.register
def _issued(fact: CouponIssued) -> Event:
    body = {
        "couponTemplate": f"couponTemplates/{fact.template}",
        "member": f"members/{fact.member}",
        "cause": fact.cause,
        "issueTime": instant(fact.time),
        "expireTime": instant(fact.expire_time),
    }
    return _coupon("CouponIssued", fact.coupon, fact.version, body)


@to_event.register
def _used(fact: CouponUsed) -> Event:
    body = {"member": f"members/{fact.member}", "order": f"orders/{fact.order}", "useTime": instant(fact.time)}
    return _coupon("CouponUsed", fact.coupon, fact.version, body)


@to_event.register
def _returned(fact: CouponReturned) -> Event:
    body = {
        "member": f"members/{fact.member}",
        "order": f"orders/{fact.order}",
        "returnTime": instant(fact.time),
        "expireTime": instant(fact.expire_time),
    }
    return _coupon("CouponReturned", fact.coupon, fact.version, body)


@to_event.register
def _delivered(fact: RewardDelivered) -> Event:
    body = {
        "redemption": fact.redemption,
        "member": f"members/{fact.member}",
        "coupons": [f"coupons/{coupon}" for coupon in fact.coupons],
        "deliverTime": instant(fact.time),
    }
    return Event.of("kehu.campaigns.v1.RewardDelivered", f"{fact.redemption}/reward", 1, body)


@to_event.register
def _refused(fact: RewardRefused) -> Event:
    body = {
        "redemption": fact.redemption,
        "member": f"members/{fact.member}",
        "reason": fact.reason,
        "refuseTime": instant(fact.time),
    }
    return Event.of("kehu.campaigns.v1.RewardRefused", f"{fact.redemption}/reward", 1, body)


def _membership(name: str, fact: SegmentEntered | SegmentLeft, body: dict[str, str]) -> Event:
    segment, member = f"segments/{fact.segment}", f"members/{fact.member}"
    whole = {"segment": segment, "member": member, "ruleVersion": str(fact.rule_version), **body}
    return Event.of(f"kehu.campaigns.v1.{name}", f"{segment}/{member}", fact.version, whole)


def _coupon(name: str, coupon: UUID, version: int, body: dict[str, str]) -> Event:
    subject = f"coupons/{coupon}"
    return Event.of(f"kehu.campaigns.v1.{name}", subject, version, {"coupon": subject, **body})
