"""The upstreams: one cluster per service, Envoy's own admin interface, and the trace collector."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from urllib.parse import urlsplit

from gateway import tls
from gateway.place import Address, Issuer, Mutual
from gateway.rules import Rules
from gateway.typed import Json, config, extension, seconds

COLLECTOR = "collector"
ADMIN = "admin"
ISSUER = "issuer"

STREAMS = "HIGH"
"""Envoy's priority of streams. It means no more to it than bounds and connections of their own."""

_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def service(
    room: str, addresses: Sequence[Address], rules: Rules, *, share: float | None = None, mutual: Mutual | None = None
) -> Json:
    """The cluster of one service. Its endpoints are watched with the gRPC health check.

    It takes as many calls as its share of the replicas can do with (see `Place.shares`); streams are counted apart.

    There is no passive outlier detection: it counts DEADLINE_EXCEEDED, so a caller with tiny deadlines could
    put a healthy endpoint out. And when more than half of the endpoints look unwell, Envoy uses all of them:
    on a machine that is merely busy a late health answer must not close the shop.
    """
    upstream = rules.upstream
    return {
        **_cluster(room, addresses, upstream.connect_seconds),
        **({"transport_socket": tls.towards_services(mutual, addresses)} if mutual else {}),
        "lb_policy": "LEAST_REQUEST",
        **_protocol(
            {"http2_protocol_options": {"connection_keepalive": {"interval": "30s", "timeout": "5s"}}},
            common_http_protocol_options={"max_connection_duration": seconds(upstream.max_connection_seconds)},
        ),
        "health_checks": [
            {
                "timeout": seconds(upstream.health_timeout_seconds),
                "interval": seconds(upstream.health_interval_seconds),
                "no_traffic_interval": seconds(upstream.health_interval_seconds),
                "unhealthy_threshold": 2,
                "healthy_threshold": 1,
                "grpc_health_check": {},
            }
        ],
        "circuit_breakers": {"thresholds": _thresholds(rules, len(addresses) if share is None else share)},
    }


def admin(address: Address) -> Json:
    """Envoy's own admin interface, for the two pages of it that others may see."""
    return _cluster(ADMIN, [address], 1)


def collector(endpoint: str) -> Json:
    """The OTLP collector, in clear text or over TLS by the scheme of its address."""
    return _elsewhere(COLLECTOR, endpoint, tls.SYSTEM_AUTHORITIES)


def issuer(found: Issuer) -> Json:
    """The identity provider, for its public keys."""
    return _elsewhere(ISSUER, found.jwks_uri, found.authority)


def _elsewhere(name: str, url: str, authority: str) -> Json:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    if not parts.hostname or parts.scheme not in ("http", "https"):
        raise ValueError(f"{url!r} is no http address, as that of the {name} has to be")
    address = Address(parts.hostname, parts.port or (443 if secure else 80))
    socket = {"transport_socket": tls.towards_others(address, authority)} if secure else {}
    return {**_cluster(name, [address], 1), **socket}


def _cluster(name: str, addresses: Sequence[Address], connect_seconds: float) -> Json:
    endpoints = [
        {"endpoint": {"address": {"socket_address": {"address": a.host, "port_value": a.port}}}} for a in addresses
    ]
    found: Json = {
        "name": name,
        "connect_timeout": seconds(connect_seconds),
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
    }
    if any(address.is_name for address in addresses):
        found["cluster_type"] = extension(
            "envoy.clusters.dns",
            "envoy.extensions.clusters.dns.v3.DnsCluster",
            dns_refresh_rate="5s",
            respect_dns_ttl=True,
            # `localhost` may answer with ::1 first, where nobody listens.
            dns_lookup_family="V4_PREFERRED",
        )
    else:
        found["type"] = "STATIC"
    return found


def _protocol(explicit: Json, **fields: object) -> Json:
    options = config(_HTTP_OPTIONS, explicit_http_config=explicit, **fields)
    return {"typed_extension_protocol_options": {_HTTP_OPTIONS: options}}


def _thresholds(rules: Rules, replicas: float) -> list[Json]:
    breaker = rules.breaker
    return [
        _threshold(rules, ceil(breaker.calls_per_replica * replicas)),
        # Routes of streams have this priority (gateway/routes.py). It has connections of its own, too.
        {"priority": STREAMS, **_threshold(rules, ceil(breaker.streams_per_replica * replicas))},
    ]


def _threshold(rules: Rules, most: int) -> Json:
    return {
        "max_connections": rules.breaker.max_connections,
        "max_pending_requests": rules.breaker.max_pending,
        # A retry takes a place like any other call, and what was refused for want of one is not tried again.
        "max_requests": most,
        "retry_budget": {
            "budget_percent": {"value": rules.retry.budget_percent},
            "min_retry_concurrency": rules.retry.budget_min_concurrency,
        },
        "track_remaining": True,
    }
