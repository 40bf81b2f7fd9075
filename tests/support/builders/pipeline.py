"""Leads, opportunities, quotes and whoever they belong to."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from kit.money import Money
from services.pipeline.domain import quote as quotes
from services.pipeline.domain.account import Account
from services.pipeline.domain.assignment import Assignment, Choice
from services.pipeline.domain.contact import AccountRole, Contact, Role
from services.pipeline.domain.lead import Lead
from services.pipeline.domain.opportunity import Circumstances, Opportunity
from services.pipeline.domain.quote import Quote, QuoteLine
from services.pipeline.domain.rep import Rep

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def after(minutes: int) -> datetime:
    """So many minutes after the tests begin."""
    return NOW + timedelta(minutes=minutes)


def rep(*, weight: int = 1, available: bool = True, id: UUID | None = None) -> Rep:  # noqa: A002 - the field's name
    """A sales person."""
    return Rep(id or uuid4(), "Han Meimei", weight, available, NOW, NOW)


def account(display_name: str = "Blue Door Cafés Ltd.", **others: Any) -> Account:
    """An account."""
    return Account(others.pop("id", None) or uuid4(), display_name, NOW, NOW, **others)


def contact(*parts: AccountRole, display_name: str = "Wang Fang", **others: Any) -> Contact:
    """A contact with parts in accounts."""
    return Contact(others.pop("id", None) or uuid4(), display_name, NOW, NOW, account_roles=parts, **others)


def lead(**others: Any) -> Lead:
    """A lead with an e-mail address."""
    values = {"source": "webform", "email": "fang@example.com", "create_time": NOW, "update_time": NOW, **others}
    return Lead(values.pop("id", None) or uuid4(), **values)


def opportunity(**others: Any) -> Opportunity:
    """An opportunity in its first stage."""
    values = {"display_name": "Machines", "account": uuid4(), "create_time": NOW, "update_time": NOW, **others}
    return Opportunity(values.pop("id", None) or uuid4(), stage_time=NOW, **values)


def ripe(**others: Any) -> Opportunity:
    """An opportunity with an amount and a close date."""
    return opportunity(**{"amount": Money(100_00, "USD"), "close_date": date(2026, 12, 31), **others})


def under(*roles: Role, minutes: int = 0) -> Circumstances:
    """So many minutes after the tests begin, with the account's contacts covering `roles`."""
    return Circumstances("tester", after(minutes), frozenset(roles))


def line(quantity: int = 3, price: int = 1_800_00, currency: str = "USD", title: str = "Machine") -> QuoteLine:
    """A line of a quote."""
    return QuoteLine(uuid4(), title, quantity, Money(price, currency))


def quote(opportunity: UUID, *lines: QuoteLine, revision: int = 1, expire_time: datetime | None = None) -> Quote:
    """A quote that waits for its answer."""
    return quotes.offer(
        uuid4(), opportunity, revision=revision, lines=lines or (line(),), expire_time=expire_time, now=NOW
    )


def assigned(lead: UUID, choice: Choice) -> Assignment:
    """A choice that was made for a lead."""
    return Assignment(lead, choice, NOW)
