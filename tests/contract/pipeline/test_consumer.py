"""What pipeline makes of the events of orders, and of the clock."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest
from kehu.orders.v1.events_pb2 import OrderPlaced

from kit.db import Database
from kit.errors import Fault
from kit.worker import Received
from services.pipeline import consumer
from services.pipeline.storage.unit import PipelineUnit
from services.pipeline.usecases import lead
from services.pipeline.usecases.lead import CaptureLead
from tests.support.builders import pipeline as build
from tests.support.builders.pipeline import NOW

Db = Database[PipelineUnit]


def placed(opportunity: str, order: str = "") -> Received:
    order = order or f"orders/{uuid4()}"
    message = OrderPlaced(order=order, opportunity=opportunity)
    return Received(id=uuid4(), type="OrderPlaced", subject=order, version=1, time=NOW, message=message)


@pytest.fixture
def deal(database: Db) -> UUID:
    """An opportunity."""
    account = build.account()
    begun = build.opportunity(account=account.id).begun("tester")

    def keep(unit: PipelineUnit) -> None:
        unit.accounts.add(account)
        unit.opportunities.begin(begun)

    database.write(keep)
    return begun.opportunity.id


def test_an_opportunity_keeps_its_order(database: Db, deal: UUID) -> None:
    order = uuid4()
    handle(database, [placed(f"opportunities/{deal}", f"orders/{order}")])
    assert order_of(database, deal) == order


def test_the_first_order_stays_whatever_comes_later(database: Db, deal: UUID) -> None:
    order = uuid4()
    first = placed(f"opportunities/{deal}", f"orders/{order}")
    handle(database, [first, placed(f"opportunities/{deal}")])
    handle(database, [first])
    assert order_of(database, deal) == order
    assert database.read(lambda unit: unit.opportunities.get(deal).version) == 2


def test_orders_of_consumers_and_of_unknown_opportunities_are_passed_over(database: Db, deal: UUID) -> None:
    handle(database, [placed(""), placed(f"opportunities/{uuid4()}"), placed(f"opportunities/{deal}")])
    assert order_of(database, deal) is not None


@pytest.mark.parametrize("name", ["opportunities/1", "accounts/x", "\0"])
def test_a_name_that_cannot_be_one_is_a_fault_for_good(database: Db, name: str) -> None:
    with pytest.raises(Fault) as caught:
        handle(database, [placed(name)])
    assert not caught.value.transient


def test_leads_that_waited_are_given_to_who_comes(database: Db) -> None:
    waiting = database.write(lead.capture, CaptureLead(uuid4(), "webform", email="a@b.cn")).lead
    assert waiting.owner is None
    database.write(consumer.assign_waiting_leads)
    assert database.read(lambda unit: unit.leads.get(waiting.id).owner) is None
    rep = build.rep()
    database.write(lambda unit: unit.reps.add(rep))
    database.write(consumer.assign_waiting_leads)
    assert database.read(lambda unit: unit.leads.get(waiting.id).owner) == rep.id
    assert database.read(lambda unit: unit.assignments.get(waiting.id).choice.owner) == rep.id


def test_the_queue_listens_to_placed_orders_only() -> None:
    assert [(entry.queue, list(entry.types)) for entry in consumer.subscriptions.events] == [
        ("pipeline.orders", ["kehu.orders.v1.OrderPlaced"])
    ]


def handle(database: Db, events: Sequence[Received]) -> None:
    database.write(consumer.keep_orders, events)


def order_of(database: Db, deal: UUID) -> UUID | None:
    return database.read(lambda unit: unit.opportunities.get(deal).order)
