"""Every metric that there is, with its labels: ours by docs/metrics.md, the recorded ones, those of other programs."""

from __future__ import annotations

import re
from pathlib import Path

from tests.observability.promtool import FILES, rules

ROOT = Path(__file__).resolve().parents[2]
_ROW = re.compile(r"^\| `(\w+)` \| \w+ \| ([^|]*) \|", re.MULTILINE)

# What the scraper adds, and what a histogram and an objective have.
ALWAYS = frozenset({"service", "role", "le", "slo"})

_OTHERS = {
    "up": set[str](),
    "process_cpu_seconds_total": set[str](),
    "process_resident_memory_bytes": set[str](),
    "process_start_time_seconds": set[str](),
    "envoy_cluster_membership_healthy": {"envoy_cluster_name"},
    "envoy_cluster_upstream_rq_active_overflow": {"envoy_cluster_name"},
    "envoy_cluster_upstream_rq": {"envoy_cluster_name", "envoy_response_code"},
    "envoy_cluster_upstream_rq_retry": {"envoy_cluster_name"},
    "envoy_cluster_upstream_rq_total": {"envoy_cluster_name"},
    "envoy_http_downstream_cx_active": {"envoy_http_conn_manager_prefix"},
    "envoy_http_downstream_rq_total": {"envoy_http_conn_manager_prefix"},
    "envoy_http_downstream_rq_xx": {"envoy_http_conn_manager_prefix", "envoy_response_code_class"},
    "envoy_http_jwt_authn_denied": {"envoy_http_conn_manager_prefix"},
    "envoy_http_local_rate_limit_rate_limited": {"envoy_local_http_ratelimit_prefix"},
    "envoy_server_memory_heap_size": set[str](),
}


def known() -> dict[str, set[str]]:
    """The labels of each metric by its name."""
    page = (ROOT / "docs" / "metrics.md").read_text()
    ours = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in _ROW.findall(page)}
    recorded = {rule["record"]: {"slo"} for file in FILES for rule in rules(file) if "record" in rule}
    return {**ours, **recorded, **_OTHERS}


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as a browser makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
