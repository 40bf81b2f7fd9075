"""Earn rules on a real database: the same points whatever order the news take, caps that hold, programmes apart."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.errors import Fault
from kit.money import Money
from kit.page import Page
from services.members.domain.audit import Author
from services.members.domain.basket import Basket
from services.members.domain.condition import Person
from services.members.domain.points_as_cash import CashRules
from services.members.domain.programme import Rate
from services.members.domain.purchase import Settlement
from services.members.domain.rule import Caps, Rounding, Rule
from services.members.domain.validity import Availability, Start
from services.members.usecases import erasure, expiry, points, programme, purchase, purchase_view, tag
from tests.contract.members.conftest import World
from tests.contract.members.earnings import RULES, TEA, bought, change, found, order_of, refunded
from tests.support.builders.members import NOW, day, dollars
from tests.support.builders.members import programme as default_programme
from tests.support.builders.rules import bonus, line, times
from tests.support.statements import sent


@pytest.mark.parametrize("start", Start)
def test_all_120_orders_of_the_news_give_the_same_state(world: World, start: Start) -> None:
    change(world, rules=RULES, availability=Availability(start, 3))
    second = replace(default_programme(earn=Rate(1, dollars(5))), id="stars", tiers=(), rules=(bonus(3),))
    world.do(programme.create, second)
    paid = bought(uuid4(), line(60_00, "tea"), line(80_00, "cake"))
    done = NOW + timedelta(hours=1)
    completed = replace(paid, version=3, complete_time=done)
    first = refunded(paid, 4, 60_00, 30_00, complete_time=done)
    second_refund = refunded(paid, 5, 15_00, 30_00, complete_time=done)
    news = [paid, paid, paid, completed, first, second_refund]
    orders = sorted(set(permutations((0, 0, 0, 3, 4, 5))))
    assert len(orders) == 120
    members = world.enrolled(len(orders))
    world.clock.move(timedelta(days=10))
    for turn in zip(*orders, strict=True):
        told = zip(turn, members, strict=True)
        world.do(purchase.settle, [replace(news[at], member=of, order=order_of(of)) for at, of in told])
    wanted = found(world, members[0])
    assert all(found(world, of) == wanted for of in members)
    assert wanted[1][0].earned == 45 + 15 + 25  # the rate, tea twice, the first purchase; less than 50.00 is left
    world.clock.now = NOW


def test_an_earning_is_kept_with_what_each_rule_gave_and_why_not_more(world: World) -> None:
    change(world, rules=RULES)
    (of,) = world.enrolled()
    paid = bought(of, line(60_00, "tea"), line(80_00, "cake"))
    again = bought(of, line(50_00, "cake"), pay_time=NOW + timedelta(minutes=1))
    world.do(purchase.settle, [paid])
    world.clock.move(timedelta(minutes=1))
    world.do(purchase.settle, [again])
    _, one = world.do(purchase_view.earning, of, paid.order, "default")
    _, two = world.do(purchase_view.earning, of, again.order, "default")
    assert {(grant.rule, grant.points, grant.verdict.value) for grant in one.grants} == {
        ("base", 140, "APPLIED"),
        ("tea", 60, "APPLIED"),
        ("gold", 0, "CONDITION_FALSE"),
        ("first", 25, "APPLIED"),
        ("big", 9, "CAPPED_ORDER"),
    }
    assert {(grant.rule, grant.points, grant.verdict.value) for grant in two.grants} == {
        ("base", 50, "APPLIED"),
        ("tea", 0, "NO_GOODS"),
        ("gold", 0, "CONDITION_FALSE"),
        ("first", 0, "CONDITION_FALSE"),
        ("big", 3, "CAPPED_DAY"),
    }
    assert world.wallet(of) == (140 + 60 + 25 + 9 + 50 + 3, 0, 0)


def test_without_rules_the_rate_explains_everything(world: World) -> None:
    (of,) = world.enrolled()
    paid = bought(of, line(12_00))
    world.do(purchase.settle, [paid])
    shown = world.do(purchase_view.read, of, paid.order)
    assert [(grant.rule, grant.points) for grant in shown.earnings["default"].grants] == [("base", 12)]
    for order, id_ in ((uuid4(), "default"), (paid.order, "stars")):
        with pytest.raises(Fault):
            world.do(purchase_view.earning, of, order, id_)


def test_tags_and_birthdays_are_those_of_the_moment_at_which_an_order_is_first_heard_of(world: World) -> None:
    change(world, rules=(bonus(5, condition="'vip' in member.tags"),))
    (of,) = world.enrolled()
    before, after = bought(of, line(10_00)), bought(of, line(10_00))
    world.do(purchase.settle, [before])
    world.do(tag.modify, tag.ModifyTags(of, add=("vip",), remove=()))
    world.do(purchase.settle, [after, refunded(before, 3, 9_00)])
    assert world.wallet(of) == (9 + 15, 0, 0)


def test_an_earlier_purchase_that_is_heard_of_late_takes_over_as_the_first(world: World) -> None:
    change(world, rules=(bonus(25, id="first", condition="member.first_purchase"),))
    (of,) = world.enrolled()
    late, soon = bought(of, line(10_00), pay_time=NOW - timedelta(hours=1)), bought(of, line(20_00))
    world.do(purchase.settle, [soon])
    assert world.wallet(of) == (20 + 25, 0, 0)
    world.do(purchase.settle, [late])
    assert world.wallet(of) == (10 + 25 + 20, 0, 0)
    kinds = [(entry.cause.kind, entry.points) for entry in world.do(points.entries, of, Page(9))]
    assert sorted(kinds) == [("ACCRUAL", 35), ("ACCRUAL", 45), ("CLAWBACK", 25)]
    _, why = world.do(purchase_view.earning, of, soon.order, "default")
    assert {(grant.rule, grant.points) for grant in why.grants} == {("base", 20), ("first", 0)}
    world.do(purchase.settle, [refunded(late, 3, 0)])
    assert world.wallet(of) == (20 + 25, 0, 0)


NEWS = [(order, version) for order in range(3) for version in (2, 3)]


def batches(told: list[Settlement], together: list[bool]) -> Iterator[list[Settlement]]:
    """The same news in batches: each alone, or together with the one before."""
    batch: list[Settlement] = []
    for each, joins in zip(told, together, strict=True):
        if batch and not joins:
            yield batch
            batch = []
        batch.append(each)
    yield batch


def test_the_news_of_three_orders_give_the_same_points_in_whatever_order_they_come(world: World) -> None:
    change(world, rules=(RULES[0], bonus(25, id="first", condition="member.first_purchase", minimum=dollars(15))))

    @settings(max_examples=60, deadline=None)
    @given(
        st.permutations(NEWS),
        st.lists(st.booleans(), min_size=6, max_size=6),
        st.lists(st.integers(0, 2), min_size=3, max_size=3),
        st.lists(st.sampled_from([0, 10_00, 20_00]), min_size=3, max_size=3),
    )
    def hold(ways: list[tuple[int, int]], together: list[bool], hours: list[int], left: list[int]) -> None:
        one, other = world.enrolled(2)
        paid = [bought(one, line(20_00, "tea"), pay_time=NOW - timedelta(hours=each)) for each in hours]
        news = {(at, 2): each for at, each in enumerate(paid)}
        news |= {(at, 3): refunded(each, 3, left[at]) for at, each in enumerate(paid)}
        for each in sorted(news.values(), key=lambda each: (each.version, each.pay_time, each.order)):
            world.do(purchase.settle, [each])
        told = [replace(news[key], member=other, order=UUID(int=news[key].order.int ^ 1)) for key in ways]
        for batch in batches(told, together):
            world.do(purchase.settle, batch)
        assert found(world, one)[0] == found(world, other)[0]
        earned = 'select earned, cast(person as text) from purchases where member = :of order by pay_time, "order"'
        assert world.rows(earned, of=one) == world.rows(earned, of=other)

    hold()


def test_purchases_of_who_was_erased_keep_no_tags(world: World) -> None:
    change(world, rules=(bonus(5, condition="'vip' in member.tags"),))
    (of,) = world.enrolled()
    world.do(tag.modify, tag.ModifyTags(of, add=("vip",), remove=()))
    world.do(purchase.settle, [bought(of, line(10_00))])
    kept = "select cast(person as text) from purchases"
    assert "vip" in world.rows(kept)[0][0]
    world.do(erasure.erase, erasure.EraseMember(of, Author("ada", "EraseMember"), "asked by letter"))
    assert world.rows(kept) == [('["base", [], true, 0]',)]


def test_a_tier_counts_for_the_next_order_also_in_one_batch(world: World) -> None:
    change(world, rules=(bonus(30, condition="member.tier == 'gold'"),))
    one, other = world.enrolled(2)
    news = [bought(one, line(net), pay_time=day(n)) for n, net in enumerate((300_00, 90_00, 90_00))]
    world.do(purchase.settle, list(reversed(news)))
    for each in news:
        world.do(purchase.settle, [replace(each, member=other, order=uuid4())])
    assert world.wallet(one) == world.wallet(other) == (480 + 60, 0, 0)


def test_shared_caps_hold_whatever_is_bought_and_refunded(world: World) -> None:
    chance = random.Random(3)
    rule = Rule("capped", rate=Rate(1, dollars(1)), caps=Caps(order=40, day=70, member=150))
    change(world, rules=(rule,), earn=Rate(1, Money(10**12, "USD")), rounding=Rounding.HALF_EVEN, caps=Caps(day=65))
    members = world.enrolled(4)
    paid: list[Settlement] = []
    for step in range(60):
        if paid and chance.random() < 0.4:
            at = chance.randrange(len(paid))
            paid[at] = refunded(paid[at], step + 3, chance.randrange(0, paid[at].net.minor + 1))
            world.do(purchase.settle, [paid[at]])
        else:
            new = bought(chance.choice(members), line(chance.randrange(1, 60_00)), pay_time=day(chance.randrange(3)))
            world.do(purchase.settle, [new])
            paid.append(new)
        for _, ever, most in world.rows("""
            select member, sum(total), max(total) from (
                select p.member, p.pay_time, sum(p.earned) as total from purchases p group by 1, 2) d group by 1"""):
            assert ever <= 150
            assert most <= 65
    for step, old in enumerate(paid, 100):
        world.do(purchase.settle, [refunded(old, step, 0)])
    assert {world.wallet(of) for of in members} == {(0, 0, 0)}


def test_programmes_have_points_of_their_own(world: World) -> None:
    world.do(programme.create, replace(default_programme(earn=Rate(2, dollars(1))), id="stars", tiers=()))
    (of,) = world.enrolled()
    paid = bought(of, line(10_00))
    world.do(purchase.settle, [paid])
    world.do(purchase.settle, [refunded(paid, 3, 4_00)])
    wallets = {rules.id: wallet.available for rules, wallet in world.do(purchase_view.balances, of, Page(9))}
    assert wallets == {"default": 4, "stars": 8}
    assert {
        (subject, json.loads(payload).get("programme")) for subject, _, payload in world.published("PointsEarned")
    } == {
        (f"members/{of}/balance", None),
        (f"members/{of}/balances/stars", "programmes/stars"),
    }
    change(world, "stars", active=False)
    world.do(purchase.settle, [bought(of, line(10_00))])
    assert {rules.id: wallet.available for rules, wallet in world.do(purchase_view.balances, of, Page(9))} == {
        "default": 14,
        "stars": 8,
    }


def test_two_programmes_of_one_name_are_refused(world: World) -> None:
    stars = replace(default_programme(), id="stars", tiers=())
    world.do(programme.create, stars)
    with pytest.raises(Fault) as refusal:
        world.do(programme.create, stars)
    assert refusal.value.reason == "PROGRAMME_EXISTS"


def test_points_wait_as_many_days_as_the_programme_says(world: World) -> None:
    change(world, availability=Availability(Start.DAYS, 7))
    (of,) = world.enrolled()
    world.do(purchase.settle, [bought(of, line(10_00))])
    assert world.wallet(of) == (0, 0, 0)
    world.clock.move(timedelta(days=7))
    world.do(expiry.mature)
    assert world.wallet(of) == (10, 0, 0)


def statements(world: World, news: Sequence[Settlement]) -> int:
    """How many statements settling takes."""

    def count(unit: Any) -> int:
        with sent(unit.connection) as counted:
            purchase.settle(unit, news)
        return len(counted)

    return int(world.do(count))


def test_a_batch_by_rules_takes_the_same_few_statements_whatever_its_size(world: World) -> None:
    change(world, rules=(RULES[0], RULES[3]))
    few, many = world.enrolled(1), world.enrolled(40)
    one = statements(world, [bought(of, line(10_00, "tea")) for of in few])
    assert one == statements(world, [bought(of, line(10_00, "tea")) for of in many * 5])


def test_a_quote_tells_how_many_points_could_pay(world: World) -> None:
    (of,) = world.enrolled(available=5_000)
    change(world, cash=CashRules(least=100, most=3_000, ratio=5_000))
    quote = purchase_view.Quote(of, "default", Basket(40_00), "USD")
    quoted = world.do(purchase_view.quote, quote)
    assert (quoted.usable.points, quoted.usable.value) == (2_000, dollars(20))
    with pytest.raises(Fault):
        world.do(purchase_view.quote, replace(quote, currency="EUR"))


def test_a_person_is_kept_only_where_a_rule_asks(world: World) -> None:
    (of,) = world.enrolled()
    world.do(purchase.settle, [bought(of, line(10_00))])
    assert world.rows("select person from purchases")[0].person is None
    change(world, rules=RULES)
    world.do(purchase.settle, [bought(of, line(10_00), pay_time=NOW + timedelta(days=1))])
    kept = world.rows("select person from purchases where person is not null")
    assert [tuple(each.person) for each in kept] == [(Person().tier, [], False, 0)]


def test_an_order_that_is_imported_anew_with_more_is_judged_anew(world: World) -> None:
    change(world, rules=(times(20_000, scope=TEA),))
    (of,) = world.enrolled()
    paid = bought(of, line(10_00, "tea"))
    world.do(purchase.settle, [paid])
    more = bought(of, line(10_00, "tea"), line(5_00, "tea"))
    world.do(purchase.settle, [replace(more, order=paid.order, version=3)])
    assert world.wallet(of) == (30, 0, 0)
    world.do(purchase.settle, [replace(refunded(more, 4, 10_00, 0), order=paid.order)])
    assert world.wallet(of) == (20, 0, 0)
