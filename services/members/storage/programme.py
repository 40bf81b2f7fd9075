"""Versions of the programme as rows; the rules are one JSON document, for they are only read as a whole."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, text

from kit.money import Money
from services.members.domain.programme import Programme, Rate, Tier

_VERSIONS = text("select version, cast(rules as text) as rules, update_time from programmes")
_CURRENT = text(f"{_VERSIONS.text} order by version desc limit 1")
_LOCK = text("lock table programmes in share row exclusive mode")
_ADD = text("""
    insert into programmes (version, rules, update_time)
    values (:version, cast(:rules as jsonb), cast(:update_time as timestamptz))
""")


class ProgrammeStore:
    """Keeps every version of the rules."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def versions(self) -> dict[int, Programme]:
        """All versions by their number."""
        return {row.version: _programme(row) for row in self._connection.execute(_VERSIONS)}

    def current(self) -> Programme:
        """The newest version."""
        return _programme(self._connection.execute(_CURRENT).one())

    def lock(self) -> Programme:
        """The newest version; nobody else makes another one until the transaction ends. Readers are not disturbed."""
        self._connection.execute(_LOCK)
        return self.current()

    def add(self, programme: Programme) -> None:
        """Keep a new version."""
        rules = json.dumps(_document(programme))
        self._connection.execute(
            _ADD, {"version": programme.version, "rules": rules, "update_time": programme.update_time}
        )


def _document(programme: Programme) -> dict[str, Any]:
    return {
        "currency": programme.currency,
        "earn": {"points": programme.earn.points, "amount": programme.earn.amount.minor},
        "redeem": {"points": programme.redeem.points, "amount": programme.redeem.amount.minor},
        "tiers": [{"id": tier.id, "threshold": tier.threshold.minor} for tier in programme.tiers],
        "window_days": programme.window.days,
    }


def _programme(row: Row[tuple[int, str, datetime]]) -> Programme:
    rules = json.loads(row.rules)
    currency = rules["currency"]
    return Programme(
        version=row.version,
        earn=_rate(rules["earn"], currency),
        redeem=_rate(rules["redeem"], currency),
        tiers=tuple(Tier(tier["id"], Money(tier["threshold"], currency)) for tier in rules["tiers"]),
        window=timedelta(days=rules["window_days"]),
        update_time=row.update_time,
    )


def _rate(rate: dict[str, int], currency: str) -> Rate:
    return Rate(rate["points"], Money(rate["amount"], currency))
