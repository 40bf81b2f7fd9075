"""Tokens of an OIDC issuer at the gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kehu.members.v1 import members_pb2 as pb

from gateway import Place
from gateway.place import Issuer as Known
from tests.integration.gateway.backend import Backend
from tests.integration.gateway.conftest import quick
from tests.integration.gateway.running import Gateway
from tests.support.certificates import Authority
from tests.support.oidc import NAME, Issuer, issuing
from tests.support.waiting import until

PATH = "/v1/members/1"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def issuer(authority: Authority) -> Iterator[Issuer]:
    with issuing(authority.sign("issuer", "localhost")) as running:
        yield running


@pytest.fixture
def gateway(
    another: Callable[..., Gateway],
    backend: Backend,
    place: Callable[[], Place],
    authority: Authority,
    issuer: Issuer,
) -> Gateway:
    backend.answers["GetMember"] = lambda *_: pb.Member()
    known = Known(NAME, issuer.uri, ["kehu", "shop"], str(authority.certificate))
    return another(rules=quick(token={"keys_seconds": 1}), at=replace(place(), issuer=known))


def status(gateway: Gateway, token: str) -> int:
    return gateway.call("GET", PATH, headers={"authorization": f"Bearer {token}"}).status


def test_the_issuers_tokens_count_and_our_own_too(gateway: Gateway, issuer: Issuer) -> None:
    assert status(gateway, issuer.token(aud="shop")) == 200
    assert gateway.call("GET", PATH).status == 200


@pytest.mark.parametrize(
    "claims", [{"aud": "another"}, {"iss": "https://elsewhere.example"}, {"exp": 1}, {"iss": "kehu"}]
)
def test_a_token_that_the_issuer_does_not_vouch_for_is_refused(
    gateway: Gateway, backend: Backend, issuer: Issuer, claims: dict[str, Any]
) -> None:
    assert status(gateway, issuer.token(**claims)) == 401
    assert backend.calls == []


def test_new_keys_are_learnt_and_old_ones_count_while_the_issuer_is_away(gateway: Gateway, issuer: Issuer) -> None:
    issuer.rotate("second")
    until(lambda: status(gateway, issuer.token()) == 200, what="the new key")

    issuer.away = True
    asked = issuer.asked
    until(lambda: issuer.asked > asked + 1, what="two vain questions for the keys")

    assert status(gateway, issuer.token(sub="another")) == 200
