"""Coupons that members redeem points for: delivered once, taken back when they are unused, or refused for a reason."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from kit.errors import Fault
from kit.worker import Received
from services.campaigns.consumer import go_on_revoking, take_members, take_redemptions
from services.campaigns.domain.coupon import Coupon, State
from services.campaigns.domain.coupon_template import CouponTemplate, Limits
from services.campaigns.usecases import coupon
from services.campaigns.usecases.coupon import Lock, Settle
from tests.contract.campaigns.conftest import World
from tests.contract.campaigns.test_coupons import counts, stored
from tests.support.builders import campaigns as build
from tests.support.builders.campaigns import DAY, NOW, erased, name, template
from tests.support.builders.merges import merged

SOON = NOW + timedelta(minutes=15)
MEMBER, REDEMPTION = uuid.uuid4(), uuid.uuid4()


def take(world: World, *events: Received) -> None:
    world.do(take_redemptions, events)


def redeemed(source: CouponTemplate, **how: Any) -> Received:
    return build.redeemed(MEMBER, REDEMPTION, name("couponTemplates", source.id), **how)


def refunded() -> Received:
    return build.redemption_refunded(MEMBER, REDEMPTION)


def delivered(world: World) -> list[Coupon]:
    ids = [row[0] for row in world.rows("select id from coupons order by id")]
    return [world.do(coupon.get, key) for key in ids]


def states(world: World) -> list[State]:
    return sorted(each.state for each in delivered(world))


def kept(world: World) -> tuple[str, str]:
    """What came of the redemption, and why."""
    ((state, reason),) = world.rows("select state, reason from redemptions")
    return state, reason


def lock(world: World, kept_: Coupon) -> uuid.UUID:
    order = uuid.uuid4()
    world.do(coupon.lock, [Lock([kept_.id], order, kept_.member, SOON)])
    return order


def test_a_redemption_is_delivered_as_a_coupon_that_says_where_it_comes_from(world: World) -> None:
    source = stored(world)
    take(world, redeemed(source))
    (got,) = delivered(world)
    assert (got.member, got.template, got.state) == (MEMBER, source.id, State.ISSUED)
    assert got.cause == f"members/{MEMBER}/redemptions/{REDEMPTION}"
    assert [event["cause"] for event in world.events("CouponIssued")] == [got.cause]
    (told,) = world.events("RewardDelivered")
    assert (told["redemption"], told["coupons"]) == (got.cause, [name("coupons", got.id)])


def test_so_many_coupons_come_as_are_redeemed_and_repeats_bring_no_more(world: World) -> None:
    source = stored(world)
    event = redeemed(source, quantity=3)
    take(world, event, event)
    take(world, event)
    assert len({each.cause for each in delivered(world)}) == len(delivered(world)) == 3
    assert [len(told["coupons"]) for told in world.events("RewardDelivered")] == [3]
    assert counts(world, source) == (3, 0)


def test_rewards_of_other_kinds_are_none_of_campaigns_business(world: World) -> None:
    take(world, redeemed(stored(world), kind="PHYSICAL"))
    assert delivered(world) == []
    assert world.rows("select count(*) from redemptions") == [(0,)]


def told_refused() -> float:
    labels = {"reason": "ITEM_NOT_A_COUPON_TEMPLATE"}
    return REGISTRY.get_sample_value("coupon_redemptions_refused_total", labels) or 0


@pytest.mark.parametrize("item", ["", "gifts/mug", "couponTemplates/mug"])
def test_an_item_that_is_no_coupon_template_is_kept_with_the_reason_and_counted(world: World, item: str) -> None:
    before = told_refused()
    take(world, build.redeemed(MEMBER, REDEMPTION, item))
    assert kept(world) == ("REFUSED", "ITEM_NOT_A_COUPON_TEMPLATE")
    assert told_refused() == before + 1
    take(world, build.redeemed(MEMBER, REDEMPTION, item))
    (told,) = world.events("RewardRefused")
    assert (told["member"], told["reason"]) == (name("members", MEMBER), "ITEM_NOT_A_COUPON_TEMPLATE")
    assert told["redemption"] == f"members/{MEMBER}/redemptions/{REDEMPTION}"


def test_a_template_that_does_not_exist_is_the_reason(world: World) -> None:
    take(world, redeemed(template()))
    assert kept(world) == ("REFUSED", "COUPON_TEMPLATE_NOT_FOUND")


def test_of_a_redemption_beyond_a_limit_nothing_is_issued_and_its_neighbours_are(world: World) -> None:
    source = stored(world, template(limits=Limits(issue=3)))
    other = build.redeemed(MEMBER, uuid.uuid4(), name("couponTemplates", source.id), quantity=2)
    take(world, redeemed(source, quantity=4), other)
    assert world.rows("select reason from redemptions where redemption_id = :key", key=REDEMPTION) == [
        ("ISSUE_LIMIT_REACHED",)
    ]
    assert counts(world, source) == (2, 0)
    assert len(world.events("CouponIssued")) == len(delivered(world)) == 2
    assert [each["reason"] for each in world.events("RewardRefused")] == ["ISSUE_LIMIT_REACHED"]
    assert len(world.events("RewardDelivered")) == 1


def test_a_redemption_of_somebody_erased_meanwhile_is_refused(world: World) -> None:
    source = stored(world)
    world.do(take_members, [erased(MEMBER)])
    take(world, redeemed(source))
    assert kept(world) == ("REFUSED", "MEMBER_ERASED")


def test_a_refund_takes_back_what_is_unused_and_gives_its_place_back(world: World) -> None:
    source = stored(world)
    take(world, redeemed(source, quantity=3))
    used, *_ = delivered(world)
    world.do(coupon.use, Settle([used.id], lock(world, used)))
    take(world, refunded())
    take(world, refunded())
    assert states(world) == [State.USED, State.VOID, State.VOID]
    assert (kept(world), counts(world, source)) == (("REVOKED", ""), (1, 0))


def test_what_an_order_holds_at_the_refund_is_taken_back_when_it_lets_go(world: World) -> None:
    take(world, redeemed(stored(world)))
    (held,) = delivered(world)
    order = lock(world, held)
    take(world, refunded())
    world.do(go_on_revoking)
    assert (states(world), kept(world)) == ([State.LOCKED], ("REVOKING", ""))
    world.do(coupon.unlock, Settle([held.id], order))
    world.do(go_on_revoking)
    assert (states(world), kept(world)) == ([State.VOID], ("REVOKED", ""))


def test_no_other_order_gets_what_an_order_held_at_the_refund(world: World) -> None:
    take(world, redeemed(stored(world)))
    (held,) = delivered(world)
    order = lock(world, held)
    take(world, refunded())
    world.do(coupon.unlock, Settle([held.id], order))
    (refused,) = world.do(coupon.lock, [Lock([held.id], uuid.uuid4(), MEMBER, SOON)])
    assert isinstance(refused, Fault)
    assert refused.reason == "COUPON_VOID"


@pytest.mark.parametrize("ended", [refunded, partial(erased, MEMBER)])
def test_no_other_order_gets_it_when_the_lock_has_run_out_and_no_sweep_has_come(
    world: World, ended: Callable[[], Received]
) -> None:
    take(world, redeemed(stored(world)))
    (held,) = delivered(world)
    order = lock(world, held)
    world.do(take_members if ended is not refunded else take_redemptions, [ended()])
    world.now = SOON
    (refused,) = world.do(coupon.lock, [Lock([held.id], uuid.uuid4(), MEMBER, SOON + DAY)])
    assert isinstance(refused, Fault)
    assert refused.reason == "COUPON_VOID"
    ((again,),) = world.do(coupon.lock, [Lock([held.id], order, MEMBER, SOON + DAY)])
    assert again.state is State.LOCKED


def test_what_an_order_holds_at_the_refund_may_still_be_used(world: World) -> None:
    take(world, redeemed(stored(world)))
    (held,) = delivered(world)
    order = lock(world, held)
    take(world, refunded())
    world.do(coupon.use, Settle([held.id], order))
    world.do(go_on_revoking)
    assert (states(world), kept(world)) == ([State.USED], ("REVOKED", ""))


def test_a_redemption_whose_refund_came_first_is_never_delivered(world: World) -> None:
    source = stored(world)
    take(world, refunded())
    take(world, redeemed(source))
    assert (delivered(world), kept(world)) == ([], ("REVOKED", ""))
    take(world, build.redeemed(MEMBER, uuid.uuid4(), name("couponTemplates", source.id)))
    assert states(world) == [State.ISSUED]


def test_the_coupon_of_a_merged_member_goes_to_who_is_kept_and_is_taken_back_under_that_name(world: World) -> None:
    other = uuid.uuid4()
    take(world, redeemed(stored(world)))
    world.do(take_members, [merged(MEMBER, other)])
    assert [each.member for each in delivered(world)] == [other]
    take(world, build.redemption_refunded(other, REDEMPTION))
    assert states(world) == [State.VOID]


@pytest.fixture(scope="module")
def shared(postgres: Any) -> Iterator[World]:
    """One database for all examples: no redemption is in two of them."""
    world = World(postgres.migrated("campaigns"))
    yield world
    world.database.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    asked=st.lists(st.tuples(st.integers(1, 3), st.booleans()), min_size=1, max_size=5),
    chance=st.randoms(use_true_random=False),
)
def test_in_any_order_and_repeated_there_is_what_was_redeemed_and_not_refunded(
    shared: World, asked: list[tuple[int, bool]], chance: random.Random
) -> None:
    source = stored(shared)
    told, expected = list[Received](), 0
    for quantity, back in asked:
        key = uuid.uuid4()
        told.append(build.redeemed(MEMBER, key, name("couponTemplates", source.id), quantity=quantity))
        if back:
            told.append(build.redemption_refunded(MEMBER, key))
        else:
            expected += quantity
    arrivals = told + chance.choices(told, k=len(told))
    chance.shuffle(arrivals)
    for event in arrivals:
        take(shared, event)
    assert counts(shared, source) == (expected, 0)
    found = shared.rows("select count(*) from coupons where template_id = :key and state = 'ISSUED'", key=source.id)
    assert found == [(expected,)]


def test_a_coupon_is_used_or_taken_back_but_not_both(world: World) -> None:
    source = stored(world)
    redemptions = [uuid.uuid4() for _ in range(12)]
    item = name("couponTemplates", source.id)
    take(world, *(build.redeemed(MEMBER, each, item) for each in redemptions))
    calls: list[Callable[[], Any]] = [
        partial(take, world, build.redemption_refunded(MEMBER, each)) for each in redemptions
    ]
    calls += [partial(pay, world, each) for each in delivered(world)]
    random.Random(3).shuffle(calls)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda call: call(), calls))
    world.do(go_on_revoking)
    assert set(states(world)) <= {State.USED, State.VOID}
    assert counts(world, source) == (states(world).count(State.USED), 0)
    assert world.rows("select distinct state from redemptions") == [("REVOKED",)]


def pay(world: World, got: Coupon) -> None:
    """Use a coupon for an order, if it can still be had."""
    order = uuid.uuid4()
    (locked,) = world.do(coupon.lock, [Lock([got.id], order, MEMBER, SOON)])
    if isinstance(locked, list):
        world.do(coupon.use, Settle([got.id], order))
