"""The second listener: readiness and metrics, and nothing else of Envoy's admin interface."""

from __future__ import annotations

from gateway.clusters import ADMIN
from gateway.listener import listener
from gateway.place import Place
from gateway.typed import Json, config, http_filter

_HCM = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"


def status(place: Place) -> Json:
    """`/ready` and `/stats/prometheus`, for probes and Prometheus."""
    routes = [
        {"match": {"path": path}, "route": {"cluster": ADMIN, "timeout": "5s"}}
        for path in ("/ready", "/stats/prometheus")
    ]
    host = {"name": "status", "domains": ["*"], "routes": routes}
    manager = config(
        _HCM,
        stat_prefix="status",
        codec_type="AUTO",
        http_filters=[http_filter("router", "Router")],
        route_config={"name": "status", "virtual_hosts": [host]},
    )
    return listener("status", place.status, manager)
