"""Where members stand, between the wire and the domain."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp
from kehu.members.v1 import tiers_pb2 as pb

from kit import names
from kit.money import Money
from kit.rpc.convert import instant, wire_instant, wire_money
from services.members.api.audit import author
from services.members.api.tier_scheme import wire_benefits, wire_metric
from services.members.domain.growth import Growth, GrowthPosted
from services.members.domain.programme import Programme
from services.members.domain.tier_override import TierOverride
from services.members.domain.tier_scheme import Metric
from services.members.usecases.growth import ChangeGrowth
from services.members.usecases.tier import Entitled, OverrideTier, Standings


def owner(request: pb.ListTierOverridesRequest | pb.ListGrowthEntriesRequest) -> UUID:
    """The member whose list is asked for."""
    return names.id_of("members", request.parent, field="parent")


def status_owner(request: pb.GetTierStatusRequest | pb.SetTierOverrideRequest | pb.ClearTierOverrideRequest) -> UUID:
    """The member in `members/{member}/tierStatus`."""
    return names.parse("members/{member}/tierStatus", request.name)["member"]


def benefits_owner(request: pb.GetTierBenefitsRequest) -> UUID:
    """The member in `members/{member}/tierBenefits`."""
    return names.parse("members/{member}/tierBenefits", request.name)["member"]


def growth_owner(request: pb.GetGrowthRequest | pb.AddGrowthRequest | pb.DeductGrowthRequest) -> UUID:
    """The member in `members/{member}/growth`."""
    return names.parse("members/{member}/growth", request.name)["member"]


def moment(request: pb.GetTierStatusRequest) -> datetime | None:
    """The moment to look at; None for now."""
    return instant(request.time, field="time") if request.HasField("time") else None


def override(request: pb.SetTierOverrideRequest) -> OverrideTier:
    """Read a request to give a tier by hand."""
    until = instant(request.end_time, field="end_time")
    return OverrideTier(status_owner(request), request.reason, author(), request.tier, until)


def clear_override(request: pb.ClearTierOverrideRequest) -> OverrideTier:
    """Read a request to take back what was given."""
    return OverrideTier(status_owner(request), request.reason, author())


def change_growth(request: pb.AddGrowthRequest | pb.DeductGrowthRequest) -> ChangeGrowth:
    """Read a request to add or deduct growth value."""
    time = instant(request.effective_time, field="effective_time") if request.HasField("effective_time") else None
    return ChangeGrowth(growth_owner(request), request.value, request.source, time, author())


def status(standings: Standings) -> pb.TierStatus:
    """Show where a member stands."""
    known, programme = standings
    wire = pb.TierStatus(
        name=names.join("members", known.member, "tierStatus"),
        time=wire_instant(known.time),
        tier=known.tier,
        since_time=_optional(known.since),
        expire_time=_optional(known.expire),
        benefits=wire_benefits(programme.benefits(known.tier)),
        metric=wire_metric(programme.scheme.metric),
        window_start_time=_optional(known.window_start),
        evaluation_time=_optional(known.evaluation),
        value=_amount(known.value, programme),
        projected_tier=known.projected,
        override=_override(known.member, known.override) if known.override else None,
        version=programme.version,
    )
    if known.next_tier:
        wire.next_tier = known.next_tier.id
        wire.missing.CopyFrom(_amount(known.missing, programme))
    if known.missing_to_keep:
        wire.missing_to_keep.CopyFrom(_amount(known.missing_to_keep, programme))
    return wire


def benefits(entitled: Entitled) -> pb.MemberTierBenefits:
    """Show what a member's tier is good for."""
    return pb.MemberTierBenefits(
        name=names.join("members", entitled.member, "tierBenefits"),
        tier=entitled.tier,
        expire_time=_optional(entitled.expire_time),
        benefits=wire_benefits(entitled.benefits),
    )


def overrides(member: UUID, acts: Sequence[TierOverride], token: str) -> pb.ListTierOverridesResponse:
    """Show a page of what was done by hand."""
    return pb.ListTierOverridesResponse(tier_overrides=[_override(member, act) for act in acts], next_page_token=token)


def growth(known: Growth) -> pb.Growth:
    """Show growth value."""
    return pb.Growth(name=names.join("members", known.member, "growth"), value=known.value, receivable=known.receivable)


def growth_entry(posted: GrowthPosted) -> pb.GrowthEntry:
    """Show an entry of growth value."""
    return pb.GrowthEntry(
        name=names.join("members", posted.member, "growthEntries", str(posted.id)),
        kind=pb.GrowthEntry.Kind.Value(f"KIND_{posted.cause.kind}"),
        value=posted.value,
        source=posted.cause.source,
        effective_time=wire_instant(posted.cause.time),
        create_time=wire_instant(posted.create_time),
    )


def _override(member: UUID, act: TierOverride) -> pb.TierOverride:
    return pb.TierOverride(
        name=names.join("members", member, "tierOverrides", str(act.id)),
        create_time=wire_instant(act.time),
        tier=act.tier,
        end_time=_optional(act.end_time),
        reason=act.reason,
        actor=act.actor,
    )


def _amount(value: int, programme: Programme) -> pb.TierAmount:
    if programme.scheme.metric is Metric.SPENT:
        return pb.TierAmount(money=wire_money(Money(value, programme.currency)))
    return pb.TierAmount(points=value)


def _optional(time: datetime | None) -> Timestamp | None:
    return wire_instant(time) if time else None
