"""What other services tell of buyers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from google.protobuf.message import Message
from kehu.campaigns.v1.events_pb2 import SegmentEntered, SegmentLeft
from kehu.members.v1.events_pb2 import MemberErased, TierChanged

from kit.db import Database
from kit.names import new_id
from kit.worker import Received
from services.orders.consumer import note_members, note_segments
from services.orders.domain.price_list import NOBODY, Standing
from services.orders.storage.unit import OrdersUnit

MEMBER, SEGMENT = new_id(), new_id()


def told(kind: type[Message], version: int, **fields: Any) -> Received:
    message = kind(member=f"members/{MEMBER}", **fields)
    return Received(
        id=new_id(),
        type=kind.DESCRIPTOR.name,
        subject="",
        version=version,
        time=datetime.now(UTC),
        message=message,
    )


def standing(database: Database[OrdersUnit]) -> Standing:
    return database.read(lambda unit: unit.buyers.standing(MEMBER))


def test_the_newest_event_counts_whatever_order_they_come_in(database: Database[OrdersUnit]) -> None:
    segment = {"segment": f"segments/{SEGMENT}"}
    entered, left = told(SegmentEntered, 1, **segment), told(SegmentLeft, 2, **segment)
    silver, gold = told(TierChanged, 1, to_tier="silver"), told(TierChanged, 2, to_tier="gold")
    database.write(note_members, [gold, silver])
    database.write(note_members, [silver])
    database.write(note_segments, [left, entered])
    assert standing(database) == Standing("gold")
    database.write(note_segments, [told(SegmentEntered, 3, **segment)])
    assert standing(database) == Standing("gold", frozenset({SEGMENT}))


def test_a_member_who_is_erased_is_forgotten(database: Database[OrdersUnit]) -> None:
    database.write(note_members, [told(TierChanged, 1, to_tier="gold"), told(MemberErased, 7)])
    assert standing(database) == NOBODY
