"""The difference of an exchange, paid as any order is: points, stored value, gift cards; and all of it given back."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest

from kit.db import Database
from kit.merges import Link
from kit.names import new_id
from services.orders.domain.order import Order
from services.orders.domain.order_content import Buyer
from services.orders.domain.order_state import OrderState
from services.orders.domain.payment import Tender
from services.orders.domain.refund import ClaimLine, RefundKind
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases import refund as refunds
from services.orders.usecases.exchange import TIME_TO_PAY
from services.orders.usecases.expiry import expire_orders
from services.orders.usecases.member import follow
from services.orders.usecases.order import place_orders
from services.orders.usecases.tendering import payable, tender_order
from tests.contract.orders.purchases import refunding, refusal, stored
from tests.contract.orders.test_exchanges import (
    BUYER,
    Clock,
    arrived,
    clock,
    database,
    differences,
    exchanged,
    given_back,
    made_of,
    paid,
    placed,
    product,
)
from tests.contract.orders.test_tendering import held
from tests.support.builders.orders import NOW, a_placement, an_item

__all__ = ["clock", "database", "product"]  # fixtures

Db = Database[OrdersUnit]


def owing(database: Db, product: UUID, price: int = 1250) -> tuple[Order, Order]:
    """An order of 9.00 whose goods came back, and what the customer gets instead."""
    order = paid(database, placed(database, product, 900), (900, Tender.WECHAT_PAY))
    instead = placed(database, product, price)
    arrived(database, exchanged(database, order, instead))
    return order, stored(database, instead)


def test_the_difference_is_paid_with_points_and_stored_value(database: Db, product: UUID) -> None:
    order, instead = owing(database, product)
    assert database.read(payable, instead.id).pay_within == TIME_TO_PAY
    done = database.write(tender_order, held(database, instead, points=100, minor=250))
    assert (done.state, done.points_value) == (OrderState.PAID, 100)
    assert {each.tender: each.amount.minor for each in done.payments} == {
        Tender.EXCHANGE: 900,
        Tender.POINTS: 100,
        Tender.STORED_VALUE: 250,
    }
    assert differences(database) == []
    given = database.write(refunds.refund_order, refunding(done, ClaimLine(1, 1), limits={}))
    assert (given.points, given_back(given)) == (100, [(Tender.EXCHANGE, 900), (Tender.STORED_VALUE, 250)])
    assert [payment.left for each in (order, done) for payment in stored(database, each).payments] == [0] * 4
    assert differences(database) == []


def test_of_what_was_paid_of_the_difference_all_goes_back_when_the_rest_never_comes(
    database: Db, product: UUID, clock: Clock
) -> None:
    order, instead = owing(database, product)
    part = database.write(tender_order, held(database, instead, points=100, minor=100))
    assert (part.state, part.outstanding) == (OrderState.PENDING_PAYMENT, 150)
    clock.pass_(TIME_TO_PAY + timedelta(seconds=1))
    assert database.write(expire_orders, 10) == 1
    ended = stored(database, instead)
    assert (ended.state, [payment.left for payment in ended.payments]) == (OrderState.CANCELLED, [0, 0])
    back = next(each for each in made_of(database, order) if each.credit < 0)
    assert given_back(back) == [(Tender.WECHAT_PAY, 900)]
    assert differences(database) == []


def test_before_the_goods_are_there_it_is_paid_whole_or_not_at_all(database: Db, product: UUID) -> None:
    order = paid(database, placed(database, product, 900), (900, Tender.WECHAT_PAY))
    instead = placed(database, product, 1250)
    refund = exchanged(database, order, instead)
    for points, minor in ((100, 250), (0, 350), (1250, 1)):
        part = held(database, instead, points=points, minor=minor)
        assert refusal(partial(database.write, tender_order, part)) == "TENDERS_UNSUITABLE"
    whole = held(database, instead, points=100, minor=1150)
    assert database.write(tender_order, whole).state is OrderState.PAID
    done = arrived(database, refund)
    assert (done.credit, given_back(done)) == (0, [(Tender.WECHAT_PAY, 900)])
    assert differences(database) == []


def test_what_was_held_for_all_of_it_is_too_much_once_the_goods_are_there(database: Db, product: UUID) -> None:
    order = paid(database, placed(database, product, 900), (900, Tender.WECHAT_PAY))
    instead = placed(database, product, 1250)
    refund = exchanged(database, order, instead)
    whole = held(database, instead, minor=1250)
    arrived(database, refund)
    assert refusal(lambda: database.write(tender_order, whole)) == "TENDERS_UNSUITABLE"
    assert stored(database, instead).outstanding == 350
    assert differences(database) == []


def test_what_is_held_for_the_difference_does_not_have_to_last_longer(
    database: Db, product: UUID, clock: Clock
) -> None:
    order = paid(database, placed(database, product, 300, 300), (600, Tender.WECHAT_PAY))
    instead = placed(database, product, 1250)
    first, second = exchanged(database, order, instead, 1), exchanged(database, order, instead, 2)
    arrived(database, first)
    until = stored(database, instead).expire_time
    database.write(tender_order, held(database, stored(database, instead), points=100))
    clock.pass_(timedelta(days=2))
    arrived(database, second)
    owing = stored(database, instead)
    assert (owing.outstanding, owing.expire_time) == (1250 - 600 - 100, until)
    assert differences(database) == []


def test_who_was_merged_since_exchanges_by_the_new_name(database: Db, product: UUID) -> None:
    order = paid(database, placed(database, product, 900, 900), (1800, Tender.WECHAT_PAY))
    new = Buyer(member=new_id())
    placement = replace(a_placement(an_item(product=product, quantity=1, unit_price=900)), buyer=new)
    (instead,) = database.write(place_orders, [placement])
    assert isinstance(instead, Order)
    command = refunding(order, ClaimLine(1, 1), kind=RefundKind.EXCHANGE, replacement=instead.id, limits={})
    assert refusal(partial(database.write, refunds.refund_order, command)) == "REQUEST_INVALID"
    assert BUYER.member is not None
    database.write(follow, [Link(BUYER.member, new.member, NOW, 2)])
    arrived(database, database.write(refunds.refund_order, command))
    assert stored(database, instead).state is OrderState.PAID
    assert differences(database) == []


@pytest.mark.parametrize("seed", range(20))
def test_whatever_paid_for_a_chain_of_exchanges_all_of_it_goes_back(database: Db, product: UUID, seed: int) -> None:
    draw = random.Random(seed)
    first = placed(database, product, draw.randint(3, 3000), draw.randint(1, 50))
    wechat = draw.randint(1, first.total - 1)
    chain = [paid(database, first, (wechat, Tender.WECHAT_PAY), (first.total - wechat, Tender.GIFT_CARD))]
    for _ in range(draw.randint(1, 3)):
        instead = placed(database, product, draw.randint(1, 3000))
        arrived(database, exchanged(database, stored(database, chain[-1]), instead))
        chain.append(settled(database, stored(database, instead), draw))
        assert differences(database) == []
    for order in reversed(chain):
        give_back_in_parts(database, order, draw)
        assert differences(database) == []
    assert [payment.left for order in chain for payment in stored(database, order).payments if payment.left] == []


def settled(database: Db, order: Order, draw: random.Random) -> Order:
    """What is outstanding of it is paid with points and stored value, if anything is."""
    if order.outstanding:
        points = draw.randint(0, order.outstanding)
        order = database.write(tender_order, held(database, order, points=points, minor=order.outstanding - points))
    assert order.state is OrderState.PAID
    return order


def give_back_in_parts(database: Db, order: Order, draw: random.Random) -> None:
    """By amounts, until nothing is left."""
    while lines := [line for line in stored(database, order).lines if line.left.amount]:
        line = draw.choice(lines)
        claim = ClaimLine(line.position, 0, draw.randint(1, line.left.amount))
        database.write(refunds.refund_order, refunding(order, claim, limits={}))
