"""Segments in the database: everybody is in who should be, and each change is told once."""

from __future__ import annotations

import random
import threading
import uuid
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit import names
from services.campaigns.domain import rule as rules
from services.campaigns.domain.events import EntryCause
from services.campaigns.domain.purchase import Purchase
from services.campaigns.domain.rule import AllOf, AnyOf, Comparison, Criterion, Metric, Rule
from services.campaigns.storage.rule import from_json, to_json
from services.campaigns.storage.unit import CampaignsUnit
from services.campaigns.usecases import purchase, segment
from services.campaigns.usecases.purchase import Receipt
from tests.contract.campaigns.conftest import World
from tests.contract.campaigns.segments import built, buy, buys, causes, created, inside, orders_of, told
from tests.contract.campaigns.test_profiles import history
from tests.support.builders import campaigns as build
from tests.support.builders.campaigns import DAY, NOW, asleep_for, bought_at_least
from tests.support.waiting import until

criteria = st.one_of(
    st.builds(
        Criterion,
        st.sampled_from([Metric.RECENCY_DAYS, Metric.TENURE_DAYS]),
        st.sampled_from(Comparison),
        st.integers(0, 500),
    ),
    st.builds(Criterion, st.just(Metric.ORDER_COUNT), st.sampled_from(Comparison), st.integers(0, 12)),
    st.builds(
        Criterion,
        st.sampled_from([Metric.TOTAL_SPENT, Metric.AVERAGE_ORDER]),
        st.sampled_from(Comparison),
        st.integers(0, 30_000),
        st.sampled_from(["USD", "CNY", "EUR"]),
    ),
)
any_rule = st.recursive(
    criteria,
    lambda inner: (
        st.builds(AllOf, st.lists(inner, min_size=1, max_size=3).map(tuple))
        | st.builds(AnyOf, st.lists(inner, min_size=1, max_size=3).map(tuple))
    ),
    max_leaves=6,
)


def test_a_purchase_brings_a_member_in_and_a_refund_out_each_told_once(world: World) -> None:
    kept, member = built(world), uuid.uuid4()
    buys(world, member)
    assert inside(world, kept) == set()
    second = build.purchase(member=member)
    buy(world, second)
    assert inside(world, kept) == {member}
    buys(world, member)
    gone = Purchase(second.order, member, "USD", 0, second.pay_time, counts=False, version=9)
    buy(world, gone)
    assert inside(world, kept) == {member}
    assert told(world) == [("SegmentEntered", str(member))]
    buy(world, *(Purchase(each, member, "USD", 0, NOW, counts=False, version=9) for each in orders_of(world, member)))
    assert inside(world, kept) == set()
    assert told(world) == [("SegmentEntered", str(member)), ("SegmentLeft", str(member))]


def test_the_versions_of_a_membership_grow(world: World) -> None:
    built(world, asleep_for(30))
    member = uuid.uuid4()
    buy(world, build.purchase(member=member, pay_time=NOW - 40 * DAY))
    buys(world, member)
    world.now = NOW + 40 * DAY
    world.do(segment.judge_due, names.new_id)
    buy(world, build.purchase(member=member, pay_time=world.now))
    rows = world.rows("select subject_version from outbox where type like 'Segment%' order by sequence")
    versions = [row[0] for row in rows]
    assert len(versions) == 4
    assert versions == sorted(set(versions))


def test_a_new_segment_finds_those_who_bought_before_without_any_automation(world: World) -> None:
    members = [uuid.uuid4() for _ in range(5)]
    for member in members:
        buys(world, member, 2)
    kept = created(world)
    assert kept.building
    assert inside(world, kept) == set()
    assert world.do(segment.build, names.new_id) == 5
    assert not world.do(segment.get, kept.id).building
    assert inside(world, kept) == set(members)
    assert causes(world, kept) == {EntryCause.RULE}
    assert world.do(segment.build, names.new_id) == 0


def test_a_large_build_goes_on_where_it_stopped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment, "_BUILT_AT_ONCE", 3)
    members = {uuid.uuid4() for _ in range(7)}
    for member in members:
        buys(world, member, 2)
    kept = created(world)
    assert [world.do(segment.build, names.new_id) for _ in range(4)] == [3, 3, 1, 0]
    assert inside(world, kept) == members
    assert Counter(told(world)) == {("SegmentEntered", str(member)): 1 for member in members}


def test_a_new_rule_judges_everybody_again(world: World) -> None:
    loyal, casual = uuid.uuid4(), uuid.uuid4()
    buys(world, loyal, 3)
    buys(world, casual, 2)
    kept = built(world)
    world.do(segment.update, segment.Update(kept.id, None, None, bought_at_least(3)))
    world.do(segment.build, names.new_id)
    assert inside(world, kept) == {loyal}
    assert world.events("SegmentLeft")[0]["ruleVersion"] == "2"


def test_another_name_judges_nobody_again(world: World) -> None:
    kept = built(world)
    renamed = world.do(segment.update, segment.Update(kept.id, kept.version, "Regulars", None))
    assert (renamed.display_name, renamed.building, renamed.rule_version) == ("Regulars", False, 1)


def test_time_alone_puts_a_member_to_sleep(world: World) -> None:
    kept, member = built(world, asleep_for(30)), uuid.uuid4()
    buys(world, member)
    world.now = NOW + 29 * DAY - timedelta(seconds=1)
    assert world.do(segment.judge_due, names.new_id) == 0
    world.now = NOW + 29 * DAY
    assert world.do(segment.judge_due, names.new_id) == 1
    assert inside(world, kept) == {member}
    assert causes(world, kept) == {EntryCause.TIME}
    assert world.rows("select count(*) from profiles where due_time <= :now", now=world.now) == [(0,)]


def test_a_build_plans_the_next_judgement_too(world: World) -> None:
    member = uuid.uuid4()
    buys(world, member)
    kept = built(world, asleep_for(30))
    built(world, asleep_for(60))
    world.now = NOW + 29 * DAY
    assert world.do(segment.judge_due, names.new_id) == 1
    assert inside(world, kept) == {member}


@pytest.mark.parametrize("seed", range(2))
def test_incremental_membership_equals_a_full_judgement(world: World, seed: int) -> None:
    chance = random.Random(seed)
    segments = [
        built(world, rule)
        for rule in (
            bought_at_least(4),
            asleep_for(60),
            AllOf((bought_at_least(2), Criterion(Metric.TOTAL_SPENT, Comparison.MORE_THAN, 9000, "USD"))),
        )
    ]
    events = history(chance, orders=120, members=15)
    chance.shuffle(events)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda start: buy(world, *events[start : start + 20]), range(0, len(events), 20)))
    assert world.rows("select count(*) from profiles where due_time <= :now", now=NOW) == [(0,)]

    def judged_afresh(unit: CampaignsUnit, rule: Rule) -> set[uuid.UUID]:
        profiles = unit.profiles.lock_after(None, 1000)
        return {each.member for each in profiles if rules.matches(rule, each, unit.now)}

    for kept in segments:
        assert inside(world, kept) == world.do(judged_afresh, kept.rule)


def test_a_new_rule_waits_for_judgements_that_are_not_committed(world: World) -> None:
    kept, member = built(world, bought_at_least(2)), uuid.uuid4()

    def change() -> None:
        world.do(segment.update, segment.Update(kept.id, None, None, bought_at_least(1)))
        world.do(segment.build, names.new_id)

    def someone_waits() -> bool:
        return world.rows("select count(*) from pg_locks where locktype = 'advisory' and not granted") == [(1,)]

    with ThreadPoolExecutor(1) as pool:

        def judge_slowly(unit: CampaignsUnit) -> Future[None]:
            purchase.record(unit, [Receipt(build.purchase(member=member), False)], names.new_id)
            changing = pool.submit(change)
            until(lambda: someone_waits() or changing.done(), what="the change of the rule")
            return changing

        world.do(judge_slowly).result()
    assert inside(world, kept) == {member}


def test_a_rule_that_changes_while_purchases_come_in_leaves_nobody_misjudged(world: World) -> None:
    kept, stop = built(world, bought_at_least(1)), threading.Event()
    members = [uuid.uuid4() for _ in range(30)]

    def shop(seed: int) -> None:
        chance = random.Random(seed)
        while not stop.is_set():
            buys(world, chance.choice(members))

    with ThreadPoolExecutor(3) as pool:
        for seed in range(3):
            pool.submit(shop, seed)
        for count in (3, 1, 6, 2, 5, 4):
            world.do(segment.update, segment.Update(kept.id, None, None, bought_at_least(count)))
            while world.do(segment.build, names.new_id):
                pass
        stop.set()
    expected = world.rows("select member_id from spendings where order_count >= 4")
    assert inside(world, kept) == {row[0] for row in expected}
    for member, changes in _by_member(told(world)).items():
        assert all(one != other for one, other in pairwise(changes)), member


def _by_member(changes: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for kind, member in changes:
        grouped.setdefault(member, []).append(kind)
    return grouped


def test_a_preview_counts_and_keeps_nothing(world: World) -> None:
    buys(world, uuid.uuid4(), 2)
    buys(world, uuid.uuid4(), 1)
    assert world.do(segment.preview, bought_at_least(2)) == (1, 2)
    assert world.rows("select count(*) from segments") == [(0,)]


@pytest.fixture(scope="module")
def shop(postgres: Any) -> Any:
    """Forty members with a past, for rules that only look."""
    world = World(postgres.migrated("campaigns"))
    buy(world, *history(random.Random(42), orders=200, members=40))
    yield world
    world.database.close()
    postgres.drop(world.url)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(any_rule)
def test_the_rule_in_sql_says_what_the_domain_says(shop: World, rule: Rule) -> None:
    def both(unit: CampaignsUnit) -> tuple[int, int]:
        profiles = unit.profiles.lock_after(None, 1000)
        return unit.segments.count(rule, NOW)[0], sum(rules.matches(rule, each, NOW) for each in profiles)

    counted, judged = shop.do(both)
    assert counted == judged


@given(any_rule)
def test_a_rule_comes_back_as_it_was_stored(rule: Rule) -> None:
    assert from_json(to_json(rule)) == rule
