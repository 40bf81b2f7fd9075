"""A referral that is made in the very moment in which the member buys: nobody waits in a circle."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.members.usecases import engagement, points, referral
from services.members.usecases.engagement import UpdateEngagementPolicy
from services.members.usecases.points import Accrue
from services.members.usecases.referral import Attach
from tests.contract.members.conftest import World
from tests.contract.members.test_merge_races import deadlocks
from tests.contract.members.test_races import at_once
from tests.contract.members.test_receipts import issued, scan
from tests.contract.members.test_referrals import attach, points_of
from tests.support.builders.engagement import order_told, receipt_rules, referral_rules
from tests.support.waiting import until

Buys = Callable[[World, UUID], object]


def scans(world: World, member: UUID) -> object:
    """The member scans a receipt of 18.80."""
    return scan(world, member, issued(world, f"R-{member}", cents=1880)[0])


def orders(world: World, member: UUID) -> object:
    """News come of an order of the member, which earns nothing here."""
    return world.do(referral.settle, [order_told(paid=50_00, member=member)])


@pytest.fixture
def world_of_referrals(world: World) -> World:
    """A world in which referrals and receipts are rewarded."""
    rules = {"referrals": referral_rules(), "receipts": receipt_rules()}
    world.do(engagement.update, UpdateEngagementPolicy(rules))
    return world


def waiting(world: World, number: int) -> None:
    """Wait until so many transactions wait for a lock."""
    query = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    until(lambda: len(world.rows(query)) >= number, what=f"{number} who wait for a wallet")


_AS_LOCKED = "select owner from ledger_accounts where kind = 'available' and unit = 'points' and sign <> 0 order by id"


@pytest.mark.parametrize("buys", [scans, orders])
def test_who_buys_while_a_referral_is_made_locks_nobody_out(world_of_referrals: World, buys: Buys) -> None:
    world = world_of_referrals
    world.enrolled(2)
    referrer, member = (row.owner for row in world.rows(_AS_LOCKED))
    _, code = world.do(referral.create_code, referrer)
    before = deadlocks()
    with ThreadPoolExecutor(2) as pool:

        def in_the_middle(unit: Any) -> list[Future[Any]]:
            """The referral is made but not committed: the purchase knows nothing of it, and waits for the member; the
            others wait for the referrer, whom they lock first, and then for the member."""
            referral.attach(unit, Attach(member, code))
            purchase = pool.submit(buys, world, member)
            waiting(world, 1)
            gifts = [Accrue(referrer, 1, "gifts/1"), Accrue(member, 1, "gifts/1")]
            gift = pool.submit(world.do, points.accrue, gifts)
            waiting(world, 2)
            return [purchase, gift]

        for done in world.do(in_the_middle):
            done.result()
    assert deadlocks() == before
    earned = 18 if buys is scans else 0
    assert points_of(world, referrer, member) == [1 + 200, 1 + 100 + earned]


def test_purchases_and_referrals_of_many_at_once_lock_nobody_out(world_of_referrals: World) -> None:
    world = world_of_referrals
    members = world.enrolled(24)
    world.clock.move(timedelta(seconds=1))
    before = deadlocks()
    acts: list[Callable[[], Any]] = []
    for at, member in enumerate(members):
        acts += [
            lambda member=member, at=at: attach(world, member, members[at - 1]),  # type: ignore[misc]
            lambda member=member: scans(world, member),  # type: ignore[misc]
            lambda member=member: orders(world, member),  # type: ignore[misc]
            lambda at=at: world.do(points.accrue, [Accrue(each, 1, "g") for each in members[at - 1 : at + 1]]),  # type: ignore[misc]
        ]
    at_once(acts)
    assert deadlocks() == before
