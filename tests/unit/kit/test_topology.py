from __future__ import annotations

from datetime import timedelta

import pytest

from kit.broker import Binding, Exchange, Retries, Subscribed, connect, topology, virtual_host

SETTLEMENT = Subscribed("members.settlement", "orders", ["OrderPaid", "OrderRefunded"])
RETRIES = Retries(attempts=3, delays=(timedelta(seconds=5), timedelta(milliseconds=250)))


def test_a_service_that_listens_to_nobody_has_only_its_own_exchange() -> None:
    plain = topology("orders")
    assert plain.exchanges == [Exchange("orders.events")]
    assert (plain.queues, plain.bindings) == ([], [])


def test_every_queue_is_a_quorum_queue_that_dead_letters_safely() -> None:
    queues = {queue.name: queue.arguments for queue in topology("members", [SETTLEMENT]).queues}
    assert all(arguments["x-queue-type"] == "quorum" for arguments in queues.values())
    settlement = queues["members.settlement"]
    assert settlement["x-dead-letter-exchange"] == "members.dead"
    assert settlement["x-dead-letter-routing-key"] == "members.settlement"
    assert settlement["x-dead-letter-strategy"] == "at-least-once"
    assert settlement["x-overflow"] == "reject-publish"
    assert "x-dead-letter-exchange" not in queues["members.settlement.dead"]


def test_each_delay_has_a_queue_that_sends_back_to_where_the_event_came_from() -> None:
    made = topology("members", [SETTLEMENT], retries=RETRIES)
    waiting = {queue.name: queue.arguments for queue in made.queues if ".retry." in queue.name}
    assert {name: arguments["x-message-ttl"] for name, arguments in waiting.items()} == {
        "members.retry.5s": 5_000,
        "members.retry.250ms": 250,
    }
    assert all(arguments["x-dead-letter-exchange"] == "" for arguments in waiting.values())
    assert Exchange("members.retry.5s", "fanout") in made.exchanges
    assert Binding("members.retry.5s", "members.retry.5s") in made.bindings


def test_the_exchanges_of_the_sources_are_declared_too_for_nobody_knows_who_starts_first() -> None:
    assert Exchange("orders.events") in topology("members", [SETTLEMENT]).exchanges


@pytest.mark.parametrize(
    ("url", "host"),
    [("amqp://h", "/"), ("amqp://h/", "/"), ("amqp://h/kehu", "kehu"), ("amqp://h/%2fkehu", "/kehu")],
)
def test_the_virtual_host_follows_the_first_slash(url: str, host: str) -> None:
    assert virtual_host(url) == host


def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="amqp://"):
        connect("http://localhost")
