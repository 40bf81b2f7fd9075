"""Memory of every process of the services under a steady load: how much, and whether it grows."""

from __future__ import annotations

import asyncio
import threading
import time

from bench import proc, stats
from bench.case import Pace
from bench.customers import buyers
from bench.http import Http
from bench.openloop import drive
from bench.stage import PRODUCTS, Stage, stage
from bench.table import Table

_RATE = 100.0
_MOST_MIB = 160
_GROWTH = 4.0
"""MiB an hour that are noise: a page here and there."""
_WARM = 1 / 3
"""The share of the time in which caches and pools fill up; it does not count for the growth."""


def run(pace: Pace, table: Table) -> None:
    """Sell steadily, and read the memory every second. Half an hour (`make bench-memory`) says what a leak is; the few
    minutes of a whole run only say how much there is."""
    seconds = pace.during(quick=30, full=60)
    with stage() as place:
        courses: dict[str, list[tuple[float, float]]] = {process.name: [] for process in place.services()}
        ended = threading.Event()
        reading = threading.Thread(target=_read, args=(place, courses, ended), daemon=True)
        reading.start()
        try:
            asyncio.run(_sell(place, pace.rate or _RATE, seconds))
        finally:
            ended.set()
            reading.join()
        for process in place.services():
            peak = proc.peak_memory(process.pid or 0)
            table.add(f"{process.name}, most memory", peak, "MiB", most=_MOST_MIB)
        for name, points in courses.items():
            late = points[int(len(points) * _WARM) :]
            # Over a few minutes a single page looks like a slope: only a long run is judged.
            judged = _GROWTH if seconds >= 600 else None
            table.add(f"{name}, growth over {seconds:.0f} s", stats.slope(late) * 3600, "MiB/h", most=judged)
            table.course(name, points[:: max(1, len(points) // 200)])


def _read(place: Stage, courses: dict[str, list[tuple[float, float]]], ended: threading.Event) -> None:
    began = time.monotonic()
    while not ended.wait(1.0):
        for process in place.services():
            if memory := proc.memory(process.pid or 0):
                courses[process.name].append((time.monotonic() - began, memory))


async def _sell(place: Stage, rate: float, seconds: float) -> None:
    async with Http(place.gateway, place.bearer) as http:
        await drive(buyers(http, place.members, products=PRODUCTS), rate=rate, seconds=seconds)
