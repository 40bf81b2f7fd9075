"""Growth value, tiers by any scheme, and tiers given by hand, on a real database."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import permutations, product
from typing import Any
from uuid import UUID, uuid4

import pytest

from kit.errors import Fault
from kit.page import Page
from services.members.domain.growth import Growth
from services.members.domain.programme import Programme, Rate, Tier
from services.members.domain.tier_scheme import Benefits, Downgrade, Metric, TierScheme, Window
from services.members.usecases import growth, member, programme, purchase, tier
from services.members.usecases.growth import ChangeGrowth
from tests.contract.members.conftest import World
from tests.support.builders.members import NOW, day, dollars, settlement
from tests.support.builders.tiers import ladder, override_of

GROWTH = TierScheme(Metric.GROWTH)


def rule(world: World, rules: Programme, **values: Any) -> None:
    """Change the scheme and the tiers, and judge everybody by them."""
    world.do(programme.update, programme.UpdateProgramme({"scheme": rules.scheme, "tiers": rules.tiers, **values}))
    while world.do(tier.requalify):
        pass


def add(world: World, of: UUID, value: int, **fields: Any) -> Growth | Fault:
    outcome: Growth | Fault = world.do(growth.add, [ChangeGrowth(of, value, "tests/1", **fields)])[0]
    return outcome


def deduct(world: World, of: UUID, value: int) -> Growth | Fault:
    outcome: Growth | Fault = world.do(growth.deduct, [ChangeGrowth(of, value, "tests/2")])[0]
    return outcome


def held(world: World, of: UUID) -> tuple[int, int]:
    found = world.do(growth.read, of)
    return found.value, found.receivable


def tier_of(world: World, of: UUID) -> str:
    return str(world.do(tier.status, of, None).status.tier)


def history(world: World, of: UUID) -> list[Any]:
    query = "select time, from_tier, to_tier, upgrade, manual from tier_changes where member = :member order by time"
    return world.rows(query, member=of)


def test_growth_value_comes_and_goes_and_is_listed(world: World) -> None:
    (of,) = world.enrolled()
    assert held(world, of) == (0, 0)
    assert add(world, of, 70, time=day(3)) == Growth(of, 70)
    assert deduct(world, of, 30) == Growth(of, 40)
    refusal = deduct(world, of, 41)
    assert isinstance(refusal, Fault)
    assert (refusal.reason, refusal.metadata) == ("GROWTH_INSUFFICIENT", {"asked": "41", "value": "40"})
    posted = world.do(growth.entries, of, Page(9))
    assert [(each.cause.kind, each.value, each.cause.time) for each in posted] == [
        ("DEDUCT", -30, world.clock.now),
        ("ADD", 70, day(3)),
    ]


def test_a_bad_command_leaves_its_neighbours_alone(world: World) -> None:
    one, other = world.enrolled(2)
    commands = [ChangeGrowth(one, 5, ""), ChangeGrowth(uuid4(), 5, ""), ChangeGrowth(other, 5, "", NOW + timedelta(1))]
    outcomes = world.do(growth.add, [*commands, ChangeGrowth(one, 6, "")])
    assert [getattr(each, "reason", None) or each.value for each in outcomes] == [
        5,
        "MEMBER_NOT_FOUND",
        "GROWTH_TIME_INVALID",
        11,
    ]


def test_tiers_go_by_growth_value_and_what_is_deducted_shows_at_the_evaluation(world: World) -> None:
    (of,) = world.enrolled()
    rule(world, ladder(TierScheme(Metric.GROWTH, Window.CALENDAR_YEAR)))
    add(world, of, 300)
    assert tier_of(world, of) == "gold"
    world.clock.move(timedelta(hours=1))
    deduct(world, of, 150)
    shown = world.do(tier.status, of, None).status
    assert (shown.tier, shown.value, shown.missing, shown.projected) == ("gold", 150, 350, "silver")
    world.clock.now = shown.evaluation
    assert world.do(tier.advance) == 1
    assert [json.loads(payload)["toTier"] for _, _, payload in world.published("TierChanged")] == ["gold", "silver"]


def test_orders_earn_growth_value_and_refunds_take_it_back_whatever_order_the_news_take(world: World) -> None:
    rule(world, ladder(GROWTH), growth=Rate(2, dollars(1)))
    paid = settlement(net=300, version=1)
    news = [paid, paid, replace(paid, net=dollars(60), version=2), replace(paid, net=dollars(0), version=3)]
    for order in set(permutations(range(4))):
        for last, left in ((3, 0), (2, 120)):
            (of,) = world.enrolled()
            id_ = uuid4()
            for index in order:
                if index <= last:
                    world.do(purchase.settle, [replace(news[index], member=of, order=id_)])
            assert held(world, of) == (left, 0)
            assert tier_of(world, of) == ("silver" if left else "base")
            assert len(history(world, of)) == (2 if left else 0)


def test_growth_value_that_was_deducted_before_a_refund_is_owed_and_paid_first(world: World) -> None:
    (of,) = world.enrolled()
    rule(world, ladder(GROWTH), growth=Rate(1, dollars(1)))
    paid = settlement(of, net=100)
    world.do(purchase.settle, [paid])
    deduct(world, of, 80)
    world.do(purchase.settle, [replace(paid, net=dollars(0), version=2)])
    assert held(world, of) == (0, 80)
    add(world, of, 100)
    assert held(world, of) == (20, 0)


def test_an_order_keeps_the_growth_rate_of_the_moment_at_which_it_was_heard_of(world: World) -> None:
    (of,) = world.enrolled()
    rule(world, ladder(GROWTH), growth=Rate(1, dollars(1)))
    paid = settlement(of, net=100)
    world.do(purchase.settle, [paid])
    rule(world, ladder(GROWTH), growth=Rate(5, dollars(1)))
    world.do(purchase.settle, [replace(paid, net=dollars(40), version=2)])
    assert held(world, of) == (40, 0)


@pytest.mark.parametrize(("metric", "window"), list(product(Metric, Window)))
def test_a_replay_from_zero_gives_the_very_history_that_is_kept(world: World, metric: Metric, window: Window) -> None:
    chance = random.Random(f"{metric}{window}")
    members = world.enrolled(4)
    scheme = TierScheme(metric, window, chance.choice(list(Downgrade)), chance.choice([0, 60]))
    rule(world, ladder(scheme), growth=Rate(1, dollars(1)), time_zone="America/New_York")
    news = []
    for _ in range(30):
        paid = settlement(chance.choice(members), net=chance.randrange(400), pay_time=day(chance.randrange(700)))
        news += [replace(paid, version=number, net=dollars(chance.randrange(400))) for number in (1, 2)]
    chance.shuffle(news)
    while news:
        world.do(purchase.settle, [news.pop() for _ in range(min(len(news), chance.randrange(1, 9)))])
        add(world, chance.choice(members), 40, time=day(chance.randrange(700)))
    world.do(tier.override, override_of(members[0], "gold", NOW + timedelta(days=9)))
    replayed = world.do(tier.replayed, members)
    for of in members:
        kept = [tuple(change) for change in history(world, of)]
        assert kept == [
            (change.time, change.from_tier, change.to_tier, change.upgrade, change.manual) for change in replayed[of]
        ]
        assert kept


def test_anniversaries_are_those_of_the_day_of_joining(world: World) -> None:
    (of,) = world.enrolled()
    joined = world.rows("select enroll_time from members")[0][0]
    rule(world, ladder(TierScheme(window=Window.ANNIVERSARY)))
    world.clock.move(timedelta(days=100))
    world.do(purchase.settle, [settlement(of, net=300, pay_time=world.clock.now)])
    evaluation = world.do(tier.status, of, None).status.evaluation
    assert evaluation == joined.replace(year=joined.year + 1, hour=0)


def test_a_tier_given_by_hand_lasts_until_its_date_and_stands_in_the_history(world: World) -> None:
    (of,) = world.enrolled()
    until = world.clock.now + timedelta(days=30)
    shown = world.do(tier.override, override_of(of, "gold", until)).status
    assert (shown.tier, shown.expire, shown.override.reason) == ("gold", until, "goodwill")
    world.do(purchase.settle, [settlement(of, net=500)])
    assert tier_of(world, of) == "gold"
    world.clock.now = until
    assert tier_of(world, of) == "platinum"
    assert world.do(tier.advance) == 1
    assert [(after, manual) for _, _, after, _, manual in history(world, of)[:2]] == [
        ("gold", True),
        ("platinum", True),
    ]
    assert len(world.published("TierChanged")) == 2


def test_what_was_given_by_hand_can_be_replaced_and_taken_back(world: World) -> None:
    (of,) = world.enrolled()
    until = world.clock.now + timedelta(days=30)
    for name in ("gold", "silver"):
        world.do(tier.override, override_of(of, name, until))
        world.clock.move(timedelta(days=1))
        assert tier_of(world, of) == name
    assert world.do(tier.override, override_of(of)).status.tier == "base"
    acts = world.do(tier.overrides, of, Page(2))
    assert [act.tier for act in acts] == ["", "silver", "gold"]
    assert [act.tier for act in world.do(tier.overrides, of, Page(2, (str(acts[1].id),)))] == ["gold"]
    assert world.do(tier.status, of, NOW).status.tier == "gold"
    kept = "select actor, reason, before, after from audit_entries order by sequence"
    before, after = world.rows(kept)[-1][2:]
    assert (json.loads(before)["override"], json.loads(after)) == ("silver", {"now": "base", "override": ""})


@pytest.mark.parametrize(
    ("name", "until", "reason"),
    [
        ("diamond", timedelta(days=1), "TIER_NOT_FOUND"),
        ("gold", timedelta(0), "TIER_OVERRIDE_ENDED"),
        ("", None, "TIER_OVERRIDE_MISSING"),
    ],
)
def test_an_override_that_makes_no_sense_is_refused(
    world: World, name: str, until: timedelta | None, reason: str
) -> None:
    (of,) = world.enrolled()
    command = override_of(of, name, world.clock.now + until if until is not None else None)
    with pytest.raises(Fault) as refusal:
        world.do(tier.override, command)
    assert refusal.value.reason == reason
    assert world.rows("select 1 from tier_overrides") == []


def test_who_is_no_member_has_no_tier(world: World) -> None:
    for usecase, args in (
        (tier.status, (None,)),
        (tier.overrides, (Page(1),)),
        (growth.read, ()),
        (growth.entries, (Page(1),)),
    ):
        with pytest.raises(Fault) as refusal:
            world.do(usecase, uuid4(), *args)
        assert refusal.value.reason == "MEMBER_NOT_FOUND"


def test_an_event_tells_what_the_tier_is_good_for(world: World) -> None:
    of, nobody = world.enrolled(2)
    gold = Tier("gold", dollars(100), Benefits(multiplier=15_000, birthday_gift="couponTemplates/1"))
    rule(world, replace(ladder(TierScheme()), tiers=(gold,)))
    world.do(purchase.settle, [settlement(of, net=100)])
    (_, _, payload) = world.published("TierChanged")[0]
    assert json.loads(payload)["benefits"]["multiplierBasisPoints"] == 15_000
    mine, theirs = world.do(tier.benefits, [of, nobody])
    assert (mine.tier, mine.benefits, theirs.benefits) == ("gold", gold.benefits, Benefits())
    assert world.do(tier.benefits, [uuid4()])[0].reason == "MEMBER_NOT_FOUND"


def test_members_are_judged_anew_by_all_their_purchases_when_asked(world: World) -> None:
    one, other = world.enrolled(2)
    world.do(purchase.settle, [settlement(one, net=100), settlement(other, net=200)])
    world.rows("update purchases set member = :heir where member = :gone returning 1", heir=other, gone=one)
    world.do(tier.rejudge, [one, other])
    assert (tier_of(world, one), tier_of(world, other)) == ("base", "gold")
    told = [(subject, json.loads(payload)["toTier"]) for subject, _, payload in world.published("TierChanged")[-2:]]
    assert sorted(told) == sorted([(f"members/{one}/tier", "base"), (f"members/{other}/tier", "gold")])


def test_growth_value_added_at_once_by_many_all_arrives(world: World) -> None:
    (of,) = world.enrolled()
    rule(world, ladder(GROWTH))
    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(lambda _: add(world, of, 5), range(60)))
    assert not [outcome for outcome in outcomes if isinstance(outcome, Fault)]
    assert (held(world, of), tier_of(world, of)) == ((300, 0), "gold")
    assert len(world.published("TierChanged")) == 2


def test_several_replicas_announce_a_change_of_time_once(world: World) -> None:
    members = world.enrolled(40)
    world.do(purchase.settle, [settlement(of, net=100) for of in members])
    world.clock.move(timedelta(days=365))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: world.do(tier.advance), range(4)))
    while world.do(tier.advance):
        pass
    assert len(world.published("TierChanged")) == 80


def test_of_many_overrides_at_once_the_last_one_holds(world: World) -> None:
    (of,) = world.enrolled()
    until = world.clock.now + timedelta(days=9)
    names = ["silver", "gold", "platinum"] * 6
    with ThreadPoolExecutor(9) as pool:
        list(pool.map(lambda name: world.do(tier.override, override_of(of, name, until)), names))
    newest = world.do(tier.overrides, of, Page(1))[0]
    assert tier_of(world, of) == newest.tier
    assert world.do(tier.replayed, [of])[of][-1].to_tier == "base"


def test_a_past_moment_is_judged_by_the_rules_of_its_day(world: World) -> None:
    (of,) = world.enrolled()
    world.do(purchase.settle, [settlement(of, net=300)])
    assert tier_of(world, of) == "gold"
    before = world.clock.now + timedelta(days=1)
    world.clock.move(timedelta(days=10))
    changed = world.clock.now
    dearer = tuple(replace(each, threshold=each.threshold * 10) for each in ladder(TierScheme()).tiers)
    rule(world, replace(ladder(TierScheme()), tiers=dearer))
    world.clock.move(timedelta(days=10))
    assert tier_of(world, of) == "base"
    for moment, tier_then, version in ((before, "gold", 1), (changed, "base", 2), (NOW - timedelta(9), "base", 1)):
        then = world.do(tier.status, of, moment)
        assert (then.status.tier, then.programme.version) == (tier_then, version)
        assert world.do(member.get, of, moment).tier == tier_then
    then = world.do(tier.status, of, before).status
    assert (then.value, then.next_tier.id, then.missing) == (300_00, "platinum", 200_00)
    assert world.do(member.get, of, before).tier_expire_time == then.expire == NOW + timedelta(days=365)


def test_a_past_moment_is_measured_as_it_was_then(world: World) -> None:
    (of,) = world.enrolled()
    rule(world, ladder(GROWTH))
    add(world, of, 300)
    before = world.clock.now
    world.clock.move(timedelta(days=1))
    rule(world, ladder(TierScheme()))
    world.clock.move(timedelta(days=1))
    assert (tier_of(world, of), world.do(tier.status, of, before).status.tier) == ("base", "gold")


def test_the_changes_of_tier_go_by_the_rules_of_their_day(world: World) -> None:
    (of,) = world.enrolled()
    first = settlement(of, net=300, pay_time=NOW - timedelta(days=30))
    world.do(purchase.settle, [first])
    world.clock.move(timedelta(days=10))
    dearer = world.clock.now
    tiers = tuple(replace(each, threshold=each.threshold * 2) for each in ladder(TierScheme()).tiers)
    rule(world, replace(ladder(TierScheme()), tiers=tiers))
    rule(world, replace(ladder(TierScheme()), tiers=tiers), expiry_notice_days=3)  # nothing about tiers
    world.clock.move(timedelta(days=10))
    bought = world.clock.now
    world.do(purchase.settle, [settlement(of, net=1000, pay_time=bought)])
    shown = world.do(tier.changes, of, Page(9))
    assert [(each.time, each.from_tier, each.to_tier, each.upgrade) for each in shown] == [
        (bought, "silver", "platinum", True),
        (dearer, "gold", "silver", False),
        (NOW - timedelta(days=30), "base", "gold", True),
    ]
    assert world.do(tier.changes, of, Page(1, (shown[0].time.isoformat(),))) == shown[1:]
    for change in shown:
        then = world.do(tier.status, of, change.time).status
        assert (then.tier, then.since) == (change.to_tier, change.time)
    # The history that tiers are judged by today is that of today's rules.
    assert [(each.to_tier) for each in history(world, of)][:2] == ["silver", "platinum"]
    world.do(purchase.settle, [replace(first, net=dollars(0), version=2)])
    assert [(each.time, each.to_tier) for each in world.do(tier.changes, of, Page(9))] == [(bought, "platinum")]
