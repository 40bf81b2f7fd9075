"""Facts of campaigns as the events that go out: proto JSON of the messages in `kehu/campaigns/v1/events.proto`.

Each kind of fact has a subject of its own, with versions that grow: a coupon, or a member's place in a segment.
"""

from __future__ import annotations

from datetime import datetime
from functools import singledispatch

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from kehu.campaigns.v1 import events_pb2

from kit import names
from kit.outbox import Event
from services.campaigns.domain.events import CouponIssued, CouponUsed, SegmentEntered, SegmentLeft


@singledispatch
def to_event(fact: object) -> Event:
    """The event that tells a fact."""
    raise TypeError(f"{type(fact).__name__} is not published")


@to_event.register
def _entered(fact: SegmentEntered) -> Event:
    message = events_pb2.SegmentEntered(
        segment=names.join("segments", fact.segment),
        member=names.join("members", fact.member),
        enter_time=_instant(fact.time),
        rule_version=fact.rule_version,
    )
    return _event(names.join("segments", fact.segment, "members", fact.member), fact.version, message)


@to_event.register
def _left(fact: SegmentLeft) -> Event:
    message = events_pb2.SegmentLeft(
        segment=names.join("segments", fact.segment),
        member=names.join("members", fact.member),
        leave_time=_instant(fact.time),
        rule_version=fact.rule_version,
    )
    return _event(names.join("segments", fact.segment, "members", fact.member), fact.version, message)


@to_event.register
def _issued(fact: CouponIssued) -> Event:
    coupon = names.join("coupons", fact.coupon)
    message = events_pb2.CouponIssued(
        coupon=coupon,
        coupon_template=names.join("couponTemplates", fact.template),
        member=names.join("members", fact.member),
        cause=fact.cause,
        issue_time=_instant(fact.time),
        expire_time=_instant(fact.expire_time),
    )
    return _event(coupon, fact.version, message)


@to_event.register
def _used(fact: CouponUsed) -> Event:
    coupon = names.join("coupons", fact.coupon)
    message = events_pb2.CouponUsed(
        coupon=coupon,
        member=names.join("members", fact.member),
        order=names.join("orders", fact.order),
        use_time=_instant(fact.time),
    )
    return _event(coupon, fact.version, message)


def _event(subject: str, version: int, message: Message) -> Event:
    kind = message.DESCRIPTOR
    return Event(kind.name, kind.full_name, subject, version, MessageToJson(message, indent=None))


def _instant(moment: datetime) -> Timestamp:
    wire = Timestamp()
    wire.FromDatetime(moment)
    return wire
