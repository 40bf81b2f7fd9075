"""Paid orders as JSON through Envoy, stock, outbox, loyalty and campaign effects all settled: the highest rate of a
short staircase that holds, and the same for minutes. It holds when nothing fails, 99 % are placed and paid within a
second, and the backlog does not grow. What an order costs each process and each database on the way is written down for
`kehu capacity`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass

from bench import costs, stats
from bench.backlog import Watch
from bench.case import Pace
from bench.customers import CHANNEL, buyers
from bench.http import Http
from bench.openloop import Calls, drive
from bench.stage import PRODUCTS, Stage, stage
from bench.table import Table
from cli.demo.databases import databases
from cli.demo.latency import latencies

RATE = 400.0
"""What was asked for."""
_STEPS = (80.0, 120.0, 160.0, 200.0, 240.0, 280.0, 320.0, 360.0, RATE)
_QUICK_STEPS = (80.0, 160.0, 240.0, 320.0, RATE)
_STEADY = 0.85
"""The share of the highest step that is held for long: a step is too short to meet every checkpoint and vacuum."""
_WARM_SECONDS = 8.0
_DRAIN_SECONDS = 180.0
_LATEST_MS = 1_000.0
_GROWTH = 0.01
"""Of the rate: more is a backlog that grows."""


@dataclass(frozen=True)
class Sale:
    """Orders that were sold at a rate for a while, and the events that waited meanwhile."""

    rate: float
    seconds: float
    calls: Calls
    waiting: list[tuple[float, float]]

    @property
    def failed(self) -> int:
        """Orders that were not placed or not paid."""
        return sum(self.calls.troubles().values())

    @property
    def p99(self) -> float:
        """Milliseconds to place and pay."""
        return self.calls.milliseconds(0.99)

    @property
    def growth(self) -> float:
        """Of the backlog, as a share of the rate."""
        return stats.slope(self.waiting[len(self.waiting) // 3 :]) / self.rate

    @property
    def largest(self) -> float:
        """The most events that waited at once."""
        return max((size for _, size in self.waiting), default=0.0)

    @property
    def holds(self) -> bool:
        """Whether it could go on like this. What one second brings is no backlog."""
        return not self.failed and self.p99 < _LATEST_MS and (self.growth <= _GROWTH or self.largest < self.rate)


def run(pace: Pace, table: Table) -> None:
    """Go up the stairs, then stay a little below the highest step that holds."""
    steps = (pace.rate,) if pace.rate else _QUICK_STEPS if pace.quick else _STEPS
    with stage() as place:
        asyncio.run(_sell(place, steps[0] / 2, _WARM_SECONDS))
        place.backlog.settle(within=_DRAIN_SECONDS)
        highest = _climb(place, table, steps, seconds=6.0 if pace.quick else 12.0)
        table.add("highest rate of the stairs that holds", highest, "orders/s", least=RATE)
        steady = pace.rate or _STEADY * (highest or steps[0])
        _measure(place, table, rate=steady, seconds=pace.during(quick=12, full=300))


def _climb(place: Stage, table: Table, steps: Iterable[float], *, seconds: float) -> float:
    """The last rate that holds before one that doesn't; 0 if none does."""
    highest = 0.0
    for rate in steps:
        sale = _sale(place, rate, seconds)
        place.backlog.settle(within=_DRAIN_SECONDS)
        what = f"{rate:.0f}/s for {seconds:.0f} s: {'holds' if sale.holds else 'does not hold'}"
        table.add(f"{what}, placed and paid, p99", sale.p99, "ms")
        _print_troubles(sale)
        if not sale.holds:
            break
        highest = rate
    return highest


def _measure(place: Stage, table: Table, *, rate: float, seconds: float) -> None:
    meter = costs.Meter.start(place)
    began = time.time()
    sale = _sale(place, rate, seconds)
    drained = place.backlog.settle(within=_DRAIN_SECONDS)
    answered = sale.calls.rate(seconds)
    found = meter.stop(place, orders=max(1, len(sale.calls.good())), rate=answered, case="sustained")
    what = f"paid orders at {rate:.0f}/s for {seconds:.0f} s"
    table.add(f"{what}, answered in time", answered, "orders/s", least=0.98 * rate)
    table.add("the same, failed", float(sale.failed), "orders", most=0)
    _print_troubles(sale)
    table.add("the same, placed and paid, p50", sale.calls.milliseconds(0.5), "ms")
    table.add("the same, placed and paid, p99", sale.p99, "ms", most=_LATEST_MS)
    table.add("the same, growth of the backlog, share of the rate", sale.growth, "per order", most=_GROWTH)
    table.add("the same, largest backlog", sale.largest, "events")
    table.add("the same, until the backlog was empty", drained, "s")
    _effects(place, table, began)
    table.course("backlog", sale.waiting)
    if not sale.failed:
        # What failed has cost something too, and would be put on the bill of the others.
        costs.keep(found)


def _sale(place: Stage, rate: float, seconds: float) -> Sale:
    with Watch(place.backlog.size) as waiting:
        calls = asyncio.run(_sell(place, rate, seconds))
    return Sale(rate, seconds, calls, waiting.points)


def _print_troubles(sale: Sale) -> None:
    for trouble, count in sale.calls.troubles().most_common(3):
        print(f"  {count} times: {trouble}", flush=True)


def _effects(place: Stage, table: Table, began: float) -> None:
    with databases(place.suite.database_url) as found:
        for each in latencies(found, CHANNEL, since=began):
            ms = each.quantile(0.99) * 1000
            table.add(f"commit in orders to effect in {each.consumer}, p50", each.quantile(0.5) * 1000, "ms")
            table.add(f"commit in orders to effect in {each.consumer}, p99", ms, "ms", most=1_000)


async def _sell(place: Stage, rate: float, seconds: float) -> Calls:
    async with Http(place.gateway, place.bearer) as http:
        return await drive(buyers(http, place.members, products=PRODUCTS), rate=rate, seconds=seconds)
