"""Profiles in the database: any arrival of the events makes those that all purchases make, and scores compare them."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from kit import names
from kit.errors import Fault
from services.campaigns.domain.purchase import Purchase
from services.campaigns.domain.rfm import Score, Standing
from services.campaigns.usecases import profile, purchase
from services.campaigns.usecases.profile import View
from services.campaigns.usecases.purchase import Receipt
from tests.contract.campaigns.conftest import World
from tests.support.builders import campaigns as build
from tests.support.builders.campaigns import DAY, NOW

RECOMPUTED = """
    select member_id, currency, count(*) filter (where counts), sum(net)::bigint,
           min(pay_time) filter (where counts), max(pay_time) filter (where counts)
    from purchases group by member_id, currency order by member_id, currency
"""
KEPT = "select * from spendings order by member_id, currency"


def record(world: World, purchases: Sequence[Purchase], *, imported: bool = True) -> None:
    world.do(purchase.record, [Receipt(each, imported) for each in purchases], names.new_id)


def history(chance: random.Random, *, orders: int, members: int) -> list[Purchase]:
    """Paid orders, some of them refunded step by step, some to nothing."""
    people = [uuid.UUID(int=number) for number in range(1, members + 1)]
    events = []
    for _ in range(orders):
        net = chance.randrange(0, 9000)
        paid = build.purchase(
            order=uuid.UUID(int=chance.getrandbits(128)),
            member=chance.choice(people),
            currency=chance.choice(["USD", "USD", "CNY"]),
            net=net,
            pay_time=NOW - timedelta(minutes=chance.randrange(0, 60 * 24 * 500)),
            version=1,
        )
        events.append(paid)
        for version in range(2, 2 + chance.choice([0, 0, 1, 3])):
            net = chance.choice([0, chance.randrange(0, net + 1)])
            events.append(Purchase(paid.order, paid.member, paid.currency, net, paid.pay_time, net != 0, version))
    return events


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_and_repeated_events_in_concurrent_batches_make_the_recomputed_profiles(
    world: World, seed: int
) -> None:
    chance = random.Random(seed)
    events = history(chance, orders=150, members=12)
    arrivals = events + chance.choices(events, k=len(events))
    chance.shuffle(arrivals)
    batches = [arrivals[start : start + 25] for start in range(0, len(arrivals), 25)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda batch: record(world, batch), batches))
    assert world.rows(KEPT) == world.rows(RECOMPUTED)
    last: dict[uuid.UUID, Purchase] = {}
    for event in events:
        last[event.order] = event
    assert world.rows("select sum(net)::bigint from purchases") == [(sum(each.net for each in last.values()),)]


def test_an_older_event_that_comes_late_changes_nothing(world: World) -> None:
    paid = build.purchase(version=2)
    refunded = Purchase(paid.order, paid.member, "USD", 400, paid.pay_time, counts=True, version=3)
    record(world, [refunded])
    record(world, [paid])
    (spending,) = view(world, paid.member).profile.spendings.values()
    assert (spending.order_count, spending.total) == (1, 400)


def test_the_first_and_last_purchase_are_found_again_after_a_refund(world: World) -> None:
    member = uuid.uuid4()
    old, middle, new = (build.purchase(member=member, pay_time=NOW - days * DAY) for days in (30, 20, 10))
    record(world, [old, middle, new])
    record(world, [Purchase(new.order, member, "USD", 0, new.pay_time, counts=False, version=3)])
    (spending,) = view(world, member).profile.spendings.values()
    assert spending.bounds == (old.pay_time, middle.pay_time)


def view(world: World, member: uuid.UUID, as_of: Any = None) -> View:
    return world.do(profile.get, member, as_of)  # type: ignore[no-any-return]


def spread(world: World) -> list[uuid.UUID]:
    """Five members: the later in the list, the more recent, frequent and generous."""
    members = [uuid.uuid4() for _ in range(5)]
    for rank, member in enumerate(members):
        record(
            world,
            [build.purchase(member=member, net=100, pay_time=NOW - (10 - rank) * DAY) for _ in range(rank + 1)],
        )
    return members


def test_five_members_have_five_scores(world: World) -> None:
    members = spread(world)
    scores = [view(world, member).spendings[0][1] for member in members]
    assert scores == [Score(rank, rank, rank) for rank in range(1, 6)]


def test_equal_values_have_equal_scores(world: World) -> None:
    twins = [uuid.uuid4(), uuid.uuid4()]
    record(world, [build.purchase(member=member) for member in twins])
    assert {view(world, member).spendings[0][1] for member in twins} == {Score(1, 1, 1)}


def test_the_table_counts_just_the_scores_of_the_members(world: World) -> None:
    chance = random.Random(7)
    record(world, history(chance, orders=300, members=40))
    members = [row[0] for row in world.rows("select member_id from profiles")]
    for as_of in (None, NOW - 200 * DAY):
        expected: dict[Score, int] = {}
        for member in members:
            for spending, score in view(world, member, as_of).spendings:
                if spending.currency == "USD" and score is not None:
                    expected[score] = expected.get(score, 0) + 1
        table = world.do(profile.table, "USD", as_of)
        assert {cell.score: cell.members for cell in table.cells} == expected
        assert [cell.score for cell in table.cells] == sorted(expected)
        assert table.as_of == (as_of or NOW)


def test_as_of_an_instant_after_all_purchases_the_table_is_that_of_now(world: World) -> None:
    record(world, history(random.Random(8), orders=200, members=30))
    assert world.do(profile.table, "CNY", NOW + DAY).cells == world.do(profile.table, "CNY", None).cells


def test_as_of_an_instant_later_purchases_do_not_count(world: World) -> None:
    member = uuid.uuid4()
    record(world, [build.purchase(member=member, pay_time=NOW - days * DAY) for days in (30, 10)])
    assert view(world, member, NOW - 20 * DAY).spendings[0][0].order_count == 1
    assert view(world, member, NOW - 40 * DAY).spendings == []
    assert world.do(profile.table, "USD", NOW - 40 * DAY).cells == []


def test_who_has_everything_refunded_keeps_a_profile_without_scores(world: World) -> None:
    paid = build.purchase()
    record(world, [paid])
    record(world, [Purchase(paid.order, paid.member, "USD", 0, paid.pay_time, counts=False, version=3)])
    ((spending, score),) = view(world, paid.member).spendings
    assert (spending.order_count, spending.bounds, score) == (0, None, None)
    assert world.do(profile.table, "USD", None).cells == []


def test_who_never_bought_has_no_profile(world: World) -> None:
    with pytest.raises(Fault) as caught:
        view(world, uuid.uuid4())
    assert caught.value.reason == "PROFILE_NOT_FOUND"


def test_the_score_in_sql_is_the_score_of_the_domain(world: World) -> None:
    ranks = world.rows(
        "select n, below, 5 * below / n + 1 from generate_series(1, 60) n, generate_series(0, n - 1) below"
    )
    assert all(
        Standing(count, below, below, below).score() == Score(score, score, score) for count, below, score in ranks
    )
