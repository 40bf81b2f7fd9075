"""Paid orders as JSON through Envoy, stock, outbox, loyalty and campaign effects all settled, at a rate held for
minutes: the backlog must not grow, and the effects must follow within a second. What an order costs each process and
each database on the way is written down for `kehu capacity`."""

from __future__ import annotations

import asyncio
import time

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
QUICK_RATE = 200.0
_WARM_SECONDS = 5.0
_DRAIN_SECONDS = 180.0


def run(pace: Pace, table: Table) -> None:
    """Sell for a while."""
    rate = pace.rate or (QUICK_RATE if pace.quick else RATE)
    with stage() as place:
        asyncio.run(_sell(place, rate / 2, _WARM_SECONDS))
        place.backlog.settle(within=_DRAIN_SECONDS)
        _measure(place, table, rate=rate, seconds=pace.during(quick=12, full=300))


def _measure(place: Stage, table: Table, *, rate: float, seconds: float) -> None:
    meter = costs.Meter.start(place)
    began = time.time()
    with Watch(place.backlog.size) as waiting:
        calls = asyncio.run(_sell(place, rate, seconds))
    drained = place.backlog.settle(within=_DRAIN_SECONDS)
    found = meter.stop(place, orders=max(1, len(calls.good())), rate=calls.rate(seconds), case="sustained")
    what = f"paid orders at {rate:.0f}/s for {seconds:.0f} s"
    table.add(f"{what}, answered in time", calls.rate(seconds), "orders/s", least=0.98 * rate)
    table.add("the same, failed", float(sum(calls.troubles().values())), "orders", most=0)
    for trouble, count in calls.troubles().most_common(3):
        print(f"  {count} times: {trouble}", flush=True)
    table.add("the same, placed and paid, p50", calls.milliseconds(0.5), "ms")
    table.add("the same, placed and paid, p99", calls.milliseconds(0.99), "ms")
    grown = stats.slope(waiting.points[len(waiting.points) // 3 :])
    table.add("the same, growth of the backlog, share of the rate", grown / rate, "per order", most=0.01)
    table.add("the same, largest backlog", max((size for _, size in waiting.points), default=0.0), "events")
    table.add("the same, until the backlog was empty", drained, "s")
    _effects(place, table, began)
    table.course("backlog", waiting.points)
    if not calls.troubles():
        # What failed has cost something too, and would be put on the bill of the others.
        costs.keep(found)


def _effects(place: Stage, table: Table, began: float) -> None:
    with databases(place.suite.database_url) as found:
        for each in latencies(found, CHANNEL, since=began):
            ms = each.quantile(0.99) * 1000
            table.add(f"commit in orders to effect in {each.consumer}, p50", each.quantile(0.5) * 1000, "ms")
            table.add(f"commit in orders to effect in {each.consumer}, p99", ms, "ms", most=1_000)


async def _sell(place: Stage, rate: float, seconds: float) -> Calls:
    async with Http(place.gateway, place.bearer) as http:
        return await drive(buyers(http, place.members, products=PRODUCTS), rate=rate, seconds=seconds)
