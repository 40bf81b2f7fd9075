"""What an order held and gave back is held once more when its money comes late: as something of its own, which late
news of the order's end leave alone."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from kehu.orders.v1.events_pb2 import EventPayment, OrderCancelled, OrderPaid

from kit.errors import Fault
from kit.rpc.convert import wire_money
from kit.worker import Received
from services.members import consumer
from services.members.domain.gift_card import digest
from services.members.domain.hold import State as HoldState
from services.members.domain.stored_payment import State, StoredPayment
from services.members.usecases import gift_card, hold, stored_payment, top_up
from services.members.usecases.hold import HoldKey, PlaceHold
from services.members.usecases.stored_payment import Renew
from tests.contract.members.conftest import World
from tests.contract.members.purses import check_stored_value, free_and_held
from tests.support.builders.stored_value import activate, end, issue, pay, pay_in, yuan

CODE = "AAAA-BBBB-CCCC-DDDD-EEEE"
ORDER = "orders/01a20184-8175-7ecb-b381-07e2e288a202"
WORDS = [each for each in permutations(["renewed", "cancelled", "paid"]) if each.index("renewed") < each.index("paid")]
"""The order lives again, and is paid, after its coupon was renewed; of its end members may hear at any time."""


def one(world: World, usecase: Any, command: Any) -> Any:
    """The outcome of a single command of a set."""
    return world.do(usecase, [command])[0]


@pytest.fixture
def member(world: World) -> UUID:
    """Somebody who paid in 100.00."""
    (of,) = world.enrolled()
    one(world, top_up.top_up, pay_in(of, 10_000))
    return of


@pytest.fixture(params=["stored_value", "gift_card"])
def held(request: pytest.FixtureRequest, world: World, member: UUID) -> StoredPayment:
    """60.00 of a member or on a card, set aside for the order."""
    fields: dict[str, Any] = {"ttl": 60, "source": ORDER, "reference": f"{ORDER}/1"}
    if request.param == "stored_value":
        payment = one(world, stored_payment.pay, pay(member, 6_000, **fields))
    else:
        (shown,) = world.do(gift_card.issue, issue([CODE]))
        world.do(gift_card.activate, activate(shown.card.id))
        code = digest(CODE).hash
        payment = one(world, gift_card.pay, pay(uuid.uuid4(), 6_000, of_card=True, code=code, **fields))
    assert isinstance(payment, StoredPayment)
    return payment


def renew(world: World, of: StoredPayment, reference: str = "orders/2/1") -> StoredPayment:
    renewed: StoredPayment = world.do(
        stored_payment.renew, Renew(uuid.uuid4(), of.id, reference, timedelta(seconds=60))
    )
    return renewed


def news(kind: type, version: int, of: StoredPayment, refunded: int = 0) -> Received:
    paid = EventPayment(
        tender="gift_card" if of.of_card else "stored_value",
        reference=of.name,
        amount=wire_money(yuan(of.asked)),
        refunded=wire_money(yuan(refunded)),
    )
    return Received(uuid.uuid4(), kind.__name__, ORDER, version, datetime.now(UTC), kind(order=ORDER, payments=[paid]))


def left(world: World, of: StoredPayment, member: UUID) -> tuple[int, int]:
    """What its owner can spend, and what is set aside."""
    if of.of_card:
        _, purse = world.do(gift_card.get, of.owner)
        return purse.free.total, purse.held.total
    free, aside = free_and_held(world, member)
    return sum(free), sum(aside)


@pytest.mark.parametrize("words", WORDS)
def test_whenever_the_end_is_heard_the_new_payment_is_spent_once(
    world: World, member: UUID, held: StoredPayment, words: tuple[str, ...]
) -> None:
    renewed = held
    for word in words:
        if word == "renewed":
            renewed = renew(world, held)
            assert left(world, held, member) == (4_000, 6_000)
        elif word == "cancelled":
            world.do(consumer.release, [news(OrderCancelled, 2, held, 6_000)])
        else:
            world.do(consumer.settle, [news(OrderPaid, 4, renewed)])
    assert left(world, held, member) == (4_000, 0)
    ends = [world.do(stored_payment.get, each.id).state for each in (held, renewed)]
    assert ends == [State.RELEASED, State.PAID]
    check_stored_value(world)


def test_the_same_number_is_renewed_once(world: World, member: UUID, held: StoredPayment) -> None:
    first = renew(world, held)
    assert renew(world, held) == first
    with pytest.raises(Fault, match=r"60\.00 CNY is asked for, 40\.00 CNY is available"):
        renew(world, held, "orders/3/1")  # another number is another payment
    assert left(world, held, member) == (4_000, 6_000)
    check_stored_value(world)


def test_what_was_spent_meanwhile_can_not_be_renewed_and_nothing_changes(world: World, held: StoredPayment) -> None:
    one(world, stored_payment.release, end(held.id))
    fields: dict[str, Any] = {"of_card": True, "code": digest(CODE).hash} if held.of_card else {}
    one(world, gift_card.pay if held.of_card else stored_payment.pay, pay(held.owner, 5_000, **fields))
    with pytest.raises(Fault, match=r"60\.00 CNY is asked for, 50\.00 CNY is available"):
        renew(world, held)
    check_stored_value(world)


def test_what_was_paid_is_not_renewed(world: World, held: StoredPayment) -> None:
    world.do(consumer.settle, [news(OrderPaid, 2, held)])
    with pytest.raises(Fault) as caught:
        renew(world, held)
    assert caught.value.reason == "STORED_VALUE_PAYMENT_ENDED"


def test_a_card_that_is_void_by_now_is_not_renewed(world: World, held: StoredPayment) -> None:
    if held.of_card:
        one(world, stored_payment.release, end(held.id))
        world.rows("update gift_cards set state = 'VOID' returning id")
        with pytest.raises(Fault) as caught:
            renew(world, held)
        assert caught.value.reason == "GIFT_CARD_UNUSABLE"


@pytest.mark.parametrize("words", WORDS)
def test_whenever_the_end_is_heard_the_points_of_the_new_hold_are_spent(world: World, words: tuple[str, ...]) -> None:
    (of,) = world.enrolled(available=100)

    def place() -> UUID:
        placed = one(world, hold.change, PlaceHold(uuid.uuid4(), of, 80, ORDER, timedelta(hours=1)))
        return UUID(str(placed.id))

    first = again = place()
    for word in words:
        if word == "renewed":
            one(world, hold.change, hold.ReleaseHold(of, first))  # as the checkout does, which may be before the news
            again = place()
        elif word == "cancelled":
            message = OrderCancelled(order=ORDER, member=f"members/{of}", hold=f"members/{of}/holds/{first}")
            world.do(consumer.release, [Received(uuid.uuid4(), "OrderCancelled", ORDER, 2, datetime.now(UTC), message)])
        else:
            paid_at = Timestamp()
            paid_at.GetCurrentTime()
            paid = OrderPaid(
                order=ORDER,
                member=f"members/{of}",
                hold=f"members/{of}/holds/{again}",
                pay_time=paid_at,
                net_total=wire_money(yuan(0)),
                paid_total=wire_money(yuan(0)),
            )
            world.do(consumer.settle, [Received(uuid.uuid4(), "OrderPaid", ORDER, 4, datetime.now(UTC), paid)])
    states = [world.do(hold.get, HoldKey(of, each)).state for each in (first, again)]
    assert states == [HoldState.RELEASED, HoldState.CONFIRMED]
