"""Facts of members as the events that go out: proto JSON of the messages in `kehu/members/v1/events.proto`."""

from __future__ import annotations

from functools import singledispatch

from kit import names
from kit.outbox import Event
from kit.wire import instant, money
from services.members.domain.engagement_events import CheckedIn
from services.members.domain.events import MemberEnrolled, MemberErased, PointsEarned, StoredValueChanged, TierChanged


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


@to_event.register
def _erased(fact: MemberErased) -> Event:
    member = names.join("members", fact.member)
    body = {"member": member, "eraseTime": instant(fact.time)}
    return Event.of("kehu.members.v1.MemberErased", member, fact.version, body)


@to_event.register
def _checked_in(fact: CheckedIn) -> Event:
    member, day = names.join("members", fact.member), fact.day.isoformat()
    body = {"member": member, "day": day, "streak": fact.streak, "points": str(fact.points)}
    return Event.of("kehu.members.v1.CheckedIn", f"{member}/checkIns/{day}", 1, body)


@to_event.register
def _stored_value_changed(fact: StoredValueChanged) -> Event:
    member = names.join("members", fact.member)
    body = {
        "member": member,
        "principal": money(fact.principal),
        "bonus": money(fact.bonus),
        "change": money(fact.change),
        "source": fact.source,
        "changeTime": instant(fact.time),
    }
    subject = f"{member}/storedValues/{fact.principal.currency}"
    return Event.of("kehu.members.v1.StoredValueChanged", subject, fact.version, body)
