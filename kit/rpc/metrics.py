"""What a server counts of its calls, and of those that it makes to its peers."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from kit.telemetry import LATENCY_BUCKETS

DURATION = Histogram(
    "rpc_server_call_duration_seconds",
    "Duration of served RPCs.",
    ["rpc_method", "rpc_response_status_code"],
    buckets=LATENCY_BUCKETS,
)
ACTIVE = Gauge("rpc_server_active_calls", "RPCs under way.")
STREAMS = Gauge("rpc_server_active_streams", "RPCs under way that answer with a stream.")
MESSAGES = Counter("rpc_server_stream_messages_total", "Messages of streams that were sent.", ["rpc_method"])
ASKED = Histogram(
    "rpc_client_call_duration_seconds",
    "Duration of RPCs to other services, each try by itself.",
    ["peer", "rpc_response_status_code"],
    buckets=LATENCY_BUCKETS,
)
