"""Who may come in: bearer tokens, and pages of known origins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jwt
import pytest
from google.rpc import code_pb2
from kehu.members.v1 import members_pb2 as pb

from tests.integration.gateway.backend import Backend
from tests.integration.gateway.running import Gateway
from tests.support.rpc import Keys, make_keys

PATH = "/v1/members/1"


def answer(*_: Any) -> pb.Member:
    return pb.Member()


def test_a_call_with_a_good_token_reaches_the_service_with_its_token(gateway: Gateway, backend: Backend) -> None:
    backend.answers["GetMember"] = answer

    assert gateway.call("GET", PATH).status == 200
    assert backend.calls[0][1]["authorization"] == gateway.bearer


def forged(folder: Path) -> str:
    return make_keys(folder).bearer("admin")


def unsigned(_: Path) -> str:
    claims = {"iss": "kehu", "aud": "kehu", "sub": "x", "exp": 4102444800}
    return f"Bearer {jwt.encode(claims, '', algorithm='none')}"


@pytest.mark.parametrize("token", [forged, unsigned, lambda _: "Bearer nonsense", lambda _: "Bearer a.b.c"])
def test_a_token_that_nobody_vouches_for_is_refused(
    gateway: Gateway, backend: Backend, tmp_path: Path, token: Any
) -> None:
    backend.answers["GetMember"] = answer

    reply = gateway.call("GET", PATH, headers={"authorization": token(tmp_path)})

    assert (reply.status, reply.json["code"], reply.reason) == (401, code_pb2.UNAUTHENTICATED, "UNAUTHENTICATED")
    assert backend.calls == []


def test_an_expired_token_is_refused_and_told_so(gateway: Gateway, keys: Keys) -> None:
    expired = keys.issuer.issue("tester", ["admin"], seconds=-120)

    reply = gateway.call("GET", PATH, headers={"authorization": f"Bearer {expired}"})

    assert (reply.status, reply.json["code"]) == (401, code_pb2.UNAUTHENTICATED)
    assert "expired" in reply.json["message"]


@pytest.mark.parametrize("claim", [{"aud": "another"}, {"iss": "another"}, {"exp": None}])
def test_a_token_for_another_house_is_refused(gateway: Gateway, keys: Keys, claim: dict[str, Any]) -> None:
    claims = {"iss": "kehu", "aud": "kehu", "sub": "x", "roles": ["admin"], "exp": 4102444800, **claim}
    token = sign(keys, {name: value for name, value in claims.items() if value is not None})

    reply = gateway.call("GET", PATH, headers={"authorization": f"Bearer {token}"})

    assert (reply.status, reply.json["code"], reply.reason) == (401, code_pb2.UNAUTHENTICATED, "UNAUTHENTICATED")


def sign(keys: Keys, claims: dict[str, Any]) -> str:
    return jwt.encode(claims, keys.issuer._key, algorithm="ES256", headers={"kid": "development"})


@pytest.mark.parametrize("path", [PATH, "/v1/nothing", "/"])
def test_a_call_without_a_token_learns_nothing_but_that(gateway: Gateway, path: str) -> None:
    reply = gateway.call("GET", path, headers={"authorization": ""})

    assert (reply.status, reply.json["code"], reply.reason) == (401, code_pb2.UNAUTHENTICATED, "UNAUTHENTICATED")
    assert "Bearer" in reply.json["message"]


def test_a_token_in_a_query_string_does_not_count(gateway: Gateway) -> None:
    token = gateway.bearer.removeprefix("Bearer ")

    reply = gateway.call("GET", f"{PATH}?access_token={token}", headers={"authorization": ""})

    assert reply.status == 401


PREFLIGHT = {
    "authorization": "",
    "access-control-request-method": "PATCH",
    "access-control-request-headers": "authorization,content-type",
}


@pytest.mark.parametrize("path", [PATH, "/v1/members:lookup", "/kehu.members.v1.MembersService/GetMember"])
def test_a_page_of_a_known_origin_may_ask_before_it_calls(gateway: Gateway, path: str) -> None:
    reply = gateway.call("OPTIONS", path, headers={**PREFLIGHT, "origin": "http://localhost:5173"})

    assert reply.status == 200
    assert reply.headers["access-control-allow-origin"] == "http://localhost:5173"
    assert "PATCH" in reply.headers["access-control-allow-methods"]
    assert "authorization" in reply.headers["access-control-allow-headers"]


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost.evil.example", "null"])
def test_a_page_of_another_origin_gets_no_leave(gateway: Gateway, origin: str) -> None:
    reply = gateway.call("OPTIONS", PATH, headers={**PREFLIGHT, "origin": origin})

    assert reply.status >= 400
    assert "access-control-allow-origin" not in reply.headers


def test_a_page_may_read_a_refusal_too(gateway: Gateway) -> None:
    reply = gateway.call("GET", PATH, headers={"authorization": "", "origin": "http://localhost:5173"})

    assert reply.status == 401
    assert reply.headers["access-control-allow-origin"] == "http://localhost:5173"
