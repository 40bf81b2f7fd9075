"""What campaigns counts. Counters count what was committed, in the process that committed it: add them up. Gauges are
of the whole service, told by each process that looks: take the greatest."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

from kit.telemetry import counting
from services.campaigns.domain.events import CouponIssued, CouponReturned, CouponUsed, SegmentEntered, SegmentLeft
from services.campaigns.domain.redemption import Refused

ISSUED = Counter("coupons_issued_total", "Coupons that members got.")
USED = Counter("coupons_used_total", "Coupons that paid orders used up.")
RETURNED = Counter("coupons_returned_total", "Coupons that came back from orders that were refunded whole.")
BUDGET_LEFT = Gauge(
    "coupon_budget_remaining_minor",
    "What the budgets of coupon templates still allow to be issued, in minor units.",
    ["currency"],
)
REFUSED = Counter(
    "coupon_redemptions_refused_total",
    "Redemptions in the points mall whose coupons could not be issued, and that somebody has to take back.",
    ["reason"],
)
SEGMENTS = Counter("segment_changes_total", "Members that came into a segment or left one.", ["change"])

count = counting(
    {
        CouponIssued: lambda _: ISSUED.inc(),
        CouponUsed: lambda _: USED.inc(),
        CouponReturned: lambda _: RETURNED.inc(),
        Refused: lambda fact: REFUSED.labels(fact.reason).inc(),
        SegmentEntered: lambda _: SEGMENTS.labels("entered").inc(),
        SegmentLeft: lambda _: SEGMENTS.labels("left").inc(),
    }
)
"""Counts what a transaction did, once it is committed."""
