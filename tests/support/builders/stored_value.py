"""Commands on stored value and cards, with sensible values for all that a test does not care about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from kit.money import Money
from services.members.domain.gift_card import digest
from services.members.domain.stored_value import DrawOrder
from services.members.domain.stored_value_rules import BonusTier, StoredValueRules
from services.members.usecases.gift_card import Activate, Issue
from services.members.usecases.stored_payment import EndPayment, Pay
from services.members.usecases.stored_value import UpdateRules
from services.members.usecases.top_up import GiveBack, PayIn
from tests.support.builders.members import MEMBER

CURRENCY = "CNY"
STORE = "nanjing-road"


def yuan(minor: int) -> Money:
    """So many fen."""
    return Money(minor, CURRENCY)


def rules(*tiers: tuple[int, int], order: DrawOrder = DrawOrder.PROPORTIONAL, version: int = 1) -> StoredValueRules:
    """Rules with a bonus for each amount, in fen."""
    return StoredValueRules(CURRENCY, version, _tiers(tiers), order)


def update_rules(*tiers: tuple[int, int], order: DrawOrder = DrawOrder.PROPORTIONAL) -> UpdateRules:
    """New rules."""
    return UpdateRules(CURRENCY, {"tiers": _tiers(tiers), "draw_order": order})


def pay_in(member: UUID, amount: int, **fields: Any) -> PayIn:
    """A top-up."""
    return PayIn(**{"top_up": uuid4(), "member": member, "amount": yuan(amount), "store": STORE, **fields})


def pay(owner: UUID = MEMBER, minor: int = 100, **fields: Any) -> Pay:
    """A payment; with a `ttl` in seconds what it needs is set aside."""
    ttl = fields.pop("ttl", None)
    lasts = None if ttl is None else timedelta(seconds=ttl)
    base: dict[str, Any] = {"payment": uuid4(), "owner": owner, "amount": yuan(minor), "store": STORE, "ttl": lasts}
    return Pay(**base | fields)


def end(payment: UUID, amount: int | None = None) -> EndPayment:
    """The end of a held payment."""
    return EndPayment(payment, None if amount is None else yuan(amount))


def give_back(document: UUID, amount: int | None = None, **fields: Any) -> GiveBack:
    """A refund."""
    return GiveBack(uuid4(), document, None if amount is None else yuan(amount), **fields)


def issue(
    codes: Sequence[str], *, value: int = 10_000, promotional: bool = False, expire_time: datetime | None = None
) -> Issue:
    """Cards with these codes."""
    return Issue("spring", yuan(value), promotional, [(uuid4(), digest(code)) for code in codes], expire_time)


def activate(card: UUID, **fields: Any) -> Activate:
    """The sale of a card."""
    return Activate(**{"card": card, "top_up": uuid4(), "store": STORE, **fields})


def _tiers(tiers: Sequence[tuple[int, int]]) -> tuple[BonusTier, ...]:
    return tuple(BonusTier(yuan(amount), yuan(bonus)) for amount, bonus in tiers)
