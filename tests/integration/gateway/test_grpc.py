"""gRPC and gRPC-Web callers: the same port, the same refusals, as gRPC statuses."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status
from kehu.members.v1 import members_pb2 as pb
from kehu.pipeline.v1 import lead_pb2

from tests.integration.gateway.backend import Backend, until_given_up
from tests.integration.gateway.running import Gateway
from tests.support.http import Reply

GET = "/kehu.members.v1.MembersService/GetMember"
ENROLL = "/kehu.members.v1.MembersService/EnrollMember"


@pytest.fixture(scope="module")
def channel(gateway: Gateway) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(str(gateway.place.listen)) as channel:
        yield channel


def call(
    channel: grpc.Channel, path: str, request: Any, *, bearer: str, response: Any = pb.Member, timeout: float = 10
) -> Any:
    method = channel.unary_unary(
        path, request_serializer=type(request).SerializeToString, response_deserializer=response.FromString
    )
    return method(request, timeout=timeout, metadata=[("authorization", bearer)] if bearer else [])


def refusal(
    channel: grpc.Channel, path: str, request: Any, *, bearer: str, **others: Any
) -> tuple[grpc.StatusCode, str]:
    """The status and the reason that a call is refused with; its parts must agree with each other."""
    with pytest.raises(grpc.RpcError) as caught:
        call(channel, path, request, bearer=bearer, **others)
    status = rpc_status.from_call(caught.value)
    info = error_details_pb2.ErrorInfo()
    assert status is not None
    status.details[0].Unpack(info)
    return caught.value.code(), info.reason


def echo(request: Any, _: grpc.ServicerContext) -> pb.Member:
    return pb.Member(name=request.name, display_name="张三")


def silent(_: Any, context: grpc.ServicerContext) -> pb.Member:
    until_given_up(context)
    return pb.Member()


def test_a_grpc_call_is_passed_on(gateway: Gateway, backend: Backend, channel: grpc.Channel) -> None:
    backend.answers["GetMember"] = echo

    member = call(channel, GET, pb.GetMemberRequest(name="members/1"), bearer=gateway.bearer)

    assert (member.name, member.display_name) == ("members/1", "张三")


@pytest.mark.parametrize("bearer", ["", "Bearer a.b.c"])
def test_a_grpc_call_without_a_good_token_is_unauthenticated(channel: grpc.Channel, bearer: str) -> None:
    refused = refusal(channel, GET, pb.GetMemberRequest(), bearer=bearer)

    assert refused == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")


def test_an_unknown_service_is_unimplemented(gateway: Gateway, channel: grpc.Channel) -> None:
    refused = refusal(channel, "/kehu.nothing.v1.NoService/Get", pb.GetMemberRequest(), bearer=gateway.bearer)

    assert refused == (grpc.StatusCode.UNIMPLEMENTED, "METHOD_UNKNOWN")


def test_an_unknown_method_is_unimplemented(gateway: Gateway, channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        call(channel, "/kehu.members.v1.MembersService/Fly", pb.GetMemberRequest(), bearer=gateway.bearer)

    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_service_that_is_away_is_unavailable(gateway: Gateway, channel: grpc.Channel) -> None:
    path = "/kehu.pipeline.v1.PipelineService/GetLead"

    refused = refusal(channel, path, lead_pb2.GetLeadRequest(), bearer=gateway.bearer, response=lead_pb2.Lead)

    assert refused == (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")


def test_a_call_without_a_deadline_gets_the_gateways(gateway: Gateway, backend: Backend, channel: grpc.Channel) -> None:
    backend.answers["GetMember"] = silent

    refused = refusal(channel, GET, pb.GetMemberRequest(), bearer=gateway.bearer, timeout=15)

    assert refused == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")


def test_a_callers_shorter_deadline_reaches_the_service(
    gateway: Gateway, backend: Backend, channel: grpc.Channel
) -> None:
    heard: list[float] = []

    def listen(request: Any, context: grpc.ServicerContext) -> pb.Member:
        heard.append(context.time_remaining())
        return echo(request, context)

    backend.answers["GetMember"] = listen

    call(channel, GET, pb.GetMemberRequest(), bearer=gateway.bearer, timeout=0.9)

    assert 0 < heard[0] < 1.2


def test_a_message_larger_than_the_method_allows_is_refused(
    gateway: Gateway, backend: Backend, channel: grpc.Channel
) -> None:
    backend.answers["EnrollMember"] = lambda request, _: request.member
    member = pb.Member(display_name="x" * (1 << 20))

    refused = refusal(channel, ENROLL, pb.EnrollMemberRequest(member=member), bearer=gateway.bearer)

    assert refused == (grpc.StatusCode.RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE")
    assert backend.calls == []


def test_a_services_refusal_keeps_its_details(gateway: Gateway, backend: Backend, channel: grpc.Channel) -> None:
    def refuse(_: Any, context: grpc.ServicerContext) -> pb.Member:
        detail = AnyMessage()
        detail.Pack(error_details_pb2.ErrorInfo(reason="MEMBER_NOT_FOUND"))
        status = status_pb2.Status(code=code_pb2.NOT_FOUND, message="会员不存在", details=[detail])
        context.abort_with_status(rpc_status.to_status(status))
        raise AssertionError("abort does not return")

    backend.answers["GetMember"] = refuse

    refused = refusal(channel, GET, pb.GetMemberRequest(), bearer=gateway.bearer)

    assert refused == (grpc.StatusCode.NOT_FOUND, "MEMBER_NOT_FOUND")


WEB = {"content-type": "application/grpc-web+proto", "x-grpc-web": "1", "accept": "application/grpc-web+proto"}


def frames(reply: Reply) -> dict[int, bytes]:
    """The message (0) and the trailers (128) of a gRPC-Web body."""
    body = reply.body
    if reply.headers["content-type"].startswith("application/grpc-web-text"):
        body = base64.b64decode(body)
    found = {}
    while body:
        kind, length = struct.unpack(">BI", body[:5])
        found[kind], body = body[5 : 5 + length], body[5 + length :]
    return found


def framed(request: Any) -> bytes:
    data = request.SerializeToString()
    return struct.pack(">BI", 0, len(data)) + bytes(data)


def test_a_grpc_web_call_is_answered_in_its_own_frames(gateway: Gateway, backend: Backend) -> None:
    backend.answers["GetMember"] = echo

    reply = gateway.call("POST", GET, framed(pb.GetMemberRequest(name="members/1")), headers=WEB)

    answer = frames(reply)
    assert pb.Member.FromString(answer[0]).display_name == "张三"
    assert b"grpc-status:0" in answer[128].replace(b" ", b"")


def test_a_grpc_web_text_call_is_answered_in_base64(gateway: Gateway, backend: Backend) -> None:
    backend.answers["GetMember"] = echo
    text = {**WEB, "content-type": "application/grpc-web-text+proto", "accept": "application/grpc-web-text+proto"}

    reply = gateway.call("POST", GET, base64.b64encode(framed(pb.GetMemberRequest(name="members/1"))), headers=text)

    assert pb.Member.FromString(frames(reply)[0]).name == "members/1"


def test_a_grpc_web_call_is_refused_with_a_grpc_status(gateway: Gateway) -> None:
    reply = gateway.call("POST", GET, framed(pb.GetMemberRequest()), headers={**WEB, "authorization": ""})

    assert (reply.status, reply.headers["grpc-status"]) == (200, str(code_pb2.UNAUTHENTICATED))
    assert reply.headers["content-type"].startswith("application/grpc-web")
