"""What members counts. Counters count what was committed, in the process that committed it: add them up. Gauges are of
the whole service, told by each process that looks: take the greatest."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

# Business. Points are those of all programmes.
ENROLLED = Counter("members_enrolled_total", "Members that were enrolled.")
ISSUED = Counter("points_issued_total", "Points that were granted to members.")
REVOKED = Counter("points_revoked_total", "Granted points that were taken back: refunds, corrections by hand.")
BURNED = Counter("points_burned_total", "Points that members spent.")
RETURNED = Counter("points_returned_total", "Spent points that members got back.")
EXPIRED = Counter("points_expired_total", "Points that expired.")
TIERS = Counter("member_tier_changes_total", "Members whose tier became another one.", ["to_tier"])
STORED_VALUE = Counter(
    "stored_value_minor_total",
    "Stored value that came in (loaded) or went out (spent), bonus included, in minor units.",
    ["currency", "direction"],
)

# Proof.
DIFFERENCES = Gauge("ledger_differences", "What the last sweep found to differ from the ledger's entries.", ["check"])
VERIFIED = Gauge("ledger_verified_timestamp_seconds", "When the whole ledger was last compared with its entries.")
