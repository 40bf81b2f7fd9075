"""Settling orders: the same points and tiers, however often, how late and in what order the news come."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import pytest

from kit.errors import Fault
from kit.money import Money
from kit.page import Page
from services.members.domain.audit import Author
from services.members.domain.hold import Hold, State
from services.members.domain.programme import Rate
from services.members.domain.purchase import Settlement
from services.members.domain.tier import tier_history
from services.members.domain.validity import Expiry, Validity
from services.members.usecases import expiry, hold, member, merge, points, programme, purchase, tier
from services.members.usecases.programme import UpdateProgramme
from tests.contract.members.conftest import World
from tests.support.builders.members import day, dollars, settlement, spend
from tests.support.builders.members import programme as default_programme
from tests.support.statements import sent


def state(world: World, of: UUID) -> tuple[Any, ...]:
    """Everything that settling may change for a member."""
    return (
        world.wallet(of),
        world.rows("select net, version, earned from purchases where member = :member", member=of),
        world.rows("select time, from_tier, to_tier from tier_changes where member = :member order by time", member=of),
        world.rows("select tier, next_change from standings where member = :member", member=of),
    )


def test_every_order_of_the_news_gives_the_same_state(world: World) -> None:
    paid = settlement(net=300, version=1)
    news = [paid, paid, replace(paid, net=dollars(120), version=2), replace(paid, net=dollars(0), version=3)]
    wanted = None
    for order in set(permutations(range(len(news)))):
        for batches in ([order], [[index] for index in order], [order[:2], order[2:]]):
            (of,) = world.enrolled()
            mine = [replace(each, member=of) for each in news]
            for batch in batches:
                world.do(purchase.settle, [mine[index] for index in batch])
            wanted = wanted or state(world, of)
            assert state(world, of) == wanted
    assert wanted is not None
    assert wanted[0] == (0, 0, 0)


def test_a_partial_refund_takes_back_what_is_no_longer_earned(world: World) -> None:
    (of,) = world.enrolled()
    paid = settlement(of, net=100)
    world.do(purchase.settle, [paid])
    world.do(purchase.settle, [replace(paid, net=Money(66_99, "USD"), version=2)])
    assert world.wallet(of) == (66, 0, 0)
    assert [entry.cause.kind for entry in world.do(points.entries, of, Page(9))] == ["CLAWBACK", "ACCRUAL"]


def test_points_spent_before_a_refund_become_a_debt_that_later_earnings_pay_first(world: World) -> None:
    (of,) = world.enrolled()
    paid = settlement(of, net=100)
    world.do(purchase.settle, [paid])
    world.do(points.spend, [points.Spend(of, 80, "rewards/1")])
    world.do(purchase.settle, [replace(paid, net=dollars(0), version=2)])
    assert world.wallet(of) == (0, 0, 80)
    world.do(purchase.settle, [settlement(of, net=100)])
    assert world.wallet(of) == (20, 0, 0)


@pytest.mark.parametrize("parts", [(0,), (60, 30, 0)])
@pytest.mark.parametrize("spent", [0, 30])
def test_a_refund_after_the_points_have_expired_is_owed_only_as_far_as_they_were_spent(
    world: World, parts: Sequence[int], spent: int
) -> None:
    (of,) = world.enrolled()
    world.do(programme.update, UpdateProgramme({"validity": Validity(Expiry.DAYS, 30)}))
    for turn in range(3):
        paid = settlement(of, net=100, pay_time=world.clock.now)
        world.do(purchase.settle, [paid])
        if spent and not turn:
            world.do(points.spend, [points.Spend(of, spent, "rewards/1")])
        world.clock.move(timedelta(days=30))
        if turn != 1:  # the sweep may not have been
            world.do(expiry.expire)
        for version, net in enumerate(parts, 2):
            world.do(purchase.settle, [replace(paid, net=dollars(net), version=version)])
        assert world.wallet(of) == (0, 0, spent)


def test_what_came_back_too_late_is_not_owed_when_its_own_order_is_refunded(world: World) -> None:
    (of,) = world.enrolled()
    world.do(programme.update, UpdateProgramme({"validity": Validity(Expiry.DAYS, 30)}))
    first = settlement(of, net=100)
    world.do(purchase.settle, [first])
    held = world.do(hold.change, [hold.PlaceHold(uuid4(), of, 100, "orders/2", timedelta(hours=1))])[0]
    second = settlement(of, net=0, hold=held.id)
    world.do(purchase.settle, [second])
    world.clock.move(timedelta(days=31))
    world.do(purchase.settle, [replace(second, version=2, returned=100)])
    assert world.wallet(of) == (0, 0, 0)
    world.do(purchase.settle, [replace(first, version=2, net=dollars(0))])
    assert world.wallet(of) == (0, 0, 0)


def test_a_refund_after_a_merge_takes_back_what_had_expired_before_it(world: World) -> None:
    gone, kept = world.enrolled(2)
    world.do(programme.update, UpdateProgramme({"validity": Validity(Expiry.DAYS, 30)}))
    paid = settlement(gone, net=100)
    world.do(purchase.settle, [paid])
    world.clock.move(timedelta(days=30))
    world.do(expiry.expire)
    world.do(merge.merge, merge.MergeMembers(uuid4(), gone, kept, Author("ada", "MergeMembers"), "one person"))
    world.do(purchase.settle, [replace(paid, net=dollars(0), version=2)])
    assert world.wallet(kept) == (0, 0, 0)
    kinds = [(entry.debit, entry.credit, entry.cause.kind) for entry in world.do(points.entries, kept, Page(9))]
    assert kinds == [("available", "expense", "CLAWBACK"), ("breakage", "available", "LAPSE")]


def test_buying_and_refunding_in_a_loop_changes_nothing(world: World) -> None:
    (of,) = world.enrolled(available=7)
    for _ in range(5):
        paid = settlement(of, net=99)
        world.do(purchase.settle, [paid])
        for version, left in enumerate((70, 33, 0), start=2):
            world.do(purchase.settle, [replace(paid, net=dollars(left), version=version)])
    assert world.wallet(of) == (7, 0, 0)
    assert world.do(member.get, of, None).tier == "base"


def test_points_that_paid_come_back_with_the_refunds_in_any_order_of_the_news(world: World) -> None:
    for order in permutations(range(4)):
        (of,) = world.enrolled(available=100)
        (held,) = world.do(hold.change, [hold.PlaceHold(uuid4(), of, 90, "orders/1", timedelta(hours=1))])
        paid = settlement(of, net=0, version=1, hold=held.id)
        first = replace(paid, version=2, returned=30)
        news = [paid, first, first, replace(paid, version=3, returned=90)]
        for index in order:
            world.do(purchase.settle, [news[index]])
        assert world.wallet(of) == (100, 0, 0)


def test_a_mixed_batch_settles_as_one_by_one(world: World) -> None:
    chance = random.Random(1)
    one, other = world.enrolled(8), world.enrolled(8)
    news: list[tuple[int, Settlement]] = []
    for _ in range(60):
        paid = settlement(net=chance.randrange(0, 400), pay_time=day(chance.randrange(0, 700)))
        who = chance.randrange(8)
        news += [(who, replace(paid, version=n, net=dollars(chance.randrange(0, 400)))) for n in (1, 2, 3)]
    chance.shuffle(news)
    world.do(purchase.settle, [replace(each, member=one[who]) for who, each in news])
    copies = {each.order: uuid4() for _, each in news}
    for who, each in news:
        world.do(purchase.settle, [replace(each, member=other[who], order=copies[each.order])])
    for left, right in zip(one, other, strict=True):
        mine, theirs = state(world, left), state(world, right)
        assert mine[0] == theirs[0]
        assert sorted(mine[1]) == sorted(theirs[1])
        assert mine[2:] == theirs[2:]


def test_the_kept_history_is_that_of_the_purchases(world: World) -> None:
    (of,) = world.enrolled()
    log = [spend(0, 120), spend(200, 300), spend(210, 20), spend(900, 600)]
    chance = random.Random(2)
    for each in chance.sample(log, len(log)):
        world.do(purchase.settle, [settlement(of, net=each.amount // 100, pay_time=each.time)])
    history = tier_history(log, default_programme())
    assert world.rows("select time, from_tier, to_tier, upgrade from tier_changes order by time") == [
        (change.time, change.from_tier, change.to_tier, change.upgrade) for change in history
    ]


def test_a_tier_is_announced_when_it_is_reached_and_when_it_runs_out(world: World) -> None:
    (of,) = world.enrolled()
    world.do(purchase.settle, [settlement(of, net=300, pay_time=world.clock.now)])
    shown = world.do(member.get, of, None)
    assert (shown.tier, shown.tier_expire_time) == ("gold", world.clock.now + timedelta(days=365))
    assert world.do(tier.advance) == 0
    world.clock.move(timedelta(days=365))
    assert world.do(member.get, of, None).tier == "base"
    assert world.do(tier.advance) == 1
    assert world.do(tier.advance) == 0
    moves = [(version, json.loads(payload)["toTier"]) for _, version, payload in world.published("TierChanged")]
    assert moves == [(1, "gold"), (2, "base")]


def test_imported_history_shows_the_tier_of_any_past_moment_and_announces_nothing(world: World) -> None:
    (of,) = world.enrolled()
    world.do(purchase.settle, [settlement(of, net=300, pay_time=day(0))])
    assert world.do(member.get, of, day(100)).tier == "gold"
    assert world.do(member.get, of, day(-1)).tier == "base"
    assert world.do(member.get, of, None).tier == "base"
    assert world.published("TierChanged") == []
    assert len(world.do(tier.changes, of, Page(9))) == 2


def test_events_tell_the_change_with_a_rising_version(world: World) -> None:
    (of,) = world.enrolled()
    paid = settlement(of, net=100, pay_time=day(0))
    world.do(purchase.settle, [paid])
    world.do(points.spend, [points.Spend(of, 80, "")])
    world.do(purchase.settle, [replace(paid, net=dollars(0), version=2)])
    first, second = world.published("PointsEarned")
    assert first[0] == second[0] == f"members/{of}/balance"
    assert second[1] > first[1]
    assert [json.loads(each[2])["points"] for each in (first, second)] == ["100", "-100"]
    assert json.loads(second[2]) == {
        "member": f"members/{of}",
        "source": f"orders/{paid.order}",
        "points": "-100",
        "effectiveTime": "2024-01-01T00:00:00Z",
    }


def test_a_purchase_of_nothing_earns_nothing_and_is_known(world: World) -> None:
    (of,) = world.enrolled()
    world.do(purchase.settle, [settlement(of, net=0)])
    assert world.wallet(of) == (0, 0, 0)
    assert len(world.rows("select 1 from purchases")) == 1
    assert world.published("PointsEarned") == []


def test_an_order_in_another_currency_neither_earns_nor_counts(world: World) -> None:
    (of,) = world.enrolled()
    world.do(purchase.settle, [replace(settlement(of), net=Money(1_000_00, "EUR"))])
    assert world.wallet(of) == (0, 0, 0)
    assert world.do(member.get, of, None).tier == "base"


def test_nothing_to_settle_is_nothing(world: World) -> None:
    world.do(purchase.settle, [])


def test_an_unknown_member_fails_the_batch_for_good_and_nothing_of_it_is_kept(world: World) -> None:
    (of,) = world.enrolled()
    with pytest.raises(Fault) as refusal:
        world.do(purchase.settle, [settlement(of), settlement(uuid4())])
    assert refusal.value.reason == "MEMBER_NOT_FOUND"
    assert not refusal.value.transient
    assert world.wallet(of) == (0, 0, 0)


def placed(world: World, of: UUID, count: int, ttl: int = 60) -> Hold:
    """A hold on points of a member."""
    (outcome,) = world.do(hold.change, [hold.PlaceHold(uuid4(), of, count, "orders/1", timedelta(seconds=ttl))])
    assert isinstance(outcome, Hold)
    return outcome


def reread(world: World, known: Hold) -> Hold:
    found: Hold = world.do(lambda unit: unit.holds.read([known.id]))[known.id]
    return found


def test_a_paid_order_spends_the_points_that_were_held_for_it(world: World) -> None:
    (of,) = world.enrolled(available=50)
    held = placed(world, of, 50)
    paid = settlement(of, net=10, hold=held.id)
    for news in ([paid, replace(paid, hold=None, version=2)], [paid]):
        world.do(purchase.settle, news)
    assert world.wallet(of) == (10, 0, 0)
    assert reread(world, held).state is State.CONFIRMED


def test_the_points_of_an_expired_hold_are_charged_when_the_order_was_paid(world: World) -> None:
    (of,) = world.enrolled(available=50)
    held = placed(world, of, 50)
    world.clock.move(timedelta(minutes=1))
    assert world.do(hold.expire) == 1
    world.do(points.spend, [points.Spend(of, 30, "")])
    for _ in range(2):
        world.do(purchase.settle, [settlement(of, net=0, hold=held.id)])
    assert world.wallet(of) == (0, 0, 30)
    assert (reread(world, held).state, reread(world, held).confirmed) == (State.EXPIRED, 50)


@pytest.mark.parametrize("of_another", [True, False])
def test_a_hold_that_is_not_the_members_fails_for_good(world: World, of_another: bool) -> None:
    one, other = world.enrolled(2, available=50)
    wrong = placed(world, other, 10).id if of_another else uuid4()
    with pytest.raises(Fault) as refusal:
        world.do(purchase.settle, [settlement(one, hold=wrong)])
    assert (refusal.value.reason, refusal.value.transient) == ("HOLD_NOT_FOUND", False)


def test_a_cancelled_order_gives_the_held_points_back_however_often_it_is_told(world: World) -> None:
    (of,) = world.enrolled(available=50)
    end = hold.ReleaseHold(of, placed(world, of, 50).id)
    for news in ([end, end], [end]):
        world.do(purchase.release_cancelled, news)
    assert world.wallet(of) == (50, 0, 0)


def test_a_cancelled_order_cannot_give_back_points_that_are_spent(world: World) -> None:
    (of,) = world.enrolled(available=50)
    end = hold.ReleaseHold(of, placed(world, of, 50).id)
    world.do(hold.change, [hold.ConfirmHold(of, end.hold)])
    with pytest.raises(Fault) as refusal:
        world.do(purchase.release_cancelled, [end])
    assert refusal.value.reason == "HOLD_ENDED"


def change(world: World, **rules: Any) -> None:
    world.do(programme.update, programme.UpdateProgramme(rules))


def test_a_refund_after_a_change_of_the_rate_follows_the_rate_of_the_purchase(world: World) -> None:
    (of,) = world.enrolled()
    paid = settlement(of, net=100)
    world.do(purchase.settle, [paid])
    change(world, earn=Rate(5, dollars(1)))
    world.do(purchase.settle, [replace(paid, net=dollars(50), version=2)])
    assert world.wallet(of) == (50, 0, 0)
    world.do(purchase.settle, [settlement(of, net=10)])
    assert world.wallet(of) == (100, 0, 0)


def test_members_are_judged_anew_when_the_tiers_change(world: World) -> None:
    of, nobody = world.enrolled(2)
    world.do(purchase.settle, [settlement(of, net=60)])
    change(world, tiers=default_programme(tiers={"bronze": 50}).tiers)
    assert world.do(tier.requalify) == 2
    assert world.do(tier.requalify) == 0
    assert world.do(member.get, of, None).tier == "bronze"
    assert world.do(member.get, nobody, None).tier == "base"
    assert len(world.published("TierChanged")) == 1


def statements(world: World, news: Sequence[Settlement]) -> int:
    """How many statements settling takes."""

    def count(unit: Any) -> int:
        with sent(unit.connection) as counted:
            purchase.settle(unit, news)
        return len(counted)

    return int(world.do(count))


def test_a_batch_of_any_size_takes_the_same_few_statements(world: World) -> None:
    few, many = world.enrolled(1), world.enrolled(40)
    assert statements(world, [settlement(of) for of in few]) == statements(world, [settlement(of) for of in many * 5])
    assert statements(world, [settlement(of) for of in many]) <= 9


def test_of_earlier_purchases_only_what_counts_for_tiers_is_read(world: World) -> None:
    (of,) = world.enrolled()
    world.do(purchase.settle, [settlement(member=of, order=uuid4()) for _ in range(5)])

    def wide(unit: Any) -> list[str]:
        with sent(unit.connection) as statements:
            purchase.settle(unit, [settlement(member=of, order=uuid4())])
        return [each for each in statements if "lateral" in each and "complete_time" in each]

    assert world.do(wide) == []
