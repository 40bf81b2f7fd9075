"""Bring a topology into being."""

from __future__ import annotations

import amqp

from kit.broker.connection import connect
from kit.broker.topology import Topology


def declare(url: str, topology: Topology) -> None:
    """Declare everything; what is there already stays as it is. Raises one of BROKER_ERRORS.

    Also if something is there under the same name but of another kind: that takes an operator.
    """
    with connect(url, name="kehu declare") as connection:
        declare_on(connection.channel(), topology)


def declare_on(channel: amqp.Channel, topology: Topology) -> None:
    """The same on an open channel."""
    for exchange in topology.exchanges:
        channel.exchange_declare(exchange.name, exchange.kind, durable=True, auto_delete=False)
    for queue in topology.queues:
        channel.queue_declare(queue.name, durable=True, auto_delete=False, arguments=dict(queue.arguments))
    for binding in topology.bindings:
        channel.queue_bind(binding.queue, binding.exchange, routing_key=binding.key)
