"""The events that campaigns sends, letter by letter: other services depend on them."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.json_format import MessageToJson, Parse
from kehu.campaigns.v1 import events_pb2

from services.campaigns.domain.events import (
    CouponIssued,
    CouponReturned,
    CouponUsed,
    EntryCause,
    RewardDelivered,
    RewardRefused,
    SegmentEntered,
    SegmentLeft,
)
from services.campaigns.publish import to_event

A, B, C = (uuid.UUID(f"018f0000-0000-7000-8000-00000000000{digit}") for digit in "abc")
THEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = datetime(2026, 2, 2, 3, 4, 5, tzinfo=UTC)

EVENTS = [
    (
        SegmentEntered(A, B, THEN, 3, 7, EntryCause.TIME),
        ("SegmentEntered", f"segments/{A}/members/{B}", 7),
        {"segment": f"segments/{A}", "member": f"members/{B}", "enterTime": "2026-01-02T03:04:05Z", "ruleVersion": "3"},
    ),
    (
        SegmentLeft(A, B, THEN, 3, 8),
        ("SegmentLeft", f"segments/{A}/members/{B}", 8),
        {"segment": f"segments/{A}", "member": f"members/{B}", "leaveTime": "2026-01-02T03:04:05Z", "ruleVersion": "3"},
    ),
    (
        CouponIssued(A, B, C, "automations/x", THEN, LATER, 1),
        ("CouponIssued", f"coupons/{A}", 1),
        {
            "coupon": f"coupons/{A}",
            "couponTemplate": f"couponTemplates/{B}",
            "member": f"members/{C}",
            "cause": "automations/x",
            "issueTime": "2026-01-02T03:04:05Z",
            "expireTime": "2026-02-02T03:04:05Z",
        },
    ),
    (
        CouponReturned(A, B, C, THEN, LATER, 4),
        ("CouponReturned", f"coupons/{A}", 4),
        {
            "coupon": f"coupons/{A}",
            "member": f"members/{B}",
            "order": f"orders/{C}",
            "returnTime": "2026-01-02T03:04:05Z",
            "expireTime": "2026-02-02T03:04:05Z",
        },
    ),
    (
        RewardDelivered(f"members/{A}/redemptions/{B}", A, (B, C), THEN),
        ("RewardDelivered", f"members/{A}/redemptions/{B}/reward", 1),
        {
            "redemption": f"members/{A}/redemptions/{B}",
            "member": f"members/{A}",
            "coupons": [f"coupons/{B}", f"coupons/{C}"],
            "deliverTime": "2026-01-02T03:04:05Z",
        },
    ),
    (
        RewardRefused(f"members/{A}/redemptions/{B}", A, "TEMPLATE_ENDED", THEN),
        ("RewardRefused", f"members/{A}/redemptions/{B}/reward", 1),
        {
            "redemption": f"members/{A}/redemptions/{B}",
            "member": f"members/{A}",
            "reason": "TEMPLATE_ENDED",
            "refuseTime": "2026-01-02T03:04:05Z",
        },
    ),
    (
        CouponUsed(A, B, C, THEN, 3),
        ("CouponUsed", f"coupons/{A}", 3),
        {
            "coupon": f"coupons/{A}",
            "member": f"members/{B}",
            "order": f"orders/{C}",
            "useTime": "2026-01-02T03:04:05Z",
        },
    ),
]


@pytest.mark.parametrize(("fact", "head", "body"), EVENTS, ids=[head[0] for _, head, _ in EVENTS])
def test_an_event_says_its_fact(fact: object, head: tuple[str, str, int], body: dict[str, Any]) -> None:
    event = to_event(fact)
    assert (event.type, event.subject, event.version) == head
    assert event.schema == f"kehu.campaigns.v1.{head[0]}"
    assert json.loads(event.payload) == body
    message = getattr(events_pb2, event.type)()
    assert json.loads(MessageToJson(Parse(event.payload, message))) == body


def test_what_has_no_value_is_left_out() -> None:
    assert "cause" not in json.loads(to_event(CouponIssued(A, B, C, "", THEN, LATER, 1)).payload)


def test_what_is_no_fact_is_not_published() -> None:
    with pytest.raises(TypeError):
        to_event("gossip")
