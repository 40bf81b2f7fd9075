from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from kehu.orders.v1.events_pb2 import OrderCancelled, OrderPaid

from kit.broker import Binding
from kit.worker import Received, Subscriptions


def handle(unit: Any, events: Sequence[Received]) -> None:
    """Does nothing."""


def test_a_handler_and_a_timer_are_what_they_were_before_they_were_registered() -> None:
    subscriptions = Subscriptions("members")
    assert subscriptions.on("orders", OrderPaid, queue="members.settlement")(handle) is handle
    assert subscriptions.every(seconds=5)(handle_nothing) is handle_nothing
    assert [timer.interval for timer in subscriptions.timers] == [timedelta(seconds=5)]


def handle_nothing(unit: Any) -> None:
    """Does nothing."""


def test_the_topology_binds_each_queue_to_its_events() -> None:
    subscriptions = Subscriptions("members")
    subscriptions.on("orders", OrderPaid, OrderCancelled, queue="members.settlement")(handle)
    bindings = subscriptions.topology().bindings
    assert Binding("members.settlement", "orders.events", "OrderPaid") in bindings
    assert Binding("members.settlement", "orders.events", "OrderCancelled") in bindings


@pytest.mark.parametrize(
    ("source", "messages", "queue", "complaint"),
    [
        ("orders", (), "members.settlement", "say which events"),
        ("pipeline", (OrderPaid,), "members.settlement", "not an event of pipeline"),
        ("orders", (OrderPaid,), "settlement", "begins with its service"),
        ("orders", (OrderPaid,), "members.taken", "queue of its own"),
    ],
)
def test_a_mistake_is_told_when_the_module_is_imported(
    source: str, messages: tuple[Any, ...], queue: str, complaint: str
) -> None:
    subscriptions = Subscriptions("members")
    subscriptions.on("orders", OrderPaid, queue="members.taken")(handle)
    with pytest.raises(ValueError, match=complaint):
        subscriptions.on(source, *messages, queue=queue)
