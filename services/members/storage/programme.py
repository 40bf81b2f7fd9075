"""Versions of the programme as rows; the rules are one JSON document, for they are only read as a whole."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, text

from kit.money import Money
from services.members.domain.programme import Programme, Rate
from services.members.domain.tier_scheme import ROLLING_SPEND
from services.members.storage import tier_scheme

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
        "earn": _rate_document(programme.earn),
        "redeem": _rate_document(programme.redeem),
        "tiers": [tier_scheme.tier_document(tier) for tier in programme.tiers],
        "window_days": programme.window.days,
        "tier_scheme": tier_scheme.document(programme.scheme),
        "growth": _rate_document(programme.growth) if programme.growth else None,
    }


def _programme(row: Row[tuple[int, str, datetime]]) -> Programme:
    rules = json.loads(row.rules)
    currency = rules["currency"]
    return Programme(
        version=row.version,
        earn=_rate(rules["earn"], currency),
        redeem=_rate(rules["redeem"], currency),
        tiers=tuple(tier_scheme.tier(tier, currency) for tier in rules["tiers"]),
        window=timedelta(days=rules["window_days"]),
        update_time=row.update_time,
        scheme=tier_scheme.scheme(rules["tier_scheme"]) if "tier_scheme" in rules else ROLLING_SPEND,
        growth=_rate(rules["growth"], currency) if rules.get("growth") else None,
    )


def _rate_document(rate: Rate) -> dict[str, int]:
    return {"points": rate.points, "amount": rate.amount.minor}


def _rate(rate: dict[str, int], currency: str) -> Rate:
    return Rate(rate["points"], Money(rate["amount"], currency))
