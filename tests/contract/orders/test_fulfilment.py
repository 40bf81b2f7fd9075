"""Shipments on a real database: units are shipped once, whoever asks at the same moment."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import timedelta
from itertools import count

import pytest

from kit.db import Database
from kit.errors import Fault
from kit.names import new_id
from kit.page import Page
from services.orders.domain.desk import ActKind, DeskQuery
from services.orders.domain.order import Order
from services.orders.domain.order_state import OrderState
from services.orders.domain.refund import Claim, RefundKind
from services.orders.domain.shipment import Parcel, Shipment, ShipmentState
from services.orders.domain.shipping import Delivery, MethodKind
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases import desk, fulfilment, refund
from services.orders.usecases.fulfilment import Collect, CreateShipment, StepShipment
from services.orders.usecases.refund import RefundOrder
from tests.contract.orders.promises import pay, placed, promising, receive
from tests.support.builders.orders import NOW, an_item, an_order, paid

THREADS = 20
_waybill = count(1)


@pytest.fixture
def bought(database: Database[OrdersUnit]) -> Callable[..., Order]:
    """A paid order, stored."""

    def make(*quantities: int, delivery: Delivery | None = None) -> Order:
        items = [an_item(quantity=quantity, sku=f"SKU-{position}") for position, quantity in enumerate(quantities)]
        order = an_order(*items)
        placed = Order.place(
            order.id,
            buyer=order.buyer,
            channel="web",
            currency="CNY",
            items=items,
            now=NOW,
            expire_time=order.expire_time,
            delivery=delivery,
        )

        def store(unit: OrdersUnit) -> None:
            unit.orders.add([placed])
            unit.orders.save([(placed, paid(placed))])

        database.write(store)
        return paid(placed)

    return make


def packing(order: Order, *lines: tuple[int, int]) -> CreateShipment:
    return CreateShipment(new_id(), order.id, lines, (), "", "clerk")


def stepping(shipment: Shipment) -> StepShipment:
    parcels = (Parcel("SF", f"SF{next(_waybill):09d}-{shipment.id.hex[:8]}"),)
    return StepShipment(shipment.order, shipment.id, "clerk", parcels=parcels)


def giving_back(order: Order, units: int, kind: RefundKind = RefundKind.REFUND) -> RefundOrder:
    return RefundOrder(new_id(), order.id, Claim.units((1, units)), "", "", None, kind=kind)


def at_once(acts: list[Callable[[], object]]) -> list[object]:
    """Run all, each in a thread, from one instant on; what they answered, a Fault as such."""
    gate, answers = threading.Barrier(len(acts)), list[object]()

    def run(act: Callable[[], object]) -> None:
        gate.wait()
        try:
            answers.append(act())
        except Fault as fault:
            answers.append(fault)

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_the_last_unit_is_packed_once_by_twenty_at_once(
    database: Database[OrdersUnit], bought: Callable[..., Order]
) -> None:
    order = bought(3)
    database.write(fulfilment.create_shipment, packing(order, (1, 2)))

    answers = at_once([lambda: database.write(fulfilment.create_shipment, packing(order, (1, 1)))] * THREADS)

    assert len([answer for answer in answers if isinstance(answer, Shipment)]) == 1
    assert {answer.reason for answer in answers if isinstance(answer, Fault)} == {"UNITS_NOT_SHIPPABLE"}
    (line,) = database.read(lambda unit: unit.shipments.progress(order.id))
    assert (line.out, line.shippable) == (3, 0)


def test_units_are_never_both_shipped_and_refunded_beyond_what_was_paid(
    database: Database[OrdersUnit], bought: Callable[..., Order]
) -> None:
    order = bought(10)
    acts: list[Callable[[], object]] = [
        lambda: database.write(fulfilment.create_shipment, packing(order, (1, 1))) for _ in range(10)
    ]
    acts += [lambda: database.write(refund.refund_order, giving_back(order, 1)) for _ in range(6)]
    random.Random(7).shuffle(acts)
    at_once(acts)

    shipped, refusals = 0, set()
    for shipment in database.read(lambda unit: unit.shipments.of_order(order.id)):
        try:
            database.write(fulfilment.ship, stepping(shipment))
            shipped += 1
        except Fault as fault:  # refunded after it was packed
            refusals.add(fault.reason)
            database.write(fulfilment.cancel, stepping(shipment))
    assert refusals <= {"UNITS_NOT_SHIPPABLE"}
    assert (shipped, at(database, order).lines[0].refunded_quantity) == (4, 6)


def test_an_order_is_completed_when_the_last_of_its_shipments_arrives(
    database: Database[OrdersUnit], bought: Callable[..., Order]
) -> None:
    order = bought(2, 1)
    first = database.write(fulfilment.create_shipment, packing(order, (1, 1)))
    database.write(fulfilment.ship, stepping(first))
    database.write(fulfilment.deliver, stepping(first))
    back = database.write(refund.refund_order, giving_back(order, 1, RefundKind.RETURN))
    database.write(refund.receive_return, refund.ReceiveReturn(order.id, back.id, (), "", None))

    rest = database.write(fulfilment.create_shipment, packing(order))  # a unit came back, so one is still owed
    assert rest.lines == ((1, 1), (2, 1))
    database.write(fulfilment.ship, stepping(rest))
    assert state(database, order) is OrderState.PARTIALLY_REFUNDED
    assert at(database, order).complete_time is None
    assert {id(answer) for answer in at_once([lambda: database.write(fulfilment.deliver, stepping(rest))] * 5)}

    assert at(database, order).complete_time == NOW
    told = database.read(lambda unit: unit.order_events.page(order.id, Page(100)))
    assert [event.kind for event in told].count("DELIVER") == 2
    assert [event.kind for event in told].count("COMPLETED") == 1


def test_what_was_refunded_on_its_way_still_arrives(
    database: Database[OrdersUnit], bought: Callable[..., Order]
) -> None:
    order = bought(1)
    shipment = database.write(fulfilment.create_shipment, packing(order))
    database.write(fulfilment.ship, stepping(shipment))
    database.write(refund.refund_order, giving_back(order, 1))

    assert database.write(fulfilment.deliver, stepping(shipment)).state is ShipmentState.DELIVERED
    assert state(database, order) is OrderState.REFUNDED


def test_what_came_back_undelivered_is_shipped_anew(
    database: Database[OrdersUnit], bought: Callable[..., Order]
) -> None:
    order = bought(1)
    lost = database.write(fulfilment.create_shipment, packing(order))
    database.write(fulfilment.ship, stepping(lost))
    database.write(fulfilment.give_back, stepping(lost))
    assert database.write(fulfilment.give_back, stepping(lost)).state is ShipmentState.RETURNED

    database.write(fulfilment.create_shipment, packing(order, (1, 1)))
    with pytest.raises(Fault):
        database.write(fulfilment.create_shipment, packing(order, (1, 1)))


def test_a_waybill_number_belongs_to_one_parcel_for_ever(
    database: Database[OrdersUnit], bought: Callable[..., Order]
) -> None:
    first, second = (database.write(fulfilment.create_shipment, packing(bought(1))) for _ in range(2))
    step = stepping(first)
    database.write(fulfilment.ship, step)

    with pytest.raises(Fault) as refused:
        database.write(fulfilment.ship, StepShipment(second.order, second.id, "clerk", parcels=step.parcels))
    assert refused.value.reason == "WAYBILL_TAKEN"


def test_a_pick_up_code_is_used_once_and_wrong_ones_are_counted(
    database: Database[OrdersUnit], bought: Callable[..., Order]
) -> None:
    pick_up = Delivery(new_id(), MethodKind.PICK_UP, "In store", (0, 1), "main")
    order = bought(1, delivery=pick_up)
    shipment = database.write(fulfilment.create_shipment, packing(order))
    database.write(fulfilment.ship, StepShipment(order.id, shipment.id, "clerk"))

    wrong = Collect(order.id, shipment.id, "clerk", None)
    refusals = [database.write(fulfilment.collect, wrong) for _ in range(6)]
    assert [each.reason for each in refusals if isinstance(each, Fault)] == [
        *["PICK_UP_CODE_INVALID"] * 5,
        "PICK_UP_ATTEMPTS_EXHAUSTED",
    ]
    right = Collect(order.id, shipment.id, "clerk", 1)
    paused = database.write(fulfilment.collect, right)
    assert isinstance(paused, Fault)
    assert paused.retry_after == timedelta(minutes=15)

    database.write(fulfilment.renew_code, StepShipment(order.id, shipment.id, "clerk"))
    stale = database.write(fulfilment.collect, right)
    assert isinstance(stale, Fault)
    assert stale.reason == "PICK_UP_CODE_INVALID"
    answers = at_once(
        [lambda: database.write(fulfilment.collect, Collect(order.id, shipment.id, "clerk", 2))] * THREADS
    )
    assert len([answer for answer in answers if isinstance(answer, Shipment)]) == 1
    assert state(database, order) is OrderState.COMPLETED


def test_a_held_order_neither_packs_nor_ships(database: Database[OrdersUnit], bought: Callable[..., Order]) -> None:
    order = bought(2)
    packed = database.write(fulfilment.create_shipment, packing(order, (1, 1)))
    held = at_once([lambda: database.write(desk.hold_order, desk.HoldOrder(order.id, "fraud?", "chief"))] * 5)
    assert not [answer for answer in held if isinstance(answer, Fault)]

    with pytest.raises(Fault) as unpacked:
        database.write(fulfilment.create_shipment, packing(order, (1, 1)))
    with pytest.raises(Fault) as unshipped:
        database.write(fulfilment.ship, stepping(packed))
    assert {fault.value.metadata["cause"] for fault in (unpacked, unshipped)} == {"ON_HOLD"}
    database.write(desk.release_order, desk.ReleaseOrder(order.id, "", "chief"))
    database.write(fulfilment.ship, stepping(packed))
    told = database.read(lambda unit: unit.order_events.page(order.id, Page(100)))
    acts = [event.kind for event in told if event.kind in set(ActKind)]
    assert acts == ["SHIP", "RELEASE", "HOLD", "CREATE_SHIPMENT"]
    assert not database.read(lambda unit: unit.order_search.ids(DeskQuery(held=True), Page(10)))


def at(database: Database[OrdersUnit], order: Order) -> Order:
    return database.read(lambda unit: unit.orders.get([order.id]))[order.id]


def state(database: Database[OrdersUnit], order: Order) -> OrderState:
    return at(database, order).state


def test_promised_goods_are_packed_once_all_of_them_have_arrived(database: Database[OrdersUnit]) -> None:
    product = promising(database, 3, stock=1)
    order = placed(database, product, 3)
    pay(database, order)
    for arrived in (1, 1):
        with pytest.raises(Fault) as caught:
            database.write(fulfilment.create_shipment, packing(order))
        assert (caught.value.reason, caught.value.metadata["cause"]) == ("ORDER_NOT_FULFILLABLE", "AWAITING_GOODS")
        receive(database, product, arrived)
    assert database.write(fulfilment.create_shipment, packing(order)).lines == ((1, 3),)
