"""Facts of members as the events that go out: proto JSON of the messages in `kehu/members/v1/events.proto`."""

from __future__ import annotations

from functools import singledispatch

from kit import names
from kit.outbox import Event
from kit.wire import instant
from services.members.domain.events import MemberEnrolled, PointsEarned, TierChanged


@singledispatch
def to_event(fact: object) -> Event:
    """The event that says a fact. Each kind of fact has a subject of its own, for their versions are counted apart."""
    raise TypeError(f"{type(fact).__name__} is not published")


@to_event.register
def _enrolled(fact: MemberEnrolled) -> Event:
    member = names.join("members", fact.member)
    body = {"member": member, "enrollTime": instant(fact.enroll_time), "homeStore": fact.home_store}
    return Event.of("kehu.members.v1.MemberEnrolled", member, fact.version, body)


@to_event.register
def _earned(fact: PointsEarned) -> Event:
    member = names.join("members", fact.member)
    body = {
        "member": member,
        "source": fact.source,
        "points": str(fact.points),
        "effectiveTime": instant(fact.time),
    }
    return Event.of("kehu.members.v1.PointsEarned", f"{member}/balance", fact.version, body)


@to_event.register
def _tier_changed(fact: TierChanged) -> Event:
    member = names.join("members", fact.member)
    body = {
        "member": member,
        "fromTier": fact.from_tier,
        "toTier": fact.to_tier,
        "changeTime": instant(fact.time),
    }
    return Event.of("kehu.members.v1.TierChanged", f"{member}/tier", fact.version, body)
