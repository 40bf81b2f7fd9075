"""Loyalty: members, points in and out, tiers, stored value, coupons."""

from __future__ import annotations

from deploy.observability.panels import Board, Query, Row, Unit, lines, number, quantiles, rate, seen, stacked
from deploy.observability.slo import POINTS

_POINTS_CALLS = f'{{rpc_method=~"{POINTS}"}}'

_DAY = Row(
    "Last 24 hours",
    (
        number(
            "Members enrolled",
            "New members.",
            Unit.COUNT,
            "sum(increase(members_enrolled_total[24h]))",
            runbook="slo-points-availability",
        ),
        number(
            "Points issued",
            "Points that were granted.",
            Unit.COUNT,
            "sum(increase(points_issued_total[24h]))",
            runbook="slo-points-availability",
        ),
        number(
            "Points burned",
            "Points that members spent.",
            Unit.COUNT,
            "sum(increase(points_burned_total[24h]))",
            runbook="slo-points-availability",
        ),
        number(
            "Points expired",
            "Points whose time was over.",
            Unit.COUNT,
            "sum(increase(points_expired_total[24h]))",
            runbook="timers-fail",
        ),
        number(
            "Coupons issued",
            "Coupons that members got.",
            Unit.COUNT,
            "sum(increase(coupons_issued_total[24h]))",
            runbook="coupon-budgets-run-out",
        ),
        number(
            "Coupons used",
            "Coupons that paid orders used up.",
            Unit.COUNT,
            "sum(increase(coupons_used_total[24h]))",
            runbook="coupon-budgets-run-out",
        ),
    ),
)

_POINTS = Row(
    "Points",
    (
        lines(
            "Points in",
            "Granted to members, and given back to them, a second.",
            Unit.PER_SECOND,
            rate("points_issued_total", legend="issued"),
            rate("points_returned_total", legend="returned"),
            runbook="slo-points-availability",
        ),
        lines(
            "Points out",
            "Spent, taken back and expired, a second.",
            Unit.PER_SECOND,
            rate("points_burned_total", legend="burned"),
            rate("points_revoked_total", legend="revoked"),
            rate("points_expired_total", legend="expired"),
            runbook="slo-points-availability",
        ),
        lines(
            "How long points take",
            "The calls that earn, hold, spend and read points.",
            Unit.SECONDS,
            *quantiles("rpc_server_call_duration_seconds", selector=_POINTS_CALLS),
            runbook="slo-points-latency",
            warn=0.5,
        ),
    ),
)

_MEMBERS = Row(
    "Members",
    (
        lines(
            "Enrolments",
            "Members enrolled a second.",
            Unit.PER_SECOND,
            rate("members_enrolled_total", legend="enrolled"),
            runbook="slo-points-availability",
        ),
        stacked(
            "Tier changes",
            "Members whose tier became another one, a second, by the tier they are in now.",
            Unit.PER_SECOND,
            rate("member_tier_changes_total", "to_tier"),
            runbook="timers-fail",
        ),
        lines(
            "Stored value",
            "Loaded and spent, in minor units a minute, bonus included.",
            Unit.COUNT,
            Query(
                "60 * sum by (currency, direction) (rate(stored_value_minor_total[$__rate_interval]))",
                "{{direction}} {{currency}}",
            ),
            runbook="the-ledger-differs",
        ),
    ),
)

_CAMPAIGNS = Row(
    "Campaigns",
    (
        lines(
            "Coupons",
            "Issued and used, a second.",
            Unit.PER_SECOND,
            rate("coupons_issued_total", legend="issued"),
            rate("coupons_used_total", legend="used"),
            runbook="coupon-budgets-run-out",
        ),
        lines(
            "Budget of coupons",
            "What the budgets of the templates still allow to be issued, in minor units.",
            Unit.COUNT,
            seen("coupon_budget_remaining_minor", "currency"),
            runbook="coupon-budgets-run-out",
        ),
        lines(
            "Segments",
            "Members that came into a segment or left one, a second.",
            Unit.PER_SECOND,
            rate("segment_changes_total", "change"),
            runbook="timers-fail",
        ),
    ),
)

BOARD = Board(
    "loyalty",
    "Loyalty",
    "Members, points in and out, tiers, stored value and coupons.",
    (_DAY, _POINTS, _MEMBERS, _CAMPAIGNS),
)
