"""Envoy's bootstrap configuration: everything that one gateway process is told."""

from __future__ import annotations

from pathlib import Path

from gateway import api, clusters
from gateway.listener import public
from gateway.place import Address, Place
from gateway.rules import Rules
from gateway.status import status
from gateway.typed import Json, extension


def render(place: Place, *, rules: Rules | None = None, descriptors: Path = api.DESCRIPTORS) -> Json:
    """The configuration for a place. `ValueError` if a service of the API has no address there."""
    rules = rules or Rules.read()
    found = api.load(descriptors)
    upstreams = [
        clusters.service(room, addresses, rules, share=place.shares.get(room), mutual=place.mutual)
        for room, addresses in sorted(place.upstreams.items())
    ]
    if place.issuer:
        upstreams.append(clusters.issuer(place.issuer))
    if place.otlp_endpoint:
        upstreams.append(clusters.collector(place.otlp_endpoint))
    return {
        "node": {"id": "gateway", "cluster": "kehu"},
        "admin": {"address": _socket(place.admin)},
        "layered_runtime": {"layers": [{"name": "static", "static_layer": _RUNTIME}]},
        "overload_manager": _overload(rules),
        "static_resources": {
            "listeners": [*public(found, place, rules), status(place)],
            "clusters": [*upstreams, clusters.admin(place.admin)],
        },
    }


_RUNTIME = {
    "tracing.opentelemetry.flush_interval_ms": 1000,
    # Without it a time-out reads UNAVAILABLE, and callers would make the same change twice.
    "envoy.reloadable_features.grpc_timeout_returns_deadline_exceeded": True,
    # The limit is there for expressions from strangers; a route's are ours, one alternative per method.
    "re2.max_program_size.error_level": 100_000,
    "re2.max_program_size.warn_level": 100_000,
}


def _socket(address: Address) -> Json:
    return {"socket_address": {"address": address.host, "port_value": address.port}}


def _overload(rules: Rules) -> Json:
    heap = "envoy.resource_monitors.fixed_heap"
    connections = "envoy.resource_monitors.global_downstream_max_connections"
    limits = rules.downstream
    return {
        "refresh_interval": "0.25s",
        "resource_monitors": [
            extension(
                connections,
                "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                max_active_downstream_connections=limits.max_connections,
            ),
            extension(
                heap,
                "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
                max_heap_size_bytes=limits.max_heap_bytes,
            ),
        ],
        "actions": [
            _action("shrink_heap", heap, 0.9),
            _action("stop_accepting_requests", heap, 0.95),
        ],
    }


def _action(name: str, monitor: str, threshold: float) -> Json:
    return {
        "name": f"envoy.overload_actions.{name}",
        "triggers": [{"name": monitor, "threshold": {"value": threshold}}],
    }
