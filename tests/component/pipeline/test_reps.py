"""CreateRep, GetRep, ListReps, UpdateRep."""

from __future__ import annotations

from uuid import uuid4

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from kehu.pipeline.v1 import rep_pb2 as pb

from tests.component.pipeline.calls import Stub, add_rep
from tests.support.rpc import refused


async def test_a_new_sales_person_weighs_one_and_is_available(pipeline: Stub) -> None:
    rep = await add_rep(pipeline)
    assert (rep.display_name, rep.weight, rep.available) == ("Han Meimei", 1, True)
    assert rep.create_time == rep.update_time
    assert rep.etag
    assert await pipeline.GetRep(pb.GetRepRequest(name=rep.name)) == rep


async def test_a_new_sales_person_may_be_away(pipeline: Stub) -> None:
    assert not (await add_rep(pipeline, available=False)).available


async def test_the_same_request_adds_one(pipeline: Stub) -> None:
    request = pb.CreateRepRequest(rep=pb.Rep(display_name="Li Lei"), request_id=str(uuid4()))
    assert await pipeline.CreateRep(request) == await pipeline.CreateRep(request)
    assert len((await pipeline.ListReps(pb.ListRepsRequest())).reps) == 1
    request.rep.weight = 5
    assert (await refused(pipeline.CreateRep(request))).reason == "REQUEST_ID_REUSED"


async def test_pages_hold_everybody_once(pipeline: Stub) -> None:
    added = [(await add_rep(pipeline, display_name=f"Rep {number}")).name for number in range(5)]
    seen, token = [], ""
    while True:
        answer = await pipeline.ListReps(pb.ListRepsRequest(page_size=2, page_token=token))
        seen += [rep.name for rep in answer.reps]
        token = answer.next_page_token
        if not token:
            break
    assert seen == added
    refusal = await refused(pipeline.ListReps(pb.ListRepsRequest(page_token="x" * 20)))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")


async def test_an_update_changes_what_it_names(pipeline: Stub) -> None:
    rep = await add_rep(pipeline)
    after = await pipeline.UpdateRep(pb.UpdateRepRequest(rep=pb.Rep(name=rep.name, available=False, weight=3)))
    assert (after.display_name, after.weight, after.available) == ("Han Meimei", 3, False)
    masked = pb.UpdateRepRequest(
        rep=pb.Rep(name=rep.name, display_name="Li Lei", weight=9), update_mask=FieldMask(paths=["weight"])
    )
    after = await pipeline.UpdateRep(masked)
    assert (after.display_name, after.weight) == ("Han Meimei", 9)


async def test_an_update_of_an_old_version_is_aborted(pipeline: Stub) -> None:
    rep = await add_rep(pipeline)
    stale = pb.UpdateRepRequest(rep=pb.Rep(name=rep.name, weight=2, etag=rep.etag))
    await pipeline.UpdateRep(stale)
    refusal = await refused(pipeline.UpdateRep(stale))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    for etag in ("not ours", '"zz"', '"01"', '"1'):
        stale.rep.etag = etag
        assert (await refused(pipeline.UpdateRep(stale))).reason == "ETAG_MISMATCH"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"display_name": " "}, "rep.display_name"),
        ({"display_name": "a\0b"}, "rep.display_name"),
        ({"display_name": "x" * 201}, "rep.display_name"),
        ({"weight": 1001}, "rep.weight"),
        ({"weight": -1}, "rep.weight"),
    ],
)
async def test_what_is_no_sales_person_is_refused_on_its_field(
    pipeline: Stub, fields: dict[str, object], field: str
) -> None:
    refusal = await refused(add_rep(pipeline, **fields))
    assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [field])


async def test_nobody_is_found_where_nobody_is(pipeline: Stub) -> None:
    name = f"reps/{uuid4()}"
    for call in (
        pipeline.GetRep(pb.GetRepRequest(name=name)),
        pipeline.UpdateRep(pb.UpdateRepRequest(rep=pb.Rep(name=name, weight=2))),
    ):
        refusal = await refused(call)
        assert (refusal.code, refusal.metadata) == (grpc.StatusCode.NOT_FOUND, {"name": name})
