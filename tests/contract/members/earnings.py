"""Rules, orders and what members see of them, for the tests of earning on a real database."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from kit.money import Money
from services.members.domain.basket import Basket, Left, Line, Scope
from services.members.domain.programme import Programme, Rate
from services.members.domain.purchase import Settlement
from services.members.domain.rule import Caps, Rule
from services.members.usecases import programme
from services.members.usecases.programme import UpdateProgramme
from tests.contract.members.conftest import World
from tests.support.builders.members import NOW, dollars
from tests.support.builders.rules import bonus, times

TEA = Scope(categories=frozenset({"tea"}))
RULES = (
    times(20_000, id="tea", scope=TEA),
    bonus(30, id="gold", condition="member.tier == 'gold' && order.channel == 'pos'"),
    bonus(25, id="first", condition="member.first_purchase"),
    Rule("big", rate=Rate(1, dollars(10)), minimum=dollars(50), caps=Caps(order=9, day=12)),
)


def bought(of: UUID, *lines: Line, pay_time: datetime = NOW, **facts: Any) -> Settlement:
    """The news that goods are paid."""
    basket = Basket(sum(each.net for each in lines), channel="pos", lines=lines, **facts)
    left = Left(basket.paid, tuple(each.net for each in lines), 0)
    return Settlement(uuid4(), of, Money(basket.paid, "USD"), pay_time, 2, basket=basket, left=left)


def refunded(paid: Settlement, version: int, *nets: int, **changes: Any) -> Settlement:
    """The news of what a refund has left of each line."""
    left = Left(sum(nets), nets, 0)
    return replace(paid, net=Money(left.net, "USD"), version=version, left=left, **changes)


def order_of(member: UUID) -> UUID:
    """The one order of a member."""
    return UUID(int=member.int ^ 1)


def change(world: World, programme_id: str = "default", **rules: Any) -> Programme:
    found: Programme = world.do(programme.update, UpdateProgramme(rules, programme=programme_id))
    return found


def found(world: World, of: UUID) -> tuple[Any, ...]:
    """Everything that settling by rules may change for a member, without ids."""
    return (
        world.rows(
            "select unit, kind, balance from ledger_accounts where owner = :of and unit like 'points%' order by 1, 2",
            of=of,
        ),
        world.rows(
            """select net, version, rules, earned, complete_time, cast(lines_left as text), cast(person as text)
               from purchases where member = :of order by pay_time, net""",
            of=of,
        ),
        world.rows(
            """select e.programme, e.version, e.points, cast(e.grants as text) from earnings e
               join purchases p on p."order" = e."order" where p.member = :of order by p.pay_time, p.net, 1""",
            of=of,
        ),
        world.rows(
            """select unit, available_time, expire_time, sum(pending), sum(available) from ledger_lots
               where owner = :of and pending + available > 0 group by 1, 2, 3 order by 1""",
            of=of,
        ),
        world.rows("select tier, next_change from standings where member = :of", of=of),
    )
