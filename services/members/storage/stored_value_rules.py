"""Versions of the rules of each currency, as rows; one JSON document each, for they are only read as a whole."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, text

from kit.money import Money
from services.members.domain.stored_value import DrawOrder
from services.members.domain.stored_value_rules import BonusTier, StoredValueRules

_CURRENT = text("""
    select distinct on (currency) currency, version, cast(rules as text) as rules, update_time
    from stored_value_rules where currency = any(cast(:currencies as text[]))
    order by currency, version desc
""")
_LOCK = text("lock table stored_value_rules in share row exclusive mode")
_ADD = text("""
    insert into stored_value_rules (currency, version, rules, update_time)
    values (:currency, :version, cast(:rules as jsonb), cast(:update_time as timestamptz))
""")


class StoredValueRulesStore:
    """Keeps every version of the rules."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def current(self, currencies: Collection[str]) -> dict[str, StoredValueRules]:
        """The newest rules of each currency; those of version 0 where nobody made any."""
        rows = self._connection.execute(_CURRENT, {"currencies": list(currencies)}).all()
        return {currency: StoredValueRules(currency) for currency in currencies} | {
            row.currency: _rules(row) for row in rows
        }

    def lock(self, currency: str) -> StoredValueRules:
        """The newest rules; nobody else makes another version until the transaction ends."""
        self._connection.execute(_LOCK)
        return self.current([currency])[currency]

    def add(self, rules: StoredValueRules) -> None:
        """Keep a new version."""
        document = {
            "tiers": [{"amount": tier.amount.minor, "bonus": tier.bonus.minor} for tier in rules.tiers],
            "draw_order": rules.draw_order.value,
        }
        columns = {
            "currency": rules.currency,
            "version": rules.version,
            "rules": json.dumps(document),
            "update_time": rules.update_time,
        }
        self._connection.execute(_ADD, columns)


def _rules(row: Any) -> StoredValueRules:
    document = json.loads(row.rules)
    tiers = tuple(
        BonusTier(Money(tier["amount"], row.currency), Money(tier["bonus"], row.currency)) for tier in document["tiers"]
    )
    return StoredValueRules(row.currency, row.version, tiers, DrawOrder(document["draw_order"]), row.update_time)
