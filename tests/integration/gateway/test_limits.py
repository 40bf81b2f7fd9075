"""Too much at once: what is refused, and that everything else goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import grpc
from google.rpc import code_pb2
from kehu.members.v1 import members_pb2 as pb

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


def test_callers_beyond_the_rate_are_told_to_wait(another: Callable[..., Gateway], backend: Backend) -> None:
    backend.answers["GetMember"] = answer
    narrow = another(rules=quick(rate_limit={"calls_per_second": 1, "burst": 1}))

    replies = [narrow.call("GET", PATH) for _ in range(3)]

    assert_overloaded(next(reply for reply in replies if reply.status != 200))


def test_calls_beyond_what_a_service_may_have_under_way_are_refused_at_once(
    another: Callable[..., Gateway], backend: Backend
) -> None:
    done = threading.Event()

    def wait(_: Any, context: grpc.ServicerContext) -> pb.Member:
        done.wait(5)
        return pb.Member()

    backend.answers["GetMember"] = wait
    narrow = another(rules=quick(breaker={"max_requests": 1}))

    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(narrow.call, "GET", PATH)
        until(lambda: backend.calls, what="the first call")
        second = narrow.call("GET", PATH)
        done.set()

    assert_overloaded(second)
    assert first.result().status == 200


def test_calls_go_to_the_process_that_lives(
    another: Callable[..., Gateway], place: Callable[[], Place], backend: Backend
) -> None:
    backend.answers["EnrollMember"] = lambda request, _: request.member
    usual = place()
    halves = [*usual.upstreams["members"], Address("127.0.0.1", usual.upstreams["pipeline"][0].port)]
    half = another(at=replace(usual, upstreams={**usual.upstreams, "members": halves}))

    replies = [half.call("POST", "/v1/members", {"displayName": "x"}) for _ in range(8)]

    assert [reply.status for reply in replies] == [200] * 8
