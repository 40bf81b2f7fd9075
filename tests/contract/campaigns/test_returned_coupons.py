"""Coupons come back once all of their order is refunded, whatever is told of it, however often, in whatever order."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from kit.errors import Fault
from kit.money import Money
from kit.worker import Received
from services.campaigns.consumer import take_members, take_orders, take_redemptions
from services.campaigns.domain.coupon import Coupon, State
from services.campaigns.domain.coupon_template import USUAL_RETURNS, CouponTemplate, Limits, Returns
from services.campaigns.usecases import coupon, coupon_template
from services.campaigns.usecases.coupon import Issue, Lock, Settle
from services.campaigns.usecases.coupon_template import Create
from tests.contract.campaigns.conftest import World
from tests.contract.campaigns.test_coupons import counts
from tests.support.builders import campaigns as build
from tests.support.builders.campaigns import DAY, NOW, name, template
from tests.support.builders.merges import merged

ORDER, MEMBER = uuid.uuid4(), uuid.uuid4()
SOON = NOW + timedelta(minutes=15)


def stored(world: World, returns: Returns = USUAL_RETURNS, **changes: object) -> CouponTemplate:
    source = template(returns=returns, **changes)
    create = Create(
        source.id, source.display_name, source.terms, source.validity, source.limits, returns=source.returns
    )
    world.do(coupon_template.create, create)
    return source


def locked(world: World, source: CouponTemplate, order: uuid.UUID = ORDER) -> Coupon:
    """A coupon that the order holds."""
    (issued,) = world.do(coupon.issue, [Issue(uuid.uuid4(), source.id, MEMBER)])
    ((held,),) = world.do(coupon.lock, [Lock([issued.id], order, MEMBER, SOON)])
    assert isinstance(held, Coupon)
    return held


def paid(held: Coupon, order: uuid.UUID = ORDER, *, version: int = 2) -> Received:
    return build.order_paid(MEMBER, order=order, coupons=[name("coupons", held.id)], version=version)


def refunded(held: Coupon, order: uuid.UUID = ORDER, *, cents: int = 0, version: int = 3) -> Received:
    returned = [] if cents else [name("coupons", held.id)]
    return build.order_refunded(MEMBER, order, cents=cents, version=version, returned=returned)


def take(world: World, *events: Received) -> None:
    world.do(take_orders, events)


def now_of(world: World, held: Coupon) -> Coupon:
    found = world.do(coupon.get, held.id)
    assert isinstance(found, Coupon)
    return found


def test_a_coupon_comes_back_once_all_of_its_order_is_refunded(world: World) -> None:
    counted = REGISTRY.get_sample_value("coupons_returned_total") or 0
    source = stored(world, limits=Limits(issue=1, per_member=1, budget=Money(500, "USD")))
    held = locked(world, source)
    take(world, paid(held))
    take(world, refunded(held, cents=400))
    assert now_of(world, held).state is State.USED
    take(world, refunded(held, version=4))
    back = now_of(world, held)
    assert (back.state, back.order, back.use_time, back.expire_time) == (State.ISSUED, None, None, held.expire_time)
    assert counts(world, source) == (1, 0)
    (event,) = world.events("CouponReturned")
    assert (event["coupon"], event["order"]) == (name("coupons", held.id), name("orders", ORDER))
    assert event["member"] == name("members", MEMBER)
    assert REGISTRY.get_sample_value("coupons_returned_total") == counted + 1


def test_a_coupon_that_came_back_can_be_used_by_another_order_and_comes_back_from_that(world: World) -> None:
    held, second = locked(world, stored(world)), uuid.uuid4()
    take(world, paid(held), refunded(held))
    ((again,),) = world.do(coupon.lock, [Lock([held.id], second, MEMBER, SOON)])
    assert again.state is State.LOCKED
    take(world, paid(held, second))
    take(world, refunded(held), paid(held))  # the first order is told of once more
    assert (now_of(world, held).state, now_of(world, held).order) == (State.USED, second)
    take(world, refunded(held, second))
    assert now_of(world, held).state is State.ISSUED
    assert [event["order"] for event in world.events("CouponReturned")] == [
        name("orders", each) for each in (ORDER, second)
    ]


def test_a_payment_that_is_told_late_does_not_use_the_coupon_again(world: World) -> None:
    held = locked(world, stored(world))
    take(world, refunded(held))
    take(world, paid(held))
    assert now_of(world, held).state is State.ISSUED
    with pytest.raises(Fault) as caught:
        world.do(coupon.use, Settle([held.id], ORDER))
    assert caught.value.reason == "COUPON_RETURNED"
    assert now_of(world, held).state is State.ISSUED


def test_a_template_may_keep_what_was_used(world: World) -> None:
    held = locked(world, stored(world, Returns(on_full_refund=False)))
    take(world, paid(held), refunded(held))
    assert now_of(world, held).state is State.USED
    assert world.events("CouponReturned") == []


def test_a_coupon_whose_validity_is_over_comes_back_expired_and_its_budget_is_free(world: World) -> None:
    source = stored(world, limits=Limits(budget=Money(500, "USD")))
    held = locked(world, source)
    take(world, paid(held))
    world.now = held.expire_time
    take(world, refunded(held))
    assert now_of(world, held).state is State.EXPIRED
    assert counts(world, source) == (1, 1)
    assert world.events("CouponReturned") == []
    (another,) = world.do(coupon.issue, [Issue(uuid.uuid4(), source.id, MEMBER)])
    assert isinstance(another, Coupon)


@pytest.mark.parametrize(
    ("when", "until"), [(NOW + DAY, NOW + 10 * DAY), (NOW + 8 * DAY, NOW + 11 * DAY), (NOW + 20 * DAY, NOW + 23 * DAY)]
)
def test_a_template_may_give_time_after_the_return(world: World, when: datetime, until: datetime) -> None:
    held = locked(world, stored(world, Returns(extension_days=3)))
    take(world, paid(held))
    world.now = when
    take(world, refunded(held))
    assert (now_of(world, held).state, now_of(world, held).expire_time) == (State.ISSUED, until)
    world.now = until
    world.do(coupon.expire)
    assert now_of(world, held).state is State.EXPIRED


def test_the_policy_at_the_time_of_the_refund_counts(world: World) -> None:
    source = stored(world)
    held = locked(world, source)
    take(world, paid(held))
    change = coupon_template.Update(
        source.id, None, frozenset({"on_full_refund"}), "", None, Limits(), returns=Returns(on_full_refund=False)
    )
    assert world.do(coupon_template.update, change).returns == Returns(on_full_refund=False)
    take(world, refunded(held))
    assert now_of(world, held).state is State.USED


def test_a_coupon_of_the_mall_whose_points_were_given_back_becomes_void(world: World) -> None:
    source, redemption = stored(world), uuid.uuid4()
    world.do(take_redemptions, [build.redeemed(MEMBER, redemption, name("couponTemplates", source.id))])
    ((key,),) = world.rows("select id from coupons")
    ((held,),) = world.do(coupon.lock, [Lock([key], ORDER, MEMBER, SOON)])
    take(world, paid(held))
    world.do(take_redemptions, [build.redemption_refunded(MEMBER, redemption)])
    assert now_of(world, held).state is State.USED
    take(world, refunded(held))
    assert now_of(world, held).state is State.VOID
    assert counts(world, source) == (0, 0)
    assert world.events("CouponReturned") == []


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_coupon_of_a_member_who_is_forgotten_becomes_void(world: World, elsewhere: bool) -> None:
    held = locked(world, stored(world))
    take(world, paid(held))
    if elsewhere:  # it came under the name of the one who is forgotten, and was another one's since
        world.do(take_members, [merged(MEMBER, uuid.uuid4())])
    world.do(take_members, [build.erased(MEMBER)])
    take(world, refunded(held))
    assert now_of(world, held).state is State.VOID


def test_a_lock_that_another_order_took_meanwhile_stays(world: World) -> None:
    held, other = locked(world, stored(world)), uuid.uuid4()
    world.now = SOON
    world.do(coupon.lock, [Lock([held.id], other, MEMBER, SOON + DAY)])
    take(world, paid(held), refunded(held))
    assert (now_of(world, held).state, now_of(world, held).order) == (State.LOCKED, other)


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_refunded_orders_that_had_it_the_one_that_used_it_gives_it_back(world: World, turned: bool) -> None:
    first, second = uuid.uuid4(), uuid.uuid4()
    held = locked(world, stored(world), first)
    world.do(coupon.unlock, Settle([held.id], first))  # and was paid after all, without it
    world.do(coupon.lock, [Lock([held.id], second, MEMBER, SOON)])
    take(world, paid(held, second))
    events = [refunded(held, first), refunded(held, second)]
    take(world, *(events[::-1] if turned else events))
    assert now_of(world, held).state is State.ISSUED


POLICIES = [USUAL_RETURNS, Returns(extension_days=30), Returns(on_full_refund=False)]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(POLICIES), st.data())
def test_repeats_and_the_order_of_arrival_change_nothing(world: World, policy: Returns, data: st.DataObject) -> None:
    """Whatever comes when, in however many batches: it ends as if each event had come once, in its order."""
    source, order = stored(world, policy), uuid.uuid4()
    held = locked(world, source, order)
    events = [paid(held, order), refunded(held, order, cents=300), refunded(held, order, version=4)]
    told = data.draw(st.permutations(events + data.draw(st.lists(st.sampled_from(events), max_size=3))))
    for batch in _cut(told, data.draw(st.lists(st.integers(1, 3), max_size=6))):
        take(world, *batch)
    ended = now_of(world, held)
    assert ended.state is (State.ISSUED if policy.on_full_refund else State.USED)
    assert ended.expire_time == (NOW + 30 * DAY if policy.extension_days else held.expire_time)
    about = [event for event in world.events("CouponReturned") if event["order"] == name("orders", order)]
    assert len(about) == policy.on_full_refund


def _cut(events: Sequence[Received], sizes: Sequence[int]) -> Iterator[Sequence[Received]]:
    left = list(events)
    for size in sizes:
        yield left[:size]
        left = left[size:]
    yield left


def test_consumers_that_are_told_at_once_come_to_the_same(world: World) -> None:
    source = stored(world)
    coupons = {order: locked(world, source, order) for order in [uuid.uuid4() for _ in range(20)]}
    events = [event for order, held in coupons.items() for event in (paid(held, order), refunded(held, order))]
    batches = [batch for batch in _cut(events * 2, [3] * 26) if batch]
    random.Random(7).shuffle(batches)
    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(take, world, *batch) for batch in batches]:
            future.result()
    assert {now_of(world, held).state for held in coupons.values()} == {State.ISSUED}
    assert len(world.events("CouponReturned")) == len(coupons)
