"""Points as cash: how many points may pay a part of an order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from kit.money import Money
from services.members.domain.basket import EVERYTHING, Basket, Left, Scope, eligible
from services.members.domain.rule import Rate

WHOLE = 10_000
"""The whole of an amount, in basis points."""


@dataclass(frozen=True, slots=True)
class CashRules:
    """At least and at most so many points at a time, for at most `ratio` basis points of the goods in `scope`, and of
    the freight if `freight` says so."""

    least: int = 1
    most: int | None = None
    ratio: int = WHOLE
    scope: Scope = EVERYTHING
    freight: bool = True


FREE_USE = CashRules()
"""Points may pay everything."""


class Usable(NamedTuple):
    """How many points may pay a part of an order, what they are worth, and the amount they could pay for at most."""

    points: int
    value: Money
    payable: Money


def most_points(rules: CashRules, redeem: Rate, payable: int) -> int:
    """The most points that may pay at a time, and that are worth no more than `payable` minor units."""
    if not payable:
        return 0
    worth = -(-(payable + 1) * redeem.points // redeem.amount.minor) - 1
    return worth if rules.most is None else min(worth, rules.most)


def usable(rules: CashRules, redeem: Rate, basket: Basket, available: int) -> Usable:
    """The most points that may pay for goods that are not paid for yet.

    As few points as buy the amount, for one more would be worth no more; fewer than the least may not be used at all.
    """
    currency = redeem.amount.currency
    whole = Left(basket.paid, tuple(line.net for line in basket.lines), basket.freight)
    goods = eligible(basket, whole, rules.scope, freight=rules.freight)
    payable = goods * rules.ratio // WHOLE
    points = min(available, most_points(rules, redeem, payable))
    value = points * redeem.amount.minor // redeem.points
    if points < rules.least or not value:
        return Usable(0, Money(0, currency), Money(payable, currency))
    fewest = -(-value * redeem.points // redeem.amount.minor)
    return Usable(max(fewest, rules.least), Money(value, currency), Money(payable, currency))
