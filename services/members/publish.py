"""Facts of the domain as the events that go out (`protos/kehu/members/v1/events.proto`)."""

from __future__ import annotations

from datetime import datetime
from functools import singledispatch

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from kehu.members.v1 import events_pb2

from kit import names
from kit.outbox import Event
from services.members.domain.events import MemberEnrolled, PointsEarned, TierChanged


@singledispatch
def to_event(fact: object) -> Event:
    """The event that says a fact. Each kind of fact has a subject of its own, for their versions are counted apart."""
    raise TypeError(f"{type(fact).__name__} is not published")


@to_event.register
def _enrolled(fact: MemberEnrolled) -> Event:
    member = names.join("members", fact.member)
    message = events_pb2.MemberEnrolled(
        member=member, enroll_time=_instant(fact.enroll_time), home_store=fact.home_store
    )
    return _event(member, fact.version, message)


@to_event.register
def _earned(fact: PointsEarned) -> Event:
    member = names.join("members", fact.member)
    message = events_pb2.PointsEarned(
        member=member, source=fact.source, points=fact.points, effective_time=_instant(fact.time)
    )
    return _event(names.join(member, "balance"), fact.version, message)


@to_event.register
def _tier_changed(fact: TierChanged) -> Event:
    member = names.join("members", fact.member)
    message = events_pb2.TierChanged(
        member=member, from_tier=fact.from_tier, to_tier=fact.to_tier, change_time=_instant(fact.time)
    )
    return _event(names.join(member, "tier"), fact.version, message)


def _event(subject: str, version: int, message: Message) -> Event:
    kind = message.DESCRIPTOR
    return Event(kind.name, kind.full_name, subject, version, MessageToJson(message, indent=None))


def _instant(moment: datetime) -> Timestamp:
    wire = Timestamp()
    wire.FromDatetime(moment)
    return wire
