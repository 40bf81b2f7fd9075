"""What an import did, as a table at its end."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from cli.importing.report import Remarks, Results
from cli.importing.run import Done
from kit.money import Money


def show(done: Done, console: Console, *, sent: bool) -> None:
    """Print the table; without anything sent, only what the rows are."""
    account = done.account
    table = Table(title="Import" if sent else "Check: nothing was sent", title_justify="left")
    table.add_column("")
    table.add_column("", justify="right")
    table.add_row("columns", ", ".join(f"{name} = {column}" for name, column in done.columns.items()))
    table.add_row("encoding", done.encoding)
    table.add_row("rows", f"{account.rows:,}")
    table.add_row("rows accepted", f"{account.accepted:,}")
    table.add_row("rows rejected", f"{account.rejected.count:,}")
    table.add_section()
    if sent:
        table.add_row("members", _results(account.members))
        table.add_row("orders", _results(account.orders))
        table.add_row("items", f"{account.items:,}")
        table.add_row("revenue", ", ".join(str(Money(minor, code)) for code, minor in sorted(account.amounts.items())))
        table.add_row("rate", f"{account.orders.total / max(done.sent_seconds, 0.001):,.0f} orders/s sent")
    table.add_row("seconds", f"{done.read_seconds:.1f} to read, {done.sent_seconds:.1f} to send")
    console.print(table)
    _list(account.rejected, "Rejected", console)
    _list(account.noticed, "Left out of rows that are in", console)


def _results(results: Results) -> str:
    changed = f", {results.updated:,} changed" if results.updated else ""
    refused = f", {results.rejected:,} refused" if results.rejected else ""
    return f"{results.created:,} new, {results.unchanged:,} known{changed}{refused}"


def _list(remarks: Remarks, title: str, console: Console) -> None:
    if not remarks.count:
        return
    console.print(f"{title}: {remarks.path}", soft_wrap=True, highlight=False, markup=False)
    for reason, count in remarks.reasons.most_common():
        console.print(f"  {count:>9,}  {reason}", highlight=False, markup=False)
