"""The sales funnel: leads, how fast they are answered, opportunities by stage, what is won; and money in and out."""

from __future__ import annotations

from deploy.observability.panels import Board, Query, Row, Unit, lines, number, quantiles, rate, seen, stacked

_FUNNEL = Row(
    "Funnel, last 24 hours",
    (
        number(
            "Leads captured",
            "Leads that came in; repeats of an open one are not counted.",
            Unit.COUNT,
            "sum(increase(leads_captured_total[24h]))",
            runbook="leads-wait",
        ),
        number(
            "Leads decided",
            "Leads that were converted or disqualified.",
            Unit.COUNT,
            "sum(increase(leads_decided_total[24h]))",
            runbook="leads-wait",
        ),
        number(
            "Leads without an owner",
            "Open leads that nobody is responsible for.",
            Unit.COUNT,
            "max(leads_unassigned)",
            runbook="leads-wait",
            warn=10,
            bad=100,
        ),
        number(
            "Opportunities open",
            "In all stages.",
            Unit.COUNT,
            "sum(max by (stage) (opportunities_open))",
            runbook="leads-wait",
        ),
        number(
            "Opportunities won",
            "Each becomes an order.",
            Unit.COUNT,
            "sum(increase(opportunities_won_total[24h]))",
            runbook="leads-wait",
        ),
        number(
            "Orders completed",
            "Orders that were carried out and can't come back.",
            Unit.COUNT,
            "sum(increase(orders_completed_total[24h]))",
            runbook="nothing-is-sold",
        ),
    ),
)

_LEADS = Row(
    "Leads and opportunities",
    (
        stacked(
            "Leads by what became of them",
            "Decided leads a second.",
            Unit.PER_SECOND,
            rate("leads_decided_total", "outcome"),
            runbook="leads-wait",
        ),
        lines(
            "How long leads wait",
            "From capture until somebody decided.",
            Unit.SECONDS,
            *quantiles("lead_response_seconds"),
            runbook="leads-wait",
        ),
        stacked(
            "Opportunities by stage",
            "Open ones.",
            Unit.COUNT,
            seen("opportunities_open", "stage"),
            runbook="leads-wait",
        ),
        lines(
            "Opportunities that came to a stage",
            "A second.",
            Unit.PER_SECOND,
            rate("opportunity_stage_changes_total", "stage"),
            runbook="leads-wait",
            width=12,
        ),
        lines(
            "Worth of what was won",
            "In minor units an hour.",
            Unit.COUNT,
            Query("3600 * sum by (currency) (rate(opportunities_won_minor_total[$__rate_interval]))", "{{currency}}"),
            runbook="leads-wait",
            width=12,
        ),
    ),
)

_MONEY = Row(
    "Money",
    (
        lines(
            "Paid and given back",
            "In minor units a minute; imported orders are not counted.",
            Unit.COUNT,
            Query(
                '60 * sum by (currency) (rate(orders_gmv_minor_total{imported="false"}[$__rate_interval]))',
                "paid {{currency}}",
            ),
            Query(
                "60 * sum by (currency) (rate(orders_refunded_minor_total[$__rate_interval]))", "refunded {{currency}}"
            ),
            runbook="refunds-fail-at-their-provider",
        ),
        lines(
            "Calls to payment providers",
            "A second, by provider and outcome. `unknown` is asked about until it is known.",
            Unit.CALLS,
            rate("payment_provider_call_duration_seconds_count", "provider, outcome"),
            runbook="payments-are-parked",
        ),
        lines(
            "Notices of payment providers",
            "A second, by provider and what became of them.",
            Unit.CALLS,
            rate("payment_notices_total", "provider, outcome"),
            runbook="notices-have-no-effect",
        ),
        lines(
            "Payments that wait for a person",
            "Parked intents, refunds that failed, notices without effect, differences from bills.",
            Unit.COUNT,
            Query("max(payment_intents_parked)", "parked"),
            Query("max(payment_refunds_failed)", "refunds failed"),
            Query("max(payment_notices_unapplied)", "notices without effect"),
            Query("max(payment_reconciliation_differences)", "differences from bills"),
            runbook="payments-are-parked",
            width=6,
        ),
        lines(
            "Steps of checkouts",
            "Holds and releases in other services, a second, by outcome.",
            Unit.PER_SECOND,
            rate("checkout_steps_total", "action, outcome"),
            runbook="checkouts-are-stuck",
            width=6,
        ),
        lines(
            "Oldest saga",
            "Age of the oldest checkout that is neither placed nor released.",
            Unit.SECONDS,
            seen("saga_oldest_seconds", "state"),
            runbook="checkouts-are-stuck",
            width=6,
            warn=60,
        ),
        lines(
            "Checkouts taken up",
            "Times a second that a replica took up what another left. All the time: calls die before they end.",
            Unit.PER_SECOND,
            rate("checkouts_taken_up_total", legend="taken up"),
            runbook="checkouts-are-stuck",
            width=6,
        ),
    ),
)

BOARD = Board(
    "sales",
    "Sales funnel",
    "From the lead to the won opportunity, and money in and out.",
    (_FUNNEL, _LEADS, _MONEY),
)
