"""`kehu demo`: a real retailer's history and a day of live business through a suite of its own, then the reckoning."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cli.demo import deal, history, latency, profiles, race, report, report_data, sales, shop, steady
from cli.demo.backlog import Backlog
from cli.demo.databases import Databases, databases
from cli.demo.figures import Measure, measures
from cli.demo.history import Replay
from cli.demo.latency import Latency
from cli.demo.reckoning import Comparison
from cli.demo.reconcile import Reckoning, reconcile
from cli.demo.scene import Check, Scene
from cli.demo.strike import Strike
from cli.importing.problem import ImportProblem
from cli.importing.progress import shown_on
from cli.scan.collector import collecting
from cli.scan.looking import Looked, logs, look, metrics
from cli.scan.people import personal_values
from deploy.local.folder import PROJECT, Folder
from deploy.local.problem import Problem, explained
from deploy.local.state import holder
from deploy.local.suite import Suite

_FOLDER = PROJECT / ".run" / "demo"
_ROOM = 4_000
"""Events that may be on their way before the import is held back: the services' work of some three seconds."""
_PER_SECOND = 200
_TELEMETRY, _SPANS, _TRACE_RATIO = "telemetry", "spans.jsonl", "0.05"
_ACTS: tuple[tuple[str, Callable[[Scene], None]], ...] = (
    ("the history's profiles", profiles.play),
    ("a customer's day", shop.play),
    ("a race for fifty units", race.play),
    ("a B2B deal", deal.play),
    ("a season of sales", sales.play),
)


@explained()
def demo(
    folder: Annotated[Path, typer.Option(help="Where the suite, its data and the report go.")] = _FOLDER,
    steady_seconds: Annotated[
        int, typer.Option(min=0, help=f"How long to send {_PER_SECOND} single orders a second, to time their effects.")
    ] = 10,
    kill: Annotated[
        str, typer.Option(help="A process to kill (-9) in the middle of the import, for example members-consume.")
    ] = "",
    scan: Annotated[
        bool, typer.Option("--scan", help="Keep spans too, and look for everybody's names in all telemetry.")
    ] = False,
) -> None:
    """Replay a real retailer's history and a day of business through the whole suite, and reconcile every effect."""
    console = Console(highlight=False, soft_wrap=True)
    began = time.monotonic()
    _clear(folder / "suite")
    console.print("Starting PostgreSQL, RabbitMQ, Envoy and the four services.")
    with (
        _traced(folder) if scan else nullcontext(dict[str, str]()) as environment,
        Suite(folder / "suite", environment=environment) as suite,
        databases(suite.database_url) as found,
    ):
        console.print(f"Ready at {suite.gateway} after {time.monotonic() - began:.0f} s.\n")
        run = Demo(suite, found, console)
        replay = run.history(folder, Strike(suite, kill) if kill else None)
        latencies = run.steady(steady_seconds) if steady_seconds else []
        checks = run.live()
        reckoning = run.reckon()
        figures = measures(replay, latencies, suite.processes())
        run.report(folder / "report.html", reckoning, checks, replay, latencies)
        personal = run.personal() if scan else set()
        pages = metrics(suite, folder / _TELEMETRY / "metrics") if scan else []
    looked = _look(folder, personal, pages) if scan else None
    console.print(_table(figures))
    console.print(f"\nThe report: {folder / 'report.html'}")
    console.print(f"The demo took {time.monotonic() - began:.0f} s.\n")
    for failure in _failures(reckoning, checks, replay):
        console.print(f"[red]✗[/] {failure}")
    if looked is not None:
        console.print(f"{_mark(not looked.found)} {looked}")
        for place in looked.found:
            console.print(place, markup=False)
    holds = replay.complete and not (looked and looked.found) and all(check.holds for check in checks)
    console.print(reckoning.line if reckoning.holds and holds else "NOT RECONCILED", markup=False)
    if not (reckoning.holds and holds):
        raise typer.Exit(1)


class Demo:
    """The demo's acts on a running suite."""

    def __init__(self, suite: Suite, found: Databases, console: Console) -> None:
        self._suite = suite
        self._found = found
        self._console = console
        self._token = suite.token("admin", ttl=timedelta(hours=12))

    def history(self, folder: Path, strike: Strike | None) -> Replay:
        """Replay the history, and wait for its effects."""
        self._begin("1. The history of CDNOW, imported through the gateway")
        with self._backlog() as backlog, shown_on(self._console) as shown:
            gate = strike.before(backlog) if strike else backlog
            try:
                replay = history.replay(
                    self._suite.gateway, self._token, gate=gate, backlog=backlog, folder=folder / "import", shown=shown
                )
            except ImportProblem as problem:
                raise Problem(str(problem)) from None
        account = replay.done.account
        self._console.print(
            f"{account.rows:,} rows, {account.rejected.count:,} rejected; sent in {replay.sent:.1f} s, every effect "
            f"there {replay.backlog_seconds:.1f} s later: {replay.orders_per_second:,.0f} orders a second."
        )
        return replay

    def steady(self, seconds: int) -> list[Latency]:
        """A steady stream of single orders, and how long their effects take."""
        self._begin(f"2. {_PER_SECOND} single orders a second for {seconds} seconds")
        steady.stream(self._suite.gateway, self._token, per_second=_PER_SECOND, seconds=seconds)
        with self._backlog() as backlog:
            backlog.wait()
        latencies = latency.latencies(self._found, steady.CHANNEL)
        for each in latencies:
            self._console.print(
                f"From commit in orders to effect in {each.consumer}: p50 {each.quantile(0.5) * 1000:.0f} ms, "
                f"p99 {each.quantile(0.99) * 1000:.0f} ms."
            )
        return latencies

    def live(self) -> list[Check]:
        """A day of business."""
        self._begin("3. A day of live business, half REST, half gRPC")
        scene = Scene(self._suite.gateway.removeprefix("http://"), self._token, self._tell)
        for name, play in _ACTS:
            try:
                play(scene)
            except Exception as error:  # noqa: BLE001 - whatever broke the act off is a check that failed
                scene.check(f"{name} plays to its end", False, repr(error))
        with self._backlog() as backlog:
            scene.check("every event has come to its effects", backlog.wait(), "events are left in outboxes or queues")
        return scene.checks

    def reckon(self) -> Reckoning:
        """Recompute everything."""
        self._begin("4. The reckoning: recomputed from the file and the four databases")
        self._found.analyze(("members", "orders", "campaigns", "pipeline"))
        return reconcile(history.cdnow_file(), self._found, self._suite.vault(), tell=self._tell_comparison)

    def personal(self) -> set[str]:
        """What is known of everybody."""
        return personal_values(Scene(self._suite.gateway.removeprefix("http://"), self._token, self._tell))

    def report(
        self, path: Path, reckoning: Reckoning, checks: list[Check], replay: Replay, latencies: list[Latency]
    ) -> None:
        """Write the report."""
        facts = report.Facts(
            line=reckoning.line,
            figures=_figures(reckoning, replay, latencies),
            comparisons=reckoning.comparisons,
            checks=checks,
            latencies=latencies,
            latency_note=f"Single orders, {_PER_SECOND} a second: from their commit in orders to their effects.",
            made=datetime.now(UTC),
        )
        report.write(path, report_data.collect(self._found), facts)

    def _backlog(self) -> Backlog:
        return Backlog(self._found, self._suite.broker_url, most=_ROOM)

    def _begin(self, title: str) -> None:
        self._console.print(f"\n[bold]{title}[/]")

    def _tell(self, check: Check) -> None:
        seen = "" if check.holds else f": {check.seen}"
        self._console.print(f"{_mark(check.holds)} {check.title}", end="")
        self._console.print(seen, markup=False)

    def _tell_comparison(self, made: Comparison) -> None:
        self._tell(Check(made.title, made.holds, "; ".join(made.differences)))


def _clear(suite: Path) -> None:
    """The demo begins with empty databases; unpacked programs stay."""
    folder = Folder(suite)
    if folder.lock.exists() and holder(folder) is not None:
        raise Problem(f"A demo runs already in {suite}; wait until it is over.")
    for data in (folder.postgres.parent, folder.rabbitmq, folder.logs):
        shutil.rmtree(data, ignore_errors=True)


@contextmanager
def _traced(folder: Path) -> Iterator[dict[str, str]]:
    """What lets the suite's processes send some of their spans here, where they are kept."""
    with collecting(folder / _TELEMETRY / _SPANS) as endpoint:
        yield {"KEHU_OTLP_ENDPOINT": endpoint, "KEHU_TRACE_RATIO": _TRACE_RATIO}


def _look(folder: Path, personal: set[str], pages: list[Path]) -> Looked:
    return look(personal, logs=logs(Folder(folder / "suite")), metrics=pages, spans=[folder / _TELEMETRY / _SPANS])


def _figures(reckoning: Reckoning, replay: Replay, latencies: list[Latency]) -> list[tuple[str, str, str]]:
    found = reckoning.history
    p99 = f"{latencies[0].quantile(0.99) * 1000:,.0f} ms" if latencies else "–"
    return [
        (f"{found.customers:,}", "customers", "客户"),
        (f"{found.orders:,}", "orders", "订单"),
        (f"${found.revenue / 100:,.0f}", "revenue", "销售额"),
        (f"{found.points:,}", "points", "积分"),
        (f"{found.upgrades:,}", "tier upgrades", "等级提升"),
        (f"{replay.orders_per_second:,.0f}/s", "orders, effects included", "导入吞吐"),
        (p99, "commit to effect, p99", "事件延迟"),
        (
            f"{sum(each.lost + each.duplicated for each in reckoning.comparisons)}",
            "events lost or doubled",
            "丢失或重复",
        ),
    ]


def _failures(reckoning: Reckoning, checks: list[Check], replay: Replay) -> list[str]:
    failures = [f"{each.title}: {difference}" for each in reckoning.comparisons for difference in each.differences]
    failures += [f"{check.title}: {check.seen}" for check in checks if not check.holds]
    return failures if replay.complete else ["not every effect of the history came in time", *failures]


def _table(figures: list[Measure]) -> Table:
    table = Table(title="\nMeasured on this machine", title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    table.add_column("")
    table.add_column("figure", justify="right")
    table.add_column("target")
    for each in figures:
        table.add_row(_mark(each.met) if each.met else "[yellow]–[/]", each.title, each.value, each.target)
    return table


def _mark(holds: bool) -> str:
    return "[green]✓[/]" if holds else "[red]✗[/]"
