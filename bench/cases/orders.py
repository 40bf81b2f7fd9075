"""The table of `make bench-orders`."""

from __future__ import annotations

from bench import orders
from bench.case import Pace
from bench.table import Table


def run(pace: Pace, table: Table) -> None:
    """Measure orders."""
    orders.run(table, small=pace.quick, seconds=pace.during(quick=1.5, full=orders.SECONDS))
