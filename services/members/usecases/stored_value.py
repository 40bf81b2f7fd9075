"""Stored value as a whole: read it, its rules, and what stores have to settle for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from kit.errors import etag_mismatch, invalid
from kit.page import Page
from services.members.domain.audit import NOBODY, Author, settings_act
from services.members.domain.settlement import Settlement
from services.members.domain.stored_value import Purse
from services.members.domain.stored_value_rules import StoredValueRules
from services.members.usecases.stored_value_ports import StoredValueUnit
from services.members.usecases.top_up import known_member


@dataclass(frozen=True, slots=True)
class UpdateRules:
    """Change a currency's rules: new values by name. `version` is the one they were made for, None for any."""

    currency: str
    values: Mapping[str, Any]
    version: int | None = None
    author: Author = NOBODY


def get(unit: StoredValueUnit, member: UUID, currency: str) -> Purse:
    """A member's stored value in a currency, empty when there never was any. Raises a Fault when there is no such
    member."""
    owner = known_member(unit, member)
    return unit.purses.read(currency, [owner]).get(owner) or Purse(owner, currency)


def page(unit: StoredValueUnit, member: UUID, page: Page) -> list[Purse]:
    """A page of a member's stored values, by currency. Raises a Fault when there is no such member."""
    owner = known_member(unit, member)
    after = page.after[0] if page.after else ""
    currencies = [currency for currency in unit.purses.currencies(owner) if currency > after]
    return [unit.purses.read(currency, [owner])[owner] for currency in currencies[: page.fetch]]


def rules(unit: StoredValueUnit, currency: str) -> StoredValueRules:
    """The rules of a currency now."""
    return unit.stored_value_rules.current([currency])[currency]


def update_rules(unit: StoredValueUnit, command: UpdateRules) -> StoredValueRules:
    """Make a new version of a currency's rules. Raises a Fault when they are bad or another one was faster."""
    current = unit.stored_value_rules.lock(command.currency)
    name = f"storedValueRules/{command.currency}"
    if command.version not in (None, current.version):
        raise etag_mismatch(name)
    changed = current.changed(replace(current, **command.values), unit.now)
    if changed is not current:
        unit.stored_value_rules.add(changed)
        unit.audit.record(settings_act(command.author, name, current, changed))
    return changed


def settle(unit: StoredValueUnit, currency: str, start: datetime, end: datetime) -> Settlement:
    """What stores collected and honoured in the period [start, end). Raises a Fault when it is empty."""
    if end <= start:
        raise invalid("end_time", "must be after start_time")
    return Settlement(currency, start, end, unit.settlements.lines(currency, start, end))
