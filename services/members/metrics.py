"""What members counts. Counters count what was committed, in the process that committed it: add them up. Gauges are of
the whole service, told by each process that looks: take the greatest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from prometheus_client import Counter, Gauge

from kit.telemetry import Bounded, Told, counting
from services.members.domain.events import MemberEnrolled, StoredValueChanged, TierChanged
from services.members.domain.points import BREAKAGE, CLEARING, EXPENSE, MEMBER_ACCOUNTS

# Business. Points are those of all programmes.
ENROLLED = Counter("members_enrolled_total", "Members that were enrolled.")
ISSUED = Counter("points_issued_total", "Points that were granted to members.")
REVOKED = Counter("points_revoked_total", "Granted points that were taken back: refunds, corrections by hand.")
BURNED = Counter("points_burned_total", "Points that members spent.")
RETURNED = Counter("points_returned_total", "Spent or expired points that members got back.")
EXPIRED = Counter("points_expired_total", "Points that expired.")
TIERS = Counter("member_tier_changes_total", "Members whose tier became another one.", ["to_tier"])
STORED_VALUE = Counter(
    "stored_value_minor_total",
    "Stored value that came in or went out, bonus included, in minor units.",
    ["currency", "direction"],
)

# What waits for somebody.
CASH_OWED = Gauge(
    "redemptions_cash_owed", "Redemptions whose reward can't be delivered, and whose cash is to be given back."
)

# Proof.
DIFFERENCES = Gauge("ledger_differences", "What the last sweep found to differ from the ledger's entries.", ["check"])
VERIFIED = Gauge("ledger_verified_timestamp_seconds", "When the whole ledger was last compared with its entries.")

_tier = Bounded()


class Unit(Told, Protocol):
    """A unit of work of members after its commit."""

    def moved_points(self) -> Iterable[tuple[tuple[str, str], int]]:
        """How many points were moved, by kind of account: from which, to which."""


def _changed(fact: StoredValueChanged) -> None:
    change = fact.change.minor
    if change:
        STORED_VALUE.labels(fact.change.currency, "in" if change > 0 else "out").inc(abs(change))


_facts = counting(
    {
        MemberEnrolled: lambda _: ENROLLED.inc(),
        TierChanged: lambda fact: TIERS.labels(_tier(fact.to_tier)).inc(),
        StoredValueChanged: _changed,
    }
)


def count(unit: Unit) -> None:
    """Count what a transaction did, once it is committed."""
    _facts(unit)
    for (source, target), points in unit.moved_points():
        _moved(source, target, points)


def _moved(source: str, target: str, points: int) -> None:
    """What a movement between two kinds of account means: what members have is what was issued and returned, less what
    was revoked, burned and expired."""
    if source == EXPENSE and target in MEMBER_ACCOUNTS:
        ISSUED.inc(points)
    elif source in MEMBER_ACCOUNTS and target == EXPENSE:
        REVOKED.inc(points)
    elif target == CLEARING:
        BURNED.inc(points)
    elif source in (CLEARING, BREAKAGE):
        RETURNED.inc(points)
    if target == BREAKAGE:
        EXPIRED.inc(points)
