"""Versions of the rules of engagement as rows; the rules are one JSON document, for they are only read as a whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from services.members.domain.celebration import BirthdayRules, LeapDay, ProfileField, ProfileRules
from services.members.domain.check_in import CheckInRules, MakeUpRules, MissedDay, StreakBonus
from services.members.domain.daily_limit import DailyLimit, Scope
from services.members.domain.engagement import EngagementPolicy
from services.members.domain.receipt import ReceiptRules
from services.members.domain.referral import ReferralRules

_CURRENT = text("""
    select version, update_time, cast(rules as text) as rules from engagement_policies order by version desc limit 1
""")
_LOCK = text("lock table engagement_policies in share row exclusive mode")
_ADD = text("""
    insert into engagement_policies (version, rules, update_time)
    values (:version, cast(:rules as jsonb), cast(:update_time as timestamptz))
""")


class EngagementPolicyStore:
    """Keeps every version of the rules."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def current(self) -> EngagementPolicy:
        """The newest version."""
        return _policy(self._connection.execute(_CURRENT).one())

    def lock(self) -> EngagementPolicy:
        """The newest version; nobody else makes another one until the transaction ends. Readers are not disturbed."""
        self._connection.execute(_LOCK)
        return self.current()

    def add(self, policy: EngagementPolicy) -> None:
        """Keep a new version."""
        rules = asdict(policy)
        version, time = rules.pop("version"), rules.pop("update_time")
        document = json.dumps({key: value for key, value in rules.items() if value is not None})
        self._connection.execute(_ADD, {"version": version, "rules": document, "update_time": time})


def _policy(row: Row[tuple[int, datetime, str]]) -> EngagementPolicy:
    rules: dict[str, dict[str, Any]] = json.loads(row.rules)
    readers: dict[str, Callable[[dict[str, Any]], Any]] = {
        "check_in": _check_in,
        "receipts": _receipts,
        "referrals": _referrals,
        "birthdays": lambda found: BirthdayRules(found["points"], LeapDay(found["leap_day"])),
        "profiles": lambda found: ProfileRules(found["points"], tuple(map(ProfileField, found["fields"]))),
    }
    return EngagementPolicy(row.version, row.update_time, **{name: readers[name](each) for name, each in rules.items()})


def _check_in(rules: dict[str, Any]) -> CheckInRules:
    make_up = rules.pop("make_up")
    return CheckInRules(
        points=rules["points"],
        bonuses=tuple(StreakBonus(**bonus) for bonus in rules["bonuses"]),
        cycle_days=rules["cycle_days"],
        missed_day=MissedDay(rules["missed_day"]),
        make_up=MakeUpRules(**make_up) if make_up else None,
        limits=_limits(rules),
    )


def _receipts(rules: dict[str, Any]) -> ReceiptRules:
    return ReceiptRules(rules["claim_days"], rules["max_points"], _limits(rules))


def _referrals(rules: dict[str, Any]) -> ReferralRules:
    return ReferralRules(
        rules["referrer_points"],
        rules["member_points"],
        rules["attach_days"],
        rules["rewards_per_month"],
        _limits(rules),
    )


def _limits(rules: dict[str, Any]) -> tuple[DailyLimit, ...]:
    return tuple(DailyLimit(Scope(each["scope"]), each["count"], each["points"]) for each in rules["limits"])
