"""What a process counts of its way to its database."""

from __future__ import annotations

from weakref import WeakSet

from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import Engine
from sqlalchemy.pool import QueuePool

from kit.telemetry import LATENCY_BUCKETS

IN_USE = Gauge("db_pool_in_use", "Connections to the database that transactions have at the moment.")
SIZE = Gauge("db_pool_size", "Connections to the database that the process may have.")
WAIT = Histogram(
    "db_pool_wait_seconds",
    "How long a transaction waited for its connection.",
    buckets=(0.0005, 0.001, 0.0025, *LATENCY_BUCKETS[:11]),
)
TRANSACTION = Histogram(
    "db_transaction_duration_seconds",
    "Transactions with their retries, from asking for a connection to the end: of reads, writes and pings; committed "
    "(ok), rolled back by what they found (refused), or lost by the database (error).",
    ["operation", "outcome"],
    buckets=(0.0005, 0.001, 0.0025, *LATENCY_BUCKETS[:12]),
)
RETRIES = Counter(
    "db_transaction_retries_total", "Transactions that were run again, by SQLSTATE of what ended them.", ["sqlstate"]
)

_ENGINES: WeakSet[Engine] = WeakSet()


def watch(engine: Engine) -> None:
    """Tell of an engine's pool as long as it is in use."""
    _ENGINES.add(engine)


def _pools() -> list[QueuePool]:
    return [engine.pool for engine in list(_ENGINES) if isinstance(engine.pool, QueuePool)]


IN_USE.set_function(lambda: sum(pool.checkedout() for pool in _pools()))
SIZE.set_function(lambda: sum(pool.size() for pool in _pools()))
