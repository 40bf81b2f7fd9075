"""The channel that costs next to nothing says the same as gRPC's own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest
from kehu.members.v1 import members_pb2 as pb
from kehu.members.v1.members_pb2_grpc import (
    MembersServiceServicer,
    MembersServiceStub,
    add_MembersServiceServicer_to_server,
)

from bench.thin import Channel


class Members(MembersServiceServicer):
    """Tells callers their own words, and their token."""

    async def AccruePoints(self, request: pb.AccruePointsRequest, context: Any) -> pb.AccruePointsResponse:
        """Answer, or refuse who wants nothing."""
        if request.points == 0:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "points")
        token = dict(context.invocation_metadata())["authorization"]
        balance = pb.Balance(name=f"{request.source} {token}", available=request.points)
        return pb.AccruePointsResponse(balance=balance)


def called(act: Callable[[MembersServiceStub], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        server = grpc.aio.server()
        add_MembersServiceServicer_to_server(Members(), server)  # type: ignore[abstract]  # nothing else is called
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            async with Channel(f"127.0.0.1:{port}", "Bearer me") as channel:
                return await act(MembersServiceStub(channel))
        finally:
            await server.stop(None)

    return asyncio.run(run())


async def accrued(stub: MembersServiceStub, points: int, source: str = "carts/1") -> pb.AccruePointsResponse:
    answer: pb.AccruePointsResponse = await stub.AccruePoints(pb.AccruePointsRequest(points=points, source=source))
    return answer


def test_many_calls_at_once_have_each_their_own_answer() -> None:
    async def act(stub: MembersServiceStub) -> list[int]:
        answers = await asyncio.gather(*(accrued(stub, points) for points in range(1, 501)))
        assert {answer.balance.name for answer in answers} == {"carts/1 Bearer me"}
        return [answer.balance.available for answer in answers]

    assert called(act) == list(range(1, 501))


def test_messages_may_be_longer_than_a_frame_and_more_than_a_window() -> None:
    async def act(stub: MembersServiceStub) -> set[int]:
        answers = await asyncio.gather(*(accrued(stub, 1, "x" * 40_000) for _ in range(8)))
        return {len(answer.balance.name) for answer in answers}

    assert called(act) == {40_000 + len(" Bearer me")}


def test_a_refusal_ends_what_is_measured_with_its_code() -> None:
    with pytest.raises(RuntimeError, match="code 3"):
        called(lambda stub: accrued(stub, 0))
