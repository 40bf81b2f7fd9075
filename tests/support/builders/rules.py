"""Earn rules, orders and what they earn, with sensible values for all that a test does not care about."""

from __future__ import annotations

from typing import Any

from services.members.domain.basket import Basket, Left, Line
from services.members.domain.condition import Person, context
from services.members.domain.earning import Earning, Rooms, earn
from services.members.domain.programme import Programme
from services.members.domain.rule import Rule
from tests.support.builders.members import NOW


def line(net: int, category: str = "", product: str = "", *, quantity: int = 1) -> Line:
    """Goods that were paid in money alone."""
    return Line(product, category, quantity, net, net)


def basket(*lines: Line, freight: int = 0, **facts: Any) -> Basket:
    """An order of these goods."""
    return Basket(sum(each.net for each in lines) + freight, freight, lines=lines, **facts)


def all_of(bought: Basket) -> Left:
    """Nothing is refunded."""
    return Left(bought.paid, tuple(each.net for each in bought.lines), bought.freight)


def bonus(points: int, **fields: Any) -> Rule:
    """A rule that gives a fixed bonus."""
    return Rule(**{"id": f"bonus-{points}", "bonus": points, **fields})


def times(multiplier: int, **fields: Any) -> Rule:
    """A rule that multiplies, in basis points."""
    return Rule(**{"id": f"times-{multiplier}", "multiplier": multiplier, **fields})


def earned(
    rules: Programme,
    bought: Basket,
    left: Left | None = None,
    *,
    person: Person | None = None,
    rooms: Rooms | None = None,
) -> Earning:
    """What an order earns that was paid at `NOW`."""
    facts = context(bought, person or Person(), NOW, rules.zone)
    return earn(rules, bought, left or all_of(bought), facts, rooms or {})
