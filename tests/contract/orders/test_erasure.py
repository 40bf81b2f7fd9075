"""Members who were forgotten stay so: nothing personal is stored of their orders again, whatever comes at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

import pytest

from kit.db import Database
from kit.errors import Fault
from kit.names import new_id
from services.orders.domain.address import SealedAddress
from services.orders.domain.invoice import SealedBearer
from services.orders.domain.order import Order
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.desk import ChangeAddress, change_address
from services.orders.usecases.erasure import forget_members
from services.orders.usecases.invoice import RequestInvoice, request_invoice
from services.orders.usecases.order import place_orders
from tests.contract.orders.shelves import on_sale
from tests.support.builders.orders import a_placement, an_item

Db = Database[OrdersUnit]


def ordered(database: Db, units: int = 1) -> list[Order]:
    """Orders of members, without addresses."""
    (tea,) = on_sale(database, stock=units)
    placed = database.write(place_orders, [a_placement(an_item(product=tea.id)) for _ in range(units)])
    return [each for each in placed if isinstance(each, Order)]


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
