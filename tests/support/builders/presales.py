"""Presales for tests: sensible as they are, and each detail can be said."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from kit.money import Money
from kit.names import new_id
from services.orders.domain.instalments import Instalments
from services.orders.domain.presale import Presale, Terms, Window
from services.orders.domain.presale_order import PresaleOrder
from services.orders.usecases.presale import CreatePresale
from services.orders.usecases.presale_purchase import BuyPresale
from tests.support.builders.orders import NOW, an_item, an_order

HOUR = timedelta(hours=1)


def the_terms(*, start: datetime = NOW - HOUR, price: int = 10000, currency: str = "CNY", **others: Any) -> Terms:
    """Terms of a presale whose deposits, of 1,000 that count for 2,000, are taken for three hours, and its balances for
    four hours, an hour after that."""
    values: dict[str, Any] = {
        "deposit": 1000,
        "credit": 2000,
        "quota": 10,
        "deposits": Window(start, start + 3 * HOUR),
        "balances": Window(start + 4 * HOUR, start + 8 * HOUR),
        "forfeit": True,
        "remind": HOUR,
    }
    return Terms("Soon", Money(price, currency), **{**values, **others})


def a_presale(*, now: datetime = NOW, **terms: Any) -> Presale:
    """A presale that nobody stored."""
    return Presale.schedule(new_id(), new_id(), the_terms(**terms), now)


def a_creation(product: UUID, **terms: Any) -> CreatePresale:
    """The command to make a presale of a product."""
    return CreatePresale(new_id(), product, the_terms(**terms))


def a_purchase(of: Presale, *, member: UUID | None = None, units: int = 1, channel: str = "web") -> BuyPresale:
    """The command to buy in a presale."""
    return BuyPresale(of.id, new_id(), member or new_id(), units, channel)


def some_instalments(*, deposit: int = 1000, forfeit: bool = True) -> Instalments:
    """A deposit at once, and a balance from in two hours until in three."""
    return Instalments(deposit, NOW + 2 * HOUR, NOW + 3 * HOUR, forfeit)


def a_presale_order(*, now: datetime = NOW, **terms: Any) -> PresaleOrder:
    """An order of a presale that nobody stored, which waits for its deposit."""
    return PresaleOrder.reserve(an_order(an_item()), a_presale(now=now, **terms), new_id(), now)
