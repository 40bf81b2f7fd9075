"""BatchEnroll."""

from __future__ import annotations

import uuid
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from kehu.members.v1 import members_pb2 as pb
from kehu.members.v1.members_pb2_grpc import MembersServiceStub

from tests.support.rpc import refused

CREATED, UNCHANGED, UPDATED, REJECTED = (
    pb.EnrollResult.STATE_CREATED,
    pb.EnrollResult.STATE_UNCHANGED,
    pb.EnrollResult.STATE_UPDATED,
    pb.EnrollResult.STATE_REJECTED,
)


def batch(*rows: dict[str, Any], request_id: str = "") -> pb.BatchEnrollRequest:
    return pb.BatchEnrollRequest(rows=[pb.EnrollRow(channel="cdnow", **row) for row in rows], request_id=request_id)


def states(response: pb.BatchEnrollResponse) -> list[int]:
    return [result.state for result in response.results]


async def test_a_thousand_rows_are_enrolled_and_the_same_rows_again_change_nothing(members: MembersServiceStub) -> None:
    request = batch(*({"external_id": str(number)} for number in range(1000)))
    first = await members.BatchEnroll(request)
    again = await members.BatchEnroll(request)
    assert states(first) == [CREATED] * 1000
    assert states(again) == [UNCHANGED] * 1000
    assert [result.member for result in again.results] == [result.member for result in first.results]


async def test_every_row_has_its_own_result(members: MembersServiceStub) -> None:
    await members.BatchEnroll(batch({"external_id": "1"}))
    joined = Timestamp(seconds=852_076_800)
    response = await members.BatchEnroll(
        batch(
            {"external_id": "1", "display_name": "Fang"},
            {"external_id": "2", "enroll_time": joined},
            {"external_id": "3", "phone": "12345"},
            {"external_id": "x\0y"},
            {"external_id": ""},
            {"external_id": "y" * 201},
        )
    )
    assert states(response) == [UPDATED, CREATED, REJECTED, REJECTED, REJECTED, REJECTED]
    assert [result.reason for result in response.results] == [
        "",
        "",
        "PHONE_INVALID",
        "TEXT_INVALID",
        "IDENTITY_MISSING",
        "TEXT_INVALID",
    ]
    assert all(bool(result.member) != bool(result.message) for result in response.results)
    assert "12345" not in response.results[2].message
    found = await members.GetMember(pb.GetMemberRequest(name=response.results[1].member))
    assert found.enroll_time == joined
    assert list(found.identities) == [pb.Identity(channel="cdnow", external_id="2")]


async def test_the_same_request_is_answered_the_same(members: MembersServiceStub) -> None:
    request = batch({"external_id": "1"}, request_id=str(uuid.uuid4()))
    first = await members.BatchEnroll(request)
    assert states(first) == [CREATED]
    assert await members.BatchEnroll(request) == first


async def test_the_same_id_with_another_request_is_refused(members: MembersServiceStub) -> None:
    request_id = str(uuid.uuid4())
    await members.BatchEnroll(batch({"external_id": "1"}, request_id=request_id))
    refusal = await refused(members.BatchEnroll(batch({"external_id": "2"}, request_id=request_id)))
    assert refusal.reason == "REQUEST_ID_REUSED"


async def test_more_than_a_thousand_rows_and_none_are_refused(members: MembersServiceStub) -> None:
    for count in (0, 1001):
        refusal = await refused(members.BatchEnroll(batch(*({"external_id": "1"} for _ in range(count)))))
        assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["rows"])
