"""What the hot processes do all day: a flame graph of each, and its dearest lines, while buyers buy."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from dataclasses import asdict

from bench.case import Pace
from bench.customers import buyers
from bench.http import Http
from bench.profiling import Recording
from bench.stage import PRODUCTS, Stage, stage
from bench.table import Table

_PROCESSES = (
    "orders-serve",
    "campaigns-serve",
    "orders-relay",
    "members-consume",
    "campaigns-consume",
    "pipeline-consume",
)
_BUYERS = 24
_LINES = 5


def run(pace: Pace, table: Table) -> None:
    """Sell all the while, and look at one process after the other."""
    seconds = pace.during(quick=5, full=10)
    with stage() as place:
        ended = threading.Event()
        selling = threading.Thread(target=lambda: asyncio.run(_sell(place, ended)), daemon=True)
        selling.start()
        try:
            for name in _PROCESSES:
                _profile(place, table, name, seconds)
        finally:
            ended.set()
            selling.join()


def _profile(place: Stage, table: Table, name: str, seconds: float) -> None:
    pid = next(process.pid for process in place.services() if process.name == name)
    lines = Recording(pid or 0, name, seconds).finish()[:_LINES]
    table.lines[name] = [{**asdict(line), "share": round(line.share, 3)} for line in lines]
    for line in lines:
        table.add(f"{name}: {line.function} ({line.place})", 100 * line.share, "% of its time")


async def _sell(place: Stage, ended: threading.Event) -> None:
    async with Http(place.gateway, place.bearer) as http:
        buy = buyers(http, place.members, products=PRODUCTS)

        async def one(number: int) -> None:
            # A call that was late is no reason to stop looking.
            with suppress(RuntimeError):
                await buy(number)

        async def keep_buying(number: int) -> None:
            while not ended.is_set():
                number += _BUYERS
                await one(number)

        await asyncio.gather(*(keep_buying(number) for number in range(_BUYERS)))
