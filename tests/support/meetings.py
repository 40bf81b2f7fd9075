"""Transactions that meet in a chosen moment."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from prometheus_client import REGISTRY
from sqlalchemy import text

from kit.db import Database
from tests.support.waiting import until

_WAITING = text("select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'")


def deadlocks() -> float:
    """How many circles the database has broken so far."""
    return REGISTRY.get_sample_value("db_transaction_retries_total", {"sqlstate": "40P01"}) or 0.0


def meet(
    database: Database[Any],
    first: Callable[[Any], Any],
    *others: Callable[[], Any],
    then: Callable[[Any], Any] | None = None,
) -> None:
    """The others begin one after the other, each once the one before waits or is done, while the first one has done its
    work and is not committed; `then` it goes on."""

    def waiting() -> int:
        return database.read(lambda unit: len(unit.connection.execute(_WAITING).all()))

    with ThreadPoolExecutor(len(others)) as pool:

        def in_the_middle(unit: Any) -> list[Future[Any]]:
            first(unit)
            begun = list[Future[Any]]()
            for other in others:
                begun.append(pool.submit(other))
                until(lambda: waiting() + sum(each.done() for each in begun) >= len(begun))
            if then is not None:
                then(unit)
            return begun

        for each in database.write(in_the_middle):
            each.result()
