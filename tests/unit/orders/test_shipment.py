"""Shipments and invoices: which step may happen when, and how many units may leave."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Fault
from kit.names import new_id
from services.orders.domain import invoice, shipment
from services.orders.domain.address import dialled
from services.orders.domain.errors.desk import Obstacle
from services.orders.domain.invoice import Invoice, InvoiceState, InvoiceStep
from services.orders.domain.number import counter_of, number_of
from services.orders.domain.shipment import Progress, Shipment, ShipmentState, ShipmentStep, obstacle
from services.orders.domain.shipping import MethodKind
from tests.support.builders.orders import NOW, an_order, paid


@given(st.sampled_from(ShipmentState), st.sampled_from(ShipmentStep))
def test_a_shipment_takes_no_step_that_its_table_does_not_name(state: ShipmentState, step: ShipmentStep) -> None:
    before = Shipment(new_id(), new_id(), MethodKind.DELIVERY, state, "main", ((1, 1),), (), NOW)
    to = shipment.TRANSITIONS.get((state, step))
    if to is None:
        with pytest.raises(Fault):
            before.step(step, NOW)
    else:
        after = before.step(step, NOW)
        assert (after.state, after.version) == (to, before.version + 1)


@given(st.sampled_from(InvoiceState), st.sampled_from(InvoiceStep))
def test_an_invoice_takes_no_step_that_its_table_does_not_name(state: InvoiceState, step: InvoiceStep) -> None:
    before = Invoice(new_id(), new_id(), state, None, "CNY", "clerk", NOW)
    to = invoice.TRANSITIONS.get((state, step))
    if to is None:
        with pytest.raises(Fault):
            before.step(step, by="clerk", note="", now=NOW)
    else:
        assert before.step(step, by="clerk", note="", now=NOW).state is to


@given(st.data())
def test_whatever_happens_to_units_no_more_leave_than_are_paid_and_not_refunded(data: st.DataObject) -> None:
    """`out`, `delivered` and so on change as the use-cases change them; `away` is what the customer really has or will
    have."""
    line = {"quantity": data.draw(st.integers(1, 6)), "refunded": 0, "out": 0, "delivered": 0, "undelivered": 0}
    line |= {"returned": 0}
    away = waiting = 0
    for _ in range(data.draw(st.integers(1, 25))):
        progress = Progress(1, **line)
        act = data.draw(st.sampled_from(["pack", "deliver", "undeliver", "refund", "return"]))
        if act == "pack" and progress.shippable > 0:
            units = data.draw(st.integers(1, progress.shippable))
            progress.book(units)
            line["out"] += units
            away, waiting = away + units, waiting + units
            assert away <= line["quantity"] - line["refunded"]
        elif act == "deliver" and waiting:
            waiting, line["delivered"] = waiting - 1, line["delivered"] + 1
        elif act == "undeliver" and waiting:
            waiting, away = waiting - 1, away - 1
            line |= {"out": line["out"] - 1, "undelivered": line["undelivered"] + 1}
        elif act == "refund" and line["refunded"] < line["quantity"]:
            line["refunded"] += 1
        elif act == "return" and line["refunded"] < line["quantity"] and line["delivered"] > line["returned"]:
            line |= {"refunded": line["refunded"] + 1, "returned": line["returned"] + 1}
            away -= 1


def test_goods_of_an_order_stay_where_they_are_for_a_reason() -> None:
    order = paid(an_order())
    reasons = {
        None: obstacle(order, held=False),
        Obstacle.ON_HOLD: obstacle(order, held=True),
        Obstacle.STATE: obstacle(an_order(), held=False),
        Obstacle.AWAITING_GOODS: obstacle(order, held=False, waiting=True),
        Obstacle.IMPORTED: obstacle(replace(order, imported=True), held=False),
        Obstacle.COMPLETED: obstacle(order.complete(NOW)[0], held=False),
    }
    assert all(expected is told for expected, told in reasons.items())


def test_numbers_and_phones_are_read_however_people_write_them() -> None:
    assert [counter_of(number_of(each)) for each in (1, 42, 123456789012)] == [1, 42, 123456789012]
    assert counter_of(number_of(42).replace("-", " ")) == 42
    assert {counter_of(text) for text in ("", "42", "abc", number_of(42)[:-1] + "x", "9" * 40)} == {None}
    assert {dialled(each) for each in ("+86 138-0013-8000", "0086 13800138000", "13800138000")} == {"13800138000"}
    assert dialled("none") == ""
