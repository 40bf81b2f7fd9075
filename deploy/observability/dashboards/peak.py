"""A peak such as Double 11: does what is sold fast hold, and what will give way first?"""

from __future__ import annotations

from deploy.observability.panels import (
    POOLS_IN_USE,
    SERVICES,
    Board,
    Row,
    Unit,
    average,
    lines,
    number,
    quantiles,
    rate,
    seen,
    stacked,
    total,
)
from deploy.observability.slo import CHECKOUT

_CHECKOUT = f'{{rpc_method=~"{CHECKOUT}"}}'

_DEMAND = Row(
    "Demand",
    (
        number(
            "Orders a second",
            "Orders placed, over the last minute.",
            Unit.PER_SECOND,
            "sum(rate(orders_placed_total[1m]))",
            runbook="nothing-is-sold",
        ),
        number(
            "Calls a second",
            "Calls that came to the gateway, over the last minute.",
            Unit.CALLS,
            'sum(rate(envoy_http_downstream_rq_total{service="gateway",envoy_http_conn_manager_prefix="public"}[1m]))',
            runbook="the-gateway-turns-callers-away",
        ),
        number(
            "Turned away at the gateway",
            "Calls over the gateway's limits, a second: they got 429 and a time to come back.",
            Unit.CALLS,
            'sum(rate(envoy_http_local_rate_limit_rate_limited{service="gateway"}[1m]))'
            ' + sum(rate(envoy_cluster_upstream_rq_active_overflow{service="gateway"}[1m]))',
            runbook="the-gateway-turns-callers-away",
            warn=1,
        ),
        number(
            "Flash sale units sold",
            "Units of flash sales that orders took in the last hour.",
            Unit.COUNT,
            "sum(increase(flash_sale_bought_units_total[1h]))",
            runbook="units-of-a-flash-sale-are-astray",
        ),
        number(
            "Units oversold",
            "Units that orders hold and that are not on hand. Must be 0, always.",
            Unit.COUNT,
            "max(stock_oversold_units)",
            runbook="units-are-oversold",
            bad=1,
        ),
        number(
            "Units promised",
            "Units that are promised before they arrive.",
            Unit.COUNT,
            "max(stock_backordered_units)",
            runbook="units-are-oversold",
        ),
    ),
)

_SALES = Row(
    "Sales",
    (
        lines(
            "Orders, placed and paid",
            "A second. A widening gap means that payments don't come.",
            Unit.PER_SECOND,
            rate("orders_placed_total", legend="placed"),
            rate("orders_paid_total", legend="paid", selector='{imported="false"}'),
            runbook="nothing-is-sold",
        ),
        lines(
            "How long checkout takes",
            "The calls that place and pay orders.",
            Unit.SECONDS,
            *quantiles("rpc_server_call_duration_seconds", selector=_CHECKOUT),
            runbook="slo-checkout-latency",
            warn=1,
        ),
        stacked(
            "Flash sale calls refused",
            "By reason. SOLD_OUT is the normal end of a sale.",
            Unit.CALLS,
            rate("flash_sale_refused_total", "reason"),
            runbook="units-of-a-flash-sale-are-astray",
        ),
    ),
)

_LIMITS = Row(
    "What gives way first",
    (
        lines(
            "Calls under way",
            "In each kind of process. The gateway lets 256 for each replica pass; beyond KEHU_MAX_CONCURRENT_CALLS a"
            " replica refuses calls itself.",
            Unit.COUNT,
            total("rpc_server_active_calls", "service"),
            runbook="a-service-is-overloaded",
        ),
        lines(
            "Connections to the database in use",
            "The share of each pool. At 100 % calls wait for each other.",
            Unit.SHARE,
            POOLS_IN_USE,
            runbook="connections-run-out",
            warn=0.8,
            bad=0.9,
        ),
        lines(
            "Processors in use",
            "Processor seconds a second; one process uses one processor at most.",
            Unit.COUNT,
            rate("process_cpu_seconds_total", "service, role", selector=SERVICES),
            runbook="a-service-is-overloaded",
        ),
        lines(
            "Events that wait",
            "In the queues of the consumers.",
            Unit.COUNT,
            seen("consumer_queue_messages", "queue"),
            runbook="events-are-not-handled",
        ),
        lines(
            "Commands per transaction",
            "How many commands each group commit takes in, on average. It grows with the load: that is its purpose.",
            Unit.COUNT,
            average("group_commit_batch_size", "lane"),
            runbook="a-service-is-overloaded",
        ),
        lines(
            "Memory",
            "Resident memory of each kind of process.",
            Unit.BYTES,
            total("process_resident_memory_bytes", "service, role", selector=SERVICES),
            runbook="a-service-is-overloaded",
        ),
    ),
)

BOARD = Board(
    "peak",
    "Peak",
    "For the hours of a sale: demand, what is sold, and the limits that will be reached first.",
    (_DEMAND, _SALES, _LIMITS),
)
