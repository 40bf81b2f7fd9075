"""Every fact goes out as the proto JSON of its message."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from kehu.members.v1 import events_pb2, tier_benefits_pb2

from services.members.domain.events import MemberEnrolled, MemberErased, MemberMerged, PointsEarned, TierChanged
from services.members.domain.tier_scheme import Benefits
from services.members.publish import to_event
from tests.support.builders.members import MEMBER

TIME = datetime(1997, 1, 1, 8, 30, 0, 250_000, tzinfo=UTC)
WIRE = Timestamp(seconds=852_107_400, nanos=250_000_000)
NAME = f"members/{MEMBER}"
OTHER = UUID(int=9)


@pytest.mark.parametrize(
    ("fact", "subject", "message"),
    [
        (
            MemberEnrolled(MEMBER, TIME, 'stores/"1"', 7),
            NAME,
            events_pb2.MemberEnrolled(member=NAME, enroll_time=WIRE, home_store='stores/"1"'),
        ),
        (MemberErased(MEMBER, TIME, 7), NAME, events_pb2.MemberErased(member=NAME, erase_time=WIRE)),
        (
            MemberMerged(MEMBER, OTHER, TIME, 7),
            NAME,
            events_pb2.MemberMerged(member=NAME, into=f"members/{OTHER}", merge_time=WIRE),
        ),
        (
            MemberMerged(MEMBER, OTHER, TIME, 7, undone=True),
            NAME,
            events_pb2.MemberUnmerged(member=NAME, from_member=f"members/{OTHER}", unmerge_time=WIRE),
        ),
        (
            PointsEarned(MEMBER, "orders/1", -(2**40), TIME, 7),
            f"{NAME}/balance",
            events_pb2.PointsEarned(member=NAME, source="orders/1", points=-(2**40), effective_time=WIRE),
        ),
        (
            TierChanged(MEMBER, "base", "gold", TIME, 7),
            f"{NAME}/tier",
            events_pb2.TierChanged(member=NAME, from_tier="base", to_tier="gold", change_time=WIRE),
        ),
        (
            TierChanged(MEMBER, "base", "gold", TIME, 7, TIME, Benefits(15_000, True, "gift", "vip", (("a", "b"),))),
            f"{NAME}/tier",
            events_pb2.TierChanged(
                member=NAME,
                from_tier="base",
                to_tier="gold",
                change_time=WIRE,
                expire_time=WIRE,
                benefits=tier_benefits_pb2.TierBenefits(
                    multiplier_basis_points=15_000,
                    free_shipping=True,
                    birthday_gift="gift",
                    service_level="vip",
                    extras=[tier_benefits_pb2.TierBenefits.Extra(key="a", value="b")],
                ),
            ),
        ),
    ],
)
def test_an_event_reads_back_as_its_message(fact: object, subject: str, message: Message) -> None:
    event = to_event(fact)
    assert json_format.Parse(event.payload, type(message)()) == message
    assert (event.type, event.schema) == (message.DESCRIPTOR.name, message.DESCRIPTOR.full_name)
    assert (event.subject, event.version) == (subject, 7)


def test_what_is_no_fact_of_members_is_not_published() -> None:
    with pytest.raises(TypeError):
        to_event("a rumour")
