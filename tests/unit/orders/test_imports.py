"""Imported rows: what is valid, and what becomes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kit.errors import Fault
from kit.money import Money
from kit.names import new_id
from services.orders.domain import imports
from services.orders.domain.imports import ImportRow
from services.orders.domain.order_state import OrderState
from services.orders.domain.payment import Tender
from services.orders.domain.refund import Claim
from tests.support.builders.orders import NOW, an_import_line, an_import_row, an_order


def field_refused(row: ImportRow) -> str:
    with pytest.raises(Fault) as caught:
        imports.check(row, NOW)
    return caught.value.violations[0].field


def test_an_ordinary_row_is_valid() -> None:
    imports.check(an_import_row(), NOW)
    imports.check(an_import_row(an_import_line(amount=0)), NOW)
    imports.check(an_import_row(order_time=NOW), NOW)
    imports.check(an_import_row(an_import_line(category="茶" * 100), store="stores/杭州 1"), NOW)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (an_import_row(channel=""), "channel"),
        (an_import_row(channel="-x"), "channel"),
        (an_import_row(channel="a" * 64), "channel"),
        (an_import_row(external_id=""), "external_id"),
        (an_import_row(external_id="1" * 129), "external_id"),
        (an_import_row(external_id="a\0b"), "external_id"),
        (an_import_row(order_time=datetime(1969, 12, 31, tzinfo=UTC)), "order_time"),
        (an_import_row(order_time=NOW + timedelta(seconds=1)), "order_time"),
        (replace(an_import_row(), lines=()), "lines"),
        (an_import_row(*[an_import_line()] * 2_001), "lines"),
        (an_import_row(*[an_import_line(amount=10**15 - 1)] * 2), "lines"),
        (an_import_row(an_import_line(quantity=0)), "lines[0].quantity"),
        (an_import_row(an_import_line(), an_import_line(quantity=-2)), "lines[1].quantity"),
        (an_import_row(an_import_line(quantity=1_000_001)), "lines[0].quantity"),
        (an_import_row(an_import_line(amount=-1)), "lines[0].amount"),
        (an_import_row(an_import_line(), an_import_line(currency="CNY")), "lines[1].amount.currency_code"),
        (an_import_row(an_import_line(title="")), "lines[0].title"),
        (an_import_row(an_import_line(title="\0")), "lines[0].title"),
        (an_import_row(an_import_line(sku="x" * 65)), "lines[0].sku"),
        (an_import_row(an_import_line(), an_import_line(category="x" * 101)), "lines[1].category"),
        (an_import_row(an_import_line(category="tea\n")), "lines[0].category"),
        (an_import_row(store="x" * 101), "store"),
        (an_import_row(store="a\x85b"), "store"),
    ],
)
def test_a_bad_field_is_named(row: ImportRow, field: str) -> None:
    assert field_refused(row) == field


def test_a_row_becomes_an_order_paid_at_its_own_date() -> None:
    row = an_import_row(an_import_line(quantity=3, amount=1000), an_import_line(amount=200), member=new_id())
    order, fact = imports.order_of(row, NOW)
    assert (order.state, order.total, order.net_total) == (OrderState.PAID, 1200, 1200)
    assert (order.place_time, order.pay_time, order.update_time) == (row.order_time, row.order_time, NOW)
    assert [(payment.tender, payment.amount) for payment in order.payments] == [(Tender.IMPORTED, Money(1200, "USD"))]
    assert order.demand() == {}
    assert fact.order is order


def test_a_row_of_nothing_is_a_paid_order_without_payments() -> None:
    order, _ = imports.order_of(an_import_row(an_import_line(amount=0)), NOW)
    assert (order.state, order.payments) == (OrderState.PAID, ())


def test_equal_rows_have_equal_fingerprints_and_others_have_not() -> None:
    row = an_import_row(an_import_line(), an_import_line(title="LP"))
    same = replace(row, order_id=new_id(), channel="other", external_id="2")
    assert same.fingerprint() == row.fingerprint()
    others = [
        replace(row, member=new_id()),
        replace(row, order_time=row.order_time + timedelta(days=1)),
        replace(row, lines=row.lines[::-1]),
        replace(row, lines=(replace(row.lines[0], quantity=2), row.lines[1])),
        replace(row, lines=(replace(row.lines[0], amount=Money(1, "USD")), row.lines[1])),
        replace(row, lines=(replace(row.lines[0], category="music"), row.lines[1])),
        replace(row, lines=(row.lines[0], replace(row.lines[1], category="music"))),
        replace(row, store="music"),
    ]
    assert len({each.fingerprint() for each in [row, *others]}) == len(others) + 1


def test_the_form_of_the_fingerprint_is_kept() -> None:
    assert an_import_row().fingerprint().hex() == "6c2cf35aba0ed6c44e0e74d364e2f934"


def test_a_row_keeps_its_store_and_categories() -> None:
    row = an_import_row(an_import_line(category="music"), an_import_line(), store="cd-2")
    order, _ = imports.order_of(row, NOW)
    assert (order.store, [line.category for line in order.lines]) == ("cd-2", ["music", ""])
    moved, _ = imports.reimport(order, replace(row, store="cd-3"), NOW)
    assert (moved.store, moved.version) == ("cd-3", 2)


def test_a_changed_row_replaces_lines_and_time() -> None:
    row = an_import_row(member=new_id())
    order = replace(imports.order_of(row, NOW)[0], counter=7)
    later = replace(row, order_id=new_id(), lines=(an_import_line(amount=5),), order_time=NOW)
    changed, fact = imports.reimport(order, later, NOW)
    assert (changed.id, changed.counter, changed.version) == (order.id, 7, 2)
    assert (changed.total, changed.pay_time, fact.order) == (5, NOW, changed)


def test_another_member_or_currency_or_a_live_order_conflicts() -> None:
    row = an_import_row(member=new_id())
    order, _ = imports.order_of(row, NOW)
    for stored, told in (
        (order, replace(row, member=new_id())),
        (order, replace(row, lines=(an_import_line(currency="CNY"),))),
        (replace(an_order(currency="USD"), buyer=order.buyer), row),
        (order.refund(new_id(), Claim.units((1, 1)), reason="", request_id="", now=NOW)[0], row),
    ):
        with pytest.raises(Fault) as caught:
            imports.reimport(stored, told, NOW)
        assert caught.value.reason == "ROW_CONFLICTS"
