"""Coupons in the database: limits and locks hold whatever happens at the same time."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kit.errors import Fault
from kit.money import Money
from kit.page import Page
from services.campaigns.consumer import take_members
from services.campaigns.domain.coupon import Coupon, State
from services.campaigns.domain.coupon_template import CouponTemplate, Limits
from services.campaigns.storage.unit import CampaignsUnit
from services.campaigns.usecases import coupon, coupon_template
from services.campaigns.usecases.coupon import Filter, Issue, Lock, Settle, Void
from services.campaigns.usecases.coupon_template import Create
from tests.contract.campaigns.conftest import World
from tests.support.builders.campaigns import DAY, NOW, erased, template
from tests.support.builders.merges import merged

SOON = NOW + timedelta(minutes=15)


def stored(world: World, source: CouponTemplate | None = None) -> CouponTemplate:
    source = source or template()
    world.do(
        coupon_template.create, Create(source.id, source.display_name, source.terms, source.validity, source.limits)
    )
    return source


def issue_to(source: CouponTemplate, member: uuid.UUID | None = None, cause: str = "") -> Issue:
    return Issue(uuid.uuid4(), source.id, member or uuid.uuid4(), cause)


def issued(world: World, source: CouponTemplate | None = None, member: uuid.UUID | None = None) -> Coupon:
    (outcome,) = world.do(coupon.issue, [issue_to(source or stored(world), member)])
    assert isinstance(outcome, Coupon)
    return outcome


def all_at_once(calls: Sequence[Callable[[], Any]]) -> Counter[str]:
    """Run all calls in as many threads as the database has connections; count what came out."""

    def outcome(call: Callable[[], Any]) -> str:
        try:
            result = call()[0]
        except Fault as fault:
            return fault.reason
        return result.reason if isinstance(result, Fault) else "OK"

    with ThreadPoolExecutor(16) as pool:
        return Counter(pool.map(outcome, calls))


def counts(world: World, source: CouponTemplate) -> tuple[int, int]:
    found = world.do(coupon_template.get, source.id)
    return found.issued, found.expired


def test_a_template_and_a_coupon_come_back_as_they_were_stored(world: World) -> None:
    source = stored(world, template(limits=Limits(7, 2, Money(10_000, "USD"))))
    assert world.do(coupon_template.get, source.id) == source
    kept = issued(world, source)
    assert world.do(coupon.get, kept.id) == kept
    locked = world.do(coupon.lock, [Lock([kept.id], uuid.uuid4(), kept.member, SOON)])[0][0]
    assert world.do(coupon.get, kept.id) == locked


def test_an_issue_is_announced(world: World) -> None:
    kept = issued(world)
    assert [event["coupon"] for event in world.events("CouponIssued")] == [f"coupons/{kept.id}"]


def test_ten_times_as_many_issues_as_the_limit_give_exactly_the_limit(world: World) -> None:
    source = stored(world, template(limits=Limits(issue=20)))
    outcomes = all_at_once([lambda: world.do(coupon.issue, [issue_to(source)])] * 200)
    assert outcomes == {"OK": 20, "ISSUE_LIMIT_REACHED": 180}
    assert counts(world, source) == (20, 0)
    assert world.rows("select count(*) from coupons") == [(20,)]
    assert len(world.events("CouponIssued")) == 20


def test_nothing_is_issued_to_who_was_erased_and_the_neighbours_get_theirs(world: World) -> None:
    source, gone, kept, other = stored(world), *(uuid.uuid4() for _ in range(3))
    world.do(take_members, [merged(gone, kept)])
    world.do(take_members, [erased(kept)])
    commands = [issue_to(source, gone), issue_to(source, kept), issue_to(source, other)]
    refused, refused_too, got = world.do(coupon.issue, commands)
    assert [each.reason for each in (refused, refused_too)] == ["MEMBER_ERASED"] * 2
    assert isinstance(got, Coupon)
    assert world.rows("select member_id from coupons") == [(other,)]


def test_one_batch_stops_at_the_limit_too(world: World) -> None:
    source = stored(world, template(limits=Limits(issue=3)))
    outcomes = world.do(coupon.issue, [issue_to(source) for _ in range(5)])
    assert [isinstance(outcome, Coupon) for outcome in outcomes] == [True, True, True, False, False]


def test_the_budget_holds_under_concurrency(world: World) -> None:
    source = stored(world, template(limits=Limits(budget=Money(5_499, "USD"))))
    outcomes = all_at_once([lambda: world.do(coupon.issue, [issue_to(source)])] * 60)
    assert outcomes == {"OK": 10, "BUDGET_EXHAUSTED": 50}


def test_a_member_limit_holds_under_concurrency(world: World) -> None:
    source, member = stored(world, template(limits=Limits(per_member=2))), uuid.uuid4()
    outcomes = all_at_once([lambda: world.do(coupon.issue, [issue_to(source, member)])] * 30)
    assert outcomes == {"OK": 2, "MEMBER_LIMIT_REACHED": 28}


def test_a_member_gets_one_coupon_per_cause(world: World) -> None:
    source, member = stored(world), uuid.uuid4()
    outcomes = all_at_once([lambda: world.do(coupon.issue, [issue_to(source, member, "birthday")])] * 30)
    assert outcomes == {"OK": 30}
    assert counts(world, source) == (1, 0)
    again = world.do(coupon.issue, [issue_to(source, member, "birthday"), issue_to(source, member, "name day")])
    assert again[0].id != again[1].id
    assert counts(world, source) == (2, 0)


def test_a_cause_counts_once_within_one_batch(world: World) -> None:
    source, member = stored(world), uuid.uuid4()
    first, second = world.do(coupon.issue, [issue_to(source, member, "birthday")] * 2)
    assert first == second


def test_a_bad_command_does_not_fail_its_neighbours(world: World) -> None:
    source = stored(world)
    unknown, fine = world.do(coupon.issue, [issue_to(template()), issue_to(source)])
    assert unknown.reason == "COUPON_TEMPLATE_NOT_FOUND"
    assert isinstance(fine, Coupon)


def test_two_hundred_orders_race_for_one_coupon_and_one_gets_it(world: World) -> None:
    kept = issued(world)

    def call() -> Any:
        return world.do(coupon.lock, [Lock([kept.id], uuid.uuid4(), kept.member, SOON)])

    assert all_at_once([call] * 200) == {"OK": 1, "COUPON_LOCKED": 199}


def test_an_order_gets_all_of_its_coupons_or_none(world: World) -> None:
    member = uuid.uuid4()
    free, taken = issued(world, member=member), issued(world, member=member)
    world.do(coupon.lock, [Lock([taken.id], uuid.uuid4(), member, SOON)])
    (outcome,) = world.do(coupon.lock, [Lock([free.id, taken.id], uuid.uuid4(), member, SOON)])
    assert outcome.reason == "COUPON_LOCKED"
    assert world.do(coupon.get, free.id).state is State.ISSUED


def test_orders_of_one_batch_see_each_others_locks(world: World) -> None:
    kept = issued(world)
    first, second = world.do(coupon.lock, [Lock([kept.id], uuid.uuid4(), kept.member, SOON) for _ in range(2)])
    assert first[0].state is State.LOCKED
    assert second.reason == "COUPON_LOCKED"


@pytest.mark.parametrize("until", [NOW, NOW - DAY, NOW + 35 * DAY + timedelta(seconds=1)])
def test_a_lock_ends_in_the_future_and_not_too_far_away(world: World, until: Any) -> None:
    kept = issued(world)
    (outcome,) = world.do(coupon.lock, [Lock([kept.id], uuid.uuid4(), kept.member, until)])
    assert outcome.reason == "REQUEST_INVALID"


def test_locks_that_ran_out_are_opened_and_validities_end(world: World) -> None:
    source = stored(world)
    locked, idle = issued(world, source), issued(world, source)
    world.do(coupon.lock, [Lock([locked.id], uuid.uuid4(), locked.member, SOON)])
    assert world.do(coupon.expire) == 0
    world.now = SOON
    assert world.do(coupon.expire) == 1
    assert world.do(coupon.get, locked.id).state is State.ISSUED
    world.now = NOW + 10 * DAY
    assert world.do(coupon.expire) == 2
    assert {world.do(coupon.get, each.id).state for each in (locked, idle)} == {State.EXPIRED}
    assert counts(world, source) == (2, 2)
    assert world.do(coupon.expire) == 0


def test_two_timers_at_once_expire_each_coupon_once(world: World) -> None:
    source = stored(world)
    world.do(coupon.issue, [issue_to(source) for _ in range(500)])
    world.now = NOW + 10 * DAY
    with ThreadPoolExecutor(4) as pool:
        done = sum(pool.map(lambda _: world.do(coupon.expire), range(8)))
    assert done == 500
    assert counts(world, source) == (500, 500)


def test_a_void_coupon_makes_room_for_another(world: World) -> None:
    source, member = stored(world, template(limits=Limits(issue=1, per_member=1))), uuid.uuid4()
    first = issued(world, source, member)
    assert world.do(coupon.void, Void(first.id, None)).state is State.VOID
    assert world.do(coupon.void, Void(first.id, None)).state is State.VOID
    assert counts(world, source) == (0, 0)
    issued(world, source, member)


def test_an_expired_coupon_makes_room_in_the_budget_only(world: World) -> None:
    source = stored(world, template(limits=Limits(budget=Money(500, "USD"))))
    issued(world, source)
    world.now = NOW + 10 * DAY
    world.do(coupon.expire)
    issued(world, source)


def test_a_change_for_another_version_is_refused(world: World) -> None:
    kept = issued(world)
    with pytest.raises(Fault) as caught:
        world.do(coupon.void, Void(kept.id, kept.version + 1))
    assert caught.value.reason == "ETAG_MISMATCH"


def test_a_paid_order_uses_its_coupons_once(world: World) -> None:
    kept, order = issued(world), uuid.uuid4()
    world.do(coupon.lock, [Lock([kept.id], order, kept.member, SOON)])
    for _ in range(2):
        assert world.do(coupon.use, Settle([kept.id], order))[0].state is State.USED
    assert [event["order"] for event in world.events("CouponUsed")] == [f"orders/{order}"]


def test_a_cancelled_order_gives_its_coupons_back(world: World) -> None:
    kept, order = issued(world), uuid.uuid4()
    world.do(coupon.lock, [Lock([kept.id], order, kept.member, SOON)])
    assert world.do(coupon.unlock, Settle([kept.id], uuid.uuid4()))[0].state is State.LOCKED
    assert world.do(coupon.unlock, Settle([kept.id], order))[0].state is State.ISSUED


def test_what_became_of_orders_is_taken_coupon_by_coupon(world: World) -> None:
    member, order, cancelled = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    used, opened, elsewhere, unknown = (
        issued(world, member=member),
        issued(world, member=member),
        issued(world, member=member),
        uuid.uuid4(),
    )
    world.do(
        coupon.lock,
        [
            Lock([used.id], order, member, SOON),
            Lock([opened.id], cancelled, member, SOON),
            Lock([elsewhere.id], uuid.uuid4(), member, SOON),
        ],
    )
    faults = world.do(
        coupon.settle,
        [Settle([used.id, elsewhere.id, unknown], order)],
        [Settle([opened.id, uuid.uuid4()], cancelled)],
    )
    assert [fault.reason for fault in faults] == ["COUPON_LOCKED", "COUPON_NOT_FOUND"]
    states = [world.do(coupon.get, each.id).state for each in (used, opened, elsewhere)]
    assert states == [State.USED, State.ISSUED, State.LOCKED]


def test_coupons_are_listed_by_what_is_asked_for(world: World) -> None:
    member, source = uuid.uuid4(), stored(world)
    mine = [issued(world, source, member) for _ in range(2)]
    other = issued(world, source)
    elsewhere = issued(world)
    world.do(coupon.void, Void(other.id, None))

    def listed(**only: Any) -> set[uuid.UUID]:
        return {each.id for each in world.do(coupon.page, Page(50), Filter(**only))}

    assert listed() == {*(each.id for each in mine), other.id, elsewhere.id}
    assert listed(member=member) == {each.id for each in mine}
    assert listed(template=source.id) == {*(each.id for each in mine), other.id}
    assert listed(template=source.id, state=State.VOID) == {other.id}


def test_no_statement_passes_a_limit_even_without_the_domain(world: World) -> None:
    source = stored(world, template(limits=Limits(issue=2, budget=Money(10_000, "USD"))))

    def count(unit: CampaignsUnit, number: int) -> None:
        unit.templates.count({source.id: number}, {})

    world.do(count, 2)
    with pytest.raises(Fault):
        world.do(count, 1)
    assert counts(world, source) == (2, 0)
    assert replace(source, issued=2) == world.do(coupon_template.get, source.id)
