"""Merges, undoings, purchases, coupons: repeated, in any order and at the same time, they come to one thing."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.errors import Fault
from kit.worker import Received
from services.campaigns.consumer import take_members, take_orders
from services.campaigns.domain.coupon_template import CouponTemplate
from services.campaigns.usecases import coupon
from services.campaigns.usecases.coupon import Lock, Settle
from tests.contract.campaigns.conftest import World
from tests.contract.campaigns.segments import built, inside
from tests.contract.campaigns.test_coupons import issue_to, issued, stored
from tests.contract.campaigns.test_profiles import KEPT, RECOMPUTED
from tests.support.builders import campaigns as build
from tests.support.builders import merges
from tests.support.builders.campaigns import NOW, bought_at_least
from tests.support.builders.merges import PEOPLE, merged

SOON = NOW + timedelta(minutes=15)


@dataclass
class Story(merges.Story):
    """What really happens to four people, as members and orders know it, and what is told of it."""

    orders: dict[uuid.UUID, uuid.UUID] = field(default_factory=dict)

    def buy(self, member: uuid.UUID, _: uuid.UUID) -> None:
        order = uuid.uuid4()
        self.orders[order] = member
        self.told += [
            build.order_paid(member, order=order, cents=900),
            build.order_refunded(member, order, cents=400),
        ]


@pytest.fixture(scope="module")
def shared(postgres: Any) -> Iterator[World]:
    """One database for all stories: nobody is in two of them."""
    world = World(postgres.migrated("campaigns"))
    yield world
    world.database.close()


def redeem(world: World, key: uuid.UUID, member: uuid.UUID) -> str:
    """Use a coupon for a new order under a name; answers what came of it."""
    order = uuid.uuid4()
    (locked,) = world.do(coupon.lock, [Lock([key], order, member, SOON)])
    if isinstance(locked, Fault):
        return locked.reason
    world.do(coupon.use, Settle([key], order))
    return "OK"


def arrive(world: World, events: list[Received]) -> None:
    """As their queues bring them: those of members apart from those of orders."""
    for handler, source in ((take_members, "Member"), (take_orders, "Order")):
        batch = [event for event in events if event.type.startswith(source)]
        if batch:
            world.do(handler, batch)


steps = st.lists(
    st.tuples(
        st.sampled_from([Story.merge, Story.merge, Story.undo, Story.buy]),
        st.integers(0, PEOPLE - 1),
        st.integers(0, PEOPLE - 1),
    ),
    max_size=14,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps, chance=st.randoms(use_true_random=False))
def test_everything_is_with_whom_it_belongs_to_whatever_order_it_is_told_in(
    shared: World, steps: list[tuple[Any, int, int]], chance: random.Random
) -> None:
    story = Story()
    for happen, one, other in steps:
        happen(story, story.people[one], story.people[other])
    source, names_of = stored(shared), dict[uuid.UUID, uuid.UUID]()
    arrivals = story.told + chance.choices(story.told, k=len(story.told) // 2) if story.told else []
    chance.shuffle(arrivals)
    while arrivals:
        _call(shared, source, story, names_of, chance)
        size = chance.randrange(1, 4)
        arrive(shared, arrivals[:size])
        del arrivals[:size]
    assert_told(shared, story, names_of)


def _call(
    world: World, source: CouponTemplate, story: Story, names_of: dict[uuid.UUID, uuid.UUID], chance: random.Random
) -> None:
    """Somebody gets a coupon, or uses one, under any name."""
    member = chance.choice(story.people)
    if names_of and chance.random() < 0.5:
        redeem(world, chance.choice(list(names_of)), member)
        return
    cause = chance.choice(["", "birthday"])
    (got,) = world.do(coupon.issue, [issue_to(source, member, cause)])
    names_of.setdefault(got.id, member)


def assert_told(world: World, story: Story, names_of: dict[uuid.UUID, uuid.UUID]) -> None:
    """Coupons and purchases are with whoever stands for the member they came under; profiles are their sums."""
    people = {"people": story.people}
    found = world.rows("select id, member_id from coupons where member_id = any(:people)", **people)
    assert dict(found) == {key: story.root(member) for key, member in names_of.items()}
    bought = world.rows("select order_id, member_id from purchases where member_id = any(:people)", **people)
    assert dict(bought) == {order: story.root(member) for order, member in story.orders.items()}
    assert world.rows(KEPT) == world.rows(RECOMPUTED)
    used = world.rows("select count(*), count(distinct aggregateid) from outbox where type = 'CouponUsed'")
    assert used == world.rows("select count(*), count(*) from coupons where state = 'USED'")


@pytest.mark.parametrize("seed", range(4))
def test_a_coupon_that_is_used_during_the_merge_is_used_once_and_belongs_to_one(world: World, seed: int) -> None:
    source, often = stored(world), built(world, bought_at_least(1))
    gone, kept = uuid.uuid4(), uuid.uuid4()
    contested = issued(world, source, gone)
    by_gone: list[Callable[[], Any]] = [lambda: redeem(world, contested.id, gone)] * 8
    by_kept: list[Callable[[], Any]] = [lambda: redeem(world, contested.id, kept)] * 8
    others: list[Callable[[], Any]] = [
        lambda: world.do(take_members, [merged(gone, kept)]),
        *[lambda: world.do(coupon.issue, [issue_to(source, gone)])] * 8,
        *[lambda: world.do(take_orders, [build.order_paid(gone)])] * 8,
    ]
    calls = [*by_gone, *by_kept, *others]
    random.Random(seed).shuffle(calls)
    with ThreadPoolExecutor(16) as pool:
        told = [(call, pool.submit(call)) for call in calls]
    outcomes = Counter(done.result() for call, done in told if call in {*by_gone, *by_kept})
    assert outcomes["OK"] == 1
    # Whoever names the member that is gone is told of the coupon's state, before the merge and after it.
    assert {done.result() for call, done in told if call in by_gone} <= {"OK", "COUPON_LOCKED", "COUPON_USED"}
    assert world.rows("select member_id, count(*) from coupons group by member_id") == [(kept, 9)]
    assert world.rows("select member_id, order_count from spendings") == [(kept, 8)]
    assert inside(world, often) == {kept}
    assert world.rows("select count(*) from outbox where type = 'CouponUsed'") == [(1,)]


def test_merges_and_undoings_race_with_everything_else(world: World) -> None:
    chance = random.Random(11)
    source = stored(world)
    built(world, bought_at_least(2))
    story, got = Story(), dict[uuid.UUID, uuid.UUID]()
    for _ in range(60):
        happen = chance.choice([Story.merge, Story.merge, Story.undo, Story.buy])
        happen(story, chance.choice(story.people), chance.choice(story.people))

    def issue(member: uuid.UUID) -> None:
        (kept,) = world.do(coupon.issue, [issue_to(source, member)])
        got[kept.id] = member

    calls: list[Callable[[], Any]] = [partial(arrive, world, [event]) for event in story.told * 2]
    calls += [partial(issue, member) for member in story.people * 10]
    chance.shuffle(calls)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda call: call(), calls))
    assert len(got) == 40
    assert_told(world, story, got)
    expected = world.rows("select member_id from spendings group by member_id having sum(order_count) >= 2")
    assert sorted(world.rows("select member_id from segment_members")) == sorted(expected)
