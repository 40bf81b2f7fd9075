"""Facts of the domain as the events that go out (`protos/kehu/members/v1/events.proto`).

The proto JSON is written by hand, for an import publishes a fact per order and the general way took a fifth of its
time; a test reads every kind back as its message.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import singledispatch

from google.protobuf.message import Message
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
    body = {"member": member, "enrollTime": _instant(fact.enroll_time), "homeStore": fact.home_store}
    return _event(events_pb2.MemberEnrolled, member, fact.version, body)


@to_event.register
def _earned(fact: PointsEarned) -> Event:
    member = names.join("members", fact.member)
    body = {
        "member": member,
        "source": fact.source,
        "points": str(fact.points),
        "effectiveTime": _instant(fact.time),
    }
    return _event(events_pb2.PointsEarned, f"{member}/balance", fact.version, body)


@to_event.register
def _tier_changed(fact: TierChanged) -> Event:
    member = names.join("members", fact.member)
    body = {
        "member": member,
        "fromTier": fact.from_tier,
        "toTier": fact.to_tier,
        "changeTime": _instant(fact.time),
    }
    return _event(events_pb2.TierChanged, f"{member}/tier", fact.version, body)


def _event(message: type[Message], subject: str, version: int, body: Mapping[str, str]) -> Event:
    kind = message.DESCRIPTOR
    return Event(kind.name, kind.full_name, subject, version, json.dumps(body))


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
