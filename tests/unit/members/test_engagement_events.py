"""Every fact of engagement goes out as the proto JSON of its message."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money as WireMoney
from kehu.members.v1 import events_pb2

from kit.money import Money
from services.members.domain.engagement_events import (
    BadgeAwarded,
    CheckedIn,
    ReceiptClaimed,
    ReferralRevoked,
    ReferralRewarded,
)
from services.members.publish import to_event
from tests.support.builders.engagement import REFERRER
from tests.support.builders.members import MEMBER

TIME = datetime(1997, 1, 1, 8, 30, 0, 250_000, tzinfo=UTC)
WIRE = Timestamp(seconds=852_107_400, nanos=250_000_000)
NAME = f"members/{MEMBER}"
OTHER = f"members/{REFERRER}"
ID = REFERRER


@pytest.mark.parametrize(
    ("fact", "subject", "version", "message"),
    [
        (
            CheckedIn(MEMBER, date(2028, 2, 29), 7, 11),
            f"{NAME}/checkIns/2028-02-29",
            1,
            events_pb2.CheckedIn(member=NAME, day="2028-02-29", streak=7, points=11),
        ),
        (
            ReceiptClaimed(ID, MEMBER, 'tea-"1"', Money(1880, "USD"), 18, TIME),
            f"{NAME}/receiptClaims/{ID}",
            1,
            events_pb2.ReceiptClaimed(
                claim=f"{NAME}/receiptClaims/{ID}",
                member=NAME,
                store='tea-"1"',
                amount=WireMoney(currency_code="USD", units=18, nanos=800_000_000),
                points=18,
                claim_time=WIRE,
            ),
        ),
        (
            ReferralRewarded(MEMBER, REFERRER, 0, 100, TIME, 2),
            f"{NAME}/referral",
            2,
            events_pb2.ReferralRewarded(member=NAME, referrer=OTHER, member_points=100, reward_time=WIRE),
        ),
        (
            ReferralRevoked(MEMBER, REFERRER, TIME, 3),
            f"{NAME}/referral",
            3,
            events_pb2.ReferralRevoked(member=NAME, referrer=OTHER, revoke_time=WIRE),
        ),
        (
            BadgeAwarded(MEMBER, ID, TIME),
            f"{NAME}/badgeAwards/{ID}",
            1,
            events_pb2.BadgeAwarded(member=NAME, badge=f"badges/{ID}", award_time=WIRE),
        ),
    ],
)
def test_a_fact_is_the_json_of_its_message(fact: object, subject: str, version: int, message: Message) -> None:
    event = to_event(fact)
    assert (event.subject, event.version, event.schema) == (subject, version, message.DESCRIPTOR.full_name)
    assert json_format.Parse(event.payload, type(message)()) == message
