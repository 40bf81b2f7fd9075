"""Calls: how many, how many of them failed and why, how long they took; at the services and at the gateway."""

from __future__ import annotations

from deploy.observability.panels import Board, Query, Row, Unit, lines, quantiles, rate, share, slowest, stacked, total

_GATEWAY = '{service="gateway"}'
_PUBLIC = '{service="gateway",envoy_http_conn_manager_prefix="public"}'
_UPSTREAM = '{service="gateway",envoy_cluster_name!="admin"}'

_SERVED = Row(
    "Served",
    (
        stacked(
            "Calls by outcome",
            "Calls a second by their gRPC status. Only OK and refusals that are the caller's are normal.",
            Unit.CALLS,
            rate(
                "rpc_server_call_duration_seconds_count",
                "rpc_response_status_code",
            ),
            runbook="calls-fail-inside",
        ),
        lines(
            "Busiest methods",
            "The ten methods with the most calls.",
            Unit.CALLS,
            Query(
                "topk(10, sum by (rpc_method) (rate(rpc_server_call_duration_seconds_count[$__rate_interval])))",
                "{{rpc_method}}",
            ),
            runbook="a-service-is-overloaded",
        ),
        lines(
            "Slowest methods",
            "The ten methods with the longest p99.",
            Unit.SECONDS,
            slowest("rpc_server_call_duration_seconds", "rpc_method", most=10),
            runbook="slo-checkout-latency",
        ),
        lines(
            "How long calls take",
            "By kind of process. The points of the histogram carry trace ids (exemplars).",
            Unit.SECONDS,
            *quantiles("rpc_server_call_duration_seconds", "service"),
            runbook="slo-checkout-latency",
            width=6,
        ),
        lines(
            "Calls that failed inside",
            "INTERNAL, UNKNOWN and DATA_LOSS, a second and method. Each is a fault in the code; its log has the trace.",
            Unit.CALLS,
            rate(
                "rpc_server_call_duration_seconds_count",
                "rpc_method",
                selector='{rpc_response_status_code=~"INTERNAL|UNKNOWN|DATA_LOSS"}',
            ),
            runbook="calls-fail-inside",
            width=6,
        ),
        lines(
            "Calls turned away",
            "RESOURCE_EXHAUSTED and UNAVAILABLE by kind of process: too much at once, or what it stands on is away.",
            Unit.CALLS,
            rate(
                "rpc_server_call_duration_seconds_count",
                "service, rpc_response_status_code",
                selector='{rpc_response_status_code=~"RESOURCE_EXHAUSTED|UNAVAILABLE"}',
            ),
            runbook="a-service-is-overloaded",
            width=6,
        ),
        lines(
            "Streams under way",
            "Calls that answer with a stream, such as WatchFlashSale.",
            Unit.COUNT,
            total("rpc_server_active_streams", "service"),
            runbook="a-service-is-overloaded",
            width=6,
        ),
    ),
)

_PEERS = Row(
    "From service to service",
    (
        lines(
            "Calls to peers",
            "Calls that services make to each other, a second, each try by itself.",
            Unit.CALLS,
            rate("rpc_client_call_duration_seconds_count", "peer"),
            runbook="a-service-is-unreachable",
        ),
        lines(
            "How long peers take",
            "As the caller sees it.",
            Unit.SECONDS,
            *quantiles("rpc_client_call_duration_seconds"),
            runbook="a-service-is-unreachable",
        ),
        lines(
            "Calls to peers that failed",
            "The share that did not end with OK; a refusal that belongs to business counts too.",
            Unit.SHARE,
            share(
                "rpc_client_call_duration_seconds_count",
                "service",
                selector='{rpc_response_status_code!="OK"}',
            ),
            runbook="a-service-is-unreachable",
        ),
    ),
)

_AT_THE_GATEWAY = Row(
    "At the gateway",
    (
        stacked(
            "Answers by class",
            "What callers got: 2xx, 4xx, 5xx. gRPC calls that fail count as 2xx here: their status is in the trailers.",
            Unit.CALLS,
            rate(
                "envoy_http_downstream_rq_xx",
                "envoy_response_code_class",
                selector=_PUBLIC,
                legend="{{envoy_response_code_class}}xx",
            ),
            runbook="a-service-is-unreachable",
        ),
        lines(
            "Replicas that may be called",
            "Healthy replicas of each service, as the gateway sees them.",
            Unit.COUNT,
            Query(
                f"min by (envoy_cluster_name) (envoy_cluster_membership_healthy{_UPSTREAM})",
                "{{envoy_cluster_name}}",
            ),
            runbook="a-service-is-unreachable",
        ),
        lines(
            "Tries that the gateway made again",
            "Retries a second by service; they are harmless while they stay few.",
            Unit.CALLS,
            rate(
                "envoy_cluster_upstream_rq_retry",
                "envoy_cluster_name",
                selector=_UPSTREAM,
            ),
            runbook="a-service-is-unreachable",
        ),
        lines(
            "Refused at the door",
            "Calls without a valid token, over the rate limit, or to a service that has enough under way.",
            Unit.CALLS,
            rate("envoy_http_jwt_authn_denied", selector=_GATEWAY, legend="no valid token"),
            rate("envoy_http_local_rate_limit_rate_limited", selector=_GATEWAY, legend="over the limit"),
            rate(
                "envoy_cluster_upstream_rq_active_overflow",
                "envoy_cluster_name",
                selector=_UPSTREAM,
                legend="{{envoy_cluster_name}} is full",
            ),
            runbook="the-gateway-turns-callers-away",
        ),
        lines(
            "Connections",
            "Of callers, to the gateway.",
            Unit.COUNT,
            Query(f"sum(envoy_http_downstream_cx_active{_PUBLIC})", "open"),
            runbook="the-gateway-turns-callers-away",
        ),
        lines(
            "Memory of the gateway",
            "What Envoy's heap has; above its limit it refuses calls.",
            Unit.BYTES,
            Query(f"sum(envoy_server_memory_heap_size{_GATEWAY})", "heap"),
            runbook="the-gateway-turns-callers-away",
        ),
    ),
)

BOARD = Board(
    "rpc",
    "RPC",
    "Rate, errors and duration of all calls: at the services, between them, and at the gateway.",
    (_SERVED, _PEERS, _AT_THE_GATEWAY),
)
