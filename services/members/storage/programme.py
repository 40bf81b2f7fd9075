"""Versions of the programme as rows; the rules are one JSON document, for they are only read as a whole."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, text

from kit.money import Money
from kit.page import Page
from services.members.domain.programme import DEFAULT, Programme, Rate
from services.members.domain.tier_scheme import ROLLING_SPEND
from services.members.storage import rule, tier_scheme

_ALL = text("select programme, version, cast(rules as text) as rules, update_time from programmes")
_VERSIONS = text(f"{_ALL.text} where programme = :programme")
_CURRENT = text(f"{_VERSIONS.text} order by version desc limit 1")
_PAGE = text(
    f"{_VERSIONS.text} and version < coalesce(cast(:before as integer), 2147483647) order by version desc limit :limit"
)
_LATEST = text("""
    select distinct on (programme) programme, version, cast(rules as text) as rules, update_time from programmes
    where programme > :after order by programme, version desc limit :limit
""")
_LOCK = text("lock table programmes in share row exclusive mode")
_ADD = text("""
    insert into programmes (programme, version, rules, update_time)
    values (:programme, :version, cast(:rules as jsonb), cast(:update_time as timestamptz))
""")


class ProgrammeStore:
    """Keeps every version of the rules."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> dict[str, dict[int, Programme]]:
        """All versions of all programmes."""
        found: dict[str, dict[int, Programme]] = {}
        for row in self._connection.execute(_ALL):
            found.setdefault(row.programme, {})[row.version] = _programme(*row)
        return found

    def versions(self, programme: str = DEFAULT) -> dict[int, Programme]:
        """All versions of a programme by their number."""
        rows = self._connection.execute(_VERSIONS, {"programme": programme})
        return {row.version: _programme(*row) for row in rows}

    def current(self) -> Programme:
        """The newest version of the default programme."""
        return _programme(*self._connection.execute(_CURRENT, {"programme": DEFAULT}).one())

    def find(self, programme: str) -> Programme | None:
        """The newest version of a programme."""
        row = self._connection.execute(_CURRENT, {"programme": programme}).one_or_none()
        return _programme(*row) if row else None

    def lock(self, programme: str = DEFAULT) -> Programme | None:
        """The newest version; nobody else makes another one until the transaction ends. Readers are not disturbed."""
        self._connection.execute(_LOCK)
        return self.find(programme)

    def add(self, programme: Programme) -> None:
        """Keep a new version."""
        rules = json.dumps(_document(programme))
        self._connection.execute(
            _ADD,
            {
                "programme": programme.id,
                "version": programme.version,
                "rules": rules,
                "update_time": programme.update_time,
            },
        )

    def latest(self, page: Page) -> list[Programme]:
        """The newest versions of the programmes from a position on, by id."""
        query = {"after": page.after[0] if page.after else "", "limit": page.fetch}
        return [_programme(*row) for row in self._connection.execute(_LATEST, query)]

    def page(self, programme: str, page: Page) -> list[Programme]:
        """Versions of a programme from a position on, the newest first."""
        before = int(page.after[0]) if page.after else None
        query = {"programme": programme, "before": before, "limit": page.fetch}
        return [_programme(*row) for row in self._connection.execute(_PAGE, query)]


def _document(programme: Programme) -> dict[str, Any]:
    return {
        "currency": programme.currency,
        "earn": _rate_document(programme.earn),
        "redeem": _rate_document(programme.redeem),
        "tiers": [tier_scheme.tier_document(tier) for tier in programme.tiers],
        "window_days": programme.window.days,
        "tier_scheme": tier_scheme.document(programme.scheme),
        "growth": _rate_document(programme.growth) if programme.growth else None,
        **rule.document(programme),
    }


@lru_cache(maxsize=1024)
def _programme(programme: str, version: int, text: str, update_time: datetime) -> Programme:
    """The version that a row keeps; versions don't change, so each is read once."""
    rules = json.loads(text)
    currency = rules["currency"]
    return Programme(
        id=programme,
        version=version,
        earn=_rate(rules["earn"], currency),
        redeem=_rate(rules["redeem"], currency),
        tiers=tuple(tier_scheme.tier(tier, currency) for tier in rules["tiers"]),
        window=timedelta(days=rules["window_days"]),
        update_time=update_time,
        scheme=tier_scheme.scheme(rules["tier_scheme"]) if "tier_scheme" in rules else ROLLING_SPEND,
        growth=_rate(rules["growth"], currency) if rules.get("growth") else None,
        **rule.fields(rules, currency),
    )


def _rate_document(rate: Rate) -> dict[str, int]:
    return {"points": rate.points, "amount": rate.amount.minor}


def _rate(rate: dict[str, int], currency: str) -> Rate:
    return Rate(rate["points"], Money(rate["amount"], currency))
