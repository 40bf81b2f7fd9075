"""Rules tried on past orders and applied to them, on a real database: what is shown first is what is posted."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from kit.errors import Fault
from kit.money import Money
from kit.page import Page
from services.members.domain.audit import Author
from services.members.domain.programme import Rate
from services.members.domain.recalculation import Recalculation
from services.members.domain.rule import Rule
from services.members.usecases import dry_run as trying
from services.members.usecases import programme, purchase, purchase_view, recalculation
from services.members.usecases.dry_run import DryRun
from services.members.usecases.recalculation import StartRecalculation
from tests.contract.members.conftest import World
from tests.contract.members.earnings import RULES, bought, change, found, refunded
from tests.support.builders.members import NOW, day, dollars
from tests.support.builders.members import programme as default_programme
from tests.support.builders.rules import bonus, line


def history(world: World) -> list[UUID]:
    """Members with some purchases by the first rules, a few of them refunded."""
    members = world.enrolled(6)
    chance = random.Random(4)
    news = [
        bought(of, line(chance.randrange(1, 90_00), "tea"), line(5_00, "cake"), pay_time=day(n))
        for of in members
        for n in range(3)
    ]
    world.do(purchase.settle, news)
    world.do(purchase.settle, [refunded(each, 3, 0, 5_00) for each in news[::4]])
    return members


ALWAYS = (day(-1), NOW + timedelta(days=1))


def recalculate(world: World) -> Recalculation:
    job = world.do(recalculation.start, StartRecalculation(uuid4(), "default", *ALWAYS, Author("tests", "")))
    while world.do(recalculation.get, job.id).running:
        world.do(recalculation.advance)
    done: Recalculation = world.do(recalculation.get, job.id)
    return done


def test_a_dry_run_says_what_a_recalculation_posts_and_writes_nothing(world: World) -> None:
    members = history(world)
    before = [found(world, of) for of in members]
    rules = (*RULES[:1], bonus(7, id="second", condition="!member.first_purchase"), replace(RULES[3], minimum=None))
    tried = world.do(trying.dry_run, DryRun("default", {"rules": rules}, *ALWAYS, (), 1000))
    assert [found(world, of) for of in members] == before
    change(world, rules=rules)
    done = recalculate(world)
    assert (done.purchases, done.changed, done.points) == (tried.purchases, tried.changed, tried.change) != (0, 0, 0)
    after = world.rows("select sum(earned) as points from purchases")[0].points
    assert after == tried.points + tried.change
    assert sum(world.wallet(of)[0] for of in members) == after
    again = recalculate(world)
    assert (again.purchases, again.points) == (0, 0)


def test_a_dry_run_of_single_orders_tells_each_difference(world: World) -> None:
    (of,) = world.enrolled()
    paid, other = bought(of, line(10_00, "tea")), bought(of, line(20_00, "cake"))
    world.do(purchase.settle, [paid, other])
    keys = ((of, paid.order), (of, other.order))
    tried = world.do(trying.dry_run, DryRun("default", {"rules": RULES[:1]}, None, None, keys, 10))
    assert (tried.purchases, tried.changed, tried.points, tried.change) == (2, 1, 30, 10)
    (difference,) = tried.differences
    assert (difference.purchase.order, difference.points, difference.earning.points) == (paid.order, 10, 20)
    with pytest.raises(Fault):
        world.do(trying.dry_run, DryRun("default", {}, None, None, ((of, uuid4()),), 10))
    most = world.do(trying.dry_run, DryRun("default", {"rules": RULES[:1]}, None, None, (), 1))
    assert (most.purchases, most.more) == (1, True)


def test_refunds_after_a_recalculation_go_by_the_newer_rules(world: World) -> None:
    (of,) = world.enrolled()
    paid = bought(of, line(10_00, "tea"))
    world.do(purchase.settle, [paid])
    change(world, rules=RULES[:1])
    recalculate(world)
    assert world.wallet(of) == (20, 0, 0)
    world.do(purchase.settle, [refunded(paid, 3, 4_00)])
    assert world.wallet(of) == (8, 0, 0)
    world.do(purchase.settle, [refunded(paid, 4, 0)])
    assert world.wallet(of) == (0, 0, 0)


def test_a_recalculation_by_many_replicas_posts_once(world: World) -> None:
    members = history(world)
    change(world, rules=RULES)
    world.do(recalculation.start, StartRecalculation(uuid4(), "default", *ALWAYS, Author("tests", "")))
    with pytest.raises(Fault) as refusal:
        world.do(recalculation.start, StartRecalculation(uuid4(), "default", *ALWAYS, Author("tests", "")))
    assert refusal.value.reason == "RECALCULATION_RUNNING"
    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            list(pool.map(lambda _: world.do(recalculation.advance), range(4)))
            if world.rows("select 1 from recalculations where state = 'DONE'"):
                break
    (job,) = world.rows("select state, purchases from recalculations")
    assert (job.state, job.purchases) == ("DONE", 18)
    posted = world.rows("select sum(earned) as points from purchases")[0].points
    assert sum(world.wallet(of)[0] for of in members) == posted


def test_a_recalculation_ends_where_an_order_would_earn_too_much(world: World) -> None:
    (of,) = world.enrolled()
    world.do(purchase.settle, [bought(of, line(10**13))])
    change(world, rules=(Rule("mad", rate=Rate(10_000, Money(1, "USD"))),))
    done = recalculate(world)
    assert (done.failed, done.purchases) == (True, 0)
    assert world.wallet(of) == (10**11, 0, 0)


def test_another_programme_can_be_filled_from_the_past(world: World) -> None:
    (of,) = world.enrolled()
    paid = bought(of, line(10_00))
    world.do(purchase.settle, [paid])
    world.do(programme.create, replace(default_programme(earn=Rate(3, dollars(1))), id="stars", tiers=()))
    job = world.do(recalculation.start, StartRecalculation(uuid4(), "stars", *ALWAYS, Author("tests", "")))
    for _ in range(3):
        world.do(recalculation.advance)
    assert world.do(recalculation.get, job.id).points == 30
    world.do(purchase.settle, [refunded(paid, 3, 4_00)])
    assert {rules.id: wallet.available for rules, wallet in world.do(purchase_view.balances, of, Page(9))} == {
        "default": 4,
        "stars": 12,
    }
