"""QueryFunnel."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from kehu.pipeline.v1 import funnel_pb2 as pb

from tests.component.pipeline.calls import Stub, add_opportunity, move, usd
from tests.support.rpc import refused


async def test_an_empty_history_is_a_funnel_of_zeros(pipeline: Stub) -> None:
    answer = await pipeline.QueryFunnel(pb.QueryFunnelRequest())
    assert [stage.stage for stage in answer.stages] == ["QUALIFY", "DEVELOP", "PROPOSE", "NEGOTIATE", "WON", "LOST"]
    assert not any(stage.entered_count or stage.open_count or stage.HasField("mean_time") for stage in answer.stages)


async def test_the_funnel_counts_who_came_how_far(pipeline: Stub) -> None:
    deals = [await add_opportunity(pipeline) for _ in range(4)]
    for deal in deals[:2]:
        await move(pipeline, deal.name, "DEVELOP")
    await move(pipeline, deals[0].name, "NEGOTIATE", reason="quick")
    answer = await pipeline.QueryFunnel(pb.QueryFunnelRequest())
    qualify, develop, propose, negotiate = list(answer.stages)[:4]
    assert (qualify.entered_count, qualify.advanced_count, qualify.conversion) == (4, 2, 0.5)
    assert (develop.entered_count, develop.advanced_count, develop.open_count) == (2, 1, 1)
    assert (propose.entered_count, negotiate.open_count) == (0, 1)
    assert list(qualify.open_amounts) == [usd(200)]
    assert develop.mean_time.ToMicroseconds() > 0


async def test_the_funnel_is_empty_before_anything_began(pipeline: Stub) -> None:
    deal = await add_opportunity(pipeline)
    before = Timestamp(seconds=deal.create_time.seconds - 1)
    answer = await pipeline.QueryFunnel(pb.QueryFunnelRequest(as_of_time=before))
    assert answer.as_of_time == before
    assert answer.stages[0].open_count == 0


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"start_time": Timestamp(seconds=2), "end_time": Timestamp(seconds=1)}, "start_time"),
        ({"end_time": Timestamp(seconds=2**40)}, "end_time"),
        ({"as_of_time": Timestamp(nanos=-1)}, "as_of_time"),
    ],
)
async def test_what_is_no_window_is_refused_on_its_field(pipeline: Stub, fields: dict[str, Any], field: str) -> None:
    refusal = await refused(pipeline.QueryFunnel(pb.QueryFunnelRequest(**fields)))
    assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [field])
