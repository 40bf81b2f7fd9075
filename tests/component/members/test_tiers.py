"""`TiersService` over the wire: where members stand, tiers by hand, growth value."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money
from kehu.members.v1 import members_pb2, tier_benefits_pb2
from kehu.members.v1 import tiers_pb2 as pb
from kehu.members.v1.audit_pb2 import ListAuditEntriesRequest
from kehu.members.v1.audit_pb2_grpc import AuditServiceStub
from kehu.members.v1.members_pb2_grpc import MembersServiceStub
from kehu.members.v1.tiers_pb2_grpc import TiersServiceStub

from kit.db import Database
from services.members import consumer
from services.members.storage.unit import MembersUnit
from tests.component.members.test_orders import NOW as ORDERED
from tests.component.members.test_orders import paid
from tests.support.rpc import Keys, channel_to, refused

NOW = datetime.now(UTC)
PAGE = (Path(__file__).resolve().parents[3] / "docs" / "tiers.md").read_text(encoding="utf-8")
GOLD = tier_benefits_pb2.TierBenefits(
    multiplier_basis_points=15_000,
    free_shipping=True,
    birthday_gift="couponTemplates/1",
    service_level="priority",
    extras=[tier_benefits_pb2.TierBenefits.Extra(key="lounge", value="yes")],
)


@pytest.fixture
def tiers(channel: grpc.aio.Channel) -> TiersServiceStub:
    """The service, as a client sees it."""
    return TiersServiceStub(channel)


def wire(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


async def enroll(members: MembersServiceStub) -> str:
    member = await members.EnrollMember(members_pb2.EnrollMemberRequest(member=members_pb2.Member(display_name="F")))
    return str(member.name)


async def rule(members: MembersServiceStub, **fields: Any) -> members_pb2.Programme:
    programme = members_pb2.Programme(name="programmes/default", **fields)
    changed: members_pb2.Programme = await members.UpdateProgramme(
        members_pb2.UpdateProgrammeRequest(programme=programme, update_mask=FieldMask(paths=list(fields)))
    )
    return changed


async def status(tiers: TiersServiceStub, member: str, **fields: Any) -> pb.TierStatus:
    found: pb.TierStatus = await tiers.GetTierStatus(pb.GetTierStatusRequest(name=f"{member}/tierStatus", **fields))
    return found


async def override(tiers: TiersServiceStub, member: str, tier: str, **fields: Any) -> pb.TierStatus:
    until = fields.pop("end_time", wire(NOW + timedelta(days=30)))
    request = pb.SetTierOverrideRequest(
        name=f"{member}/tierStatus", tier=tier, end_time=until, reason="goodwill", **fields
    )
    found: pb.TierStatus = await tiers.SetTierOverride(request)
    return found


async def test_the_status_tells_the_tier_what_is_missing_and_what_it_is_good_for(
    members: MembersServiceStub, tiers: TiersServiceStub, database: Database[MembersUnit]
) -> None:
    thresholds = {"silver": (100, None), "gold": (250, GOLD), "platinum": (500, None)}
    await rule(
        members,
        tiers=[
            members_pb2.Tier(id=name, threshold=Money(currency_code="USD", units=units), benefits=benefits)
            for name, (units, benefits) in thresholds.items()
        ],
    )
    member = await enroll(members)
    database.write(consumer.settle, [paid(member, 260, days_ago=10)])
    found = await status(tiers, member)
    assert (found.tier, found.next_tier, found.projected_tier) == ("gold", "platinum", "base")
    assert (found.metric, found.value.money.units, found.missing.money.units) == (pb.TierScheme.METRIC_SPENT, 260, 240)
    assert found.expire_time == found.evaluation_time == wire(ORDERED + timedelta(days=355))
    assert found.benefits == GOLD
    good = await tiers.GetTierBenefits(pb.GetTierBenefitsRequest(name=f"{member}/tierBenefits"))
    assert (good.tier, good.expire_time, good.benefits) == ("gold", found.expire_time, GOLD)
    before = await status(tiers, member, time=wire(NOW - timedelta(days=11)))
    assert (before.tier, before.value.money.units, before.missing.money.units) == ("base", 0, 100)
    assert not before.HasField("since_time")


async def test_a_scheme_of_growth_value_in_calendar_years_reads_back(members: MembersServiceStub) -> None:
    scheme = pb.TierScheme(
        metric=pb.TierScheme.METRIC_GROWTH,
        window=pb.TierScheme.WINDOW_CALENDAR_YEAR,
        downgrade=pb.TierScheme.DOWNGRADE_ONE_DOWN,
        grace_days=30,
    )
    growth = members_pb2.Rate(points=2, amount=Money(currency_code="USD", units=1))
    ladder = [members_pb2.Tier(id="gold", points=1000, benefits=GOLD)]
    changed = await rule(members, tier_scheme=scheme, growth=growth, tiers=ladder)
    assert (changed.tier_scheme, changed.growth, list(changed.tiers)) == (scheme, growth, ladder)
    found = await members.GetProgramme(members_pb2.GetProgrammeRequest(name="programmes/default"))
    assert found == changed


async def test_the_programme_in_the_documentation_is_accepted_as_it_stands(members: MembersServiceStub) -> None:
    wanted = json_format.Parse(PAGE.partition("```json")[2].partition("```")[0], members_pb2.Programme())
    wanted.name = "programmes/default"
    changed = await members.UpdateProgramme(members_pb2.UpdateProgrammeRequest(programme=wanted))
    assert (changed.time_zone, list(changed.tiers)) == ("Asia/Shanghai", list(wanted.tiers))
    assert changed.tier_scheme.window == pb.TierScheme.WINDOW_CALENDAR_YEAR
    assert (changed.tier_scheme.metric, changed.tier_scheme.grace_days) == (pb.TierScheme.METRIC_SPENT, 30)


async def test_growth_value_is_added_deducted_and_listed(members: MembersServiceStub, tiers: TiersServiceStub) -> None:
    member = await enroll(members)
    name = f"{member}/growth"
    added = pb.AddGrowthRequest(
        name=name, value=70, source="surveys/1", effective_time=wire(NOW), request_id=str(uuid.uuid4())
    )
    for _ in range(2):  # the same once more
        assert (await tiers.AddGrowth(added)).value == 70
    assert (await tiers.DeductGrowth(pb.DeductGrowthRequest(name=name, value=30))).value == 40
    assert await tiers.GetGrowth(pb.GetGrowthRequest(name=name)) == pb.Growth(name=name, value=40)
    request = pb.ListGrowthEntriesRequest(parent=member, page_size=1)
    first = await tiers.ListGrowthEntries(request)
    request.page_token = first.next_page_token
    second = await tiers.ListGrowthEntries(request)
    entries = [*first.growth_entries, *second.growth_entries]
    kinds = [(entry.kind, entry.value, entry.source) for entry in entries]
    assert kinds == [(pb.GrowthEntry.KIND_DEDUCT, -30, ""), (pb.GrowthEntry.KIND_ADD, 70, "surveys/1")]
    assert (entries[1].effective_time, second.next_page_token) == (wire(NOW), "")


async def test_more_than_there_is_can_not_be_deducted(members: MembersServiceStub, tiers: TiersServiceStub) -> None:
    name = f"{await enroll(members)}/growth"
    refusal = await refused(tiers.DeductGrowth(pb.DeductGrowthRequest(name=name, value=1)))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "GROWTH_INSUFFICIENT")
    late = pb.AddGrowthRequest(name=name, value=1, effective_time=wire(NOW + timedelta(days=1)))
    refusal = await refused(tiers.AddGrowth(late))
    assert (refusal.reason, refusal.fields) == ("GROWTH_TIME_INVALID", ["effective_time"])


async def test_a_tier_is_given_by_hand_and_taken_back_and_both_are_known(
    members: MembersServiceStub, tiers: TiersServiceStub, channel: grpc.aio.Channel
) -> None:
    member = await enroll(members)
    given = await override(tiers, member, "gold")
    assert (given.tier, given.override.reason, given.expire_time) == ("gold", "goodwill", given.override.end_time)
    assert (await members.GetMember(members_pb2.GetMemberRequest(name=member))).tier == "gold"
    clear = pb.ClearTierOverrideRequest(name=f"{member}/tierStatus", reason="a mistake")
    assert (await tiers.ClearTierOverride(clear)).tier == "base"
    assert (await refused(tiers.ClearTierOverride(clear))).reason == "TIER_OVERRIDE_MISSING"
    request = pb.ListTierOverridesRequest(parent=member, page_size=1)
    first = await tiers.ListTierOverrides(request)
    request.page_token = first.next_page_token
    second = await tiers.ListTierOverrides(request)
    acts = [(act.tier, act.reason) for act in [*first.tier_overrides, *second.tier_overrides]]
    assert acts == [("", "a mistake"), ("gold", "goodwill")]
    assert second.tier_overrides[0].name == given.override.name
    changes = await members.ListTierChanges(members_pb2.ListTierChangesRequest(parent=member))
    assert [(change.to_tier, change.manual) for change in changes.tier_changes] == [("base", True), ("gold", True)]
    trail = await AuditServiceStub(channel).ListAuditEntries(ListAuditEntriesRequest(subject=f"{member}/tierStatus"))
    assert [entry.reason for entry in trail.audit_entries] == ["a mistake", "goodwill"]


async def test_what_can_not_be_given_is_refused_with_the_reason(
    members: MembersServiceStub, tiers: TiersServiceStub
) -> None:
    member = await enroll(members)
    missing = await refused(override(tiers, member, "diamond"))
    assert (missing.code, missing.reason) == (grpc.StatusCode.NOT_FOUND, "TIER_NOT_FOUND")
    over = await refused(override(tiers, member, "gold", end_time=wire(NOW - timedelta(days=1))))
    assert (over.reason, over.fields) == ("TIER_OVERRIDE_ENDED", ["end_time"])
    nobody = f"members/{uuid.uuid4()}"
    for call in (override(tiers, nobody, "gold"), status(tiers, nobody)):
        assert (await refused(call)).reason == "MEMBER_NOT_FOUND"


async def test_who_only_reads_gives_no_tiers(members: MembersServiceStub, address: str, keys: Keys) -> None:
    member = await enroll(members)
    async with channel_to(address, keys.bearer("marketer")) as channel:
        marketer = TiersServiceStub(channel)
        assert (await status(marketer, member)).tier == "base"
        assert (await refused(override(marketer, member, "gold"))).reason == "SCOPE_MISSING"
