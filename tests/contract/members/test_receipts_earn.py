"""A receipt that is scanned earns and counts as a purchase does, on a real database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import UUID, uuid4

import pytest

from kit.errors import Fault
from kit.page import Page
from services.members.domain.audit import Author
from services.members.domain.badge import Metric as Counted
from services.members.domain.earning import Earning
from services.members.domain.programme import Rate
from services.members.domain.referral import Referral, State
from services.members.domain.rule import Caps
from services.members.domain.tier_scheme import Metric, TierScheme
from services.members.domain.validity import Availability, Start
from services.members.usecases import (
    badge,
    engagement,
    growth,
    member,
    merge,
    points,
    programme,
    purchase,
    purchase_view,
    recalculation,
    referral,
)
from services.members.usecases.badge import CreateBadge
from services.members.usecases.engagement import UpdateEngagementPolicy
from services.members.usecases.merge import MergeMembers, UndoMerge
from services.members.usecases.recalculation import StartRecalculation
from tests.contract.members.conftest import World
from tests.contract.members.earnings import change
from tests.contract.members.test_races import at_once
from tests.contract.members.test_receipts import issued, refusal, rule, scan
from tests.contract.members.test_referrals import attach
from tests.support.builders.engagement import order_told, referral_rules
from tests.support.builders.members import NOW, day, dollars, settlement
from tests.support.builders.members import programme as default_programme
from tests.support.builders.rules import bonus, times

ADA = Author("ada", "tests")


@pytest.fixture
def buyer(world: World) -> UUID:
    """A member of a programme in which receipts can be claimed."""
    rule(world)
    (of,) = world.enrolled()
    return of


def earning(world: World, of: UUID, claim: UUID, programme: str = "default") -> Earning:
    _, found = world.do(purchase_view.earning, of, claim, programme)
    kept: Earning = found
    return kept


def verdicts(found: Earning) -> dict[str, tuple[str, int]]:
    return {grant.rule: (grant.verdict.value, grant.points) for grant in found.grants}


def tier(world: World, of: UUID) -> str:
    name: str = world.do(member.get, of, None).tier
    return name


def test_a_receipt_earns_by_all_rules_and_says_which_gave_what(world: World, buyer: UUID) -> None:
    change(
        world,
        rules=(
            times(20_000, id="store", condition="order.store == 'tea-1'"),
            bonus(25, id="first", condition="member.first_purchase"),
            bonus(9, id="till", condition="order.channel == 'pos'"),
        ),
    )
    codes = [*issued(world, "R-1", time=NOW - timedelta(hours=1)), *issued(world, "R-2")]
    first, second = (scan(world, buyer, code) for code in codes)
    assert (first.points, second.points, world.wallet(buyer)) == (61, 36, (97, 0, 0))
    assert verdicts(earning(world, buyer, first.id)) == {
        "base": ("APPLIED", 18),
        "store": ("APPLIED", 18),
        "first": ("APPLIED", 25),
        "till": ("CONDITION_FALSE", 0),
    }
    assert verdicts(earning(world, buyer, second.id))["first"] == ("CONDITION_FALSE", 0)
    assert {source for (source,) in world.rows("select source from ledger_entries")} == {
        f"members/{buyer}/receiptClaims/{each.id}" for each in (first, second)
    }


def test_orders_and_receipts_share_the_caps_of_a_member(world: World, buyer: UUID) -> None:
    change(world, caps=Caps(day=40))
    world.do(purchase.settle, [settlement(buyer, net=30)])
    (code,) = issued(world)
    done = scan(world, buyer, code)
    assert (done.points, verdicts(earning(world, buyer, done.id))) == (10, {"base": ("CAPPED_PROGRAMME", 10)})


def test_one_receipt_gives_no_more_than_the_campaign_lets_whatever_rules_come(world: World, buyer: UUID) -> None:
    rule(world, most=10)
    done = scan(world, buyer, *issued(world))
    assert (done.points, world.wallet(buyer)) == (10, (10, 0, 0))
    assert verdicts(earning(world, buyer, done.id)) == {"base": ("CAPPED_PROGRAMME", 10)}
    rule(world)
    change(world, earn=Rate(5, dollars(1)))
    recalculate(world)
    assert world.wallet(buyer) == (10, 0, 0)
    assert scan(world, buyer, *issued(world, "R-2")).points == 90


def recalculate(world: World) -> None:
    always = (day(-400), NOW + timedelta(days=1))
    job = world.do(recalculation.start, StartRecalculation(uuid4(), "default", *always, ADA))
    while world.do(recalculation.get, job.id).running:
        world.do(recalculation.advance)


def test_a_receipt_counts_for_tiers_at_its_own_date_and_once(world: World, buyer: UUID) -> None:
    world.do(purchase.settle, [settlement(buyer, net=90)])
    assert tier(world, buyer) == "base"
    (code,) = issued(world, cents=10_00, time=NOW - timedelta(days=3))
    scan(world, buyer, code)
    assert tier(world, buyer) == "silver"
    assert refusal(world, buyer, code) == "RECEIPT_CLAIMED"
    (only,) = world.rows("select pay_time, net from purchases where receipt is not null")
    assert (only.pay_time, only.net) == (NOW - timedelta(days=3), 10_00)
    ((claimed,),) = world.rows("select count(*) from receipt_claims")
    assert claimed == 1


@pytest.mark.parametrize("metric", [Metric.EARNED, Metric.GROWTH])
def test_a_receipt_counts_whatever_tiers_go_by(world: World, buyer: UUID, metric: Metric) -> None:
    current = world.do(programme.get)
    tiers = tuple(replace(each, threshold=each.least // 100) for each in current.tiers)
    change(world, tiers=tiers, scheme=replace(TierScheme(), metric=metric), growth=Rate(10, dollars(1)))
    scan(world, buyer, *issued(world, cents=100_00))
    assert tier(world, buyer) == ("silver" if metric is Metric.EARNED else "platinum")
    assert world.do(growth.read, buyer).value == 1000


def test_a_receipt_earns_in_every_programme(world: World, buyer: UUID) -> None:
    stars = replace(default_programme(earn=Rate(3, dollars(1))), id="stars", tiers=())
    world.do(programme.create, stars)
    rule(world, most=50)
    done = scan(world, buyer, *issued(world))
    assert (done.points, earning(world, buyer, done.id, "stars").points) == (18, 50)
    assert world.do(points.balance_of, buyer, "stars").available == 50


def test_points_of_a_receipt_wait_as_those_of_an_order_that_is_completed(world: World, buyer: UUID) -> None:
    change(world, availability=Availability(Start.DAYS, 7))
    scan(world, buyer, *issued(world))
    wallet = world.do(points.balances, [buyer])[0]
    assert (wallet.available, wallet.pending) == (0, 18)


def test_receipts_go_along_with_a_merge_and_come_back(world: World, buyer: UUID) -> None:
    (kept,) = world.enrolled()
    done = scan(world, buyer, *issued(world, cents=100_00))
    made = world.do(merge.merge, MergeMembers(uuid4(), buyer, kept, ADA, "one person"))
    assert (tier(world, kept), world.wallet(kept), earning(world, kept, done.id).points) == ("silver", (100, 0, 0), 100)
    change(world, earn=Rate(1, dollars(2)))
    recalculate(world)
    assert world.wallet(kept) == (50, 0, 0)
    world.do(merge.undo, UndoMerge(made.id, ADA, "two persons"))
    assert (tier(world, kept), world.wallet(kept), world.wallet(buyer)) == ("base", (0, 0, 0), (50, 0, 0))


def test_a_till_whose_clock_is_ahead_sells_nothing_in_the_future(world: World, buyer: UUID) -> None:
    scan(world, buyer, *issued(world, time=NOW + timedelta(minutes=4)))
    assert world.rows("select pay_time from purchases") == [(NOW,)]


def brought(world: World, number: int = 1) -> list[UUID]:
    """A referrer, and members whom they brought."""
    rule(world)
    world.do(engagement.update, UpdateEngagementPolicy({"referrals": referral_rules()}))
    referrer, *members = world.enrolled(1 + number)
    for of in members:
        attach(world, of, referrer)
    return [referrer, *members]


def given(world: World, referrer: UUID, of: UUID) -> tuple[State, list[int]]:
    """What became of a referral, and what it gave both."""
    known: Referral = world.do(referral.get, of)
    posted = world.rows(
        "select a.owner, sum(e.amount) as points from ledger_entries e join ledger_accounts a on a.id = e.credit"
        " where e.source = :source group by a.owner",
        source=f"members/{of}/referral",
    )
    points_of = {row.owner: int(row.points) for row in posted}
    return known.state, [points_of.get(each, 0) for each in (referrer, of)]


def test_a_receipt_of_a_member_who_was_brought_rewards_both_once(world: World) -> None:
    referrer, of = brought(world)
    done = scan(world, of, *issued(world))
    assert given(world, referrer, of) == (State.REWARDED, [200, 100])
    assert world.do(referral.get, of).order == done.id
    scan(world, of, *issued(world, "R-2"))
    assert given(world, referrer, of) == (State.REWARDED, [200, 100])
    assert len(world.published("ReferralRewarded")) == 1


def test_who_bought_before_they_were_brought_is_told_by_the_receipt_too(world: World) -> None:
    referrer, of = brought(world)
    scan(world, of, *issued(world, time=NOW - timedelta(hours=1)))
    assert given(world, referrer, of) == (State.VOID, [0, 0])
    (late,) = world.enrolled()
    scan(world, late, *issued(world, "R-2"))
    with pytest.raises(Fault) as caught:
        attach(world, late, referrer)
    assert caught.value.metadata["cause"] == "bought"


def test_badges_for_orders_count_receipts(world: World, buyer: UUID) -> None:
    wanted = world.do(badge.create, CreateBadge(uuid4(), "Regular", Counted.ORDERS, 3))
    world.do(referral.settle, [order_told(member=buyer, paid=500)])
    codes = issued(world, "R-1", "R-2")
    for code, awards in zip(codes, (0, 1), strict=True):
        scan(world, buyer, code)
        assert [each.badge.id for each in world.do(engagement.badges, buyer, Page(9))] == [wanted.id] * awards


def test_receipts_of_many_who_were_brought_at_once_reward_each_and_nobody_waits_in_a_circle(world: World) -> None:
    everybody = brought(world, 12)
    referrer, *members = everybody
    codes = issued(world, *(f"R-{number}" for number in range(len(everybody))))
    claims = [partial(scan, world, of, code) for of, code in zip(everybody, codes, strict=True)]
    outcomes = at_once(claims)
    assert [each for each in outcomes if isinstance(each, Exception)] == []
    assert [given(world, referrer, of) for of in members] == [(State.REWARDED, [200, 100])] * 12
