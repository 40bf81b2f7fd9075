"""Automations in the database: what they grant to whom, in the transaction of the entry."""

from __future__ import annotations

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from kit import names
from kit.errors import Fault
from services.campaigns.domain.automation import State
from services.campaigns.domain.coupon_template import Limits
from services.campaigns.domain.events import EntryCause
from services.campaigns.domain.purchase import Purchase
from services.campaigns.usecases import automation, coupon_template, purchase
from services.campaigns.usecases.automation import Turn
from services.campaigns.usecases.purchase import Receipt
from tests.contract.campaigns.conftest import World
from tests.contract.campaigns.segments import automated, built, buy, buys, causes, inside, orders_of, runs, told
from tests.support.builders import campaigns as build
from tests.support.builders.campaigns import NOW


def test_who_enters_gets_a_coupon_in_the_same_transaction(world: World) -> None:
    kept, offer, key = automated(world)
    member = uuid.uuid4()
    buys(world, member, 2)
    (run,) = runs(world, key)
    assert (run.member, run.skip_reason, run.rule_version, run.time) == (member, "", 1, NOW)
    assert world.rows("select id, template_id, member_id, cause from coupons") == [
        (run.coupon, offer.id, member, f"automations/{key}")
    ]
    assert world.events("CouponIssued")[0]["cause"] == f"automations/{key}"
    assert inside(world, kept) == {member}


def test_who_enters_again_gets_no_second_coupon(world: World) -> None:
    _, _, key = automated(world)
    member = uuid.uuid4()
    buys(world, member, 2)
    refunds = [Purchase(each, member, "USD", 0, NOW, counts=False, version=9) for each in orders_of(world, member)]
    buy(world, *refunds)
    buys(world, member, 2)
    assert [kind for kind, _ in told(world)] == ["SegmentEntered", "SegmentLeft", "SegmentEntered"]
    assert len(runs(world, key)) == 1


def test_imported_history_enters_without_a_coupon(world: World) -> None:
    kept, _, key = automated(world)
    member = uuid.uuid4()
    buys(world, member, 2, imported=True)
    assert inside(world, kept) == {member}
    assert causes(world, kept) == {EntryCause.IMPORT}
    assert runs(world, key) == []


def test_a_purchase_of_today_among_imported_ones_counts_as_todays(world: World) -> None:
    kept, _, key = automated(world)
    live, old = uuid.uuid4(), uuid.uuid4()
    receipts = [Receipt(build.purchase(member=live), False), Receipt(build.purchase(member=live), True)]
    receipts += [Receipt(build.purchase(member=old), True) for _ in range(2)]
    world.do(purchase.record, receipts, names.new_id)
    assert inside(world, kept) == {live, old}
    assert [run.member for run in runs(world, key)] == [live]


def test_an_exhausted_template_is_a_noted_skip_and_no_failure(world: World) -> None:
    kept, _, key = automated(world, limits=Limits(issue=1))
    first, second = uuid.uuid4(), uuid.uuid4()
    buys(world, first, 2)
    buys(world, second, 2)
    assert inside(world, kept) == {first, second}
    assert [(run.member, run.skip_reason) for run in runs(world, key)] == [
        (second, "ISSUE_LIMIT_REACHED"),
        (first, ""),
    ]


def test_who_was_skipped_may_get_the_coupon_on_entering_again(world: World) -> None:
    _, offer, key = automated(world, limits=Limits(issue=0))
    member = uuid.uuid4()
    buys(world, member, 2)
    update = coupon_template.Update(offer.id, None, frozenset({"issue"}), "", None, Limits(issue=1))
    world.do(coupon_template.update, update)
    buy(world, *(Purchase(each, member, "USD", 0, NOW, counts=False, version=9) for each in orders_of(world, member)))
    buys(world, member, 2)
    assert [run.skip_reason for run in runs(world, key)] == ["", "ISSUE_LIMIT_REACHED"]


def test_a_paused_automation_misses_who_enters_meanwhile(world: World) -> None:
    _, _, key = automated(world)
    world.do(automation.turn, Turn(key, None, State.PAUSED))
    missed, caught = uuid.uuid4(), uuid.uuid4()
    buys(world, missed, 2)
    world.do(automation.turn, Turn(key, None, State.ACTIVE))
    buys(world, missed)
    buys(world, caught, 2)
    assert [run.member for run in runs(world, key)] == [caught]


def test_the_limit_of_a_template_holds_when_many_enter_at_once(world: World) -> None:
    _, _, key = automated(world, limits=Limits(issue=7))
    members = [uuid.uuid4() for _ in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda member: buys(world, member, 2), members))
    outcomes = Counter(run.skip_reason for run in runs(world, key))
    assert outcomes == {"": 7, "ISSUE_LIMIT_REACHED": 33}
    assert world.rows("select count(*) from coupons") == [(7,)]


@pytest.mark.parametrize(("known", "reason"), [(False, "SEGMENT_NOT_FOUND"), (True, "COUPON_TEMPLATE_NOT_FOUND")])
def test_an_automation_needs_its_segment_and_template(world: World, known: bool, reason: str) -> None:
    key = built(world).id if known else uuid.uuid4()
    with pytest.raises(Fault) as caught:
        world.do(automation.create, automation.Create(names.new_id(), "Thanks", key, uuid.uuid4()))
    assert caught.value.reason == reason
