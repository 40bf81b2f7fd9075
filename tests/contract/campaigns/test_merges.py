"""Merges of members in the database: what belongs to them goes with them, once, and comes back when it is undone."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from kit import names
from kit.errors import Fault
from kit.page import Page
from kit.worker import Received
from services.campaigns.consumer import take_members, take_orders
from services.campaigns.domain.coupon import State
from services.campaigns.domain.coupon_template import Limits
from services.campaigns.domain.events import EntryCause
from services.campaigns.domain.pricing import Line
from services.campaigns.domain.rule import Comparison, Criterion, Metric
from services.campaigns.usecases import automation, coupon, pricing, profile, segment
from services.campaigns.usecases.coupon import Filter, Lock, Settle
from services.campaigns.usecases.pricing import Order
from tests.contract.campaigns.conftest import World
from tests.contract.campaigns.segments import automated, built, buys, causes, inside, told
from tests.contract.campaigns.test_coupons import counts, issue_to, issued, stored
from tests.support.builders import campaigns as build
from tests.support.builders.campaigns import NOW, asleep_for, bought_at_least, erased, template
from tests.support.builders.merges import merged, unmerged

SOON = NOW + timedelta(minutes=15)


def members(world: World, *events: Received) -> None:
    world.do(take_members, events)


def of(world: World, member: uuid.UUID) -> set[uuid.UUID]:
    found = world.do(coupon.page, Page(1000), Filter(member=member))
    return {each.id for each in found}


def spent(world: World, member: uuid.UUID) -> tuple[uuid.UUID, int, int]:
    """Whose profile it is, how often they bought, for how much."""
    kept = world.do(profile.get, member, None).profile
    return kept.member, kept.order_count, sum(each.total for each in kept.spendings.values())


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(Fault) as caught:
        call()
    return caught.value.reason


@pytest.fixture
def pair() -> tuple[uuid.UUID, uuid.UUID]:
    """Who is merged, and who is kept."""
    return uuid.uuid4(), uuid.uuid4()


Pair = tuple[uuid.UUID, uuid.UUID]


def test_coupons_go_with_a_merge_and_come_back_when_it_is_undone(world: World, pair: Pair) -> None:
    gone, kept = pair
    source = stored(world)
    theirs, own = issued(world, source, gone), issued(world, source, kept)
    members(world, merged(*pair))
    assert of(world, kept) == of(world, gone) == {theirs.id, own.id}
    moved = world.do(coupon.get, theirs.id)
    assert (moved.member, moved.version) == (kept, theirs.version + 1)
    members(world, unmerged(*pair))
    assert (of(world, gone), of(world, kept)) == ({theirs.id}, {own.id})


def test_a_coupon_of_the_merged_member_is_used_under_either_name(world: World, pair: Pair) -> None:
    gone, kept = pair
    coupons = [issued(world, None, gone), issued(world, None, gone)]
    members(world, merged(*pair))
    for each, member in zip(coupons, pair, strict=True):
        order = uuid.uuid4()
        offer = Order(member, "USD", [Line("products/tea", 1, 900)], frozenset({each.id}))
        assert [decision.refusal for decision in world.do(pricing.quote, [offer])[0].decisions] == [None]
        (locked,) = world.do(coupon.lock, [Lock([each.id], order, member, SOON)])
        assert locked[0].state is State.LOCKED
        world.do(coupon.use, Settle([each.id], order))
    assert {event["member"] for event in world.events("CouponUsed")} == {f"members/{kept}"}


def test_what_was_used_stays_used_after_the_merge_is_undone(world: World, pair: Pair) -> None:
    gone, kept = pair
    used, order = issued(world, None, gone), uuid.uuid4()
    members(world, merged(*pair))
    world.do(coupon.lock, [Lock([used.id], order, kept, SOON)])
    world.do(coupon.use, Settle([used.id], order))
    members(world, unmerged(*pair))
    after = world.do(coupon.get, used.id)
    assert (after.state, after.member, after.order) == (State.USED, gone, order)


def test_a_coupon_of_nobody_merged_is_still_of_another_member(world: World, pair: Pair) -> None:
    theirs = issued(world, None, pair[0])
    members(world, merged(pair[0], uuid.uuid4()))
    (outcome,) = world.do(coupon.lock, [Lock([theirs.id], uuid.uuid4(), pair[1], SOON)])
    assert outcome.reason == "COUPON_OF_ANOTHER_MEMBER"


def test_what_is_issued_under_the_old_name_belongs_to_who_is_kept_until_it_is_undone(world: World, pair: Pair) -> None:
    gone, kept = pair
    source = stored(world)
    members(world, merged(*pair))
    late, own = issued(world, source, gone), issued(world, source, kept)
    assert (late.member, late.origin) == (kept, gone)
    assert [event["member"] for event in world.events("CouponIssued")] == [f"members/{kept}"] * 2
    members(world, unmerged(*pair))
    assert (of(world, gone), of(world, kept)) == ({late.id}, {own.id})


def test_both_keep_the_coupon_that_each_has_for_the_same_cause(world: World, pair: Pair) -> None:
    gone, kept = pair
    source = stored(world)
    both = [world.do(coupon.issue, [issue_to(source, member, "birthday")])[0] for member in pair]
    members(world, merged(*pair))
    assert of(world, kept) == {each.id for each in both}
    again = [world.do(coupon.issue, [issue_to(source, member, "birthday")])[0].id for member in pair]
    assert set(again) <= {each.id for each in both}
    assert counts(world, source) == (2, 0)
    members(world, unmerged(*pair))
    assert (of(world, gone), of(world, kept)) == ({both[0].id}, {both[1].id})


def test_the_limit_per_member_counts_what_both_had(world: World, pair: Pair) -> None:
    source = stored(world, template(limits=Limits(per_member=2)))
    issued(world, source, pair[0])
    issued(world, source, pair[1])
    members(world, merged(*pair))
    outcomes = [world.do(coupon.issue, [issue_to(source, member)])[0] for member in pair]
    assert [each.reason for each in outcomes] == ["MEMBER_LIMIT_REACHED"] * 2
    members(world, unmerged(*pair))
    issued(world, source, pair[0])


def test_purchases_make_one_profile_and_two_again(world: World, pair: Pair) -> None:
    gone, kept = pair
    buys(world, gone, 2)
    buys(world, kept)
    members(world, merged(*pair))
    assert spent(world, gone) == spent(world, kept) == (kept, 3, 3000)
    members(world, unmerged(*pair))
    assert (spent(world, gone), spent(world, kept)) == ((gone, 2, 2000), (kept, 1, 1000))


def test_orders_of_the_old_name_count_for_who_is_kept_and_go_back_with_it(world: World, pair: Pair) -> None:
    gone, kept = pair
    order = uuid.uuid4()
    world.do(take_orders, [build.order_paid(gone, order=order, cents=900)])
    members(world, merged(*pair))
    world.do(take_orders, [build.order_paid(gone, cents=500), build.order_refunded(gone, order, cents=400)])
    # As an order would be told that had been given to who is kept.
    world.do(take_orders, [build.order_refunded(kept, order, cents=300, version=4)])
    assert spent(world, kept) == (kept, 2, 800)
    members(world, unmerged(*pair))
    assert spent(world, gone) == (gone, 2, 800)
    assert world.rows("select count(*) from spendings where member_id = :kept", kept=kept) == [(0,)]


def test_a_merge_of_members_who_never_bought_makes_no_profiles(world: World, pair: Pair) -> None:
    members(world, merged(*pair))
    assert world.rows("select count(*) from profiles") == [(0,)]
    world.do(take_orders, [build.order_paid(pair[0])])
    assert world.rows("select member_id from profiles") == [(pair[1],)]


def test_both_are_judged_again_and_no_automation_acts(world: World, pair: Pair) -> None:
    gone, kept = pair
    often, _, _ = automated(world)
    buys(world, gone, imported=True)
    buys(world, kept, imported=True)
    members(world, merged(*pair))
    assert (inside(world, often), causes(world, often)) == ({kept}, {EntryCause.MERGE})
    members(world, unmerged(*pair))
    assert inside(world, often) == set()
    assert told(world) == [("SegmentEntered", str(kept)), ("SegmentLeft", str(kept))]
    assert world.rows("select count(*) from automation_runs") == [(0,)]


def test_who_is_merged_is_in_no_segment_whatever_its_rule_says(world: World, pair: Pair) -> None:
    gone, kept = pair
    nothing = Criterion(Metric.ORDER_COUNT, Comparison.LESS_THAN, 5)
    often, asleep = built(world, nothing), built(world, asleep_for(30))
    buys(world, gone)
    assert inside(world, often) == {gone}
    members(world, merged(*pair))
    assert inside(world, often) == {kept}
    late = built(world, nothing)
    assert inside(world, late) == {kept}
    assert world.do(segment.preview, nothing) == (1, 1)
    world.now = NOW + timedelta(days=40)
    world.do(segment.judge_due, names.new_id)
    assert inside(world, asleep) == {kept}
    members(world, unmerged(*pair))
    assert inside(world, late) == inside(world, asleep) == {gone}


def test_who_had_an_automation_s_coupon_gets_none_as_who_is_kept(world: World, pair: Pair) -> None:
    gone, kept = pair
    often, _, acting = automated(world)
    buys(world, gone, 2)
    members(world, merged(*pair))
    leave(world, kept)
    buys(world, kept, 2)
    assert inside(world, often) == {kept}
    assert [run.member for run in world.do(automation.runs, acting, Page(10))] == [kept]
    members(world, unmerged(*pair))
    assert [run.member for run in world.do(automation.runs, acting, Page(10))] == [gone]


def leave(world: World, member: uuid.UUID) -> None:
    """All that the member bought is refunded."""
    for order, version in world.rows("select order_id, version from purchases where member_id = :m", m=member):
        world.do(take_orders, [build.order_refunded(member, order, cents=0, version=version + 1)])


def test_a_chain_is_taken_apart_in_any_order_of_its_links(world: World) -> None:
    ann, bea, cy = (uuid.uuid4() for _ in range(3))
    theirs = {member: issued(world, None, member).id for member in (ann, bea, cy)}
    members(world, merged(bea, cy), merged(ann, bea))
    assert of(world, ann) == of(world, cy) == set(theirs.values())
    members(world, unmerged(bea, cy))
    assert of(world, ann) == of(world, bea) == {theirs[ann], theirs[bea]}
    assert of(world, cy) == {theirs[cy]}


def test_an_unmerge_that_comes_first_leaves_both_as_they_are(world: World, pair: Pair) -> None:
    theirs = issued(world, None, pair[0])
    members(world, unmerged(*pair))
    members(world, merged(*pair))
    assert of(world, pair[0]) == {theirs.id}


def test_a_merge_the_other_way_round_does_not_wait_for_the_unmerge_before(world: World, pair: Pair) -> None:
    ann, bea = pair
    theirs = issued(world, None, ann)
    members(world, merged(ann, bea, version=2, time=NOW))
    members(world, merged(bea, ann, version=5, time=NOW + timedelta(hours=2)))
    assert (of(world, bea), world.do(coupon.get, theirs.id).member) == ({theirs.id}, ann)
    members(world, unmerged(ann, bea, version=3, time=NOW + timedelta(hours=1)))
    assert (of(world, bea), world.do(coupon.get, theirs.id).member) == ({theirs.id}, ann)


def test_who_is_erased_leaves_and_has_no_open_coupons(world: World, pair: Pair) -> None:
    member = pair[0]
    source = stored(world)
    often = built(world, bought_at_least(1))
    buys(world, member)
    held, order = issued(world, source, member), uuid.uuid4()
    world.do(coupon.lock, [Lock([held.id], order, member, SOON)])
    open_, by_hand = issued(world, source, member), issue_to(source, member, "sorry, Ms Li of 5 Hill Road")
    world.do(coupon.issue, [by_hand])
    members(world, erased(member))
    assert {row[0] for row in world.rows("select state from coupons where id <> :held", held=held.id)} == {"VOID"}
    assert world.rows("select distinct cause from coupons") == [("",)]
    assert counts(world, source) == (1, 0)
    assert inside(world, often) == set()
    assert told(world)[-1] == ("SegmentLeft", str(member))
    assert refused(lambda: world.do(profile.get, member, None)) == "PROFILE_NOT_FOUND"
    assert world.do(profile.table, "USD", None).members == 1
    world.do(coupon.use, Settle([held.id], order))
    assert world.do(coupon.get, open_.id).state is State.VOID


def test_orders_told_after_an_erasure_count_in_the_sums_alone(world: World, pair: Pair) -> None:
    often = built(world, bought_at_least(1))
    members(world, erased(pair[0]))
    buys(world, pair[0])
    assert inside(world, often) == set()
    assert world.do(segment.preview, bought_at_least(1)) == (0, 0)
    assert world.rows("select sum(total)::bigint from spendings") == [(1000,)]


def test_an_erasure_of_a_merged_member_takes_what_came_under_that_name(world: World, pair: Pair) -> None:
    theirs, own = (issued(world, None, member) for member in pair)
    members(world, merged(*pair))
    members(world, erased(pair[0]))
    assert [world.do(coupon.get, each.id).state for each in (theirs, own)] == [State.VOID, State.ISSUED]
