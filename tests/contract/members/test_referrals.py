"""Referrals on a real database: rewards follow the orders whatever order the news take, and nobody gets round."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import pytest
from google.type.money_pb2 import Money
from kehu.orders.v1.events_pb2 import OrderPaid
from sqlalchemy import event

from kit.errors import Fault
from kit.page import Page
from kit.worker import Received
from services.members import consumer
from services.members.domain.audit import Author
from services.members.domain.referral import Order, Referral, State
from services.members.usecases import engagement, merge, points, purchase, referral
from services.members.usecases.engagement import UpdateEngagementPolicy
from services.members.usecases.merge import MergeMembers
from services.members.usecases.points import Spend
from services.members.usecases.referral import Attach
from tests.contract.members.conftest import World
from tests.contract.members.test_races import at_once
from tests.support.builders.engagement import limit, order_told, referral_rules
from tests.support.builders.members import settlement
from tests.support.statements import sent


def rule(world: World, **rules: Any) -> None:
    world.do(engagement.update, UpdateEngagementPolicy({"referrals": referral_rules(**rules)}))


@pytest.fixture
def pair(world: World) -> tuple[UUID, UUID]:
    """A referrer and a new member whom they brought."""
    rule(world)
    referrer, member = world.enrolled(2)
    attach(world, member, referrer)
    return referrer, member


def attach(world: World, member: UUID, referrer: UUID, **fields: str) -> Referral:
    _, code = world.do(referral.create_code, referrer)
    made: Referral = world.do(referral.attach, Attach(member, code, **fields))
    return made


def refusal(world: World, member: UUID, referrer: UUID, **fields: str) -> str:
    with pytest.raises(Fault) as caught:
        attach(world, member, referrer, **fields)
    return ".".join((caught.value.reason, caught.value.metadata.get("cause", ""))).rstrip(".")


def tell(world: World, *news: Order) -> None:
    for order in news:
        world.do(referral.settle, [order])


def points_of(world: World, *of: UUID) -> list[int]:
    return [world.wallet(each)[0] for each in of]


def test_both_are_rewarded_when_the_first_order_is_paid(world: World, pair: tuple[UUID, UUID]) -> None:
    referrer, member = pair
    tell(world, order_told(member=member, paid=50), order_told(member=member, paid=70, days=1))
    assert points_of(world, referrer, member) == [200, 100]
    known = world.do(referral.get, member)
    assert (known.state, known.referrer, known.reward_time) == (State.REWARDED, referrer, world.clock.now)
    name = f"members/{member}/referral"
    assert {source for (source,) in world.rows("select source from ledger_entries")} == {name}
    assert [(subject, version) for subject, version, _ in world.published("ReferralRewarded")] == [(name, 2)]
    assert world.do(referral.page, referrer, Page(10)) == [known]


def test_every_order_of_the_news_of_two_orders_gives_the_same(world: World) -> None:
    rule(world)
    first = order_told(paid=50)
    news = [
        first,
        replace(first, paid=None, net=20, version=2),
        replace(first, paid=None, net=0, version=3),
        order_told(paid=70, days=1),
    ]
    for way in permutations(news):
        referrer, member = world.enrolled(2)
        attach(world, member, referrer)
        mine = [replace(order, member=member) for order in way]
        tell(world, *mine, *mine[:2])
        assert points_of(world, referrer, member) == [0, 0]
        assert world.do(referral.get, member).state is State.REVOKED


def test_points_that_were_spent_before_the_refund_become_a_debt(world: World, pair: tuple[UUID, UUID]) -> None:
    referrer, member = pair
    paid = order_told(member=member, paid=50)
    tell(world, paid)
    world.do(points.spend, [Spend(referrer, 150, "rewards/1")])
    tell(world, replace(paid, paid=None, net=0, version=2))
    assert (world.wallet(referrer), world.wallet(member)) == ((0, 0, 150), (0, 0, 0))
    assert len(world.published("ReferralRevoked")) == 1


def test_the_same_news_by_many_workers_at_once_reward_once(world: World) -> None:
    rule(world)
    (referrer, *brought) = world.enrolled(11)
    for member in brought:
        attach(world, member, referrer)
    news = [order_told(member=member, paid=50) for member in brought]
    outcomes = at_once([lambda order=order: tell(world, order) for order in news * 5])  # type: ignore[misc]
    assert outcomes == [None] * 50
    assert points_of(world, referrer, *brought) == [2000, *[100] * 10]


def test_beyond_the_rewards_of_a_month_only_the_new_member_gets_points(world: World) -> None:
    rule(world, per_month=3)
    (referrer, *brought) = world.enrolled(9)
    for member in brought[:8]:
        attach(world, member, referrer)
    news = [order_told(member=member, paid=50) for member in brought]
    at_once([lambda order=order: tell(world, order) for order in news[:6]])  # type: ignore[misc]
    assert points_of(world, referrer, *brought[:6]) == [600, *[100] * 6]
    world.clock.move(timedelta(days=31))
    tell(world, news[6])
    assert points_of(world, referrer) == [800]


def test_members_cannot_bring_themselves_nor_each_other(world: World) -> None:
    rule(world)
    a, b, c = world.enrolled(3)
    assert refusal(world, a, a) == "REFERRAL_SELF"
    attach(world, b, a)
    attach(world, c, b)
    assert refusal(world, a, b) == "REFERRAL_CIRCULAR"
    assert refusal(world, a, c) == "REFERRAL_CIRCULAR"
    assert refusal(world, b, c) == "REFERRAL_CLOSED.referred"
    assert attach(world, b, a) == world.do(referral.get, b)


@pytest.mark.parametrize("size", [2, 3, 4, 6])
def test_a_circle_that_closes_at_once_stays_open_somewhere(world: World, size: int) -> None:
    rule(world)
    ring = world.enrolled(size)
    for of in ring:
        world.do(referral.create_code, of)
    outcomes = at_once([lambda n=n: attach(world, ring[n], ring[(n + 1) % size]) for n in range(size)])  # type: ignore[misc]
    refused = [outcome for outcome in outcomes if isinstance(outcome, Fault)]
    assert [fault.reason for fault in refused] == ["REFERRAL_CIRCULAR"]


def test_one_member_is_brought_by_one_of_many_who_claim_it_at_once(world: World) -> None:
    rule(world)
    (member, *others) = world.enrolled(13)
    outcomes = at_once([lambda of=of: attach(world, member, of) for of in others])  # type: ignore[misc]
    assert sum(isinstance(outcome, Referral) for outcome in outcomes) == 1
    assert {outcome.reason for outcome in outcomes if isinstance(outcome, Fault)} == {"REFERRAL_CLOSED"}


def test_who_has_bought_or_joined_long_ago_is_not_brought_any_more(world: World) -> None:
    rule(world)
    referrer, buyer, payer, old = world.enrolled(4)
    world.do(purchase.settle, [settlement(buyer)])
    assert refusal(world, buyer, referrer) == "REFERRAL_CLOSED.bought"
    tell(world, order_told(member=payer, paid=50))
    assert refusal(world, payer, referrer) == "REFERRAL_CLOSED.bought"
    world.clock.move(timedelta(days=7))
    assert refusal(world, old, referrer) == "REFERRAL_CLOSED.late"


def test_limits_by_device_and_referrer_hold_when_all_come_at_once(world: World) -> None:
    rule(world, limits=(limit("DEVICE", count=2), limit("MEMBER", count=5)))
    (referrer, *brought) = world.enrolled(21)
    world.do(referral.create_code, referrer)
    shared = at_once([lambda of=of: attach(world, of, referrer, device="phone") for of in brought[:10]])  # type: ignore[misc]
    assert sum(isinstance(outcome, Referral) for outcome in shared) == 2
    apart = at_once([lambda of=of: attach(world, of, referrer, device=str(of)) for of in brought[10:]])  # type: ignore[misc]
    assert sum(isinstance(outcome, Referral) for outcome in apart) == 3


def test_a_member_has_one_code_however_often_it_is_asked_for_at_once(world: World) -> None:
    (member,) = world.enrolled()
    with pytest.raises(Fault) as caught:
        world.do(referral.get_code, member)
    assert caught.value.reason == "NOT_FOUND"
    codes = set(at_once([lambda: world.do(referral.create_code, member)] * 20))
    assert codes == {world.do(referral.get_code, member)}


def test_what_is_unknown_or_switched_off_is_told_so(world: World) -> None:
    rule(world)
    referrer, member = world.enrolled(2)
    with pytest.raises(Fault) as caught:
        world.do(referral.attach, Attach(member, "NOBODY00"))
    assert caught.value.reason == "REFERRAL_CODE_UNKNOWN"
    assert refusal(world, uuid4(), referrer) == "MEMBER_NOT_FOUND"
    with pytest.raises(Fault) as caught:
        world.do(referral.settle, [order_told(member=uuid4(), paid=50)])
    assert caught.value.reason == "MEMBER_NOT_FOUND"
    for ask in (referral.get, lambda unit, of: referral.page(unit, of, Page(1))):
        with pytest.raises(Fault):
            world.do(ask, uuid4())
    world.do(engagement.update, UpdateEngagementPolicy({"referrals": None}))
    assert refusal(world, member, referrer) == "ENGAGEMENT_DISABLED"


def test_members_are_locked_at_once_with_those_who_brought_them(world: World, pair: tuple[UUID, UUID]) -> None:
    referrer, member = pair
    (kept,) = world.enrolled()
    world.do(merge.merge, MergeMembers(uuid4(), member, kept, Author("ada", "MergeMembers"), "one person"))
    message = OrderPaid(
        order=f"orders/{uuid4()}", member=f"members/{member}", net_total=Money(currency_code="USD", units=50)
    )
    message.pay_time.FromDatetime(world.clock.now)
    news = Received(uuid4(), "OrderPaid", message.order, 1, world.clock.now, message)
    locked: list[set[str]] = []

    def watch(*call: Any) -> None:
        if "for update" in call[2] and "ledger_accounts" in call[2]:
            locked.append({str(owner) for owner in call[3]["owners"]})

    def settle(unit: Any) -> None:
        event.listen(unit.connection, "before_cursor_execute", watch)
        consumer.settle(unit, [news])

    world.do(settle)
    assert locked[0] == {str(member), str(kept), str(referrer)}
    assert all(each <= locked[0] for each in locked)
    assert points_of(world, referrer, kept) == [200, 50 + 100]


def test_all_orders_are_read_only_of_whom_somebody_brought(world: World, pair: tuple[UUID, UUID]) -> None:
    (alone,) = world.enrolled()

    def reads_all_orders(unit: Any, member: UUID) -> bool:
        with sent(unit.connection) as statements:
            referral.settle(unit, [order_told(member=member, paid=500)])
        return any("referral_orders" in each and "any(" in each for each in statements)

    assert world.do(reads_all_orders, pair[1])
    assert not world.do(reads_all_orders, alone)
