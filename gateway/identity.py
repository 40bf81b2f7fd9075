"""Whose tokens count: those that the keys in a file verify, and those of an OIDC issuer."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.api import Service
from gateway.clusters import ISSUER
from gateway.place import Place
from gateway.routes import self_proving
from gateway.rules import Rules
from gateway.typed import Json, http_filter, seconds

CLAIMS = "token"
"""Under this name the later filters find the claims of a verified token."""
METADATA = "envoy.filters.http.jwt_authn"


def filter_of(services: Sequence[Service], place: Place, rules: Rules) -> Json:
    """The filter that refuses calls without a good token. The services verify tokens again."""
    providers = _providers(place, rules)
    names = [{"provider_name": name} for name in providers]
    return http_filter(
        "jwt_authn",
        "JwtAuthentication",
        providers=providers,
        rules=[
            *({"match": match} for match in self_proving(services)),
            {
                "match": {"prefix": "/"},
                "requires": names[0] if len(names) == 1 else {"requires_any": {"requirements": names}},
            },
        ],
        bypass_cors_preflight=True,
    )


def _providers(place: Place, rules: Rules) -> dict[str, Json]:
    found: dict[str, Json] = {}
    if place.jwks:
        found["kehu"] = {
            "issuer": rules.token.issuer,
            "audiences": [rules.token.audience],
            "local_jwks": {"filename": place.jwks},
            **_usual(rules),
        }
    if place.issuer is not None:
        found["issuer"] = {
            "issuer": place.issuer.name,
            "audiences": list(place.issuer.audiences),
            "remote_jwks": {
                "http_uri": {"uri": place.issuer.jwks_uri, "cluster": ISSUER, "timeout": "5s"},
                "cache_duration": seconds(rules.token.keys_seconds),
                # The keys are fetched before they are needed, and the old ones count while the issuer is away.
                "async_fetch": {"failed_refetch_duration": "2s"},
                "retry_policy": {"num_retries": 2},
            },
            **_usual(rules),
        }
    if not found:
        raise ValueError("nothing is there to verify tokens with: neither a file of keys nor an issuer")
    return found


def _usual(rules: Rules) -> Json:
    return {
        # The services verify the token again: a direct call is as safe as one through the gateway.
        "forward": True,
        "require_expiration": True,
        "clock_skew_seconds": rules.token.leeway_seconds,
        # Verifying a signature costs more than all else that a call passes here; a token is verified once.
        "jwt_cache_config": {"jwt_cache_size": 10_000},
        # From nowhere else: a token in a query string ends up in logs.
        "from_headers": [{"name": "authorization", "value_prefix": "Bearer "}],
        "payload_in_metadata": CLAIMS,
    }
