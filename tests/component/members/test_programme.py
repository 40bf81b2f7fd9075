"""GetProgramme, UpdateProgramme."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.money_pb2 import Money
from kehu.members.v1 import members_pb2 as pb
from kehu.members.v1.earn_rules_pb2 import PointsValidity
from kehu.members.v1.members_pb2_grpc import MembersServiceStub

from tests.support.rpc import refused

NAME = "programmes/default"


def money(units: int, currency: str = "USD", nanos: int = 0) -> Money:
    return Money(currency_code=currency, units=units, nanos=nanos)


def rate(points: int, units: int, currency: str = "USD") -> pb.Rate:
    return pb.Rate(points=points, amount=money(units, currency))


async def programme(members: MembersServiceStub) -> pb.Programme:
    found: pb.Programme = await members.GetProgramme(pb.GetProgrammeRequest(name=NAME))
    return found


async def test_a_new_installation_begins_with_a_usual_programme(members: MembersServiceStub) -> None:
    found = await programme(members)
    assert (found.earn, found.redeem) == (rate(1, 1), rate(100, 1))
    assert [(tier.id, tier.threshold.units) for tier in found.tiers] == [
        ("silver", 100),
        ("gold", 250),
        ("platinum", 500),
    ]
    assert found.tier_window == Duration(seconds=365 * 86_400)


async def test_a_change_of_one_rule_leaves_the_others(members: MembersServiceStub) -> None:
    before = await programme(members)
    request = pb.UpdateProgrammeRequest(
        programme=pb.Programme(name=NAME, redeem=rate(200, 3), etag=before.etag),
        update_mask=FieldMask(paths=["redeem"]),
    )
    after = await members.UpdateProgramme(request)
    assert (after.earn, after.redeem, list(after.tiers)) == (before.earn, rate(200, 3), list(before.tiers))
    assert after == await programme(members)
    assert after.etag != before.etag
    assert (await refused(members.UpdateProgramme(request))).reason == "ETAG_MISMATCH"


async def test_the_same_rules_make_no_new_version(members: MembersServiceStub) -> None:
    before = await programme(members)
    request = pb.UpdateProgrammeRequest(programme=before, update_mask=FieldMask(paths=["*"]))
    assert await members.UpdateProgramme(request) == before


async def test_a_whole_programme_can_be_replaced_in_another_currency(members: MembersServiceStub) -> None:
    wanted = pb.Programme(
        name=NAME,
        earn=rate(1, 10, "CNY"),
        redeem=rate(100, 1, "CNY"),
        tiers=[pb.Tier(id="vip", threshold=money(888, "CNY"))],
        tier_window=Duration(seconds=30 * 86_400),
    )
    after = await members.UpdateProgramme(
        pb.UpdateProgrammeRequest(programme=wanted, update_mask=FieldMask(paths=["*"]))
    )
    assert (after.earn, list(after.tiers), after.tier_window) == (wanted.earn, list(wanted.tiers), wanted.tier_window)


@pytest.mark.parametrize(
    ("rules", "paths", "reason", "field"),
    [
        ({"redeem": rate(100, 1, "CNY")}, [], "PROGRAMME_INVALID", "programme.redeem.amount"),
        ({"redeem": rate(0, 1)}, [], "REQUEST_INVALID", "programme.redeem.points"),
        ({"redeem": pb.Rate(points=1)}, [], "REQUEST_INVALID", "programme.redeem.amount"),
        (
            {"redeem": pb.Rate(points=1, amount=money(1, nanos=1))},
            [],
            "REQUEST_INVALID",
            "programme.redeem.amount.nanos",
        ),
        (
            {"redeem": pb.Rate(points=1, amount=money(1, "x"))},
            [],
            "REQUEST_INVALID",
            "programme.redeem.amount.currency_code",
        ),
        ({}, ["earn"], "REQUEST_INVALID", "programme.earn"),
        ({"tiers": [pb.Tier(id="base", threshold=money(1))]}, [], "PROGRAMME_INVALID", "programme.tiers[0].id"),
        ({"tiers": [pb.Tier(id="Gold", threshold=money(1))]}, [], "REQUEST_INVALID", "programme.tiers[0].id"),
        ({"tier_window": Duration(seconds=90_000)}, [], "PROGRAMME_INVALID", "programme.tier_window"),
        ({"tier_window": Duration(seconds=1)}, [], "REQUEST_INVALID", "programme.tier_window"),
    ],
)
async def test_rules_that_make_no_sense_are_refused_with_the_field(
    members: MembersServiceStub, rules: dict[str, Any], paths: list[str], reason: str, field: str
) -> None:
    request = pb.UpdateProgrammeRequest(
        programme=pb.Programme(name=NAME, **rules),
        update_mask=FieldMask(paths=paths),
    )
    refusal = await refused(members.UpdateProgramme(request))
    assert (refusal.code, refusal.reason, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, reason, [field])


async def test_there_is_one_programme_only(members: MembersServiceStub) -> None:
    for call in (
        members.GetProgramme(pb.GetProgrammeRequest(name="programmes/other")),
        members.UpdateProgramme(pb.UpdateProgrammeRequest(programme=pb.Programme(name="programmes/other"))),
    ):
        refusal = await refused(call)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "PROGRAMME_NOT_FOUND")


async def test_points_last_a_hundred_years_at_most_or_nobody_could_earn_any(
    members: MembersServiceStub, member: str
) -> None:
    def lasting(expiry: str, count: int) -> pb.UpdateProgrammeRequest:
        validity = PointsValidity(expiry=PointsValidity.Expiry.Value(expiry), count=count)
        changed = pb.Programme(name=NAME, validity=validity)
        return pb.UpdateProgrammeRequest(programme=changed, update_mask=FieldMask(paths=["validity"]))

    for expiry, most in (("EXPIRY_DAYS", 36_500), ("EXPIRY_END_OF_MONTH", 1_200), ("EXPIRY_END_OF_YEAR", 100)):
        refusal = await refused(members.UpdateProgramme(lasting(expiry, 36_501 if most == 36_500 else most + 1)))
        assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
        assert refusal.fields == ["programme.validity.count"]
        await members.UpdateProgramme(lasting(expiry, most))
        await members.AccruePoints(pb.AccruePointsRequest(parent=member, points=1))
