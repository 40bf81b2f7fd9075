"""Are we selling, and does everything that selling needs work?"""

from __future__ import annotations

from deploy.observability.panels import Board, Query, Row, Unit, lines, number, quantiles, rate, seen, share, stacked
from deploy.observability.slo import FAULTS, SLOS, runbook

_FAULTS = f'{{rpc_response_status_code=~"{FAULTS}"}}'

_SELLING = Row(
    "Are we selling?",
    (
        number(
            "Orders a minute",
            "Orders that were placed in the last five minutes, per minute. Zero in a shop that is open is an outage.",
            Unit.COUNT,
            "60 * sum(rate(orders_placed_total[5m]))",
            runbook="nothing-is-sold",
        ),
        number(
            "Paid in the last hour",
            "Orders that were paid in full; imported ones are not counted.",
            Unit.COUNT,
            'sum(increase(orders_paid_total{imported="false"}[1h]))',
            runbook="nothing-is-sold",
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
            "Differences found by proof",
            "What is kept and doesn't follow from its log, in the ledger and in the orders. Must be 0, always.",
            Unit.COUNT,
            "sum(max by (check) (ledger_differences)) + sum(max by (check) (order_differences))",
            runbook="proof-that-the-ledger-is-right",
            bad=1,
        ),
        number(
            "Waits for a person",
            "Parked payments, failed refunds, dead letters and parked events: each needs somebody who decides.",
            Unit.COUNT,
            "max(payment_intents_parked) + max(payment_refunds_failed) + sum(max by (queue) (dead_letters))"
            " + sum(max by (service) (relay_parked))",
            runbook="dead-letters-wait",
            warn=1,
        ),
        number(
            "Processes up",
            "The share of all processes that answer the scraper.",
            Unit.SHARE,
            'avg(up{service=~"members|orders|campaigns|pipeline|gateway"})',
            runbook="processes-are-gone",
            warn=1,
            bad=0.9,
            low_is_bad=True,
        ),
    ),
)

_BUSINESS = Row(
    "Business",
    (
        stacked(
            "Orders placed",
            "Orders a second by channel.",
            Unit.PER_SECOND,
            rate("orders_placed_total", "channel"),
            runbook="nothing-is-sold",
        ),
        lines(
            "Sales",
            "What paid orders cost, a minute, in minor units of each currency; imported orders are not counted.",
            Unit.COUNT,
            Query(
                '60 * sum by (currency) (rate(orders_gmv_minor_total{imported="false"}[$__rate_interval]))',
                "{{currency}}",
            ),
            runbook="nothing-is-sold",
        ),
        stacked(
            "Orders given up",
            "Cancelled orders a second: by the customer, by the merchant, or because their time to pay was over.",
            Unit.PER_SECOND,
            rate("orders_cancelled_total", "reason"),
            runbook="nothing-is-sold",
        ),
    ),
)

_PROMISES = Row(
    "Promises",
    tuple(
        number(
            slo.title,
            f"What is left of the error budget of 30 days. The promise: {slo.promise}.",
            Unit.SHARE,
            f'slo:budget_left:ratio{{slo="{slo.name}"}}',
            runbook=runbook(slo),
            warn=0.5,
            bad=0.1,
            low_is_bad=True,
        )
        for slo in SLOS
    ),
)

_HEALTH = Row(
    "Health",
    (
        lines(
            "Calls",
            "Calls that the services answered, a second.",
            Unit.CALLS,
            rate("rpc_server_call_duration_seconds_count", "service"),
            runbook="a-service-is-unreachable",
        ),
        lines(
            "Calls that failed through our fault",
            "The share of calls that ended by a fault of ours: no deadline kept, overload, or an error inside.",
            Unit.SHARE,
            share("rpc_server_call_duration_seconds_count", "service", selector=_FAULTS),
            runbook="calls-fail-inside",
            warn=0.001,
            bad=0.01,
        ),
        lines(
            "How long calls take",
            "Half of the calls, and 99 of 100, take no longer.",
            Unit.SECONDS,
            *quantiles("rpc_server_call_duration_seconds"),
            runbook="slo-checkout-latency",
        ),
        lines(
            "Age of events",
            "From the commit behind an event to the commit of its effect.",
            Unit.SECONDS,
            *quantiles("event_age_seconds"),
            runbook="slo-event-freshness",
            warn=5,
        ),
        lines(
            "Oldest event that waits to be sent",
            "Age of the oldest row in each outbox.",
            Unit.SECONDS,
            seen("outbox_oldest_unpublished_seconds", "service"),
            runbook="events-are-not-sent",
            warn=10,
            bad=60,
        ),
        lines(
            "Sagas",
            "Checkouts that are neither placed nor released.",
            Unit.COUNT,
            seen("sagas_open", "state"),
            runbook="checkouts-are-stuck",
        ),
    ),
)

BOARD = Board(
    "overview",
    "Overview: are we selling?",
    "The first page to open: is money coming in, are the promises kept, and does anything wait for a person.",
    (_SELLING, _BUSINESS, _PROMISES, _HEALTH),
)
