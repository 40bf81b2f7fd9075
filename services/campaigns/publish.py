"""Facts of campaigns as the events that go out: proto JSON of the messages in `kehu/campaigns/v1/events.proto`.

The JSON is written directly: a new segment tells of every member who enters, and building the messages first would take
three times as long. A test holds it against the messages. Each kind of fact has a subject of its own, with versions
that grow: a coupon, or a member's place in a segment.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import singledispatch
from uuid import UUID

from kit.outbox import Event
from services.campaigns.domain.events import CouponIssued, CouponUsed, SegmentEntered, SegmentLeft

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


@singledispatch
def to_event(fact: object) -> Event:
    """The event that tells a fact."""
    raise TypeError(f"{type(fact).__name__} is not published")


@to_event.register
def _entered(fact: SegmentEntered) -> Event:
    return _membership("SegmentEntered", fact, {"enterTime": _instant(fact.time)})


@to_event.register
def _left(fact: SegmentLeft) -> Event:
    return _membership("SegmentLeft", fact, {"leaveTime": _instant(fact.time)})


@to_event.register
def _issued(fact: CouponIssued) -> Event:
    body = {
        "couponTemplate": f"couponTemplates/{fact.template}",
        "member": f"members/{fact.member}",
        "cause": fact.cause,
        "issueTime": _instant(fact.time),
        "expireTime": _instant(fact.expire_time),
    }
    return _coupon("CouponIssued", fact.coupon, fact.version, body)


@to_event.register
def _used(fact: CouponUsed) -> Event:
    body = {"member": f"members/{fact.member}", "order": f"orders/{fact.order}", "useTime": _instant(fact.time)}
    return _coupon("CouponUsed", fact.coupon, fact.version, body)


def _membership(name: str, fact: SegmentEntered | SegmentLeft, body: dict[str, str]) -> Event:
    segment, member = f"segments/{fact.segment}", f"members/{fact.member}"
    whole = {"segment": segment, "member": member, "ruleVersion": str(fact.rule_version), **body}
    return _event(name, f"{segment}/{member}", fact.version, whole)


def _coupon(name: str, coupon: UUID, version: int, body: dict[str, str]) -> Event:
    subject = f"coupons/{coupon}"
    return _event(name, subject, version, {"coupon": subject, **body})


def _event(name: str, subject: str, version: int, body: dict[str, str]) -> Event:
    # Proto JSON leaves out what has no value.
    payload = _encode({key: value for key, value in body.items() if value})
    return Event(name, f"kehu.campaigns.v1.{name}", subject, version, payload)


def _instant(moment: datetime) -> str:
    """RFC 3339 as proto JSON wants it. Facts are told in UTC."""
    return f"{moment.replace(tzinfo=None).isoformat()}Z"
