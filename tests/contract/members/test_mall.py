"""Rewards and redemptions on a real database: stock, limits and points always add up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from kit.errors import Fault
from kit.page import Page
from services.members.domain.audit import Author
from services.members.domain.redemption import Delivery, Redemption, State
from services.members.domain.reward import Reward
from services.members.domain.reward import State as RewardState
from services.members.usecases import expiry, fulfilment, hold, merge, points, redemption, reward
from services.members.usecases.fulfilment import Fulfil, IssueCode, VerifyCode
from services.members.usecases.merge import MergeMembers, UndoMerge
from services.members.usecases.redemption import Cancel, Filter, Refund
from services.members.usecases.reward import TurnReward, UpdateReward
from tests.contract.members.conftest import World
from tests.support.builders.mall import create_reward, pay, redeem
from tests.support.builders.members import dollars

ADA = Author("ada", "MergeMembers")

MALL_INVARIANTS = {
    "what is set aside and given away follows from the redemptions": """
        select r.id from rewards r where (r.held, r.redeemed) <> (
            select coalesce(sum(quantity) filter (where state = 'HELD'), 0),
                   coalesce(sum(quantity) filter (where state in ('CONFIRMED', 'FULFILLED')
                                                        or state = 'REFUNDED' and not restocked), 0)
            from redemptions where reward = r.id)
    """,
    "a redemption's points are where its state says": """
        select r.id from redemptions r join holds h on h.id = r.hold where (h.points, h.confirmed, h.returned) <> (
            r.points,
            case when r.state in ('CONFIRMED', 'FULFILLED', 'REFUNDED') then r.points else 0 end,
            case when r.state = 'REFUNDED' then r.points else 0 end)
    """,
}


def check_mall(world: World) -> None:
    for name, query in MALL_INVARIANTS.items():
        assert world.rows(query) == [], name


@pytest.fixture(autouse=True)
def mall_adds_up(world: World) -> Iterator[None]:
    yield
    check_mall(world)


def on_sale(world: World, **fields: Any) -> UUID:
    made: Reward = world.do(reward.create, create_reward(**fields))
    world.do(reward.turn, TurnReward(made.id, RewardState.ON_SALE))
    return made.id


def asked(world: World, of: UUID, what: UUID, **fields: Any) -> Any:
    return world.do(redemption.redeem, [redeem(of, what, **fields)])[0]


def stock(world: World, of: UUID) -> tuple[int, int, int]:
    found: Reward = world.do(reward.get, of)
    return found.left, found.held, found.redeemed


def reason(outcome: Any) -> str:
    assert isinstance(outcome, Fault)
    return outcome.reason


def test_points_alone_confirm_at_once(world: World) -> None:
    (of,) = world.enrolled(available=250)
    cup = on_sale(world, item="products/1")
    done = asked(world, of, cup, quantity=2)
    assert (done.state, done.points, done.cash, done.confirm_time) == (State.CONFIRMED, 200, None, world.clock.now)
    assert world.wallet(of) == (50, 0, 0)
    assert stock(world, cup) == (8, 0, 2)
    assert world.do(redemption.get, of, done.id) == done
    ((subject, version, payload),) = world.published("RedemptionConfirmed")
    assert (subject, version) == (f"members/{of}/redemptions/{done.id}", 2)
    assert '"item": "products/1"' in payload or '"item":"products/1"' in payload


def test_a_cash_price_waits_for_its_payment(world: World) -> None:
    (of,) = world.enrolled(available=250)
    cup = on_sale(world, cash=dollars(3))
    waiting = asked(world, of, cup, quantity=2)
    assert (waiting.state, waiting.cash) == (State.HELD, dollars(6))
    assert (world.wallet(of), stock(world, cup)) == ((50, 200, 0), (8, 2, 0))
    command = pay(waiting, payment="psp/1")
    done = world.do(redemption.confirm, [command])[0]
    assert (done.state, done.payment) == (State.CONFIRMED, "psp/1")
    assert (world.wallet(of), stock(world, cup)) == ((50, 0, 0), (8, 0, 2))
    assert world.do(redemption.confirm, [command])[0] == done


def test_only_the_price_is_taken_and_each_payment_once(world: World) -> None:
    (of,) = world.enrolled(available=300)
    cup = on_sale(world, cash=dollars(3))
    one, other, third = [asked(world, of, cup) for _ in range(3)]
    assert reason(world.do(redemption.confirm, [pay(one, paid=dollars(2))])[0]) == "PAYMENT_MISMATCH"
    outcomes = world.do(redemption.confirm, [pay(one, payment="psp/1"), pay(other, payment="psp/1")])
    assert (outcomes[0].state, reason(outcomes[1])) == (State.CONFIRMED, "PAYMENT_TAKEN")
    assert reason(world.do(redemption.confirm, [pay(third, payment="psp/1")])[0]) == "PAYMENT_TAKEN"
    assert reason(world.do(redemption.confirm, [pay(one, payment="psp/2")])[0]) == "REDEMPTION_STATE_WRONG"


def test_what_is_given_up_comes_back(world: World) -> None:
    (of,) = world.enrolled(available=100)
    cup = on_sale(world, cash=dollars(3), per_member=1, per_day=1)
    waiting = asked(world, of, cup)
    command = Cancel(of, waiting.id)
    cancelled = world.do(redemption.cancel, [command, command])
    assert cancelled[0] == cancelled[1]
    assert (cancelled[0].state, world.wallet(of), stock(world, cup)) == (State.CANCELLED, (100, 0, 0), (10, 0, 0))
    assert reason(world.do(redemption.confirm, [pay(waiting)])[0]) == "REDEMPTION_STATE_WRONG"
    assert asked(world, of, cup).state is State.HELD
    assert len(world.published("RedemptionCancelled")) == 1


def test_what_is_confirmed_cannot_be_given_up(world: World) -> None:
    (of,) = world.enrolled(available=100)
    done = asked(world, of, on_sale(world))
    assert reason(world.do(redemption.cancel, [Cancel(of, done.id)])[0]) == "REDEMPTION_STATE_WRONG"


def test_what_is_not_paid_in_time_expires(world: World) -> None:
    (of,) = world.enrolled(available=100)
    cup = on_sale(world, cash=dollars(3))
    waiting = asked(world, of, cup, ttl=60)
    world.clock.move(timedelta(seconds=59))
    assert world.do(redemption.expire) == 0
    world.clock.move(timedelta(seconds=1))
    assert world.do(redemption.expire) == 1
    assert world.do(redemption.expire) == 0
    assert world.do(redemption.get, of, waiting.id).state is State.EXPIRED
    assert (world.wallet(of), stock(world, cup)) == ((100, 0, 0), (10, 0, 0))


@pytest.mark.parametrize("swept", ["nothing", "holds", "redemptions", "both"])
def test_a_late_payment_is_honoured_while_everything_can_be_had(world: World, swept: str) -> None:
    (of,) = world.enrolled(available=100)
    cup = on_sale(world, cash=dollars(3), stock=1, per_member=1)
    waiting = asked(world, of, cup, ttl=60)
    world.clock.move(timedelta(seconds=60))
    if swept in ("holds", "both"):
        world.do(hold.expire)
    if swept in ("redemptions", "both"):
        world.do(redemption.expire)
    done = world.do(redemption.confirm, [pay(waiting)])[0]
    assert (done.state, done.end_time) == (State.CONFIRMED, None)
    assert done.hold != waiting.hold
    assert (world.wallet(of), stock(world, cup)) == ((0, 0, 0), (0, 0, 1))
    versions = [version for _, version, _ in world.published("RedemptionConfirmed")]
    assert versions == [3]


def test_a_late_payment_is_given_back_when_the_last_piece_or_the_points_are_gone(world: World) -> None:
    one, other = world.enrolled(2, available=200)
    last, cup = on_sale(world, cash=dollars(3), stock=1), on_sale(world, cash=dollars(3), points=200)
    late = asked(world, one, last, ttl=60)
    world.clock.move(timedelta(seconds=60))
    world.do(redemption.expire)
    taken = asked(world, other, last)
    refused = world.do(redemption.confirm, [pay(late)])[0]
    assert (reason(refused), refused.metadata["why"]) == ("REDEMPTION_EXPIRED", "REWARD_SOLD_OUT")
    world.do(redemption.cancel, [Cancel(other, taken.id)])
    asked(world, one, cup)
    refused = world.do(redemption.confirm, [pay(late)])[0]
    assert (reason(refused), refused.metadata["why"]) == ("REDEMPTION_EXPIRED", "POINTS_INSUFFICIENT")
    assert world.wallet(one) == (0, 200, 0)


@pytest.mark.parametrize("limit", ["per_member", "per_day"])
def test_a_late_payment_does_not_pass_a_limit(world: World, limit: str) -> None:
    (of,) = world.enrolled(available=300)
    cup = on_sale(world, cash=dollars(3), **{limit: 1})
    late = asked(world, of, cup, ttl=60)
    world.clock.move(timedelta(seconds=60))
    world.do(redemption.expire)
    assert asked(world, of, cup).state is State.HELD
    refused = world.do(redemption.confirm, [pay(late)])[0]
    assert (reason(refused), refused.metadata["why"]) == ("REDEMPTION_EXPIRED", "REWARD_LIMIT_REACHED")
    assert (world.wallet(of), stock(world, cup)) == ((200, 100, 0), (9, 1, 0))


def test_a_late_payment_that_is_refused_still_ends_the_redemption(world: World) -> None:
    (of,) = world.enrolled(available=100)
    cup = on_sale(world, cash=dollars(3))
    late = asked(world, of, cup, ttl=60)
    world.do(hold.change, [hold.ReleaseHold(of, late.hold)])
    asked(world, of, on_sale(world))
    world.clock.move(timedelta(seconds=60))
    assert reason(world.do(redemption.confirm, [pay(late)])[0]) == "REDEMPTION_EXPIRED"
    assert world.do(redemption.get, of, late.id).state is State.EXPIRED
    assert stock(world, cup) == (10, 0, 0)


@pytest.mark.parametrize(
    ("fields", "quantity", "wanted"),
    [
        ({"stock": 1}, 2, "REWARD_SOLD_OUT"),
        ({"per_member": 1}, 2, "REWARD_LIMIT_REACHED"),
        ({"per_day": 1}, 2, "REWARD_LIMIT_REACHED"),
        ({"points": 300}, 1, "POINTS_INSUFFICIENT"),
        ({"tier": "gold"}, 1, "REWARD_NOT_FOR_MEMBER"),
    ],
)
def test_what_can_not_be_had_leaves_everything_as_it_was(
    world: World, fields: dict[str, Any], quantity: int, wanted: str
) -> None:
    (of,) = world.enrolled(available=250)
    cup = on_sale(world, **fields)
    assert reason(asked(world, of, cup, quantity=quantity)) == wanted
    assert world.wallet(of) == (250, 0, 0)
    assert stock(world, cup)[1:] == (0, 0)
    assert world.rows("select 1 from redemptions") == world.rows("select 1 from holds") == []


def test_who_or_what_does_not_exist_is_refused_beside_who_does(world: World) -> None:
    (of,) = world.enrolled(available=100)
    cup = on_sale(world)
    commands = [redeem(uuid4(), cup), redeem(of, uuid4()), redeem(of, cup), redeem(of, cup)]
    outcomes = world.do(redemption.redeem, commands)
    assert [reason(each) for each in (outcomes[0], outcomes[1], outcomes[3])] == [
        "MEMBER_NOT_FOUND",
        "REWARD_NOT_FOUND",
        "POINTS_INSUFFICIENT",
    ]
    assert outcomes[2].state is State.CONFIRMED
    for outcome in world.do(redemption.cancel, [Cancel(of, uuid4()), Cancel(uuid4(), outcomes[2].id)]):
        assert reason(outcome) in ("REDEMPTION_NOT_FOUND", "MEMBER_NOT_FOUND")


def test_who_cannot_pay_does_not_take_the_last_piece_from_who_can(world: World) -> None:
    poor, rich = world.enrolled(1)[0], world.enrolled(1, available=100)[0]
    cup = on_sale(world, stock=1)
    outcomes = world.do(redemption.redeem, [redeem(poor, cup), redeem(rich, cup)])
    assert (reason(outcomes[0]), outcomes[1].state) == ("POINTS_INSUFFICIENT", State.CONFIRMED)


def test_limits_count_by_day_of_the_programme_and_in_all(world: World) -> None:
    (of,) = world.enrolled(available=1000)
    cup = on_sale(world, per_member=3, per_day=2)
    outcomes = world.do(redemption.redeem, [redeem(of, cup) for _ in range(3)])
    assert [isinstance(each, Redemption) for each in outcomes] == [True, True, False]
    world.clock.move(timedelta(hours=11, minutes=59, seconds=59))
    assert reason(asked(world, of, cup)) == "REWARD_LIMIT_REACHED"
    world.clock.move(timedelta(seconds=1))  # midnight in UTC
    assert reason(asked(world, of, cup, quantity=2)) == "REWARD_LIMIT_REACHED"
    assert asked(world, of, cup).state is State.CONFIRMED
    world.clock.move(timedelta(days=1))
    assert reason(asked(world, of, cup)) == "REWARD_LIMIT_REACHED"


def test_a_limit_that_comes_later_counts_what_was_redeemed_before(world: World) -> None:
    (of,) = world.enrolled(available=1000)
    cup = on_sale(world)
    asked(world, of, cup, quantity=2)
    world.do(reward.update, UpdateReward(cup, {"per_member": 2}))
    assert reason(asked(world, of, cup)) == "REWARD_LIMIT_REACHED"
    world.do(reward.update, UpdateReward(cup, {"per_member": 1}))
    assert reason(asked(world, of, cup)) == "REWARD_LIMIT_REACHED"
    world.do(reward.update, UpdateReward(cup, {"per_member": None}))
    assert asked(world, of, cup).state is State.CONFIRMED


@pytest.mark.parametrize("restock", [True, False])
def test_a_refund_gives_points_and_limits_back_and_stock_if_it_came_back(world: World, restock: bool) -> None:
    (of,) = world.enrolled(available=100)
    cup = on_sale(world, per_member=1)
    done = asked(world, of, cup)
    command = Refund(of, done.id, "", restock)
    refunded = world.do(redemption.refund, [command, command])
    assert refunded[0] == refunded[1]
    assert (refunded[0].state, world.wallet(of)) == (State.REFUNDED, (100, 0, 0))
    assert stock(world, cup) == ((10, 0, 0) if restock else (9, 0, 1))
    assert reason(world.do(redemption.refund, [Refund(of, done.id, "", not restock)])[0]) == "REDEMPTION_STATE_WRONG"
    assert asked(world, of, cup).state is State.CONFIRMED
    assert len(world.published("RedemptionRefunded")) == 1


def test_refunded_points_are_back_in_their_lots_and_expire_with_them(world: World) -> None:
    (of,) = world.enrolled(available=60)
    soon = world.clock.now + timedelta(days=1)
    world.rows("update ledger_lots set expire_time = :soon where owner = :of returning id", soon=soon, of=of)
    world.do(points.accrue, [points.Accrue(of, 100, "tests/2")])
    one, other = asked(world, of, on_sale(world)), asked(world, of, on_sale(world, points=60))
    assert world.wallet(of) == (0, 0, 0)
    world.do(redemption.refund, [Refund(of, one.id, "", True)])
    found = [(lot.available, lot.expire_time) for lot in world.do(points.lots, points.LotsAsked(of))]
    assert found == [(60, soon), (40, None)]
    world.clock.move(timedelta(days=1))
    world.do(expiry.expire)
    world.do(redemption.refund, [Refund(of, other.id, "", True)])
    assert world.wallet(of) == (100, 0, 0)


def test_cash_that_was_paid_is_given_back_with_the_refund_and_once(world: World) -> None:
    (of,) = world.enrolled(available=200)
    cup = on_sale(world, cash=dollars(3))
    one, other = [world.do(redemption.confirm, [pay(asked(world, of, cup))])[0] for _ in range(2)]
    assert reason(world.do(redemption.refund, [Refund(of, one.id, "", True)])[0]) == "PAYMENT_MISMATCH"
    commands = [Refund(of, one.id, "refunds/1", True), Refund(of, other.id, "refunds/1", True)]
    outcomes = world.do(redemption.refund, commands)
    assert (outcomes[0].refund_payment, reason(outcomes[1])) == ("refunds/1", "PAYMENT_TAKEN")
    assert reason(world.do(redemption.refund, [commands[1]])[0]) == "PAYMENT_TAKEN"
    assert world.wallet(of) == (100, 0, 0)


def test_what_is_delivered_can_be_taken_back_but_not_delivered_again(world: World) -> None:
    (of,) = world.enrolled(available=100)
    done = asked(world, of, on_sale(world))
    sent = Fulfil(of, done.id, Delivery(tracking_number="SF1"))
    delivered = world.do(fulfilment.fulfil, sent)
    assert (delivered.state, delivered.fulfil_time) == (State.FULFILLED, world.clock.now)
    assert world.do(fulfilment.fulfil, sent) == delivered
    with pytest.raises(Fault, match="fulfilled"):
        world.do(fulfilment.fulfil, Fulfil(of, done.id, Delivery(tracking_number="SF2")))
    assert world.do(redemption.refund, [Refund(of, done.id, "", False)])[0].state is State.REFUNDED


def test_a_code_is_good_for_one_pick_up_and_only_the_newest_one(world: World) -> None:
    (of,) = world.enrolled(available=100)
    done = asked(world, of, on_sale(world))
    for digest in ("old", "new"):
        world.do(fulfilment.issue_code, IssueCode(of, done.id, digest))
    with pytest.raises(Fault) as caught:
        world.do(fulfilment.verify_code, VerifyCode("old", "stores/1"))
    assert caught.value.reason == "REDEMPTION_CODE_INVALID"
    picked_up = world.do(fulfilment.verify_code, VerifyCode("new", "stores/1"))
    assert (picked_up.state, picked_up.delivery.pickup_store) == (State.FULFILLED, "stores/1")
    with pytest.raises(Fault) as caught:
        world.do(fulfilment.verify_code, VerifyCode("new", "stores/1"))
    assert caught.value.reason == "REDEMPTION_CODE_INVALID"


def test_redemptions_are_listed_by_member_reward_and_state(world: World) -> None:
    one, other = world.enrolled(2, available=300)
    cup, pen = on_sale(world), on_sale(world, cash=dollars(1))
    made = [asked(world, of, what) for of in (one, other) for what in (cup, pen)]

    def listed(**only: Any) -> set[UUID]:
        return {each.id for each in world.do(redemption.page, Page(10), Filter(**only))}

    ids = [each.id for each in made]
    assert listed() == set(ids)
    assert listed(member=one) == set(ids[:2])
    assert listed(reward=pen) == {ids[1], ids[3]}
    assert listed(member=other, state=State.HELD) == {ids[3]}
    with pytest.raises(Fault, match="no such member"):
        listed(member=uuid4())


def test_after_a_merge_redemptions_and_limits_are_those_of_both(world: World) -> None:
    gone, kept = world.enrolled(2, available=300)
    cup, pen = on_sale(world, per_member=3), on_sale(world, cash=dollars(1))
    mine, theirs, waiting = asked(world, gone, cup), asked(world, kept, cup), asked(world, gone, pen)
    world.do(merge.merge, MergeMembers(uuid4(), gone, kept, ADA, "the same person"))
    ids = {mine.id, theirs.id, waiting.id}
    for name in (gone, kept):
        assert {each.id for each in world.do(redemption.page, Page(10), Filter(member=name))} == ids
        assert world.do(redemption.get, name, waiting.id).member == kept
    assert asked(world, gone, cup).member == kept
    assert reason(asked(world, kept, cup)) == "REWARD_LIMIT_REACHED"
    assert world.do(redemption.refund, [Refund(gone, mine.id, "", True)])[0].state is State.REFUNDED
    assert world.do(redemption.confirm, [pay(waiting)])[0].state is State.CONFIRMED
    assert asked(world, gone, cup).state is State.CONFIRMED


def test_when_a_merge_is_undone_each_has_their_own_redemptions_again(world: World) -> None:
    gone, kept = world.enrolled(2, available=300)
    cup = on_sale(world, per_member=1)
    mine, theirs = asked(world, gone, cup), asked(world, kept, on_sale(world))
    made = world.do(merge.merge, MergeMembers(uuid4(), gone, kept, ADA, "the same person"))
    assert reason(asked(world, kept, cup)) == "REWARD_LIMIT_REACHED"
    world.do(merge.undo, UndoMerge(made.id, ADA, "two persons"))
    for name, own in ((gone, mine), (kept, theirs)):
        assert {each.id for each in world.do(redemption.page, Page(10), Filter(member=name))} == {own.id}
    assert asked(world, kept, cup).state is State.CONFIRMED
    assert world.do(redemption.refund, [Refund(gone, mine.id, "", True)])[0].member == gone
