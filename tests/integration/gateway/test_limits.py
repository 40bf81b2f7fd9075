"""Too much at once: what is refused, and that everything else goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import grpc
import pytest
from google.rpc import code_pb2, error_details_pb2
from grpc_status import rpc_status
from kehu.members.v1 import members_pb2 as pb
from kehu.orders.v1 import flash_sales_pb2, products_pb2

from gateway import Address, Place
from tests.integration.gateway.backend import Backend
from tests.integration.gateway.conftest import quick
from tests.integration.gateway.running import Gateway
from tests.support.http import Reply
from tests.support.waiting import until

PATH = "/v1/members/1"


def answer(*_: Any) -> pb.Member:
    return pb.Member()


def assert_overloaded(reply: Reply) -> None:
    assert (reply.status, reply.json["code"], reply.reason) == (429, code_pb2.RESOURCE_EXHAUSTED, "OVERLOADED")
    assert reply.headers["retry-after"] == "1"
    assert reply.json["details"][1] == {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"}


@contextmanager
def held(backend: Backend, gateway: Gateway, *, calls: int) -> Iterator[list[Future[Reply]]]:
    """So many calls under way until the end of the block. The backend answers what is added to its `answers`."""
    done = threading.Event()

    def wait(*_: Any) -> pb.Member:
        done.wait(5)
        return pb.Member()

    backend.answers["GetMember"] = wait
    with ThreadPoolExecutor(calls) as threads:
        waiting = [threads.submit(gateway.call, "GET", PATH) for _ in range(calls)]
        try:
            until(lambda: len(backend.calls) >= calls, what="the first calls")
            yield waiting
        finally:
            done.set()


def stat(gateway: Gateway, name: str) -> float:
    """A metric of the gateway about members."""
    label = 'envoy_cluster_name="members"'
    lines = gateway.call("GET", "/stats/prometheus", to=gateway.place.status).body.decode().splitlines()
    return float(next(line for line in lines if line.startswith(f"{name}{{") and label in line).rpartition(" ")[2])


def test_callers_beyond_the_rate_are_told_to_wait(another: Callable[..., Gateway], backend: Backend) -> None:
    backend.answers["GetMember"] = answer
    narrow = another(rules=quick(rate_limit={"calls_per_second": 1, "burst": 1}))

    replies = [narrow.call("GET", PATH) for _ in range(3)]

    assert_overloaded(next(reply for reply in replies if reply.status != 200))


def test_calls_beyond_what_a_service_may_have_under_way_are_refused_at_once(
    another: Callable[..., Gateway], backend: Backend
) -> None:
    narrow = another(rules=quick(breaker={"calls_per_replica": 2}))

    with held(backend, narrow, calls=2) as waiting:
        began = time.monotonic()
        beyond = narrow.call("GET", PATH)
        seconds = time.monotonic() - began

    assert_overloaded(beyond)
    assert seconds < 1
    assert [call.result().status for call in waiting] == [200, 200]
    assert len(backend.calls) == 2


def test_a_grpc_caller_beyond_it_is_told_the_same(another: Callable[..., Gateway], backend: Backend) -> None:
    narrow = another(rules=quick(breaker={"calls_per_replica": 1}))

    with held(backend, narrow, calls=1), grpc.insecure_channel(str(narrow.place.listen)) as channel:
        method = channel.unary_unary(
            "/kehu.members.v1.MembersService/GetMember",
            request_serializer=pb.GetMemberRequest.SerializeToString,
            response_deserializer=pb.Member.FromString,
        )
        with pytest.raises(grpc.RpcError) as caught:
            method(pb.GetMemberRequest(name="members/1"), timeout=10, metadata=[("authorization", narrow.bearer)])

    status = rpc_status.from_call(caught.value)
    assert status is not None
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    status.details[0].Unpack(info)
    status.details[1].Unpack(retry)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (info.reason, info.domain, retry.retry_delay.seconds) == ("OVERLOADED", "kehu.dev", 1)


def test_what_was_refused_for_want_of_a_place_is_counted_and_not_tried_again(
    another: Callable[..., Gateway], backend: Backend
) -> None:
    narrow = another(rules=quick(breaker={"calls_per_replica": 1}))

    with held(backend, narrow, calls=1):
        assert_overloaded(narrow.call("GET", PATH))
        full = stat(narrow, "envoy_cluster_circuit_breakers_default_rq_open")

    assert full == 1
    assert stat(narrow, "envoy_cluster_upstream_rq_active_overflow") == 1
    assert stat(narrow, "envoy_cluster_upstream_rq_retry") == 0


def test_there_is_a_place_again_when_a_call_is_over(another: Callable[..., Gateway], backend: Backend) -> None:
    narrow = another(rules=quick(breaker={"calls_per_replica": 1}))

    with held(backend, narrow, calls=1):
        assert_overloaded(narrow.call("GET", PATH))
    backend.answers["GetMember"] = answer

    assert [narrow.call("GET", PATH).status for _ in range(3)] == [200] * 3


def test_another_service_has_places_of_its_own(another: Callable[..., Gateway], backend: Backend) -> None:
    backend.answers["GetProduct"] = lambda *_: products_pb2.Product()
    narrow = another(rules=quick(breaker={"calls_per_replica": 1}))

    with held(backend, narrow, calls=1):
        there = narrow.call("GET", "/v1/products/1")

    assert there.status == 200


def test_streams_and_calls_take_no_places_of_each_other(another: Callable[..., Gateway], backend: Backend) -> None:
    done = threading.Event()

    def watch(*_: Any) -> flash_sales_pb2.FlashSaleFigures:
        done.wait(5)
        return flash_sales_pb2.FlashSaleFigures()

    backend.answers.update(WatchFlashSale=watch, GetProduct=lambda *_: products_pb2.Product())
    narrow = another(rules=quick(breaker={"calls_per_replica": 1, "streams_per_replica": 2}))
    figures = "/v1/flashSales/1/figures:watch"

    with ThreadPoolExecutor(2) as threads:
        watching = [threads.submit(narrow.call, "GET", figures) for _ in range(2)]
        until(lambda: len(backend.calls) >= 2, what="the streams")
        beyond = narrow.call("GET", figures)
        beside = narrow.call("GET", "/v1/products/1")
        done.set()

    assert_overloaded(beyond)
    assert beside.status == 200
    assert [stream.result().status for stream in watching] == [200, 200]


def test_a_share_of_many_replicas_is_as_many_places(
    another: Callable[..., Gateway], place: Callable[[], Place], backend: Backend
) -> None:
    wide = another(at=replace(place(), shares={"members": 2.5}), rules=quick(breaker={"calls_per_replica": 1}))

    with held(backend, wide, calls=3):
        beyond = wide.call("GET", PATH)

    assert_overloaded(beyond)


def test_calls_go_to_the_process_that_lives(
    another: Callable[..., Gateway], place: Callable[[], Place], backend: Backend
) -> None:
    backend.answers["EnrollMember"] = lambda request, _: request.member
    usual = place()
    halves = [*usual.upstreams["members"], Address("127.0.0.1", usual.upstreams["pipeline"][0].port)]
    half = another(at=replace(usual, upstreams={**usual.upstreams, "members": halves}))

    replies = [half.call("POST", "/v1/members", {"displayName": "x"}) for _ in range(8)]

    assert [reply.status for reply in replies] == [200] * 8
