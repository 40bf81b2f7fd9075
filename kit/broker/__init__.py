"""RabbitMQ: what an event looks like on the wire, and which exchanges and queues there are.

The runtimes that talk to it are `kit.relay` (publishes, asyncio) and `kit.worker` (consumes, eventlet).
"""

from kit.broker.connection import BROKER_ERRORS, connect
from kit.broker.declare import declare
from kit.broker.topology import Binding, Exchange, Queue, Retries, Subscribed, Topology, events_exchange, topology

__all__ = [
    "BROKER_ERRORS",
    "Binding",
    "Exchange",
    "Queue",
    "Retries",
    "Subscribed",
    "Topology",
    "connect",
    "declare",
    "events_exchange",
    "topology",
]
