"""Proof over sets: what is right passes, and whatever is forged is found, for all orders and for the one."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import text

from kit.db import Database
from kit.money import Money
from kit.names import new_id
from services.orders.domain.order import Order
from services.orders.domain.order_state import CancelReason
from services.orders.domain.payment import Tender
from services.orders.domain.refund import Claim, ClaimLine
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases import flash_sale, verification
from services.orders.usecases.flash_sale_purchase import buy
from services.orders.usecases.imports import import_orders
from services.orders.usecases.order import CancelOrder, cancel_order, place_orders
from services.orders.usecases.payment import PaidPart, PayOrder, pay_orders
from services.orders.usecases.refund import RefundOrder, refund_order
from tests.contract.orders.shelves import on_sale
from tests.support.builders.flash_sales import a_creation, a_purchase
from tests.support.builders.orders import a_placement, an_import_row, an_item


def differences(database: Database[OrdersUnit]) -> list[str]:
    def every(unit: OrdersUnit) -> list[str]:
        found = [verification.compare(unit, number) for number in range(unit.verifications.comparisons())]
        return [str(each) for some in found for each in some]

    return database.write(every)


def of(database: Database[OrdersUnit], order: UUID) -> list[str]:
    checks = database.write(lambda unit: unit.verifications.of_order(order, unit.now))
    assert {each.kind for each in checks} >= {"total", "shares", "payments", "refunded"}
    return [str(each) for each in checks if not each.ok]


@pytest.fixture
def refunded(database: Database[OrdersUnit]) -> UUID:
    """One paid order of many: two payments, two lines, given back by a unit and by an amount; beside it one that
    waits, one that was given up, an imported one and some of a flash sale."""
    tea, cups, rush = on_sale(database, stock=50, products=3)
    items = an_item(product=tea.id, quantity=3, discount=10), an_item(product=cups.id, unit_price=333, quantity=2)
    orders = list(database.write(place_orders, [a_placement(*items) for _ in range(3)]))
    paid, waiting, given_up = (each for each in orders if isinstance(each, Order))
    part = PaidPart(Tender.MANUAL, Money(paid.due - 1000, "CNY"), "2")
    pay = PayOrder(paid.id, Tender.MANUAL, Money(1000, "CNY"), "1", None, (part,))
    assert isinstance(database.write(pay_orders, [pay])[0], Order)
    for claim in (Claim.units((1, 2)), Claim((ClaimLine(2, amount=7),), currency="CNY")):
        database.write(refund_order, RefundOrder(new_id(), paid.id, claim, "", "", None))
    database.write(cancel_order, CancelOrder(given_up.id, CancelReason.CUSTOMER, None))
    database.write(import_orders, [an_import_row()])
    sale = database.write(flash_sale.create_flash_sale, a_creation(rush.id, quota=4, buckets=2))
    for _ in range(3):
        database.write(buy, [a_purchase(sale)])
    assert waiting.received == 0
    return paid.id


def test_what_is_right_passes(database: Database[OrdersUnit], refunded: UUID) -> None:
    assert differences(database) == []
    assert of(database, refunded) == []


FORGERIES = [
    ("update orders set total = total + 1 where id = :order", "total"),
    ("update order_lines set amount = amount + 1 where order_id = :order and position = 1", "shares"),
    ("update order_lines set unit_price = 1 where order_id = :order and position = 2", "discount"),
    ("update orders set points_value = 1, points = 1, refunded = 0 where id = :order", "points"),
    ("update payments set amount = amount + 1 where order_id = :order and position = 1", "payments"),
    ("update orders set refunded = refunded - 1 where id = :order", "refunded"),
    ("update order_lines set refunded_quantity = 1 where order_id = :order and position = 1", "refunded"),
    ("update order_lines set ahead = 8 where order_id = :order and position = 2", "refunded"),
    ("update payments set refunded = refunded + 1 where order_id = :order and position = 2", "refunded"),
    ("update refund_payments set amount = amount + 1 where order_id = :order and payment = 1", "payouts"),
    ("update refunds set state = 'PENDING' where order_id = :order", "payouts"),
    ("update payments set tender = 'ALIPAY', reference = 'x' where order_id = :order and position = 1", "captured"),
    ("update stock_movements set on_hand = 0 where order_id = :order and kind = 'COMMITTED'", "stock"),
    (("insert into checkouts (order_id, request_key, state, open_time) values (:order, '', 'OPEN', now() - "
     "interval '9 years')"), "checkout"),
]  # fmt: skip


@pytest.mark.parametrize(("forgery", "kind"), FORGERIES)
def test_what_is_forged_of_an_order_is_found(
    database: Database[OrdersUnit], refunded: UUID, forgery: str, kind: str
) -> None:
    forge(database, forgery, order=refunded)
    assert any(each.startswith(f"{kind} of orders/{refunded}") for each in differences(database))
    assert any(each.startswith(f"{kind} of orders/{refunded}") for each in of(database, refunded))


@pytest.mark.parametrize(
    ("forgery", "kind"),
    [
        ("update stocks set on_hand = on_hand + 1", "place"),
        ("update flash_sales set quota = quota + 1", "quota"),
        ("update flash_sale_buckets set held = held + 1, free = free - 1 where free > 0", "quota"),
        ("update flash_sale_units set paid = true", "quota"),
        ("update orders set expire_time = '2020-01-01' where state = 'PENDING_PAYMENT'", "overdue"),
        (("insert into checkouts (order_id, request_key, state, open_time) values (gen_random_uuid(), '', 'PLACED', "
         "now())"), "checkout"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("refunded")
def test_what_is_forged_of_the_rest_is_found(database: Database[OrdersUnit], forgery: str, kind: str) -> None:
    forge(database, forgery)
    assert any(each.startswith(f"{kind} of ") for each in differences(database))


def forge(database: Database[OrdersUnit], forgery: str, **values: object) -> None:
    """Change rows as somebody with all rights would: past the triggers."""

    def change(unit: OrdersUnit) -> int:
        unit.connection.execute(text("set local session_replication_role = replica"))
        return unit.connection.execute(text(forgery), values).rowcount

    assert database.write(change)
