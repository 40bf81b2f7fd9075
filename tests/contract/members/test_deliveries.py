"""What campaigns tells of redeemed coupons, on a real database: fulfilled, or everything is given back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import pytest
from kehu.campaigns.v1 import events_pb2
from prometheus_client import REGISTRY

from kit.errors import Fault
from kit.worker import Received
from services.members import consumer
from services.members.domain.audit import Author
from services.members.domain.purchase import Settlement
from services.members.domain.redemption import Delivery, Redemption, State
from services.members.usecases import fulfilment, merge, purchase, redemption, verification
from services.members.usecases.fulfilment import Fulfil
from services.members.usecases.merge import MergeMembers
from services.members.usecases.redemption import Refund
from tests.contract.members.conftest import World
from tests.contract.members.test_mall import check_mall, on_sale
from tests.contract.members.test_races import at_once
from tests.support.builders.mall import pay, redeem
from tests.support.builders.members import NOW, dollars, settlement

ADA = Author("ada", "tests")


def told(of: Redemption, reason: str = "") -> Received:
    """The news that a reward was delivered, or why it can't be."""
    message: Any = (
        events_pb2.RewardRefused(redemption=of.source, member=f"members/{of.member}", reason=reason)
        if reason
        else events_pb2.RewardDelivered(redemption=of.source, member=f"members/{of.member}", coupons=["coupons/1"])
    )
    return Received(uuid4(), type(message).__name__, f"{of.source}/reward", 1, NOW, message)


def take(world: World, *events: Received) -> None:
    world.do(consumer.settle_rewards, events)
    check_mall(world)


def known(world: World, of: Redemption) -> Redemption:
    found: Redemption = world.do(redemption.get, of.member, of.id)
    return found


def bought(world: World, who: UUID, cup: UUID) -> Redemption:
    (got,) = world.do(redemption.redeem, [redeem(who, cup)])
    assert isinstance(got, Redemption), got
    return got


def stock(world: World, cup: UUID) -> tuple[int, int]:
    ((held, redeemed),) = world.rows("select held, redeemed from rewards where id = :cup", cup=cup)
    return held, redeemed


@pytest.fixture
def member(world: World) -> UUID:
    """Somebody with points for two cups."""
    (id_,) = world.enrolled(available=200)
    return id_


def test_a_redemption_whose_coupons_were_issued_is_fulfilled(world: World, member: UUID) -> None:
    got = bought(world, member, on_sale(world))
    world.clock.move(timedelta(seconds=1))
    take(world, told(got))
    now = known(world, got)
    assert (now.state, now.fulfil_time, world.wallet(member)) == (State.FULFILLED, world.clock.now, (100, 0, 0))
    take(world, told(got), told(got))
    assert known(world, got) == now


def test_of_what_cannot_be_delivered_points_stock_and_limit_come_back_and_the_reason_is_told(
    world: World, member: UUID
) -> None:
    cup = on_sale(world, per_member=1, stock=1)
    got = bought(world, member, cup)
    take(world, told(got, "ISSUE_LIMIT_REACHED"))
    now = known(world, got)
    assert (now.state, now.refusal, now.restocked) == (State.REFUNDED, "ISSUE_LIMIT_REACHED", True)
    assert (world.wallet(member), stock(world, cup)) == ((200, 0, 0), (0, 0))
    ((_, _, payload),) = world.published("RedemptionRefunded")
    assert json.loads(payload)["refusal"] == "ISSUE_LIMIT_REACHED"
    take(world, told(got, "ISSUE_LIMIT_REACHED"))
    assert (known(world, got), world.wallet(member)) == (now, (200, 0, 0))
    assert bought(world, member, cup).state is State.CONFIRMED


def test_news_of_many_come_in_one_batch_and_leave_each_other_alone(world: World, member: UUID) -> None:
    cup = on_sale(world)
    (other,) = world.enrolled(available=100)
    first, second = bought(world, member, cup), bought(world, other, cup)
    take(world, told(first, "BUDGET_EXHAUSTED"), told(second))
    assert (known(world, first).state, known(world, second).state) == (State.REFUNDED, State.FULFILLED)
    assert (world.wallet(member), world.wallet(other), stock(world, cup)) == ((200, 0, 0), (0, 0, 0), (0, 1))


def test_a_refund_by_hand_and_the_news_come_to_the_same_in_any_order(world: World) -> None:
    cup = on_sale(world)
    for reason in ("", "TEMPLATE_ENDED"):
        for order in permutations(("refund", "news", "news again")):
            (who,) = world.enrolled(available=100)
            got = bought(world, who, cup)
            for step in order:
                if step == "refund":
                    (outcome,) = world.do(redemption.refund, [Refund(who, got.id, "", restock=True)])
                    assert not isinstance(outcome, Fault)
                else:
                    take(world, told(got, reason))
            assert (known(world, got).state, world.wallet(who)) == (State.REFUNDED, (100, 0, 0))
    assert stock(world, cup) == (0, 0)


def test_cash_is_given_back_by_whoever_took_it_and_until_then_the_reason_stands(world: World, member: UUID) -> None:
    cup = on_sale(world, cash=dollars(3))
    asked = bought(world, member, cup)
    world.do(redemption.confirm, [pay(asked)])
    take(world, told(asked, "MEMBER_LIMIT_REACHED"), told(asked, "MEMBER_LIMIT_REACHED"))
    now = known(world, asked)
    assert (now.state, now.refusal, world.wallet(member)) == (State.CONFIRMED, "MEMBER_LIMIT_REACHED", (100, 0, 0))
    world.do(redemption.refund, [Refund(member, asked.id, "psp/back", restock=True)])
    assert (known(world, asked).state, world.wallet(member)) == (State.REFUNDED, (200, 0, 0))
    ((_, _, payload),) = world.published("RedemptionRefunded")
    assert json.loads(payload)["refusal"] == "MEMBER_LIMIT_REACHED"


def owed(world: World) -> float | None:
    world.do(consumer.settle_cash)
    check_mall(world)
    return REGISTRY.get_sample_value("redemptions_cash_owed")


def paid_by_order(world: World, who: UUID, cup: UUID) -> tuple[Redemption, Settlement]:
    """A redemption whose cash an order took."""
    asked, order = bought(world, who, cup), settlement(who, net=3)
    world.do(purchase.settle, [order])
    (done,) = world.do(redemption.confirm, [pay(asked, payment=f"orders/{order.order}")])
    assert isinstance(done, Redemption), done
    return done, order


def test_that_cash_is_to_be_given_back_is_told_once_and_counted(world: World, member: UUID) -> None:
    asked = bought(world, member, on_sale(world, cash=dollars(3)))
    world.do(redemption.confirm, [pay(asked, payment="psp/1")])
    assert owed(world) == 0
    take(world, told(asked, "TEMPLATE_ENDED"), told(asked, "TEMPLATE_ENDED"))
    take(world, told(asked, "TEMPLATE_ENDED"))
    assert owed(world) == 1
    ((subject, _, payload),) = world.published("RedemptionRefused")
    event = json.loads(payload)
    assert (subject, event["payment"], event["refusal"]) == (asked.source, "psp/1", "TEMPLATE_ENDED")
    world.do(redemption.refund, [Refund(member, asked.id, "psp/2", restock=True)])
    assert owed(world) == 0


def test_the_full_refund_of_the_order_that_paid_it_gives_the_points_back_whatever_comes_first(world: World) -> None:
    for order in permutations(("refused", "a part", "refunded", "swept")):
        (who,) = world.enrolled(available=100)
        cup = on_sale(world, cash=dollars(3), stock=1)
        done, paid = paid_by_order(world, who, cup)
        for step in order:
            match step:
                case "refused":
                    take(world, told(done, "BUDGET_EXHAUSTED"))
                case "a part":
                    world.do(purchase.settle, [replace(paid, net=dollars(2), version=2)])
                case "refunded":
                    world.do(purchase.settle, [replace(paid, net=dollars(0), version=3)])
                case _:
                    owed(world)
        assert owed(world) == 0
        now = known(world, done)
        assert (now.state, now.refund_payment) == (State.REFUNDED, f"orders/{paid.order}")
        assert (world.wallet(who), stock(world, cup)) == ((100, 0, 0), (0, 0))
    assert world.do(verification.ledger) == []


def test_an_order_that_is_refunded_in_part_or_belongs_to_somebody_else_gives_nothing_back(
    world: World, member: UUID
) -> None:
    (other,) = world.enrolled()
    cup = on_sale(world, cash=dollars(3))
    done, order = paid_by_order(world, member, cup)
    world.do(purchase.settle, [replace(order, net=dollars(1), version=2)])
    foreign, asked = settlement(other, net=3), bought(world, member, cup)
    world.do(purchase.settle, [foreign, replace(foreign, net=dollars(0), version=2)])
    world.do(redemption.confirm, [pay(asked, payment=f"orders/{foreign.order}")])
    take(world, told(done, "TEMPLATE_ENDED"), told(asked, "TEMPLATE_ENDED"))
    assert owed(world) == 2
    assert {known(world, each).state for each in (done, asked)} == {State.CONFIRMED}


def test_what_was_not_refused_stays_when_its_order_is_refunded(world: World, member: UUID) -> None:
    done, order = paid_by_order(world, member, on_sale(world, cash=dollars(3)))
    world.do(purchase.settle, [replace(order, net=dollars(0), version=2)])
    assert (owed(world), known(world, done).state) == (0, State.CONFIRMED)


def test_many_sweeps_at_once_give_the_points_back_once(world: World, member: UUID) -> None:
    done, order = paid_by_order(world, member, on_sale(world, cash=dollars(3)))
    world.do(purchase.settle, [replace(order, net=dollars(0), version=2)])
    take(world, told(done, "TEMPLATE_ENDED"))
    assert [each for each in at_once([lambda: world.do(consumer.settle_cash)] * 6) if each is not None] == []
    assert (owed(world), known(world, done).state) == (0, State.REFUNDED)
    assert world.wallet(member) == (200, 0, 0)
    assert len(world.published("RedemptionRefunded")) == 1


def test_what_was_fulfilled_by_hand_stays_so(world: World, member: UUID) -> None:
    got = bought(world, member, on_sale(world))
    world.do(fulfilment.fulfil, Fulfil(member, got.id, Delivery(voucher_code="V-1")))
    now = known(world, got)
    take(world, told(got, "BUDGET_EXHAUSTED"), told(got))
    assert known(world, got) == now


def test_the_news_may_name_a_member_that_was_merged(world: World, member: UUID) -> None:
    got = bought(world, member, on_sale(world))
    (kept,) = world.enrolled()
    world.do(merge.merge, MergeMembers(uuid4(), member, kept, ADA, "one person"))
    take(world, told(got, "TEMPLATE_ENDED"))
    assert (known(world, got).state, world.wallet(kept)) == (State.REFUNDED, (200, 0, 0))
    assert world.do(verification.ledger) == []


def test_news_of_no_redemption_can_not_be_used_and_change_nothing(world: World, member: UUID) -> None:
    got = bought(world, member, on_sale(world))
    stranger = Redemption(**{**{name: getattr(got, name) for name in got.__slots__}, "id": uuid4()})
    with pytest.raises(Fault) as refusal:
        take(world, told(got, "TEMPLATE_ENDED"), told(stranger))
    assert refusal.value.reason == "REDEMPTION_NOT_FOUND"
    assert known(world, got).state is State.CONFIRMED
