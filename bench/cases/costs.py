"""What a paid order costs each process and each database, for `kehu capacity`: a crowd of buyers, one order each at a
time.

The case `sustained` keeps the same figures when all its orders went well; this one also works on a machine that has
other things to do, for it asks for no rate.
"""

from __future__ import annotations

import asyncio
from time import monotonic

from bench.case import Pace
from bench.costs import Meter, keep
from bench.customers import buyers
from bench.http import Http
from bench.load import closed
from bench.stage import PRODUCTS, Stage, stage
from bench.table import Table

_BUYERS = 12
_DRAIN_SECONDS = 180.0


def run(pace: Pace, table: Table) -> None:
    """Sell for a while, and divide."""
    seconds = pace.during(quick=20, full=60)
    with stage() as place:
        asyncio.run(_warm(place))
        place.backlog.settle(within=_DRAIN_SECONDS)
        meter = Meter.start(place)
        began = monotonic()
        orders = asyncio.run(_sell(place, seconds))
        rate = orders / (monotonic() - began)
        place.backlog.settle(within=_DRAIN_SECONDS)
        found = meter.stop(place, orders=orders, rate=rate, case="costs")
    table.add("orders placed and paid", rate, "orders/s")
    for name, cost in found["processes"].items():
        table.add(f"{name}, CPU of an order", cost["cpu_ms_per_order"], "ms")
    for name, cost in found["databases"].items():
        table.add(f"database {name}, CPU of an order", cost["cpu_ms_per_order"], "ms")
        table.add(f"database {name}, bytes of an order", cost["bytes_per_order"], "bytes")
    keep(found)


async def _warm(place: Stage) -> None:
    """One order after the other, so that nothing is measured for the first time."""
    async with Http(place.gateway, place.bearer) as http:
        buy = buyers(http, place.members, products=PRODUCTS)
        for number in range(10):
            await buy(number)


async def _sell(place: Stage, seconds: float) -> int:
    """Orders that were sold."""
    sold = failed = 0
    async with Http(place.gateway, place.bearer) as http:
        buy = buyers(http, place.members, products=PRODUCTS)

        async def one(number: int) -> object:
            nonlocal sold, failed
            try:
                await buy(number)
                sold += 1
            except RuntimeError:
                failed += 1
            return None

        await closed([one], callers=_BUYERS, seconds=seconds)
    if failed > sold / 10:
        raise RuntimeError(f"{failed} orders failed beside {sold}: their cost would be put on the bill of the others")
    if failed:
        print(f"  {failed} orders failed beside {sold}: the costs are by so much too high", flush=True)
    return sold
