"""Coupons of an order that was given up and is paid late: locked anew for a checkout of their own, which news of the
order's end, however late, do not open."""

from __future__ import annotations

import uuid
from datetime import timedelta
from itertools import permutations

import pytest

from services.campaigns.consumer import take_orders
from services.campaigns.domain.coupon import Coupon, State
from services.campaigns.usecases import coupon, coupon_template
from services.campaigns.usecases.coupon import Issue, Lock, Settle
from services.campaigns.usecases.coupon_template import Create
from tests.contract.campaigns.conftest import World
from tests.support.builders import campaigns as build
from tests.support.builders.campaigns import DAY, NOW, name, template

ORDER, MEMBER, CHECKOUT = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
SOON = NOW + timedelta(minutes=15)
WORDS = [each for each in permutations(["lock", "cancelled", "paid"]) if each.index("lock") < each.index("paid")]
"""The order lives again, and is paid, after its coupon was locked anew; of its end campaigns may hear at any time."""


@pytest.fixture
def held(world: World) -> Coupon:
    """A coupon that the order locked when it was placed."""
    source = template()
    world.do(
        coupon_template.create, Create(source.id, source.display_name, source.terms, source.validity, source.limits)
    )
    (issued,) = world.do(coupon.issue, [Issue(uuid.uuid4(), source.id, MEMBER)])
    return lock(world, issued, None)


def lock(world: World, of: Coupon, checkout: uuid.UUID | None, order: uuid.UUID = ORDER) -> Coupon:
    ((locked,),) = world.do(coupon.lock, [Lock([of.id], order, MEMBER, SOON, checkout)])
    assert isinstance(locked, Coupon)
    return locked


def hear(world: World, of: Coupon, *words: str) -> None:
    for word in words:
        if word == "lock":
            lock(world, of, CHECKOUT)
        elif word == "cancelled":
            world.do(take_orders, [build.order_cancelled(ORDER, [name("coupons", of.id)])])
        else:
            world.do(take_orders, [build.order_paid(MEMBER, order=ORDER, coupons=[name("coupons", of.id)], version=4)])


def state(world: World, of: Coupon) -> State:
    found: Coupon = world.do(coupon.get, of.id)
    return found.state


def test_news_of_the_orders_end_free_what_it_was_placed_with(world: World, held: Coupon) -> None:
    hear(world, held, "cancelled")
    assert state(world, held) is State.ISSUED


def test_late_news_of_the_orders_end_do_not_open_the_new_lock(world: World, held: Coupon) -> None:
    hear(world, held, "lock", "cancelled", "cancelled")
    assert state(world, held) is State.LOCKED


@pytest.mark.parametrize("words", WORDS)
def test_whenever_the_end_is_heard_the_order_that_lives_again_uses_its_coupon(
    world: World, held: Coupon, words: tuple[str, ...]
) -> None:
    hear(world, held, *words)
    assert state(world, held) is State.USED


def test_a_checkout_that_is_given_up_opens_its_own_lock_and_no_later_one(world: World, held: Coupon) -> None:
    later = uuid.uuid4()
    lock(world, held, CHECKOUT)
    lock(world, held, later)
    world.do(coupon.unlock, Settle([held.id], ORDER, CHECKOUT))
    assert state(world, held) is State.LOCKED
    world.do(coupon.unlock, Settle([held.id], ORDER, later))
    assert state(world, held) is State.ISSUED


def test_a_coupon_that_another_order_took_meanwhile_stays_there(world: World, held: Coupon) -> None:
    hear(world, held, "cancelled")
    other = uuid.uuid4()
    lock(world, held, None, order=other)
    (outcome,) = world.do(coupon.lock, [Lock([held.id], ORDER, MEMBER, SOON + DAY, CHECKOUT)])
    assert outcome.reason == "COUPON_LOCKED"
    world.do(coupon.unlock, Settle([held.id], ORDER, CHECKOUT))
    found: Coupon = world.do(coupon.get, held.id)
    assert (found.state, found.order) == (State.LOCKED, other)
