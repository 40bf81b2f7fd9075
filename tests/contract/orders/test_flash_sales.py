"""Flash sales under many hands: real threads on a real database."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest

from kit.db import Database
from kit.errors import Fault
from kit.names import new_id
from services.orders import publish
from services.orders.domain.flash_sale import FlashSale, FlashSaleState, RefundPolicy
from services.orders.domain.order import Order
from services.orders.domain.order_state import CancelReason
from services.orders.domain.refund import Claim, RefundKind
from services.orders.domain.shipment import Parcel
from services.orders.domain.waiting_room import GOOD_FOR
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases import fulfilment
from services.orders.usecases.expiry import expire_orders
from services.orders.usecases.flash_sale import (
    CancelFlashSale,
    UpdateFlashSale,
    cancel_flash_sale,
    create_flash_sale,
    end_flash_sales,
    update_flash_sale,
)
from services.orders.usecases.order import CancelOrder, cancel_order, place_orders
from services.orders.usecases.refund import ReceiveReturn, RefundOrder, receive_return, refund_order
from services.orders.usecases.waiting_room import Enter, enter
from tests.contract.orders.flash import bought, check_sale, counts, opened, pay
from tests.contract.orders.shelves import on_sale, stock
from tests.support.builders.flash_sales import HOUR, a_creation, a_purchase
from tests.support.builders.orders import NOW, a_placement, an_item

Later = Callable[[timedelta], Database[OrdersUnit]]


@pytest.fixture
def later(url: str) -> Callable[[timedelta], Database[OrdersUnit]]:
    """The database, so much later."""

    def make(after: timedelta) -> Database[OrdersUnit]:
        return Database(url, partial(OrdersUnit, publish=publish.to_event), clock=lambda: NOW + after, pool_size=2)

    return make


def reasons(outcomes: list[Order | Fault]) -> Counter[str]:
    return Counter(outcome.reason if isinstance(outcome, Fault) else "BOUGHT" for outcome in outcomes)


def shelf(database: Database[OrdersUnit], sale: FlashSale) -> tuple[int, int]:
    """Units on hand and reserved."""
    found = database.read(lambda unit: unit.stocks.get(sale.place))
    assert found is not None
    return found.on_hand, found.reserved


def cancel(database: Database[OrdersUnit], order: Order) -> None:
    database.write(cancel_order, CancelOrder(order.id, CancelReason.CUSTOMER, None))


def test_the_units_of_a_sale_are_reserved_while_it_lasts_and_then_go_back(
    database: Database[OrdersUnit], later: Later
) -> None:
    sale = opened(database, stock=12, quota=10)
    (order,) = bought(database, a_purchase(sale))
    assert isinstance(order, Order)
    ordinary = database.write(place_orders, [a_placement(an_item(product=sale.place.product, quantity=3))])
    assert reasons(ordinary) == {"OUT_OF_STOCK": 1}
    assert (order.total, order.activity) == (500, sale.name)
    assert counts(database, sale) == (9, 1, 0, 0)
    check_sale(database, sale)

    assert later(2 * HOUR).write(end_flash_sales, 10) == 1
    assert counts(database, sale) == (0, 1, 0, 9)
    cancel(database, order)
    assert counts(database, sale) == (0, 0, 0, 10)
    assert shelf(database, sale) == (12, 0)
    check_sale(database, sale)


def test_a_sale_of_more_than_stock_has_is_refused_whole(database: Database[OrdersUnit]) -> None:
    (product,) = on_sale(database, stock=5)
    with pytest.raises(Fault) as caught:
        database.write(create_flash_sale, a_creation(product.id, quota=6))
    assert caught.value.reason == "OUT_OF_STOCK"
    assert stock(database, product) == (5, 0)


@pytest.mark.parametrize("buckets", [1, 7])
def test_hundreds_who_click_on_two_servers_get_the_quota_and_no_more(
    database: Database[OrdersUnit], buckets: int
) -> None:
    sale = opened(database, stock=60, quota=50, buckets=buckets)
    members = [new_id() for _ in range(125)]
    clicks = [a_purchase(sale, member=member) for member in members for _ in range(4)]
    random.Random(buckets).shuffle(clicks)
    batches = [clicks[at : at + 10] for at in range(0, len(clicks), 10)]

    with ThreadPoolExecutor(12) as threads:
        outcomes = [each for batch in threads.map(lambda batch: bought(database, *batch), batches) for each in batch]

    assert len(outcomes) == 500
    assert reasons(outcomes).keys() <= {"BOUGHT", "FLASH_SALE_SOLD_OUT", "FLASH_SALE_LIMIT_REACHED"}
    assert reasons(outcomes)["BOUGHT"] == 50
    assert counts(database, sale) == (0, 50, 0, 0)
    check_sale(database, sale)


def test_a_member_who_clicks_everywhere_at_once_gets_the_limit(database: Database[OrdersUnit]) -> None:
    sale, member = opened(database, stock=50, quota=50, member_limit=3), new_id()
    with ThreadPoolExecutor(12) as threads:
        outcomes = [
            each for (each,) in threads.map(lambda _: bought(database, a_purchase(sale, member=member)), range(40))
        ]
    assert reasons(outcomes)["BOUGHT"] == 3
    assert reasons(outcomes).keys() <= {"BOUGHT", "FLASH_SALE_LIMIT_REACHED", "CONFLICT"}
    assert counts(database, sale) == (47, 3, 0, 0)
    check_sale(database, sale)


def test_clicks_in_one_batch_count_one_after_the_other(database: Database[OrdersUnit]) -> None:
    sale, member = opened(database, stock=9, quota=9, member_limit=3), new_id()
    outcomes = bought(database, *(a_purchase(sale, member=member, quantity=quantity) for quantity in (2, 2, 1, 1)))
    assert [isinstance(each, Order) for each in outcomes] == [True, False, True, False]
    refused = outcomes[1]
    assert isinstance(refused, Fault)
    assert refused.metadata["bought"] == "2"
    assert refused.metadata["order"].startswith("orders/")
    check_sale(database, sale)


def test_who_wants_more_than_is_left_is_refused_and_who_wants_less_is_not(database: Database[OrdersUnit]) -> None:
    sale = opened(database, stock=5, quota=5, buckets=3, member_limit=5)
    outcomes = bought(database, *(a_purchase(sale, quantity=quantity) for quantity in (3, 3, 2, 1)))
    assert list(map(str, reasons(outcomes).elements())).count("FLASH_SALE_SOLD_OUT") == 2
    assert [isinstance(each, Order) for each in outcomes] == [True, False, True, False]
    assert counts(database, sale) == (0, 5, 0, 0)
    check_sale(database, sale)


def test_holds_come_back_while_others_buy_pay_and_cancel(database: Database[OrdersUnit], later: Later) -> None:
    """Nothing is lost or doubled, whoever is first: the buyer, the till, the clock."""
    sale = opened(database, stock=30, quota=30, hold=timedelta(minutes=1))
    clock = later(timedelta(minutes=2))

    def live(seed: int) -> None:
        chance = random.Random(seed)
        for outcome in bought(database, *(a_purchase(sale) for _ in range(chance.randint(1, 5)))):
            if isinstance(outcome, Order) and seed % 3:
                with suppress(Fault):  # the clock was faster
                    pay(database, outcome) if chance.random() < 0.4 else cancel(database, outcome)
        if seed % 4 == 0:
            clock.write(expire_orders, 100)

    with ThreadPoolExecutor(10) as threads:
        list(threads.map(live, range(60)))
    check_sale(database, sale)
    clock.write(expire_orders, 1000)
    free, held, sold, _ = counts(database, sale)
    assert (held, free + sold) == (0, 30)
    check_sale(database, sale)


def test_paying_and_cancelling_at_once_is_decided_once(database: Database[OrdersUnit]) -> None:
    sale = opened(database, stock=8, quota=8)
    orders = [each for each in bought(database, *(a_purchase(sale) for _ in range(8))) if isinstance(each, Order)]

    def end(index: int) -> bool:
        order = orders[index // 2]
        if index % 2:
            return isinstance(pay(database, order), Order)
        try:
            cancel(database, order)
        except Fault:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(end, range(16))) == 8
    free, held, sold, _ = counts(database, sale)
    assert (held, free + sold) == (0, 8)
    assert shelf(database, sale)[0] == 8 - sold
    check_sale(database, sale)


def test_buyers_who_meet_the_end_of_a_sale_leave_no_unit_behind(database: Database[OrdersUnit]) -> None:
    sale = opened(database, stock=40, quota=40, buckets=4)

    def live(seed: int) -> None:
        if seed == 20:
            database.write(cancel_flash_sale, CancelFlashSale(sale.id, None))
        for outcome in bought(database, a_purchase(sale), a_purchase(sale)):
            if isinstance(outcome, Order) and seed % 2:
                cancel(database, outcome)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(live, range(40)))
    free, held, sold, returned = counts(database, sale)
    assert (free, sold, held + returned) == (0, 0, 40)
    check_sale(database, sale)


def test_a_quota_grows_from_stock_and_shrinks_by_what_is_free(database: Database[OrdersUnit]) -> None:
    sale = opened(database, stock=20, quota=10, buckets=3)
    bought(database, *(a_purchase(sale) for _ in range(4)))

    def resize(quota: int) -> str:
        try:
            database.write(update_flash_sale, UpdateFlashSale(sale.id, lambda terms: replace(terms, quota=quota), None))
        except Fault as fault:
            return fault.reason
        check_sale(database, sale)
        return "DONE"

    assert [resize(quota) for quota in (18, 21, 3, 4, 20)] == [
        "DONE", "OUT_OF_STOCK", "FLASH_SALE_QUOTA_TAKEN", "DONE", "DONE",
    ]  # fmt: skip
    assert counts(database, sale) == (16, 4, 0, 0)


@pytest.mark.parametrize(("policy", "left"), [(RefundPolicy.KEEP, (1, 0, 1, 0)), (RefundPolicy.RESELL, (2, 0, 0, 0))])
def test_what_is_refunded_in_full_is_sold_again_where_the_policy_says_so(
    database: Database[OrdersUnit], policy: RefundPolicy, left: tuple[int, int, int, int]
) -> None:
    sale, member = opened(database, stock=2, quota=2, refund_policy=policy), new_id()
    (order,) = bought(database, a_purchase(sale, member=member))
    assert isinstance(order, Order)
    pay(database, order)
    database.write(refund_order, RefundOrder(new_id(), order.id, Claim.units((1, 1)), "", "", None))
    assert counts(database, sale) == left
    again = bought(database, a_purchase(sale, member=member))
    assert reasons(again) == {"BOUGHT" if policy is RefundPolicy.RESELL else "FLASH_SALE_LIMIT_REACHED": 1}
    check_sale(database, sale)


def sent(database: Database[OrdersUnit], order: Order, units: int) -> None:
    """So many units of an order leave."""
    packing = fulfilment.CreateShipment(new_id(), order.id, ((1, units),), (Parcel("SF", str(new_id())),), "", "u")
    shipment = database.write(fulfilment.create_shipment, packing)
    database.write(fulfilment.ship, fulfilment.StepShipment(order.id, shipment.id, "u"))


def test_what_has_left_is_not_sold_again(database: Database[OrdersUnit]) -> None:
    sale, member = opened(database, stock=5, quota=5, refund_policy=RefundPolicy.RESELL, member_limit=3), new_id()
    (order,) = bought(database, a_purchase(sale, member=member, quantity=3))
    assert isinstance(order, Order)
    pay(database, order)
    sent(database, order, 2)
    assert (counts(database, sale), shelf(database, sale)) == ((2, 0, 3, 0), (2, 2))
    database.write(refund_order, RefundOrder(new_id(), order.id, None, "", "", None))
    assert (counts(database, sale), shelf(database, sale)) == ((3, 0, 2, 0), (3, 3))
    assert reasons(bought(database, a_purchase(sale, member=member, quantity=2))) == {"FLASH_SALE_LIMIT_REACHED": 1}
    check_sale(database, sale)


def test_what_came_back_before_it_arrived_is_sold_again(database: Database[OrdersUnit]) -> None:
    sale = opened(database, stock=5, quota=5, refund_policy=RefundPolicy.RESELL)
    (order,) = bought(database, a_purchase(sale))
    assert isinstance(order, Order)
    pay(database, order)
    sent(database, order, 1)
    (shipment,) = database.read(lambda unit: unit.shipments.of_order(order.id))
    database.write(fulfilment.give_back, fulfilment.StepShipment(order.id, shipment.id, "u"))
    database.write(refund_order, RefundOrder(new_id(), order.id, None, "", "", None))
    assert (counts(database, sale), shelf(database, sale)) == ((5, 0, 0, 0), (5, 5))
    check_sale(database, sale)


@pytest.mark.parametrize("sent_units", [0, 1, 3])
@pytest.mark.parametrize("damaged", [0, 1, 3])
def test_damaged_units_are_not_sold_again(database: Database[OrdersUnit], sent_units: int, damaged: int) -> None:
    sale = opened(database, stock=5, quota=5, refund_policy=RefundPolicy.RESELL, member_limit=3)
    (order,) = bought(database, a_purchase(sale, quantity=3))
    assert isinstance(order, Order)
    pay(database, order)
    if sent_units:
        sent(database, order, sent_units)
    back = RefundOrder(new_id(), order.id, Claim.units((1, 3)), "", "", None, kind=RefundKind.RETURN)
    made = database.write(refund_order, back)
    database.write(receive_return, ReceiveReturn(order.id, made.id, ((1, damaged),) if damaged else (), "", None))
    there = 5 - damaged
    assert (counts(database, sale), shelf(database, sale)) == ((there, 0, damaged, 0), (there, there))
    check_sale(database, sale)


@pytest.mark.parametrize("partly", [True, False])
@pytest.mark.parametrize("wholly", [True, False])
def test_what_a_refund_puts_back_in_stock_is_not_put_there_twice(
    database: Database[OrdersUnit], partly: bool, wholly: bool
) -> None:
    sale = opened(database, stock=5, quota=5, refund_policy=RefundPolicy.RESELL, member_limit=3)
    (order,) = bought(database, a_purchase(sale, quantity=3))
    assert isinstance(order, Order)
    pay(database, order)
    database.write(refund_order, RefundOrder(new_id(), order.id, Claim.units((1, 1)), "", "", None, restock=partly))
    assert shelf(database, sale) == (3 if partly else 2, 2)
    database.write(refund_order, RefundOrder(new_id(), order.id, None, "", "", None, restock=wholly))
    free = 4 if partly else 5  # what is in stock since an earlier refund may be sold elsewhere by now
    assert (counts(database, sale), shelf(database, sale)) == ((free, 0, 5 - free, 0), (5, free))
    check_sale(database, sale)


def test_what_came_back_before_the_rest_was_refunded_is_in_stock_and_not_in_the_sale(
    database: Database[OrdersUnit],
) -> None:
    sale = opened(database, stock=5, quota=5, refund_policy=RefundPolicy.RESELL, member_limit=3)
    (order,) = bought(database, a_purchase(sale, quantity=3))
    assert isinstance(order, Order)
    pay(database, order)
    back = RefundOrder(new_id(), order.id, Claim.units((1, 1)), "", "", None, kind=RefundKind.RETURN)
    made = database.write(refund_order, back)
    database.write(receive_return, ReceiveReturn(order.id, made.id, (), "", None))
    (other,) = database.write(place_orders, [a_placement(an_item(product=sale.place.product))])
    assert isinstance(other, Order)
    database.write(refund_order, RefundOrder(new_id(), order.id, None, "", "", None))
    assert (counts(database, sale), shelf(database, sale)) == ((4, 0, 1, 0), (5, 5))
    check_sale(database, sale)


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"start": NOW + HOUR, "end": NOW + 2 * HOUR}, "FLASH_SALE_NOT_OPEN"),
        ({"channels": ("app",)}, "FLASH_SALE_NOT_ELIGIBLE"),
        ({"tiers": ("gold",)}, "FLASH_SALE_NOT_ELIGIBLE"),
        ({"tiers": ("base",)}, "BOUGHT"),
        ({}, "BOUGHT"),
    ],
)
def test_only_those_whom_the_sale_is_for_may_buy(
    database: Database[OrdersUnit], terms: dict[str, object], reason: str
) -> None:
    sale = opened(database, stock=2, quota=2, **terms)
    assert reasons(bought(database, a_purchase(sale))) == {reason: 1}
    check_sale(database, sale)


def test_a_cancelled_sale_sells_nothing_and_its_orders_may_still_be_paid(database: Database[OrdersUnit]) -> None:
    sale = opened(database, stock=3, quota=3)
    (order,) = bought(database, a_purchase(sale))
    assert isinstance(order, Order)
    cancelled = database.write(cancel_flash_sale, CancelFlashSale(sale.id, None))
    assert database.write(cancel_flash_sale, CancelFlashSale(sale.id, None)) == cancelled
    assert cancelled.state(NOW) is FlashSaleState.CANCELLED
    assert reasons(bought(database, a_purchase(sale))) == {"FLASH_SALE_NOT_OPEN": 1}
    assert isinstance(pay(database, order), Order)
    assert counts(database, sale) == (0, 0, 1, 2)
    check_sale(database, sale)


def test_a_place_whose_ticket_is_over_gets_a_new_one_at_the_end(database: Database[OrdersUnit], later: Later) -> None:
    sale = opened(database, stock=10, quota=10, admitted_per_second=1)
    member, other, third = new_id(), new_id(), new_id()

    def admitted(after: timedelta, *members: UUID) -> list[timedelta]:
        at = later(after)
        outcomes = at.write(enter, [Enter(sale.id, each) for each in members])
        at.close()
        return [each.ticket.admit_time - NOW for each in outcomes if not isinstance(each, Fault)]

    second, moment = timedelta(seconds=1), timedelta(microseconds=1)
    assert admitted(timedelta(), member, other) == [timedelta(), second]
    assert admitted(GOOD_FOR - moment, member) == [timedelta()]
    assert admitted(GOOD_FOR, third, member, other) == [GOOD_FOR, GOOD_FOR + second, second]
    assert admitted(GOOD_FOR + second, member, other) == [GOOD_FOR + second, GOOD_FOR + 2 * second]
