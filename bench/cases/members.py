"""The table of `make bench-members`."""

from __future__ import annotations

from bench import members
from bench.case import Pace
from bench.table import Table


def run(pace: Pace, table: Table) -> None:
    """Measure members."""
    members.run(table, small=pace.quick, seconds=pace.during(quick=1.5, full=members.SECONDS))
