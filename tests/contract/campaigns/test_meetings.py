"""Two transactions meet in the worst moment: what one of them did not see yet when it began to wait, it sees before it
decides, and nobody waits in a circle."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from kit.worker import Received
from services.campaigns.consumer import expire_coupons, take_members, take_orders, take_redemptions
from services.campaigns.domain.coupon import State
from services.campaigns.storage.unit import CampaignsUnit
from services.campaigns.usecases import coupon, profile
from services.campaigns.usecases.coupon import Issue, Lock, Settle
from tests.contract.campaigns.conftest import World
from tests.contract.campaigns.test_coupons import counts, issued, stored
from tests.support.builders import campaigns as build
from tests.support.builders.campaigns import DAY, NOW, name
from tests.support.meetings import deadlocks, meet

SOON = NOW + timedelta(minutes=15)


@pytest.fixture
def both() -> tuple[uuid.UUID, uuid.UUID]:
    """Two members."""
    return uuid.uuid4(), uuid.uuid4()


def paid(member: uuid.UUID, order: uuid.UUID | None = None) -> Received:
    return build.order_paid(member, order=order)


def of_another(member: uuid.UUID, order: uuid.UUID) -> Received:
    """News of an order by the name of another member, whom its buyer was merged into; that is not known here yet."""
    return build.order_refunded(member, order, cents=400)


def test_who_buys_while_the_only_other_order_goes_to_another_member_is_not_gone(
    world: World, both: tuple[uuid.UUID, uuid.UUID]
) -> None:
    (ann, bea), order = both, uuid.uuid4()
    world.do(take_orders, [paid(ann, order)])
    meet(
        world.database,
        lambda unit: take_orders(unit, [paid(ann)]),
        lambda: world.do(take_orders, [of_another(bea, order)]),
    )
    assert world.do(profile.get, ann, None).profile.order_count == 1
    assert world.do(profile.get, bea, None).profile.order_count == 1


def test_whose_two_orders_go_to_another_member_at_once_is_gone(world: World, both: tuple[uuid.UUID, uuid.UUID]) -> None:
    (ann, bea), orders = both, [uuid.uuid4(), uuid.uuid4()]
    world.do(take_orders, [paid(ann, order) for order in orders])
    meet(
        world.database,
        lambda unit: take_orders(unit, [of_another(bea, orders[0])]),
        lambda: world.do(take_orders, [of_another(bea, orders[1])]),
    )
    assert world.rows("select gone from profiles where member_id = :ann", ann=ann) == [(True,)]
    assert world.do(profile.get, bea, None).profile.order_count == 2


def _locked(world: World, member: uuid.UUID) -> Settle:
    """A coupon in the hands of an order."""
    held = Settle([issued(world, None, member).id], uuid.uuid4())
    world.do(coupon.lock, [Lock(held.coupons, held.order, member, SOON)])
    return held


def _unlocked(held: Settle) -> Callable[[CampaignsUnit], Any]:
    return lambda unit: coupon.unlock(unit, held)


def _expired(_: Settle) -> Callable[[CampaignsUnit], Any]:
    return expire_coupons


def _cancelled(held: Settle) -> Callable[[CampaignsUnit], Any]:
    names = [name("coupons", each) for each in held.coupons]
    return lambda unit: take_orders(unit, [build.order_cancelled(held.order, names)])


LET_GO = [_unlocked, _expired, _cancelled]


@pytest.mark.parametrize("let_go", LET_GO)
def test_what_an_order_holds_of_somebody_who_is_forgotten_becomes_void_when_it_lets_go(
    world: World, let_go: Callable[[Settle], Any]
) -> None:
    member = uuid.uuid4()
    held = _locked(world, member)
    world.do(take_members, [build.erased(member)])
    assert world.do(coupon.get, held.coupons[0]).state is State.LOCKED
    world.now = SOON
    world.do(let_go(held))
    after = world.do(coupon.get, held.coupons[0])
    assert (after.state, counts(world, world.do(_template, after.template))) == (State.VOID, (0, 0))


@pytest.mark.parametrize("let_go", LET_GO)
def test_what_an_order_lets_go_of_in_the_moment_of_the_erasure_becomes_void(
    world: World, let_go: Callable[[Settle], Any]
) -> None:
    member = uuid.uuid4()
    held = _locked(world, member)
    world.now = SOON
    meet(world.database, let_go(held), lambda: world.do(take_members, [build.erased(member)]))
    assert world.do(coupon.get, held.coupons[0]).state is State.VOID


def _template(unit: CampaignsUnit, key: uuid.UUID) -> Any:
    return unit.templates.find(key)


def test_an_erasure_and_an_order_take_the_coupons_of_a_member_in_one_order(world: World) -> None:
    member, source = uuid.uuid4(), stored(world)
    second, first = sorted((uuid.uuid4(), uuid.uuid4()), reverse=True)  # stored in this order
    for key in (second, first):
        world.do(coupon.issue, [Issue(key, source.id, member, f"sorry for {key}")])
    held = Settle([first, second], uuid.uuid4())
    world.do(coupon.lock, [Lock(held.coupons, held.order, member, SOON)])
    before = deadlocks()
    meet(
        world.database,
        lambda unit: unit.coupons.lock([second]),
        lambda: world.do(take_members, [build.erased(member)]),
        lambda: world.do(coupon.use, held),
    )
    assert deadlocks() == before
    assert world.rows("select distinct state, cause from coupons") == [("USED", "")]


def test_a_batch_of_redemptions_and_a_sweep_take_coupons_and_templates_in_one_order(world: World) -> None:
    source, (member, back, new) = stored(world), (uuid.uuid4() for _ in range(3))
    item = name("couponTemplates", source.id)
    world.do(take_redemptions, [build.redeemed(member, back, item)])
    world.now = NOW + 10 * DAY  # the coupon has expired
    batch = [build.redeemed(member, new, item), build.redemption_refunded(member, back)]
    before = deadlocks()
    meet(
        world.database,
        lambda unit: unit.connection.execute(text(_HOLD), {"key": back}),
        lambda: world.do(take_redemptions, batch),
        lambda: world.do(expire_coupons),
    )
    assert deadlocks() == before
    assert sorted(world.rows("select state from coupons")) == [("EXPIRED",), ("ISSUED",)]


_HOLD = "select from redemptions where redemption_id = :key for update"
