"""RabbitMQ: what an event looks like on the wire, and which exchanges and queues there are.

The runtimes that talk to it are `kit.relay` (publishes, asyncio) and `kit.worker` (consumes, eventlet).
"""

from kit.broker.connection import BROKER_ERRORS, connect, virtual_host
from kit.broker.declare import declare, declare_on
from kit.broker.topology import (
    Binding,
    Exchange,
    Queue,
    Retries,
    Subscribed,
    Topology,
    dead_exchange,
    dead_queue,
    events_exchange,
    retry_exchange,
    topology,
)

__all__ = [
    "BROKER_ERRORS",
    "Binding",
    "Exchange",
    "Queue",
    "Retries",
    "Subscribed",
    "Topology",
    "connect",
    "dead_exchange",
    "dead_queue",
    "declare",
    "declare_on",
    "events_exchange",
    "retry_exchange",
    "topology",
    "virtual_host",
]
