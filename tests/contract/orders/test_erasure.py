"""Members who were forgotten stay so: nothing personal is stored of their orders again, whatever comes at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier, Event
from uuid import UUID

import pytest
from sqlalchemy import text

from kit.db import Database
from kit.errors import Fault
from kit.names import new_id
from kit.page import Page
from services.orders.domain.address import SealedAddress
from services.orders.domain.cart import Access
from services.orders.domain.invoice import SealedBearer
from services.orders.domain.order import Order
from services.orders.domain.order_content import Buyer
from services.orders.domain.payment import Tender
from services.orders.domain.refund import ClaimLine, RefundKind, RefundQuery
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.activity import Sending
from services.orders.usecases.cart import OpenCart, open_cart
from services.orders.usecases.desk import ChangeAddress, change_address
from services.orders.usecases.erasure import forget_members
from services.orders.usecases.group import take_seats
from services.orders.usecases.invoice import RequestInvoice, request_invoice
from services.orders.usecases.order import place_orders
from services.orders.usecases.payment import PayOrder, pay_orders
from services.orders.usecases.refund import (
    DecideRefund,
    ReceiveReturn,
    approve_refund,
    list_refunds,
    receive_return,
    refund_order,
    reject_refund,
)
from tests.contract.orders.groups import started
from tests.contract.orders.purchases import refunding
from tests.contract.orders.shelves import on_sale
from tests.support.builders.groups import an_opening
from tests.support.builders.orders import a_placement, an_item
from tests.support.waiting import until

Db = Database[OrdersUnit]


def ordered(database: Db, units: int = 1, *, each: int = 1) -> list[Order]:
    """Orders of members, without addresses, of so many units together."""
    (tea,) = on_sale(database, stock=units)
    item = an_item(product=tea.id, quantity=each)
    placed = database.write(place_orders, [a_placement(item) for _ in range(units // each)])
    return [order for order in placed if isinstance(order, Order)]


def paid(database: Db, order: Order) -> Order:
    """Pay an order, in money."""
    (after,) = database.write(pay_orders, [PayOrder(order.id, Tender.MANUAL, order.money(order.due), "", None)])
    assert isinstance(after, Order)
    return after


def member_of(order: Order) -> UUID:
    assert order.buyer.member is not None
    return order.buyer.member


def send(database: Db, order: Order) -> str:
    """Give an order an address."""
    sealed = SealedAddress(new_id(), "a key", b"wrapped", b"sealed", "")
    try:
        database.write(change_address, ChangeAddress(order.id, "CN", sealed, "clerk"))
    except Fault as fault:
        return fault.reason
    return "SENT"


def invoiced(database: Db, order: Order) -> str:
    """Ask for an invoice."""
    bearer = SealedBearer("a key", b"wrapped", b"sealed")
    try:
        database.write(request_invoice, RequestInvoice(new_id(), order.id, bearer, "clerk"))
    except Fault as fault:
        return fault.reason
    return "ASKED"


def refund_texts(database: Db, order: Order) -> list[tuple[str, ...]]:
    """What refunds of an order tell in people's words, and who asked and decided."""
    found = database.read(list_refunds, RefundQuery(order=order.id), Page(50))
    return [(each.reason, each.note, each.requested_by, each.decided_by) for each in reversed(found)]


def asked_and_decided(database: Db, order: Order) -> None:
    """Two refunds: one that somebody else approves, one that is refused."""
    for decide in (approve_refund, reject_refund):
        asked = replace(refunding(order, ClaimLine(1, 1)), reason="Mrs Wang is ill", by="clerk", limits={"CNY": 0})
        made = database.write(refund_order, asked)
        database.write(decide, DecideRefund(order.id, made.id, "chief", "she called", None))


def addressed(database: Db, order: Order) -> bool:
    return database.read(lambda unit: unit.addresses.get(order.id)) is not None


@pytest.mark.parametrize("times", [1, 2])
def test_an_erased_member_s_orders_get_no_address_and_no_bearer_again(database: Db, times: int) -> None:
    gone, other = ordered(database, 2)
    assert send(database, gone) == "SENT"
    for _ in range(times):
        database.write(forget_members, [member_of(gone), new_id()])
    assert not addressed(database, gone)
    assert (send(database, gone), invoiced(database, gone)) == ("MEMBER_ERASED", "MEMBER_ERASED")
    assert not addressed(database, gone)
    assert (send(database, other), invoiced(database, other)) == ("SENT", "ASKED")


def test_what_was_said_of_an_erased_member_s_refunds_is_gone_and_not_kept_again(database: Db) -> None:
    gone, other = (paid(database, order) for order in ordered(database, 8, each=4))
    asked_and_decided(database, gone)
    asked_and_decided(database, other)
    database.write(forget_members, [member_of(gone)])
    assert refund_texts(database, gone) == [("", "", "clerk", "chief")] * 2
    assert refund_texts(database, other) == [("Mrs Wang is ill", "she called", "clerk", "chief")] * 2
    asked_and_decided(database, gone)
    assert refund_texts(database, gone) == [("", "", "clerk", "chief")] * 4


def test_what_is_said_when_goods_come_back_is_not_kept_of_an_erased_member(database: Db) -> None:
    (order,) = (paid(database, each) for each in ordered(database))
    back = replace(refunding(order, ClaimLine(1, 1)), kind=RefundKind.RETURN)
    made = database.write(refund_order, back)
    database.write(forget_members, [member_of(order)])
    received = database.write(receive_return, ReceiveReturn(order.id, made.id, (), "smells of her dog", None))
    assert (received.reason, received.note) == ("", "")


def test_a_reason_that_is_told_while_its_member_is_erased_is_not_left(database: Db) -> None:
    (order,) = (paid(database, each) for each in ordered(database))
    stored = Event()

    def slowly(unit: OrdersUnit) -> None:
        refund_order(unit, replace(refunding(order, ClaimLine(1, 1)), reason="Mrs Wang is ill"))
        stored.set()
        until(lambda: unit.connection.execute(_WAITING).scalar_one(), what="whoever erases waits for this")

    with ThreadPoolExecutor(2) as threads:
        made = threads.submit(database.write, slowly)
        assert stored.wait(10)
        threads.submit(database.write, forget_members, [member_of(order)]).result(20)
        made.result(20)
    assert [reason for reason, *_ in refund_texts(database, order)] == [""]


def test_an_address_and_the_erasure_at_the_same_moment_leave_none(database: Db) -> None:
    for order in ordered(database, 15):
        both = Barrier(2)

        def together(what: str, order: Order = order, both: Barrier = both) -> None:
            both.wait()
            if what == "send":
                send(database, order)
            else:
                database.write(forget_members, [member_of(order)])

        with ThreadPoolExecutor(2) as threads:
            list(threads.map(together, ["send", "forget"]))
        assert not addressed(database, order)


def order(database: Db, member: UUID, address: SealedAddress) -> Callable[[OrdersUnit], object]:
    (tea,) = on_sale(database, stock=3)
    placement = replace(a_placement(an_item(product=tea.id)), buyer=Buyer(member=member), address=address)
    return lambda unit: place_orders(unit, [placement])


def seat(database: Db, member: UUID, address: SealedAddress) -> Callable[[OrdersUnit], object]:
    command = replace(an_opening(started(database)), member=member, sending=Sending(address=address))
    return lambda unit: take_seats(unit, [command])


def cart(database: Db, member: UUID, address: SealedAddress) -> Callable[[OrdersUnit], object]:
    return lambda unit: open_cart(unit, OpenCart(new_id(), member, "web", Access(staff=True)))


@pytest.mark.parametrize("storing", [order, seat, cart])
def test_of_what_is_stored_while_its_member_is_erased_nothing_personal_is_left(
    database: Db, storing: Callable[[Db, UUID, SealedAddress], Callable[[OrdersUnit], object]]
) -> None:
    member = new_id()
    store = storing(database, member, SealedAddress(new_id(), "a key", b"wrapped", b"sealed", ""))
    stored = Event()

    def slowly(unit: OrdersUnit) -> object:
        made = store(unit)
        stored.set()
        until(lambda: unit.connection.execute(_WAITING).scalar_one(), what="whoever erases waits for this")
        return made

    with ThreadPoolExecutor(2) as threads:
        made = threads.submit(database.write, slowly)
        assert stored.wait(10)
        threads.submit(database.write, forget_members, [member]).result(20)
        assert not isinstance(made.result(20), Fault)
    assert database.read(lambda unit: unit.connection.execute(_LEFT).scalar_one()) == 0


_WAITING = text("""
    select exists (select from pg_locks l join pg_database d on d.oid = l.database
                   where d.datname = current_database() and not l.granted and l.locktype = 'advisory')
""")
_LEFT = text("select (select count(*) from delivery_addresses) + (select count(*) from carts)")
