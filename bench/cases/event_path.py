"""From the commit of an order to its effects in members and campaigns, at rates that do not depend on how fast anything
is: orders come ten to a call, so that the calls themselves do not take the machine."""

from __future__ import annotations

import asyncio
import time
import uuid

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money
from kehu.orders.v1 import imports_pb2

from bench import stats
from bench.backlog import Watch
from bench.case import Pace
from bench.openloop import Calls, drive
from bench.stage import Stage, stage
from bench.table import Table
from cli.demo.databases import databases
from cli.demo.latency import latencies
from cli.importing.gateway import Gateway
from cli.importing.messages import why_refused

RATES = (100, 500, 1_000)
_TOGETHER = 10
_DRAIN_SECONDS = 180.0


def run(pace: Pace, table: Table) -> None:
    """One rate after the other, each from an empty backlog."""
    seconds = pace.during(quick=4, full=20)
    with stage() as place:
        asyncio.run(_stream(place, "warm", 100, 2))
        place.backlog.settle(within=_DRAIN_SECONDS)
        for rate in [pace.rate] if pace.rate else RATES:
            _measure(place, table, int(rate), seconds)


def _measure(place: Stage, table: Table, rate: int, seconds: float) -> None:
    channel = f"at-{rate}"
    with Watch(place.backlog.size) as waiting:
        calls = asyncio.run(_stream(place, channel, rate, seconds))
    drained = place.backlog.settle(within=_DRAIN_SECONDS)
    what = f"{rate} orders/s"
    table.add(f"{what}, taken in", _TOGETHER * calls.rate(seconds), "orders/s", baseline=rate)
    table.add(f"{what}, failed calls", float(sum(calls.troubles().values())), "calls", most=0)
    with databases(place.suite.database_url) as found:
        for each in latencies(found, channel):
            p50, p99 = (each.quantile(share) * 1000 for share in (0.5, 0.99))
            table.add(f"{what}, commit to effect in {each.consumer}, p50", p50, "ms")
            table.add(f"{what}, commit to effect in {each.consumer}, p99", p99, "ms", most=1_000)
    table.add(f"{what}, largest backlog", max((size for _, size in waiting.points), default=0.0), "events")
    table.add(f"{what}, growth of the backlog", stats.slope(waiting.points[1:]), "events/s")
    table.add(f"{what}, until the backlog was empty", drained, "s")
    table.course(what, waiting.points)


async def _stream(place: Stage, channel: str, rate: int, seconds: float) -> Calls:
    run = uuid.uuid4().hex[:12]
    line = imports_pb2.ImportedLine(title="Coffee", quantity=1, amount=Money(currency_code="CNY", units=25))

    async with Gateway(place.gateway, place.token) as gateway:

        async def send(number: int) -> str:
            now = Timestamp(seconds=int(time.time()))
            orders = [
                imports_pb2.ImportedOrder(
                    channel=channel,
                    external_id=f"{run}-{each}",
                    member=place.members[each % len(place.members)],
                    order_time=now,
                    lines=[line],
                )
                for each in range(number * _TOGETHER, (number + 1) * _TOGETHER)
            ]
            if refused := [why for answer in await gateway.import_orders(orders) if (why := why_refused(answer))]:
                raise RuntimeError(refused[0].reason)
            return "import"

        return await drive(send, rate=rate / _TOGETHER, seconds=seconds)
