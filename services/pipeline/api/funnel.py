"""The funnel on the wire."""

from __future__ import annotations

from kehu.pipeline.v1 import funnel_pb2 as pb

from kit import org
from kit.rpc.convert import instant, wire_duration, wire_instant, wire_money
from services.pipeline.domain.funnel import FunnelStage
from services.pipeline.usecases.funnel import Counted, QueryFunnel


def query(request: pb.QueryFunnelRequest) -> QueryFunnel:
    """Read a question to the history."""
    given = {
        field: instant(getattr(request, field), field=field) if request.HasField(field) else None
        for field in ("start_time", "end_time", "as_of_time")
    }
    return QueryFunnel(given["start_time"], given["end_time"], given["as_of_time"], org.parse(request.org))


def render(counted: Counted) -> pb.QueryFunnelResponse:
    """Show the funnel."""
    return pb.QueryFunnelResponse(
        stages=[_stage(stage) for stage in counted.stages], as_of_time=wire_instant(counted.as_of)
    )


def _stage(stage: FunnelStage) -> pb.FunnelStage:
    wire = pb.FunnelStage(
        stage=stage.stage,
        entered_count=stage.entered,
        advanced_count=stage.advanced,
        conversion=stage.conversion,
        open_count=stage.open_count,
        open_amounts=[wire_money(amount) for amount in stage.open_amounts],
    )
    if stage.mean_time is not None:
        wire.mean_time.CopyFrom(wire_duration(stage.mean_time))
    return wire
