"""Consumers that make their effect in one transaction with the inbox, beside nameko consumers of the same queue that do
nothing at all."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from bench.broker_stage import NOTHING, POINTS, events, prepared, publish, rate
from bench.case import Pace
from bench.table import Table
from tests.support.programs import running
from tests.support.sample.harness import Harness

_KINDS = {POINTS: "OrderPaid", NOTHING: "OrderCancelled"}
_WORKERS = (10, 256)
"""nameko's own default, and as many as make it fastest here."""


def run(pace: Pace, table: Table) -> None:
    """Fill the queue and empty it, by one and by the other, as often as asked for."""
    count = pace.size(quick=5_000, full=20_000)
    with prepared() as harness:
        bare: dict[int, list[float]] = {workers: [] for workers in _WORKERS}
        ours: dict[str, list[float]] = {queue: [] for queue in _KINDS}
        cost: dict[str, list[float]] = {queue: [] for queue in _KINDS}
        for _ in range(pace.repetitions()):
            for workers in _WORKERS:
                bare[workers].append(_noop(harness, count, workers))
            for queue in _KINDS:
                speed, each = _ours(harness, queue, count)
                ours[queue].append(speed)
                cost[queue].append(each)
    best = max(
        table.add(f"no-op nameko consumer, {workers} workers", found, "events/s") for workers, found in bare.items()
    )
    table.add("inbox, a balance and an entry in one transaction", ours[POINTS], "events/s", baseline=best, least=0.5)
    table.add("the same, CPU of an event", cost[POINTS], "µs")
    table.add("only the inbox", ours[NOTHING], "events/s", baseline=best)
    table.add("the same, CPU of an event", cost[NOTHING], "µs")


def _noop(harness: Harness, count: int, workers: int) -> float:
    asyncio.run(publish(harness.broker_url, events(_KINDS[POINTS], count)))
    log = harness.folder / "noop.log"
    with running("bench.worker_noop", POINTS, str(workers), log=log, environment=harness.environment) as program:
        return rate(program.process.pid, count, lambda: count - harness.depth(POINTS))[0]


def _ours(harness: Harness, queue: str, count: int) -> tuple[float, float]:
    before = _taken(harness, queue)
    asyncio.run(publish(harness.broker_url, events(_KINDS[queue], count)))
    log = Path(harness.folder) / f"{queue}.log"
    with running("bench.worker_house", log=log, environment=harness.environment) as program:
        return rate(program.process.pid, count, partial(_since, harness, queue, before))


def _since(harness: Harness, queue: str, before: int) -> int:
    return _taken(harness, queue) - before


def _taken(harness: Harness, queue: str) -> int:
    return int(harness.query("select count(*) from inbox where consumer = %s", queue)[0][0])
