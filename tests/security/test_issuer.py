"""Tokens of an OIDC issuer, as a service verifies them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from kit.errors import Fault, Kind
from kit.rpc import Tokens, Verifier, policy
from kit.rpc import keys as remote
from kit.rpc.call import Identity
from kit.settings import Settings, SettingsError, load
from tests.support.certificates import Authority
from tests.support.oidc import NAME, Issuer, issuing
from tests.support.rpc import Keys
from tests.support.waiting import until


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as running:
        yield running


@pytest.fixture
def verifier(issuer: Issuer, settings: Callable[..., Any]) -> Callable[..., Verifier]:
    def make(**others: Any) -> Verifier:
        given = {"jwks_uri": issuer.uri, "token_issuer": NAME, "jwks_seconds": 0.05, **others}
        return Verifier.of(settings(Settings, database_url="postgresql://x@y/z", **given))

    return make


async def fetched(verifier: Verifier) -> Verifier:
    assert verifier.remote is not None
    assert await verifier.remote.fetch()
    return verifier


def refusal(verifier: Verifier, token: str) -> Fault:
    with pytest.raises(Fault) as caught:
        verifier.verify(f"Bearer {token}")
    return caught.value


async def test_a_token_of_the_issuer_says_who_calls(verifier: Callable[..., Verifier], issuer: Issuer) -> None:
    found = (await fetched(verifier())).verify(f"Bearer {issuer.token(roles=['clerk', 'viewer'])}")

    assert found == Identity("anna", ("clerk", "viewer"), "", found.expires)


async def test_our_own_tokens_count_beside_the_issuers(verifier: Callable[..., Verifier], keys: Keys) -> None:
    assert (await fetched(verifier())).verify(keys.bearer("admin")).roles == ("admin",)


@pytest.mark.parametrize(
    ("settings_of", "claims", "expected"),
    [
        ({"token_roles_claim": "realm_access.roles"}, {"realm_access": {"roles": ["sales"]}}, ("sales",)),
        ({"token_roles_claim": "https://kehu/roles"}, {"https://kehu/roles": "sales clerk"}, ("sales", "clerk")),
        ({"token_roles_claim": "groups"}, {}, ()),
        ({"token_scopes_claim": "scope"}, {"scope": "openid orders.read"}, ("viewer", "scope:orders.read")),
        ({"token_scopes_claim": "scope"}, {"scope": "* orders.*"}, ("viewer",)),
        ({}, {"roles": ["service", "scope:orders.refund", "clerk"]}, ("clerk",)),
    ],
)
async def test_roles_and_scopes_are_read_from_the_claims_that_are_named(
    verifier: Callable[..., Verifier],
    issuer: Issuer,
    settings_of: dict[str, str],
    claims: dict[str, Any],
    expected: tuple[str, ...],
) -> None:
    found = (await fetched(verifier(**settings_of))).verify(f"Bearer {issuer.token(**claims)}")

    assert found.roles == expected


def test_a_scope_of_a_token_grants_itself_and_nothing_else() -> None:
    assert policy.granted(("scope:orders.read",), "orders.read")
    assert not policy.granted(("scope:orders.read",), "orders.write")


async def test_the_part_of_the_organisation_is_read_and_demanded_where_it_is_named(
    verifier: Callable[..., Verifier], issuer: Issuer
) -> None:
    strict = await fetched(verifier(token_org_claim="store.path"))

    found = strict.verify(f"Bearer {issuer.token(store={'path': '/cn/east/'})}")

    assert found.org == "/cn/east"
    for claims in ({}, {"store": {"path": "cn"}}, {"store": {"path": "/cn//east"}}, {"store": {"path": ["/cn"]}}):
        assert refusal(strict, issuer.token(**claims)).kind is Kind.UNAUTHENTICATED


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another"},
        {"iss": "https://elsewhere.example"},
        {"iss": "kehu"},
        {"exp": 1},
        {"exp": None},
        {"sub": None},
        {"sub": "service:orders"},
        {"roles": {"admin": True}},
        {"roles": [["admin"]]},
    ],
)
async def test_a_token_that_says_something_else_is_refused(
    verifier: Callable[..., Verifier], issuer: Issuer, claims: dict[str, Any]
) -> None:
    assert refusal(await fetched(verifier()), issuer.token(**claims)).kind is Kind.UNAUTHENTICATED


async def test_our_own_key_does_not_sign_for_the_issuer(verifier: Callable[..., Verifier], keys: Keys) -> None:
    own: Tokens = keys.issuer
    forged = jwt.encode(
        {"iss": NAME, "aud": "kehu", "sub": "x", "roles": ["admin"], "exp": 4102444800},
        own._key,
        algorithm="ES256",
        headers={"kid": own._key_id},
    )

    both = await fetched(verifier())
    refused = refusal(both, forged)

    assert (refused.kind, refused.message) == (Kind.UNAUTHENTICATED, "the token is signed with an unknown key")


async def test_a_new_key_is_fetched_when_a_token_names_it(
    verifier: Callable[..., Verifier], issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "_LEAST_SECONDS", 0.0)
    rotated = await fetched(verifier(jwks_seconds=3600.0))
    shown = rotated.remote
    assert shown is not None
    task = asyncio.create_task(shown.keep_fresh())
    issuer.rotate("second")

    first = refusal(rotated, issuer.token())
    asked = issuer.asked
    await asyncio.to_thread(until, lambda: issuer.asked > asked, what="a question for the keys")
    await asyncio.to_thread(until, lambda: "second" in shown.keys, what="the new key")

    assert first.kind is Kind.UNAVAILABLE
    assert rotated.verify(f"Bearer {issuer.token()}").subject == "anna"
    assert issuer.asked == asked + 1
    task.cancel()


async def test_a_flood_of_unknown_keys_asks_the_issuer_once(verifier: Callable[..., Verifier], issuer: Issuer) -> None:
    flooded = await fetched(verifier(jwks_seconds=3600.0))
    issuer.rotate("unheard-of")

    kinds = {refusal(flooded, issuer.token(sub=str(number))).kind for number in range(20)}

    assert kinds == {Kind.UNAUTHENTICATED}
    assert issuer.asked == 1


async def test_the_keys_count_while_the_issuer_is_away(verifier: Callable[..., Verifier], issuer: Issuer) -> None:
    lonely = await fetched(verifier())
    assert lonely.remote is not None
    issuer.away = True

    assert not await lonely.remote.fetch()

    assert lonely.verify(f"Bearer {issuer.token()}").subject == "anna"


async def test_a_token_whose_key_the_issuer_has_withdrawn_counts_no_more(
    verifier: Callable[..., Verifier], issuer: Issuer
) -> None:
    old = issuer.token()
    trusting = await fetched(verifier())
    trusting.verify(f"Bearer {old}")
    issuer.rotate("second", forget=True)

    await fetched(trusting)

    assert refusal(trusting, old).kind is Kind.UNAUTHENTICATED


async def test_a_key_for_sealing_signs_nothing(verifier: Callable[..., Verifier]) -> None:
    found = await fetched(verifier())

    assert found.remote is not None
    assert set(found.remote.keys) == {"first"}


async def test_the_keys_come_over_tls_from_whom_the_authority_vouches_for(
    settings: Callable[..., Any], tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    with issuing(authority.sign("issuer", "localhost")) as issuer:
        given = {"database_url": "postgresql://x@y/z", "jwks_uri": issuer.uri, "token_issuer": NAME}
        trusting = Verifier.of(settings(Settings, **given, jwks_ca_file=str(authority.certificate)))
        wary = Verifier.of(settings(Settings, **given))

        assert trusting.remote is not None
        assert wary.remote is not None
        assert await trusting.remote.fetch()
        assert not await wary.remote.fetch()


def test_an_address_without_an_issuer_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEHU_DATABASE_URL", "postgresql://x@y/z")
    monkeypatch.setenv("KEHU_JWKS_URI", "https://login.example/keys")

    with pytest.raises(SettingsError, match="KEHU_TOKEN_ISSUER belong together"):
        load(Settings)


@pytest.mark.parametrize("uri", ["file:///etc/passwd", "ftp://login.example/keys", "login.example"])
def test_keys_come_by_http_alone(monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    monkeypatch.setenv("KEHU_DATABASE_URL", "postgresql://x@y/z")
    monkeypatch.setenv("KEHU_TOKEN_ISSUER", "https://login.example")
    monkeypatch.setenv("KEHU_JWKS_URI", uri)

    with pytest.raises(SettingsError, match="KEHU_JWKS_URI"):
        load(Settings)
