"""What a process counts of its way to its database."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

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
    "Transactions from connection to commit by operation (read, write) and outcome (ok, error), retries included.",
    ["operation", "outcome"],
    buckets=(0.0005, 0.001, 0.0025, *LATENCY_BUCKETS[:12]),
)
RETRIES = Counter(
    "db_transaction_retries_total", "Transactions that were run again, by SQLSTATE of what ended them.", ["sqlstate"]
)
