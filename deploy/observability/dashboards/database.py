"""The services' way to their databases: pools, transactions, group commits, and what is kept right by proof."""

from __future__ import annotations

from deploy.observability.panels import Board, Query, Row, Unit, lines, number, quantiles, rate, share, total

_POOLS = Row(
    "Connections",
    (
        lines(
            "Pools in use",
            "The share of each pool that transactions have. At 100 % calls wait for each other.",
            Unit.SHARE,
            Query(
                "sum by (service, role) (db_pool_in_use) / sum by (service, role) (db_pool_size)",
                "{{service}} {{role}}",
            ),
            runbook="connections-run-out",
            warn=0.8,
            bad=0.9,
        ),
        lines(
            "Waiting for a connection",
            "How long transactions waited for a connection of their pool.",
            Unit.SECONDS,
            *quantiles("db_pool_wait_seconds", "service, role"),
            runbook="connections-run-out",
            warn=0.1,
        ),
        lines(
            "Connections that there may be",
            "The sum of the pools. It must stay below max_connections of the server, or of the pooler before it.",
            Unit.COUNT,
            total("db_pool_size", "service, role"),
            runbook="connections-run-out",
        ),
    ),
)

_TRANSACTIONS = Row(
    "Transactions",
    (
        lines(
            "Transactions",
            "A second, by kind of process and operation.",
            Unit.PER_SECOND,
            rate(
                "db_transaction_duration_seconds_count",
                "service, role, operation",
            ),
            runbook="the-database-is-down",
        ),
        lines(
            "How long transactions take",
            "From the connection to the commit, retries included.",
            Unit.SECONDS,
            *quantiles("db_transaction_duration_seconds", "operation"),
            runbook="connections-run-out",
        ),
        lines(
            "Transactions that failed",
            "The share. Refusals of business count too: they roll back.",
            Unit.SHARE,
            share(
                "db_transaction_duration_seconds_count",
                "service, role",
                selector='{outcome="error"}',
            ),
            runbook="the-database-is-down",
        ),
        lines(
            "Transactions that ran again",
            "By SQLSTATE: 40001 and 40P01 are conflicts with others, harmless while they stay few.",
            Unit.PER_SECOND,
            rate("db_transaction_retries_total", "sqlstate"),
            runbook="the-database-is-down",
        ),
        lines(
            "Group commits",
            "Transactions of the lanes that take in many commands at once.",
            Unit.PER_SECOND,
            rate("group_commit_batch_size_count", "lane"),
            runbook="a-service-is-overloaded",
        ),
        lines(
            "Group commits that were split",
            "Batches that failed as a whole and were run one by one: slow, but right.",
            Unit.PER_SECOND,
            rate("group_commit_splits_total", "lane"),
            runbook="a-service-is-overloaded",
        ),
    ),
)

_PROOF = Row(
    "Proof",
    (
        number(
            "Ledger last compared",
            "When the whole ledger was last compared with its entries. An hour ago is normal.",
            Unit.TIME,
            "1000 * max(ledger_verified_timestamp_seconds)",
            runbook="the-ledger-is-not-verified",
            width=6,
        ),
        number(
            "Orders last recomputed",
            "When all orders were last recomputed. An hour ago is normal.",
            Unit.TIME,
            "1000 * max(orders_verified_timestamp_seconds)",
            runbook="orders-are-not-verified",
            width=6,
        ),
        number(
            "The ledger's differences",
            "What is kept and differs from the entries. Must be 0.",
            Unit.COUNT,
            "sum(max by (check) (ledger_differences))",
            runbook="the-ledger-differs",
            bad=1,
            width=6,
        ),
        number(
            "The orders' differences",
            "What is kept and differs from what follows. Must be 0.",
            Unit.COUNT,
            "sum(max by (check) (order_differences))",
            runbook="orders-differ",
            bad=1,
            width=6,
        ),
    ),
)

BOARD = Board(
    "database",
    "Database",
    "The services' side of their databases. The server's own side is shown by its operator's dashboards.",
    (_POOLS, _TRANSACTIONS, _PROOF),
)
