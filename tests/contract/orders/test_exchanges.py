"""Exchanges: what comes back pays for what the customer gets instead, to the cent, and only the difference moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import text

from kit.db import Database
from kit.errors import Fault
from kit.money import Money
from kit.names import new_id
from kit.page import Page
from services.orders import publish
from services.orders.domain.order import Order
from services.orders.domain.order_content import Buyer
from services.orders.domain.order_state import CancelReason, OrderState
from services.orders.domain.payment import PointsTender, Tender
from services.orders.domain.refund import ClaimLine, Refund, RefundKind, RefundQuery, RefundState
from services.orders.domain.stock import Place, receive
from services.orders.domain.verification import Check
from services.orders.storage.unit import CONSTRAINTS, OrdersUnit
from services.orders.usecases import fulfilment
from services.orders.usecases import refund as refunds
from services.orders.usecases.erasure import forget_members
from services.orders.usecases.exchange import TIME_TO_PAY
from services.orders.usecases.expiry import expire_orders
from services.orders.usecases.order import CancelOrder, cancel_order, place_orders
from services.orders.usecases.payment import PayOrder, pay_orders, receive_payments
from services.orders.usecases.refund import ReceiveReturn
from tests.contract.orders.purchases import a_part, deciding, on_hand, refunding, refusal, stored, told
from tests.support.builders.orders import NOW, a_placement, a_product, an_item

BUYER = Buyer(member=new_id())


@dataclass
class Clock:
    """The instant of the database's transactions, which tests move."""

    now: datetime = NOW

    def pass_(self, time: timedelta) -> None:
        """Let time pass."""
        self.now += time


@pytest.fixture
def clock() -> Clock:
    """The clock of the database."""
    return Clock()


@pytest.fixture
def database(migrated: Callable[[str], str], clock: Clock) -> Iterator[Database[OrdersUnit]]:
    """The database, whose time passes."""
    unit = partial(OrdersUnit, publish=publish.to_event)
    database = Database(migrated("orders"), unit, constraints=CONSTRAINTS, clock=lambda: clock.now, pool_size=4)
    yield database
    database.close()


@pytest.fixture
def product(database: Database[OrdersUnit]) -> UUID:
    """Something that there are hundreds of."""
    product = a_product(price=900)

    def put_on_sale(unit: OrdersUnit) -> None:
        unit.products.add(product)
        unit.stocks.open(Place(product.id), unit.now)
        unit.stocks.apply([receive(Place(product.id), 5000, note="")], unit.now)

    database.write(put_on_sale)
    return product.id


def placed(database: Database[OrdersUnit], product: UUID, *prices: int, **changes: object) -> Order:
    """An order of one unit at each of the prices."""
    items = [an_item(product=product, quantity=1, unit_price=price) for price in prices]
    placement = replace(a_placement(*items), buyer=BUYER, **changes)  # type: ignore[arg-type]
    (order,) = database.write(place_orders, [placement])
    assert isinstance(order, Order)
    return order


def paid(database: Database[OrdersUnit], order: Order, *parts: tuple[int, Tender]) -> Order:
    *_, done = database.write(receive_payments, [a_part(order, minor, tender) for minor, tender in parts])
    assert isinstance(done, Order)
    assert done.state is OrderState.PAID
    return done


def exchanged(database: Database[OrdersUnit], order: Order, instead: Order, *positions: int) -> Refund:
    """The units at positions are to come back for another order."""
    lines = [ClaimLine(position, 1) for position in positions or (1,)]
    command = refunding(order, *lines, kind=RefundKind.EXCHANGE, replacement=instead.id, limits={})
    made = database.write(refunds.refund_order, command)
    assert made.state is RefundState.AWAITING_GOODS
    return made


def arrived(database: Database[OrdersUnit], refund: Refund) -> Refund:
    got = database.write(refunds.receive_return, ReceiveReturn(refund.order, refund.id, (), "", None))
    assert isinstance(got, Refund)
    return got


def differences(database: Database[OrdersUnit]) -> list[Check]:
    """What differs, but for providers, of whom there is none here."""

    def compare(unit: OrdersUnit) -> list[Check]:
        found = unit.verifications
        return [each for number in range(found.comparisons()) for each in found.differences(number, unit.now)]

    return [each for each in database.read(compare) if each.kind not in {"captured", "returned"}]


def given_back(refund: Refund) -> list[tuple[Tender, int]]:
    return [(payout.tender, payout.amount.minor) for payout in refund.payouts]


def test_an_equal_exchange_moves_no_money(database: Database[OrdersUnit], product: UUID) -> None:
    order = paid(database, placed(database, product, 900, 500), (1400, Tender.WECHAT_PAY))
    instead = placed(database, product, 900)
    done = arrived(database, exchanged(database, order, instead))
    assert (done.state, done.amount.minor, done.credit, done.payouts) == (RefundState.SUCCEEDED, 0, 900, ())
    replaced, first = stored(database, instead), stored(database, order)
    assert (replaced.state, [each.tender for each in replaced.payments]) == (OrderState.PAID, [Tender.EXCHANGE])
    assert (first.state, first.net_total, first.payments[0].left) == (OrderState.PARTIALLY_REFUNDED, 500, 1400)
    assert told(database, "OrderPaid") == 2
    assert on_hand(database, product) == (4998, 0)
    assert differences(database) == []


def test_of_a_cheaper_one_the_difference_goes_back_in_each_tender(
    database: Database[OrdersUnit], product: UUID
) -> None:
    order = paid(database, placed(database, product, 900), (600, Tender.WECHAT_PAY), (300, Tender.GIFT_CARD))
    instead = placed(database, product, 600)
    done = arrived(database, exchanged(database, order, instead))
    assert (done.amount.minor, done.credit) == (300, 600)
    assert given_back(done) == [(Tender.WECHAT_PAY, 200), (Tender.GIFT_CARD, 100)]
    assert stored(database, instead).state is OrderState.PAID
    assert stored(database, order).net_total == 0
    assert differences(database) == []


def test_of_a_dearer_one_the_difference_is_owed_and_nothing_ships_before_it_is_paid(
    database: Database[OrdersUnit], product: UUID
) -> None:
    order = paid(database, placed(database, product, 900), (900, Tender.WECHAT_PAY))
    instead = placed(database, product, 1250)
    done = arrived(database, exchanged(database, order, instead))
    assert (done.amount.minor, done.credit, done.payouts) == (0, 900, ())
    owing = stored(database, instead)
    assert (owing.state, owing.outstanding) == (OrderState.PENDING_PAYMENT, 350)
    packing = fulfilment.CreateShipment(new_id(), instead.id, ((1, 1),), (), "", "users/ann")
    assert refusal(lambda: database.write(fulfilment.create_shipment, packing)) == "ORDER_NOT_FULFILLABLE"
    assert differences(database) == []
    pay = PayOrder(instead.id, Tender.MANUAL, Money(350, "CNY"), "till", None)
    (settled,) = database.write(pay_orders, [pay])
    assert isinstance(settled, Order)
    assert settled.state is OrderState.PAID
    assert database.write(fulfilment.create_shipment, packing).lines == ((1, 1),)
    assert differences(database) == []


def test_a_replacement_waits_for_the_goods_and_then_for_the_difference_and_gives_all_back_if_that_never_comes(
    database: Database[OrdersUnit], product: UUID, clock: Clock
) -> None:
    order = paid(database, placed(database, product, 900), (900, Tender.WECHAT_PAY))
    instead = placed(database, product, 1000)
    refund = exchanged(database, order, instead)
    clock.pass_(timedelta(days=20))
    assert database.write(expire_orders, 10) == 0
    arrived(database, refund)
    clock.pass_(TIME_TO_PAY + timedelta(seconds=1))
    assert database.write(expire_orders, 10) == 1
    ended, first = stored(database, instead), stored(database, order)
    assert (ended.state, ended.payments[0].left) == (OrderState.CANCELLED, 0)
    assert (first.net_total, first.payments[0].left) == (0, 0)
    back = next(each for each in made_of(database, order) if each.credit < 0)
    assert (back.amount.minor, given_back(back), back.replacement) == (900, [(Tender.WECHAT_PAY, 900)], instead.id)
    assert back.note == refund.name
    assert differences(database) == []


def test_what_is_paid_otherwise_or_cancelled_meanwhile_takes_no_part(
    database: Database[OrdersUnit], product: UUID
) -> None:
    order = paid(database, placed(database, product, 900, 900), (1800, Tender.WECHAT_PAY))
    bought, given_up = placed(database, product, 900), placed(database, product, 900)
    first, second = exchanged(database, order, bought, 1), exchanged(database, order, given_up, 2)
    paid(database, bought, (900, Tender.MANUAL))
    database.write(cancel_order, CancelOrder(given_up.id, CancelReason.CUSTOMER, None))
    for refund in (first, second):
        done = arrived(database, refund)
        assert (done.amount.minor, done.credit) == (900, 0)
    assert stored(database, order).payments[0].left == 0
    assert differences(database) == []


def test_a_replacement_of_an_exchange_that_is_given_up_may_be_paid_as_any_other(
    database: Database[OrdersUnit], product: UUID
) -> None:
    order = paid(database, placed(database, product, 900), (900, Tender.WECHAT_PAY))
    instead = placed(database, product, 900)
    refund = exchanged(database, order, instead)
    assert stored(database, instead).expire_time is None
    database.write(refunds.reject_refund, deciding(refund))
    until = stored(database, instead).expire_time
    assert until is not None
    assert until > NOW
    assert stored(database, order).net_total == 900


def test_points_go_back_as_points_and_only_money_pays_for_the_replacement(
    database: Database[OrdersUnit], product: UUID
) -> None:
    tender = PointsTender("members/1/holds/2", 300, Money(300, "CNY"))
    order = paid(database, placed(database, product, 900, tender=tender), (600, Tender.ALIPAY))
    instead = placed(database, product, 700)
    done = arrived(database, exchanged(database, order, instead))
    assert (done.points, done.amount.minor, done.credit) == (300, 0, 600)
    assert stored(database, instead).outstanding == 100
    assert differences(database) == []


def test_what_a_replacement_gives_back_goes_on_to_the_first_of_all_payments(
    database: Database[OrdersUnit], product: UUID
) -> None:
    first = paid(database, placed(database, product, 900), (900, Tender.WECHAT_PAY))
    second = placed(database, product, 1000)
    arrived(database, exchanged(database, first, second))
    paid(database, second, (100, Tender.MANUAL))
    third = placed(database, product, 1000)
    arrived(database, exchanged(database, second, third))
    assert stored(database, third).state is OrderState.PAID
    assert differences(database) == []
    database.write(refunds.refund_order, refunding(third, ClaimLine(1, 1), limits={}))
    assert [payment.left for order in (first, second, third) for payment in stored(database, order).payments] == [0] * 4
    assert [given_back(each) for each in made_of(database, first) if each.credit < 0] == [[(Tender.WECHAT_PAY, 900)]]
    assert differences(database) == []


def test_the_accounts_of_an_exchange_agree_once_its_member_is_erased(
    database: Database[OrdersUnit], product: UUID
) -> None:
    first, second = (
        paid(database, placed(database, product, 900), (900, Tender.WECHAT_PAY)),
        placed(database, product, 900),
    )
    arrived(database, exchanged(database, first, second))
    database.write(refunds.refund_order, refunding(second, ClaimLine(1, 1), limits={}))
    assert first.buyer.member is not None
    database.write(forget_members, [first.buyer.member])
    assert len([each for each in made_of(database, first) if each.credit < 0 and each.note]) == 1
    assert differences(database) == []


@pytest.mark.parametrize("how", ["currency", "coupons", "points", "activity", "paid_in_part"])
def test_what_can_not_wait_for_the_goods_is_refused(database: Database[OrdersUnit], product: UUID, how: str) -> None:
    order = paid(database, placed(database, product, 900), (900, Tender.WECHAT_PAY))
    tender = PointsTender("members/1/holds/2", 300, Money(300, "CNY"))
    changes: dict[str, dict[str, object]] = {
        "coupons": {"coupons": ("coupons/1",)},
        "points": {"tender": tender},
        "activity": {"activity": "bargains/1"},
    }
    instead = placed(database, product, 900, **changes.get(how, {}))
    if how == "currency":
        sql(database, f"update orders set currency = 'USD' where id = '{instead.id}'")
    if how == "paid_in_part":
        database.write(receive_payments, [a_part(instead, 100)])
    command = refunding(order, ClaimLine(1, 1), kind=RefundKind.EXCHANGE, replacement=instead.id, limits={})
    with pytest.raises(Fault) as refused:
        database.write(refunds.refund_order, command)
    assert (refused.value.reason, refused.value.metadata["cause"]) == ("REPLACEMENT_UNSUITABLE", how.upper())


def test_a_credit_without_its_payment_is_found(database: Database[OrdersUnit], product: UUID) -> None:
    order = paid(database, placed(database, product, 900), (900, Tender.WECHAT_PAY))
    arrived(database, exchanged(database, order, placed(database, product, 900)))
    sql(database, "update refunds set credit = 899, amount = 1")
    assert {"exchanged"} <= {each.kind for each in differences(database)}


def made_of(database: Database[OrdersUnit], order: Order) -> list[Refund]:
    return database.read(lambda unit: unit.refunds.page(RefundQuery(order.id), Page(50)))


def sql(database: Database[OrdersUnit], statement: str) -> None:
    database.write(lambda unit: unit.connection.execute(text(statement)))
