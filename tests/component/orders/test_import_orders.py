"""ImportOrders: an idempotent upsert, row by row."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money as WireMoney
from kehu.orders.v1 import errors_pb2, imports_pb2, orders_pb2, refunds_pb2
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub

from kit.db import Database
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.imports import import_orders
from tests.component.orders.conftest import Shop, placing
from tests.component.orders.test_pay_and_cancel import events
from tests.support.builders.orders import an_import_row
from tests.support.statements import sent

MEMBER = f"members/{uuid.uuid4()}"
NEW_YEAR = Timestamp(seconds=852_076_800)  # 1997-01-01
CREATED, UNCHANGED, UPDATED, REJECTED = (
    imports_pb2.ImportResult.STATE_CREATED,
    imports_pb2.ImportResult.STATE_UNCHANGED,
    imports_pb2.ImportResult.STATE_UPDATED,
    imports_pb2.ImportResult.STATE_REJECTED,
)


def usd(cents: int) -> WireMoney:
    return WireMoney(currency_code="USD", units=cents // 100, nanos=cents % 100 * 10_000_000)


def row(external_id: str, *, amount: int = 1177, quantity: int = 1, **fields: Any) -> imports_pb2.ImportedOrder:
    lines = [imports_pb2.ImportedLine(title="CD", quantity=quantity, amount=usd(amount))]
    values = {"channel": "cdnow", "external_id": external_id, "member": MEMBER, "order_time": NEW_YEAR, "lines": lines}
    return imports_pb2.ImportedOrder(**{**values, **fields})


async def imported(orders: OrdersServiceStub, *rows: imports_pb2.ImportedOrder) -> list[imports_pb2.ImportResult]:
    answer = await orders.ImportOrders(imports_pb2.ImportOrdersRequest(orders=rows))
    return list(answer.results)


def states(results: list[imports_pb2.ImportResult]) -> list[int]:
    return [result.state for result in results]


async def test_an_imported_order_is_paid_at_its_own_date(
    orders: OrdersServiceStub, database: Database[OrdersUnit]
) -> None:
    (result,) = await imported(orders, row("1", amount=2933, quantity=2))
    order = await orders.GetOrder(orders_pb2.GetOrderRequest(name=result.order))
    assert (order.state, order.channel, order.external_id) == (orders_pb2.Order.STATE_PAID, "cdnow", "1")
    assert (order.place_time, order.pay_time, order.total) == (NEW_YEAR, NEW_YEAR, usd(2933))
    assert [(payment.tender, payment.amount) for payment in order.payments] == [(orders_pb2.TENDER_IMPORTED, usd(2933))]
    assert not order.lines[0].HasField("unit_price")
    (told,) = events(database, "OrderPaid")
    assert (told["order"], told["member"], told["payTime"], told["imported"]) == (
        result.order,
        MEMBER,
        "1997-01-01T00:00:00Z",
        True,
    )


async def test_importing_twice_changes_nothing(orders: OrdersServiceStub, database: Database[OrdersUnit]) -> None:
    rows = [row(str(index), amount=index) for index in range(20)]
    first, second = await imported(orders, *rows), await imported(orders, *rows)
    assert (states(first), states(second)) == ([CREATED] * 20, [UNCHANGED] * 20)
    assert [result.order for result in first] == [result.order for result in second]
    assert len(events(database, "OrderPaid")) == 20


async def test_a_bad_row_never_fails_the_others(orders: OrdersServiceStub) -> None:
    line = imports_pb2.ImportedLine(title="CD", quantity=-1, amount=usd(1))
    half_a_yen = WireMoney(currency_code="JPY", nanos=500_000_000)
    results = await imported(
        orders,
        row("1"),
        row("2", lines=[line]),
        row("3", member="members/nobody"),
        row("4", channel="CD Now"),
        row("a\0b"),
        row("6", order_time=None),
        row("7", order_time=Timestamp(seconds=2**40)),
        row("8", lines=[imports_pb2.ImportedLine(title="CD", quantity=1)]),
        row("9", lines=[imports_pb2.ImportedLine(title="CD", quantity=1, amount=half_a_yen)]),
        row("10", lines=[]),
        row("11", amount=0),
    )
    assert states(results) == [CREATED, *[REJECTED] * 9, CREATED]
    assert [result.field for result in results[1:-1]] == [
        "lines[0].quantity",
        "member",
        "channel",
        "external_id",
        "order_time",
        "order_time",
        "lines[0].amount.currency_code",
        "lines[0].amount.nanos",
        "lines",
    ]
    assert {result.reason for result in results[1:-1]} == {errors_pb2.ERROR_REASON_ROW_INVALID}
    assert all(result.description for result in results[1:-1])


async def test_a_row_that_repeats_another_is_recognised(orders: OrdersServiceStub) -> None:
    first, same, other = await imported(orders, row("1"), row("1"), row("1", amount=5))
    assert (first.state, same.state, other.state) == (CREATED, UNCHANGED, REJECTED)
    assert same.order == first.order
    assert (other.reason, other.field) == (errors_pb2.ERROR_REASON_ROW_REPEATED, "external_id")


async def test_a_row_that_repeats_a_rejected_one_is_rejected_too(orders: OrdersServiceStub) -> None:
    await imported(orders, row("1"))
    changed = row("1", member=f"members/{uuid.uuid4()}")
    assert states(await imported(orders, changed, changed)) == [REJECTED, REJECTED]


async def test_a_changed_row_updates_its_order(orders: OrdersServiceStub, database: Database[OrdersUnit]) -> None:
    (created,) = await imported(orders, row("1", amount=1000))
    later = Timestamp(seconds=NEW_YEAR.seconds + 86_400)
    changed = row("1", amount=1500, quantity=3, order_time=later)
    (updated, fresh) = await imported(orders, changed, row("2"))
    assert (updated.state, updated.order, fresh.state) == (UPDATED, created.order, CREATED)
    order = await orders.GetOrder(orders_pb2.GetOrderRequest(name=updated.order))
    assert (order.total, order.lines[0].quantity, order.pay_time) == (usd(1500), 3, later)
    assert [payment.amount for payment in order.payments] == [usd(1500)]
    assert [told["netTotal"]["units"] for told in events(database, "OrderPaid")] == ["10", "11", "15"]
    assert states(await imported(orders, changed)) == [UNCHANGED]


async def test_an_order_of_another_member_or_a_refunded_one_is_not_replaced(orders: OrdersServiceStub) -> None:
    first, second = await imported(orders, row("1"), row("2", quantity=2))
    await orders.RefundOrder(
        refunds_pb2.RefundOrderRequest(name=second.order, lines=[refunds_pb2.RefundLine(position=1, quantity=1)])
    )
    results = await imported(orders, row("1", member=f"members/{uuid.uuid4()}"), row("2", amount=1))
    assert states(results) == [REJECTED, REJECTED]
    assert {result.reason for result in results} == {errors_pb2.ERROR_REASON_ROW_CONFLICTS}
    assert (await orders.GetOrder(orders_pb2.GetOrderRequest(name=first.order))).member == MEMBER


async def test_an_imported_order_touches_no_stock(orders: OrdersServiceStub, shop: Shop) -> None:
    product = await shop.product(stock=1)
    line = imports_pb2.ImportedLine(product=product, sku="T-1", title="Tea", quantity=9, amount=usd(900))
    (result,) = await imported(orders, row("1", lines=[line]))
    assert result.state == CREATED
    assert await shop.stock(product) == (1, 0)
    order = await orders.PlaceOrder(placing((product, 1)))
    assert order.number != (await orders.GetOrder(orders_pb2.GetOrderRequest(name=result.order))).number


async def test_imports_that_meet_store_each_order_once(
    orders: OrdersServiceStub, database: Database[OrdersUnit]
) -> None:
    rows = [row(str(index)) for index in range(100)]
    answers = await asyncio.gather(*(imported(orders, *rows[start:], *rows[:start]) for start in range(0, 100, 20)))
    outcomes = [result.state for results in answers for result in results]
    assert (outcomes.count(CREATED), outcomes.count(UNCHANGED)) == (100, 400)
    assert len(events(database, "OrderPaid")) == 100


@pytest.mark.parametrize("count", [1, 300])
def test_the_number_of_statements_does_not_grow_with_the_rows(database: Database[OrdersUnit], count: int) -> None:
    rows = [an_import_row(external_id=str(index), member=uuid.uuid4()) for index in range(count)]
    with sent(database) as statements:
        database.write(import_orders, rows)
    assert len(statements) == 4
