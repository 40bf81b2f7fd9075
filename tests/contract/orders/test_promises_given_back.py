"""What orders wait for, once units of them are given back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from kit.db import Database
from kit.names import new_id
from services.orders.domain.backorder import Backorder
from services.orders.domain.order import Order
from services.orders.domain.order_state import CancelReason
from services.orders.domain.product import Component
from services.orders.domain.refund import Claim, Refund, RefundKind
from services.orders.domain.stock_policy import Policy, PolicyKind
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.order import CancelOrder, cancel_order, place_orders
from services.orders.usecases.refund import ReceiveReturn, RefundOrder, receive_return, refund_order, refund_rest
from services.orders.usecases.stock import get_stock
from services.orders.usecases.told_refunds import ToldRefund, give_back_told
from tests.contract.orders.promises import pay, placed, promising, receive, standing, terms
from tests.contract.orders.shelves import check_movements, on_sale
from tests.contract.orders.test_verification import differences
from tests.support.builders.orders import a_placement, an_item


@pytest.fixture(autouse=True)
def explained(database: Database[OrdersUnit]) -> Iterator[None]:
    yield
    check_movements(database)


def test_what_a_cancelled_or_refunded_order_waits_for_is_promised_to_nobody(database: Database[OrdersUnit]) -> None:
    product = promising(database, 5, stock=1)
    cancelled, refunded = placed(database, product, 3), placed(database, product, 2)
    database.write(cancel_order, CancelOrder(cancelled.id, CancelReason.CUSTOMER, None))
    pay(database, refunded)
    database.write(refund_order, RefundOrder(new_id(), refunded.id, None, "", "", None))
    assert standing(database, product) == (1, 0, 0)


def test_of_an_order_that_is_given_back_whole_only_what_had_arrived_is_in_stock_again(
    database: Database[OrdersUnit],
) -> None:
    product = promising(database, 5, stock=2)
    waiting = placed(database, product, 4)
    pay(database, waiting)
    assert standing(database, product) == (0, 0, 2)

    def give_back(unit: OrdersUnit) -> list[Refund]:
        return refund_rest(unit, list(unit.orders.lock([waiting.id]).values()), reason="late", restock=True)

    database.write(give_back)
    assert standing(database, product) == (2, 0, 0)


def test_of_an_order_that_still_waits_nothing_comes_back_that_had_not_arrived(database: Database[OrdersUnit]) -> None:
    product = promising(database, 5)
    placement = a_placement(an_item(product=product.id))
    (waiting,) = database.write(place_orders, [replace(placement, quote=replace(placement.quote, freight=50))])
    assert isinstance(waiting, Order)
    pay(database, waiting)
    assert sent_back(database, waiting, 1) == (0, 0, 0)  # its freight is still paid, so it is not refunded in full
    assert differences(database) == []


def test_units_that_are_refunded_while_they_are_awaited_leave_the_promise(database: Database[OrdersUnit]) -> None:
    product = promising(database, 5)
    first, second = placed(database, product, 4), placed(database, product, 1)
    pay(database, first)
    pay(database, second)
    give_back(database, first, 3)
    assert standing(database, product) == (0, 0, 2)
    assert differences(database) == []
    third = placed(database, product, 3)  # what nobody wants any more can be promised anew
    receive(database, product, 3)
    assert [(each.order, each.units) for each in waiting_for(database, first, second, third)] == [(third.id, 2)]
    assert standing(database, product) == (1, 1, 2)
    assert differences(database) == []


def test_units_that_are_refunded_leave_the_promise_before_those_that_had_arrived(
    database: Database[OrdersUnit],
) -> None:
    product = promising(database, 5, stock=2)
    waiting = placed(database, product, 4)
    pay(database, waiting)
    give_back(database, waiting, 1)
    assert standing(database, product) == (0, 0, 1)
    assert sent_back(database, waiting, 3) == (2, 0, 0)  # two had arrived, and nobody waits for the third
    assert differences(database) == []


def test_units_that_come_back_damaged_had_arrived_so_that_the_others_are_awaited_still(
    database: Database[OrdersUnit],
) -> None:
    product = promising(database, 5, stock=2)
    waiting = placed(database, product, 4)
    pay(database, waiting)
    assert sent_back(database, waiting, 2, damaged=1) == (0, 0, 1)  # the other one goes to who waits for it
    assert differences(database) == []


def test_units_of_sets_that_are_refunded_leave_the_promises_of_all_their_parts(database: Database[OrdersUnit]) -> None:
    tea, pot = on_sale(database, stock=0, products=2)
    for product in (tea, pot):
        terms(database, product, policy=Policy(PolicyKind.BACKORDER, 9))
    parts = (Component(tea.id, 2), Component(pot.id, 1))
    item = replace(an_item(product=new_id(), quantity=3), components=parts)
    (waiting,) = database.write(place_orders, [a_placement(item)])
    assert isinstance(waiting, Order)
    pay(database, waiting)
    give_back(database, waiting, 1)
    assert (standing(database, tea), standing(database, pot)) == ((0, 0, 4), (0, 0, 2))
    assert differences(database) == []


def test_what_another_system_tells_of_a_refund_leaves_the_promise_too(database: Database[OrdersUnit]) -> None:
    product = promising(database, 5)
    first, second = placed(database, product, 3), placed(database, product, 2)
    pay(database, first)
    pay(database, second)

    def tell(unit: OrdersUnit) -> None:
        told = [ToldRefund(first.id, Claim.units((1, 1)), "", "1"), ToldRefund(second.id, Claim.units((1, 1)), "", "2")]
        give_back_told(unit, unit.orders.lock([first.id, second.id]), told)

    database.write(tell)
    assert [(each.order, each.units) for each in waiting_for(database, first, second)] == [
        (first.id, 2),
        (second.id, 1),
    ]
    assert standing(database, product) == (0, 0, 3)
    assert differences(database) == []


def test_a_unit_that_had_arrived_comes_back_from_an_order_whose_other_one_was_refunded(
    database: Database[OrdersUnit],
) -> None:
    product = promising(database, 5, stock=1)
    waiting = placed(database, product, 2)
    pay(database, waiting)
    database.write(refund_order, RefundOrder(new_id(), waiting.id, Claim.units((1, 1)), "", "", None))
    assert sent_back(database, waiting, 1) == (1, 0, 0)
    assert differences(database) == []


def give_back(database: Database[OrdersUnit], order: Order, units: int) -> None:
    """Units of its line are refunded, without their goods."""
    database.write(refund_order, RefundOrder(new_id(), order.id, Claim.units((1, units)), "", "", None))


def waiting_for(database: Database[OrdersUnit], *orders: Order) -> list[Backorder]:
    """What orders still wait for."""
    return list(database.read(lambda unit: unit.backorders.of([each.id for each in orders])))


def sent_back(database: Database[OrdersUnit], order: Order, units: int, *, damaged: int = 0) -> tuple[int, int, int]:
    """Units are told to have come back; how the stock of their product stands then."""
    asked = RefundOrder(new_id(), order.id, Claim.units((1, units)), "", "", None, kind=RefundKind.RETURN)
    made = database.write(refund_order, asked)
    broken = ((1, damaged),) if damaged else ()
    database.write(receive_return, ReceiveReturn(order.id, made.id, broken, "", None))
    found = database.read(get_stock, next(iter(order.demand())))
    return found.on_hand, found.reserved, found.backordered
