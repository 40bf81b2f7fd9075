"""REST callers: JSON in, JSON out, and every refusal a `google.rpc.Status`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status
from kehu.members.v1 import members_pb2 as pb

from kit.errors import Fault, Kind
from kit.rpc.status import wire_status
from tests.integration.gateway.backend import Backend, until_given_up
from tests.integration.gateway.running import Gateway
from tests.support.waiting import until

MEMBER = "/v1/members/0190f5d0-0000-7000-8000-000000000001"


def echo_member(request: Any, _: grpc.ServicerContext) -> pb.Member:
    return pb.Member(name=request.name, display_name="张三")


def test_a_json_call_is_answered_in_json(gateway: Gateway, backend: Backend) -> None:
    backend.answers["GetMember"] = echo_member

    reply = gateway.call("GET", MEMBER)

    assert reply.status == 200
    assert reply.json["name"] == MEMBER.removeprefix("/v1/")


def test_members_are_in_camel_case_and_empty_ones_are_there(gateway: Gateway, backend: Backend) -> None:
    backend.answers["GetMember"] = echo_member

    member = gateway.call("GET", MEMBER).json

    assert member["displayName"] == "张三"
    assert member["cardNumber"] == ""


def test_chinese_text_comes_through_both_ways(gateway: Gateway, backend: Backend) -> None:
    backend.answers["EnrollMember"] = lambda request, _: request.member

    reply = gateway.call("POST", "/v1/members", {"displayName": "欧阳娜娜🛍", "homeStore": "上海·南京西路"})

    assert reply.json["displayName"] == "欧阳娜娜🛍"
    assert reply.json["homeStore"] == "上海·南京西路"


@pytest.mark.parametrize("query", ["pageSize=7", "page_size=7"])
def test_a_query_fills_the_request(gateway: Gateway, backend: Backend, query: str) -> None:
    backend.answers["ListMembers"] = lambda request, _: pb.ListMembersResponse(next_page_token=str(request.page_size))

    assert gateway.call("GET", f"/v1/members?{query}").json["nextPageToken"] == "7"


def test_a_services_refusal_keeps_its_details(gateway: Gateway, backend: Backend) -> None:
    def refuse(_: Any, context: grpc.ServicerContext) -> pb.Member:
        detail = AnyMessage()
        detail.Pack(error_details_pb2.ErrorInfo(reason="MEMBER_NOT_FOUND", metadata={"name": "会员"}))
        status = status_pb2.Status(code=code_pb2.NOT_FOUND, message="会员不存在", details=[detail])
        context.abort_with_status(rpc_status.to_status(status))
        raise AssertionError("abort does not return")

    backend.answers["GetMember"] = refuse

    reply = gateway.call("GET", MEMBER)

    assert (reply.status, reply.json["code"], reply.json["message"]) == (404, code_pb2.NOT_FOUND, "会员不存在")
    assert reply.reason == "MEMBER_NOT_FOUND"


def test_a_services_refusal_says_when_to_come_again(gateway: Gateway, backend: Backend) -> None:
    def refuse(_: Any, context: grpc.ServicerContext) -> pb.Member:
        later = timedelta(milliseconds=1500)
        context.abort_with_status(wire_status(Fault(Kind.UNAVAILABLE, "BUSY", "Busy.", retry_after=later)))
        raise AssertionError("abort does not return")

    backend.answers["GetMember"] = refuse

    reply = gateway.call("GET", MEMBER)

    assert (reply.status, reply.reason, reply.headers["retry-after"]) == (503, "BUSY", "2")


@pytest.mark.parametrize(
    ("verb", "path"),
    [("GET", "/v1/nothing"), ("DELETE", MEMBER), ("POST", f"{MEMBER}:fly"), ("GET", "/"), ("POST", "/v1/members/1/x")],
)
def test_an_unknown_path_or_verb_is_not_found(gateway: Gateway, verb: str, path: str) -> None:
    reply = gateway.call(verb, path, {} if verb == "POST" else None)

    assert (reply.status, reply.json["code"], reply.reason) == (404, code_pb2.NOT_FOUND, "METHOD_UNKNOWN")


def test_an_unknown_query_parameter_is_refused_by_its_name(gateway: Gateway, backend: Backend) -> None:
    backend.answers["ListMembers"] = lambda *_: pb.ListMembersResponse()

    reply = gateway.call("GET", "/v1/members?pagesize=7")

    assert (reply.status, reply.reason) == (400, "REQUEST_INVALID")
    assert "pagesize" in reply.json["message"]
    assert backend.calls == []


@pytest.mark.parametrize("body", [b"{", b'{"displayName": }', b'{"displayName": 7}', b"[1]", b"\xff\xfe"])
def test_a_body_that_is_not_the_methods_json_is_refused(gateway: Gateway, backend: Backend, body: bytes) -> None:
    backend.answers["EnrollMember"] = lambda request, _: request.member

    reply = gateway.call("POST", "/v1/members", body)

    assert (reply.status, reply.json["code"], reply.reason) == (400, code_pb2.INVALID_ARGUMENT, "REQUEST_INVALID")
    assert backend.calls == []


def test_a_body_larger_than_the_method_allows_is_refused(gateway: Gateway, backend: Backend) -> None:
    backend.answers["EnrollMember"] = lambda request, _: request.member

    reply = gateway.call("POST", "/v1/members", {"displayName": "x" * (1 << 20)})

    assert (reply.status, reply.json["code"], reply.reason) == (413, code_pb2.RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE")
    assert backend.calls == []


def test_a_batch_may_be_larger(gateway: Gateway, backend: Backend) -> None:
    backend.answers["BatchEnroll"] = lambda request, _: pb.BatchEnrollResponse(
        results=[pb.EnrollResult(message=str(len(request.rows)))]
    )
    row = {"channel": "pos", "externalId": "1", "displayName": "张" * 200}

    reply = gateway.call("POST", "/v1/members:batchEnroll", {"rows": [row] * 8000})

    assert reply.json["results"][0]["message"] == "8000"


def test_a_call_that_takes_too_long_is_given_up(gateway: Gateway, backend: Backend) -> None:
    def silent(_: Any, context: grpc.ServicerContext) -> pb.Member:
        until_given_up(context)
        return pb.Member()

    backend.answers["GetMember"] = silent

    reply = gateway.call("GET", MEMBER)

    assert (reply.status, reply.json["code"], reply.reason) == (504, code_pb2.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")


def test_the_service_hears_how_long_it_may_take(gateway: Gateway, backend: Backend) -> None:
    backend.answers["GetMember"] = echo_member

    gateway.call("GET", MEMBER, headers={"x-envoy-upstream-rq-timeout-ms": "999999"})

    assert backend.calls[0][1]["x-envoy-expected-rq-timeout-ms"] == "1500"


def test_a_service_that_is_away_is_unavailable(gateway: Gateway) -> None:
    reply = gateway.call("GET", "/v1/leads/1")

    assert (reply.status, reply.json["code"], reply.reason) == (503, code_pb2.UNAVAILABLE, "UNAVAILABLE")
    assert {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"} in reply.json["details"]


def test_a_read_is_tried_again_when_the_service_was_not_there(gateway: Gateway, backend: Backend) -> None:
    def recover(request: Any, context: grpc.ServicerContext) -> pb.Member:
        if len(backend.calls) < 2:
            context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")
        return echo_member(request, context)

    backend.answers["GetMember"] = recover

    assert gateway.call("GET", MEMBER).status == 200
    assert len(backend.calls) == 2


def test_a_change_is_never_tried_again_once_the_service_saw_it(gateway: Gateway, backend: Backend) -> None:
    backend.answers["EnrollMember"] = lambda _, context: context.abort(grpc.StatusCode.UNAVAILABLE, "who knows")

    reply = gateway.call("POST", "/v1/members", {"displayName": "x"})

    assert (reply.status, len(backend.calls)) == (503, 1)


def test_a_change_that_a_service_has_not_begun_as_it_was_going_is_tried_again(
    gateway: Gateway, backend: Backend
) -> None:
    def recover(request: Any, context: grpc.ServicerContext) -> pb.Member:
        if len(backend.calls) < 2:
            context.abort(grpc.StatusCode.CANCELLED, "CANCELLED")
        return pb.Member(name=MEMBER)

    backend.answers["EnrollMember"] = recover

    assert gateway.call("POST", "/v1/members", {"displayName": "x"}).status == 200
    assert len(backend.calls) == 2


def test_the_health_of_the_gateway_needs_no_token(gateway: Gateway) -> None:
    assert gateway.call("GET", "/healthz", headers={"authorization": ""}).status == 200


def test_the_second_listener_shows_readiness_and_metrics_and_nothing_else(gateway: Gateway) -> None:
    seen = {
        path: gateway.call("GET", path, to=gateway.place.status)
        for path in ("/ready", "/stats/prometheus", "/quitquitquit")
    }

    assert [reply.status for reply in seen.values()] == [200, 200, 404]
    assert b"envoy_cluster_upstream_rq_total" in seen["/stats/prometheus"].body


def test_a_token_never_reaches_the_access_log_nor_what_was_asked(gateway: Gateway, backend: Backend) -> None:
    backend.answers["ListMembers"] = lambda *_: pb.ListMembersResponse()

    gateway.call("GET", "/v1/nothing/13800138000")
    request_id = gateway.call("GET", "/v1/members?page_token=13800138000").headers["x-request-id"]

    entry = until(lambda: gateway.access(request_id), what="the call in the access log")
    logged = gateway.log.read_text()
    assert (entry["rpc"], entry["route"]) == ("/kehu.members.v1.MembersService/ListMembers", "members.read")
    assert "13800138000" not in logged
    assert gateway.bearer.removeprefix("Bearer ") not in logged


def test_the_access_log_guesses_no_grpc_status_of_what_was_transcoded(gateway: Gateway, backend: Backend) -> None:
    backend.answers["GetMember"] = lambda _, context: context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no")

    reply = gateway.call("GET", MEMBER)

    entry = until(lambda: gateway.access(reply.headers["x-request-id"]), what="the call in the access log")
    assert (reply.status, entry["status"]) == (400, 400)
    assert "grpc_status" not in entry


@pytest.mark.parametrize("mask", ["displayName,homeStore", "display_name,home_store"])
def test_an_update_mask_comes_by_query_in_either_spelling(gateway: Gateway, backend: Backend, mask: str) -> None:
    seen: list[list[str]] = []

    def update(request: pb.UpdateMemberRequest, _: grpc.ServicerContext) -> pb.Member:
        seen.append(list(request.update_mask.paths))
        return request.member

    backend.answers["UpdateMember"] = update

    reply = gateway.call("PATCH", f"{MEMBER}?updateMask={mask}", {"displayName": "张三"})

    assert reply.json["name"] == MEMBER.removeprefix("/v1/")
    assert seen == [["display_name", "home_store"]]
