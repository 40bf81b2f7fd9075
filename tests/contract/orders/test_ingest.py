"""Orders of platforms on a real database: versions, stock, money, refunds, what stands in the way; and races."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.db import Database
from kit.errors import Fault, Kind
from services.orders.domain.ingest import Ingested, Outcome, PlatformOrder, PlatformRefund, RowResult, Snag
from services.orders.domain.order import Order
from services.orders.domain.order_state import OrderState
from services.orders.domain.product import Product
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases import ingest
from services.orders.usecases.ingest import IngestOrders, Key, MapSku
from services.orders.usecases.stock import ReceiveStock, receive_stock
from tests.contract.orders.shelves import on_sale, stock
from tests.contract.orders.test_verification import differences
from tests.support.builders.ingest import a_platform_line, a_platform_order, a_shop
from tests.support.statements import sent

SHOP = a_shop()
UNPAID, PAID, SHIPPED, COMPLETED, CANCELLED = 10, 30, 95, 110, 5


@pytest.fixture
def tea(database: Database[OrdersUnit]) -> Product:
    """A product on sale, 10 units of it, that the shop calls TEA."""
    (product,) = on_sale(database, stock=10)
    database.write(ingest.create_shop, SHOP)
    database.write(ingest.map_sku, MapSku(SHOP.code, "TEA", product.id))
    return product


def tell(database: Database[OrdersUnit], *rows: PlatformOrder | Fault) -> list[RowResult]:
    return database.write(ingest.ingest_orders, IngestOrders(SHOP.code, rows))


def known(database: Database[OrdersUnit], tid: str = "T1") -> tuple[Ingested, Order]:
    shown = database.read(ingest.get_ingested, Key(SHOP.code, tid))
    assert shown.order is not None
    return shown.ingested, shown.order


def outcomes(results: list[RowResult]) -> list[Outcome]:
    return [result.outcome for result in results]


def order(units: int = 2, **fields: Any) -> PlatformOrder:
    tid = fields.get("tid", "T1")
    return a_platform_order(a_platform_line(oid=f"{tid}-1", quantity=units, amount=units * 9_9950), **fields)


def test_an_order_goes_its_way_by_its_versions(database: Database[OrdersUnit], tea: Product) -> None:
    assert outcomes(tell(database, order(status=UNPAID))) == [Outcome.CREATED]
    assert stock(database, tea) == (10, 2)
    assert outcomes(tell(database, order(status=PAID, version=1))) == [Outcome.UNCHANGED]
    assert outcomes(tell(database, order(status=PAID, version=3))) == [Outcome.UPDATED]
    assert outcomes(tell(database, order(status=CANCELLED, version=2))) == [Outcome.OUTDATED]
    assert stock(database, tea) == (8, 0)
    ingested, here = known(database)
    assert (here.state, here.total, here.received, ingested.residue) == (OrderState.PAID, 1999, 1999, 0)
    refund = PlatformRefund("R1", (("T1-1", 1, 0),))
    for version in (4, 5):  # told with each version, given back once
        tell(database, order(status=SHIPPED, version=version, refunds=(refund,)))
        assert known(database)[1].refunded == 999
    tell(database, order(status=COMPLETED, version=6, refunds=(refund, PlatformRefund("R2"))))
    assert (known(database)[1].state, known(database)[1].refunded) == (OrderState.REFUNDED, 1999)
    assert differences(database) == []


def test_orders_that_are_over_give_back_what_they_hold(database: Database[OrdersUnit], tea: Product) -> None:
    tell(database, order(tid="A", status=UNPAID), order(tid="B", status=PAID), order(tid="C", status=SHIPPED))
    over = [order(tid=tid, status=CANCELLED, version=2) for tid in "ABCD"]
    assert outcomes(tell(database, *over)) == [Outcome.UPDATED] * 3 + [Outcome.CREATED]
    assert [known(database, tid)[1].state for tid in "ABC"] == [OrderState.CANCELLED, *[OrderState.REFUNDED] * 2]
    assert stock(database, tea) == (8, 0)  # what was shipped is gone
    assert differences(database) == []


def test_what_cannot_be_done_is_kept_and_done_later(database: Database[OrdersUnit], tea: Product) -> None:
    strange = a_platform_order(a_platform_line(oid="X", sku="CUP"), tid="X")
    much, odd = order(tid="M", units=11), order(tid="O", status=7)
    differs = order(tid="D", total=1)
    results = tell(database, strange, much, odd, differs, order())
    assert outcomes(results) == [Outcome.EXCEPTION] * 4 + [Outcome.CREATED]
    assert [result.snags[0].reason for result in results[:4]] == [
        "SKU_UNKNOWN", "OUT_OF_STOCK", "STATUS_UNKNOWN", "TOTAL_DIFFERS"]  # fmt: skip
    (cup,) = on_sale(database, stock=1)
    (mapped,) = database.write(ingest.map_sku, MapSku(SHOP.code, "CUP", cup.id))
    assert (mapped.ingested.tid, mapped.ingested.snags, mapped.order and mapped.order.state) == ("X", (), "PAID")
    place = next(iter(known(database)[1].demand()))
    database.write(receive_stock, ReceiveStock(place, 5, ""))
    assert database.write(ingest.retry, Key(SHOP.code, "M")).ingested.snags == ()
    changed = tell(database, order(units=3, version=2))[0]
    assert (changed.outcome, changed.snags) == (Outcome.EXCEPTION, (Snag("LINES_CHANGED"),))
    assert known(database)[1].total == 1999
    assert differences(database) == []


def test_bad_rows_harm_no_neighbour(database: Database[OrdersUnit], tea: Product) -> None:
    stolen = a_platform_order(a_platform_line(oid="T1-1"), a_platform_line(oid="T4-1"), tid="T2")
    rows: list[PlatformOrder | Fault] = [
        order(),
        order(),
        order(tid="a b"),
        stolen,
        order(tid="T3"),
        Fault(Kind.INVALID_ARGUMENT, "X", "x"),
    ]
    results = tell(database, *rows)
    assert outcomes(results) == [Outcome.CREATED, *[Outcome.REJECTED] * 3, Outcome.CREATED, Outcome.REJECTED]
    reasons = [each.fault.reason for each in results if each.fault]
    assert reasons == ["ROW_REPEATED", "REQUEST_INVALID", "OID_TAKEN", "X"]
    with pytest.raises(Fault, match="does not exist"):
        database.read(ingest.get_ingested, Key(SHOP.code, "T2"))
    assert outcomes(tell(database, order(tid="T4"))) == [Outcome.CREATED]  # what was rejected has no lines


def test_ten_at_once_make_one_order_in_its_newest_version(database: Database[OrdersUnit], tea: Product) -> None:
    def one(version: int) -> Outcome:
        status = UNPAID if version < 5 else PAID
        rows = [order(tid=tid, status=status, version=version) for tid in ("A", "B")]
        return outcomes(tell(database, *(rows if version % 2 else rows[::-1])))[0]

    with ThreadPoolExecutor(10) as pool:
        told = list(pool.map(one, range(10)))
    assert told.count(Outcome.CREATED) == 1
    assert [known(database, tid)[1].state for tid in "AB"] == [OrderState.PAID] * 2
    assert stock(database, tea) == (6, 0)
    assert differences(database) == []


@pytest.fixture
def tids() -> list[int]:
    return [0]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])  # each its tid
@given(told=st.permutations([(1, UNPAID), (2, PAID), (3, SHIPPED), (4, COMPLETED)]), data=st.data())
def test_in_whatever_order_versions_come_and_however_often_the_newest_counts(
    database: Database[OrdersUnit], told: list[tuple[int, int]], data: st.DataObject, tids: list[int]
) -> None:
    if tids[0] == 0:
        (product,) = on_sale(database, stock=1000)
        database.write(ingest.create_shop, SHOP)
        database.write(ingest.map_sku, MapSku(SHOP.code, "TEA", product.id))
    tids[0] += 1
    tid = f"T{tids[0]}"
    again = data.draw(st.lists(st.sampled_from(told), max_size=4))
    for version, status in [*told, *again]:
        tell(database, order(tid=tid, status=status, version=version))
    ingested, here = known(database, tid)
    assert (here.state, here.received, ingested.snags) == (OrderState.COMPLETED, 1999, ())


def test_many_refunds_are_a_handful_of_statements(database: Database[OrdersUnit], tea: Product) -> None:
    def told(units: int, tid: str) -> int:
        refunds = tuple(PlatformRefund(f"{tid}-1.{n}", ((f"{tid}-1", 1, 0),)) for n in range(units))
        tell(database, order(units, tid=tid, status=PAID))
        newer = order(units, tid=tid, status=PAID, version=2, refunds=refunds)
        with sent(database) as statements:
            assert outcomes(tell(database, newer, order(1, tid=f"{tid}-other"))) == [Outcome.UPDATED, Outcome.CREATED]
        return len(statements)

    assert told(5, "T5") == told(1, "T1")
    assert [known(database, tid)[1].state for tid in ("T1", "T5")] == [OrderState.REFUNDED] * 2
    assert differences(database) == []
