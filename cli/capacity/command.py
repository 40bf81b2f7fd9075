"""`kehu capacity --orders-per-second 5000`: how large an installation must be, and why."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cli.capacity.answer import Answer, Assumed, Figure, answer
from cli.capacity.costs import load

_USUAL = Assumed()
_GROUPS = ("replicas", "databases", "partitions", "connections", "broker")


def capacity(
    orders_per_second: Annotated[float, typer.Option(help="paid orders per second at the peak")],
    utilisation: Annotated[
        float, typer.Option(min=0.05, max=1.0, help="how much of its core a process may use at the peak")
    ] = _USUAL.utilisation,
    busy_hours: Annotated[
        float,
        typer.Option(min=0.01, max=24.0, help="hours that a day's orders would take at the peak rate"),
    ] = _USUAL.busy_hours,
    retention_days: Annotated[int, typer.Option(min=1, help="how long orders are kept")] = _USUAL.retention_days,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Say what a rate of paid orders needs: replicas, databases, partitions, connections, broker nodes.

    From what one order was measured to cost; each figure says its source.
    """
    assumed = Assumed(utilisation=utilisation, busy_hours=busy_hours, retention_days=retention_days)
    try:
        found = answer(load(), orders_per_second, assumed)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--orders-per-second") from None
    if as_json:
        sys.stdout.write(json.dumps({**asdict(found), "assumed": asdict(assumed)}, indent=2) + "\n")
    else:
        _show(found)


def _show(found: Answer) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"For {found.orders_per_second:,g} paid orders a second. Measured with {found.measured}.")
    for group in _GROUPS:
        console.print(_table(group, getattr(found, group)))
    for warning in found.warnings:
        console.print(f"[yellow]![/] {warning}")


def _table(title: str, figures: Sequence[Figure]) -> Table:
    table = Table(title=f"\n{title}", title_justify="left", box=None, pad_edge=False)
    for heading in ("", "figure", "", "source"):
        table.add_column(heading, justify="right" if heading == "figure" else "left")
    for each in figures:
        table.add_row(each.name, f"{each.value:,g}", each.unit, each.source)
    return table
