"""Money that comes for a closed order of a flash sale, a group or a bargain: the order lives again if whoever bought
now could have the same, or the money goes back whole. A presale's goes back always."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, text

from kit.db import Database
from kit.errors import Fault
from kit.names import new_id
from services.orders.domain.bargain import HaggleState
from services.orders.domain.checkout import Attempt, Held
from services.orders.domain.group import GroupState
from services.orders.domain.order import Order
from services.orders.domain.order_state import CancelReason, OrderState
from services.orders.domain.payment_intent import IntentState, PaymentIntent
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases import order as orders
from services.orders.usecases import payment_intent as intents
from services.orders.usecases import revival
from services.orders.usecases.bargain import (
    BeginHaggle,
    BuyHaggle,
    CutPrice,
    begin_haggle,
    buy_haggle,
    create_bargain,
    cut_prices,
    get_haggle,
)
from services.orders.usecases.checkout import GoOn, go_on
from services.orders.usecases.flash_sale import CancelFlashSale, cancel_flash_sale
from services.orders.usecases.order import CancelOrder
from services.orders.usecases.tendering import tender_order
from tests.contract.orders import flash, groups, presales
from tests.contract.orders.shelves import check_movements, on_sale, stock
from tests.contract.orders.test_payment_intents import taken, wanted
from tests.contract.orders.test_payment_races import run
from tests.contract.orders.test_tendering import held
from tests.support.builders import bargains
from tests.support.builders.flash_sales import a_purchase
from tests.support.builders.groups import a_joining, an_opening

Db = Database[OrdersUnit]


@dataclass(frozen=True)
class Scene:
    """An order of an activity. `others` say how others can take what it gave up, by name; `alive` checks the activity
    when the order is paid, `check` whatever must always be true of it."""

    order: Order
    others: Mapping[str, Callable[[], object]]
    alive: Callable[[], object]
    check: Callable[[], object]


def a_flash_sale(database: Db) -> Scene:
    """The last two units of a sale, as many as a member may have."""
    sale = flash.opened(database, stock=5, quota=2, member_limit=2)
    (order,) = flash.bought(database, a_purchase(sale, quantity=2))
    assert isinstance(order, Order)

    def buy(member: UUID | None = None) -> None:
        (other,) = flash.bought(database, a_purchase(sale, member=member))
        assert isinstance(other, Order)

    def alive() -> None:
        assert flash.counts(database, sale) == (0, 0, 2, 0)

    others = {
        "sold out": buy,
        "bought again": lambda: buy(order.buyer.member),
        "over": lambda: database.write(cancel_flash_sale, CancelFlashSale(sale.id, None)),
    }
    return Scene(order, others, alive, lambda: flash.check_sale(database, sale))


def a_seat(database: Db) -> Scene:
    """The last seat of a group, of the last unit."""
    of = groups.started(database, size=2, stock=2, member_limit=2)
    group, _ = groups.recruiting(database, of)
    order = groups.taken(database, a_joining(group))

    def alive() -> None:
        assert groups.group(database, group).state is GroupState.SUCCEEDED

    others = {
        "full": lambda: groups.joined(database, group),
        "out of stock": lambda: groups.taken(database, an_opening(of)),
        "seated again": lambda: groups.taken(database, a_joining(group, member=order.buyer.member)),
    }
    return Scene(order, others, alive, lambda: groups.check_groups(database))


def a_haggle(database: Db) -> Scene:
    """A haggle that was cut once, for the last unit."""
    (product,) = on_sale(database, stock=1)
    bargain = database.write(create_bargain, bargains.a_creation(product.id))
    haggle = database.write(begin_haggle, BeginHaggle(bargain.id, new_id(), new_id()))
    other = database.write(begin_haggle, BeginHaggle(bargain.id, new_id(), new_id()))

    def cut() -> object:
        return database.write(cut_prices, [CutPrice(bargain.id, haggle.id, new_id())])

    def buy(of: Any) -> Order:
        return database.write(buy_haggle, BuyHaggle(bargain.id, of.id, new_id(), of.member, "web"))

    def alive() -> None:
        assert database.read(get_haggle, bargain.id, haggle.id).state is HaggleState.BOUGHT
        assert stock(database, product) == (0, 0)

    cut()
    others = {"cut further": cut, "ordered again": lambda: buy(haggle), "out of stock": lambda: buy(other)}
    return Scene(buy(haggle), others, alive, lambda: check_movements(database))


ALL: list[Callable[[Db], Scene]] = [a_flash_sale, a_seat, a_haggle]
GONE = [
    *((a_flash_sale, how) for how in ("sold out", "bought again", "over")),
    *((a_seat, how) for how in ("full", "out of stock", "seated again")),
    *((a_haggle, how) for how in ("cut further", "ordered again", "out of stock")),
]


def closed(database: Db, order: Order) -> PaymentIntent:
    """The buyer is at the cashier of a provider, and the order is given up meanwhile."""
    intent = wanted(database, order)
    database.write(orders.cancel_order, CancelOrder(order.id, CancelReason.CUSTOMER, None))
    return intent


def standing(database: Db, order: Order, intent: PaymentIntent) -> tuple[OrderState, IntentState]:
    """How the order and its money stand."""
    after = database.read(lambda unit: unit.orders.get([order.id]))[order.id]
    assert after.total == order.total
    return after.state, database.read(intents.get_intent, order.id, intent.id).state


def returned(database: Db) -> list[int]:
    """What goes back through the provider."""
    query = text("select amount from provider_refunds")
    return database.read(lambda unit: list(unit.connection.execute(query).scalars()))


class Broken(Exception):
    """The process dies."""


@contextmanager
def breaking(unit: OrdersUnit, after: int) -> Iterator[None]:
    """The process dies once the database was asked so often."""
    asked = 0

    def ask(*_: object) -> None:
        nonlocal asked
        asked += 1
        if asked > after:
            raise Broken

    event.listen(unit.connection, "before_cursor_execute", ask)
    try:
        yield
    finally:
        event.remove(unit.connection, "before_cursor_execute", ask)


def broken_everywhere(database: Db, act: Callable[[OrdersUnit], object], between: Callable[[], object]) -> int:
    """Do something that dies before each of its statements, until it comes through; answers how often it died."""
    for after in range(200):

        def attempt(unit: OrdersUnit, after: int = after) -> None:
            with breaking(unit, after):
                act(unit)

        try:
            database.write(attempt)
        except Broken:
            between()
        else:
            return after
    raise AssertionError("never comes through")


@pytest.mark.parametrize("opened", ALL)
def test_wherever_it_breaks_the_order_lives_again_once(database: Db, opened: Callable[[Db], Scene]) -> None:
    scene = opened(database)
    intent = closed(database, scene.order)

    def unchanged() -> None:
        assert standing(database, scene.order, intent) == (OrderState.CANCELLED, IntentState.PENDING)
        scene.check()

    died = broken_everywhere(database, lambda unit: intents.settle_payment(unit, taken(intent)), unchanged)
    assert died > 10
    run([lambda: database.write(intents.settle_payment, taken(intent))] * 4)
    assert standing(database, scene.order, intent) == (OrderState.PAID, IntentState.SUCCEEDED)
    assert returned(database) == []
    scene.alive()
    scene.check()


@pytest.mark.parametrize(("opened", "how"), GONE)
def test_what_others_have_by_then_lets_the_money_go_back_whole(
    database: Db, opened: Callable[[Db], Scene], how: str
) -> None:
    scene = opened(database)
    intent = closed(database, scene.order)
    scene.others[how]()
    database.write(intents.settle_payment, taken(intent))
    assert standing(database, scene.order, intent) == (OrderState.CANCELLED, IntentState.RETURNED)
    assert returned(database) == [scene.order.total]
    scene.check()


@pytest.mark.parametrize("opened", ALL)
def test_two_who_want_the_same_at_once_get_it_once(database: Db, opened: Callable[[Db], Scene]) -> None:
    scene = opened(database)
    intent = closed(database, scene.order)
    other = next(iter(scene.others.values()))

    def late() -> None:
        database.write(intents.settle_payment, taken(intent))

    def rival() -> None:
        with suppress(Fault, AssertionError):
            other()

    run([late, rival])
    late()
    assert standing(database, scene.order, intent) in {
        (OrderState.PAID, IntentState.SUCCEEDED),
        (OrderState.CANCELLED, IntentState.RETURNED),
    }
    scene.check()


@pytest.mark.parametrize("opened", ALL)
def test_with_what_other_services_held_for_it_it_lives_again_wherever_it_breaks(
    database: Db, opened: Callable[[Db], Scene]
) -> None:
    scene = opened(database)
    database.write(tender_order, held(database, scene.order, minor=100))
    intent = closed(database, scene.order)
    database.write(intents.settle_payment, taken(intent))
    attempt = renewed(database, scene.order)

    def unchanged() -> None:
        assert standing(database, scene.order, intent) == (OrderState.CANCELLED, IntentState.REVIVING)
        scene.check()

    broken_everywhere(database, lambda unit: revival.revive(unit, attempt), unchanged)
    assert standing(database, scene.order, intent) == (OrderState.PAID, IntentState.SUCCEEDED)
    scene.alive()
    scene.check()


@pytest.mark.parametrize(("opened", "how"), GONE)
def test_what_is_gone_gives_back_what_other_services_hold(
    database: Db, opened: Callable[[Db], Scene], how: str
) -> None:
    scene = opened(database)
    database.write(tender_order, held(database, scene.order, minor=100))
    intent = closed(database, scene.order)
    database.write(intents.settle_payment, taken(intent))
    attempt = renewed(database, scene.order)
    scene.others[how]()
    with pytest.raises(Fault) as caught:
        database.write(revival.revive, attempt)
    assert not caught.value.transient
    scene.check()
    database.write(revival.give_up, attempt, caught.value.reason)
    assert standing(database, scene.order, intent) == (OrderState.CANCELLED, IntentState.RETURNED)
    assert returned(database) == [scene.order.total - 100]


def renewed(database: Db, order: Order) -> Attempt:
    """The attempt to bring an order back, once all is held for it anew."""
    query = text("select order_id from checkouts where pays = :id and intent_id is not null")
    (number,) = database.read(lambda unit: list(unit.connection.execute(query, {"id": order.id}).scalars()))
    database.write(go_on, GoOn(number, asking=1))
    return database.write(go_on, GoOn(number, answered=1, held=Held(f"holds/{number}")))


def test_a_group_that_never_began_without_its_leader_gives_the_money_back(database: Db) -> None:
    order = groups.taken(database, an_opening(groups.started(database)))
    intent = closed(database, order)
    database.write(intents.settle_payment, taken(intent))
    assert standing(database, order, intent) == (OrderState.CANCELLED, IntentState.RETURNED)
    groups.check_groups(database)


def test_what_comes_late_of_a_presale_goes_back(database: Db) -> None:
    order = presales.bought(database, presales.announced(database))
    intent = closed(database, order)
    database.write(intents.settle_payment, taken(intent))
    assert standing(database, order, intent) == (OrderState.CANCELLED, IntentState.RETURNED)
    presales.check_compared(database)
