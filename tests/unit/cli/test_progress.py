"""What is shown while an import runs: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io

from rich.console import Console

from cli.importing.progress import Bar, Plain, shown_on


def console(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=100)


def said(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_terminal_gets_a_bar_with_rate_and_remaining_time() -> None:
    terminal = console(terminal=True)
    with shown_on(terminal) as shown:
        assert isinstance(shown, Bar)
        shown.begin("orders", 200)
        shown.advance(100)
        shown.advance(100)
    assert "orders" in said(terminal)
    assert "200/200" in said(terminal)


def test_a_log_gets_one_line_for_each_stage() -> None:
    log = console(terminal=False)
    with shown_on(log) as shown:
        assert isinstance(shown, Plain)
        shown.begin("rows", None)
        shown.advance(1_500)
        shown.begin("orders", 2_000)
        shown.advance(1_000)
    rows, orders = said(log).splitlines()
    assert rows.startswith("rows: 1,500, ")
    assert orders.startswith("orders: 1,000 of 2,000 (50 %), ")
    assert orders.endswith("/s")
