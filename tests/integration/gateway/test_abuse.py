"""Callers who take more than their share, and requests that are made to hurt."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest
from kehu.members.v1 import members_pb2 as pb

from gateway import Place, render
from gateway.place import Address
from tests.integration.gateway.backend import Backend
from tests.integration.gateway.conftest import quick
from tests.integration.gateway.running import Gateway
from tests.support.rpc import Keys

PATH = "/v1/members/1"


def answer(*_: Any) -> pb.Member:
    return pb.Member()


def test_one_caller_beyond_its_rate_leaves_the_others_alone(
    another: Callable[..., Gateway], backend: Backend, keys: Keys
) -> None:
    backend.answers["GetMember"] = answer
    narrow = another(rules=quick(caller_limit={"calls_per_second": 1, "burst": 3}))
    greedy, modest = keys.bearer("admin", subject="greedy"), keys.bearer("admin", subject="modest")

    taken = [narrow.call("GET", PATH, headers={"authorization": greedy}) for _ in range(12)]
    left = narrow.call("GET", PATH, headers={"authorization": modest})

    refused = [reply for reply in taken if reply.status != 200]
    assert refused
    assert {(reply.status, reply.reason) for reply in refused} == {(429, "OVERLOADED")}
    assert left.status == 200


def test_another_token_of_the_same_caller_is_no_way_around(
    another: Callable[..., Gateway], backend: Backend, keys: Keys
) -> None:
    backend.answers["GetMember"] = answer
    narrow = another(rules=quick(caller_limit={"calls_per_second": 1, "burst": 3}))

    tokens = [keys.issuer.issue("greedy", ["admin"], seconds=3600 + number) for number in range(12)]
    statuses = [narrow.call("GET", PATH, headers={"authorization": f"Bearer {token}"}).status for token in tokens]

    assert 429 in statuses


DEEP = 100_000


@pytest.mark.parametrize(
    "body",
    [
        b"[" * DEEP,
        b'{"member":' * DEEP,
        b'{"member":' + b"[" * DEEP + b"]" * DEEP + b"}",
        b'{"member":{"display' + b"Name" * 200_000 + b'":1}}',
        b'{"member":{"displayName":' + b"9" * 900_000 + b"}}",
        b'{"member":{"displayName":"' + b"\\u0000" * 100_000 + b'"}}',
        b'{"member":{"displayName":"\xff\xfe"}}',
        b"{" + b'"member":{},' * 50_000 + b"}",
        b'{"member":{"enrollTime":"99999999999-01-01T00:00:00Z"}}',
    ],
    ids=["arrays", "objects", "arrays in a field", "a name", "a number", "zeros", "no text", "repeats", "a time"],
)
def test_a_body_made_to_hurt_is_refused_and_the_gateway_goes_on(
    gateway: Gateway, backend: Backend, body: bytes
) -> None:
    backend.answers["EnrollMember"] = lambda request, _: request.member
    backend.answers["GetMember"] = answer

    hurt = gateway.call("POST", "/v1/members", body)

    assert hurt.status in (400, 413), hurt.body[:200]
    assert hurt.json["code"]
    assert gateway.call("GET", PATH).status == 200


def test_headers_without_end_are_refused(gateway: Gateway, backend: Backend) -> None:
    backend.answers["GetMember"] = answer

    assert gateway.call("GET", PATH, headers={"x-long": "x" * 70_000}).status == 431
    assert gateway.call("GET", PATH, headers={f"x-{number}": "x" for number in range(99)} | {"x-a": ""}).status == 431
    assert gateway.call("GET", f"/v1/members?pageToken={'x' * 70_000}").status == 431
    assert gateway.call("GET", PATH).status == 200


@pytest.mark.parametrize("header", ["x-envoy-upstream-rq-timeout-ms", "x-envoy-retry-on", "x-envoy-max-retries"])
def test_a_caller_does_not_command_the_gateway(gateway: Gateway, backend: Backend, header: str) -> None:
    backend.answers["GetMember"] = answer

    assert gateway.call("GET", PATH, headers={header: "1"}).status == 200
    assert header not in backend.calls[0][1]


def test_the_admin_interface_answers_on_loopback_alone(gateway: Gateway, place: Callable[[], Place]) -> None:
    for path in ("/quitquitquit", "/config_dump", "/certs", "/clusters", "/server_info", "/runtime"):
        for listener in (gateway.place.listen, gateway.place.status):
            assert gateway.call("GET", path, to=listener).status in (401, 404)
    with pytest.raises(ValueError, match="belongs on loopback"):
        Place(**{**{name: getattr(place(), name) for name in Place.__slots__}, "admin": Address("0.0.0.0", 9901)})
    admin = render(gateway.place)["admin"]["address"]["socket_address"]["address"]
    assert admin == "127.0.0.1"


def test_a_connection_that_says_nothing_is_closed(another: Callable[..., Gateway]) -> None:
    impatient = another(rules=quick(downstream={"header_seconds": 0.3}))
    listen = impatient.place.listen

    with socket.create_connection((listen.host, listen.port), timeout=20) as slow:
        slow.sendall(b"GET /v1/members/1 HTTP/1.1\r\nhost: x\r\n")
        said = slow.recv(65536)

    assert said.startswith(b"HTTP/1.1 408 ")
