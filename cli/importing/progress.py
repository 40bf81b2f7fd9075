"""How far an import is, shown while it runs: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

_PLAIN_SECONDS = 5.0


class Shown(Protocol):
    """What the import tells while it runs."""

    def begin(self, what: str, total: int | None) -> None:
        """A new stage begins; `total` is None when nobody knows how much there is."""

    def advance(self, count: int) -> None:
        """So many more are done."""


class Silent:
    """Shows nothing."""

    def begin(self, what: str, total: int | None) -> None:
        """Nothing."""

    def advance(self, count: int) -> None:
        """Nothing."""


def shown_on(console: Console) -> Bar | Plain:
    """What suits the console."""
    return Bar(console) if console.is_terminal else Plain(console)


class Bar:
    """A progress bar with rate and remaining time, one for each stage."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<8}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
            console=console,
            refresh_per_second=4,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin(self, what: str, total: int | None) -> None:
        """Add a bar."""
        self._task = self._progress.add_task(what, total=total)

    def advance(self, count: int) -> None:
        """Move the last bar."""
        if self._task is not None:
            self._progress.advance(self._task, count)


class Plain:
    """A line every few seconds, for logs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._what = ""
        self._total: int | None = None
        self._done = 0
        self._began = self._said = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._say()

    def begin(self, what: str, total: int | None) -> None:
        """Say how the stage before ended."""
        self._say()
        self._what, self._total, self._done = what, total, 0
        self._began = self._said = time.monotonic()

    def advance(self, count: int) -> None:
        """Say where the stage is, unless that was said just now."""
        self._done += count
        if time.monotonic() - self._said >= _PLAIN_SECONDS:
            self._say()

    def _say(self) -> None:
        if not self._what or not self._done:
            return
        now = time.monotonic()
        self._said = now
        rate = self._done / max(now - self._began, 0.001)
        line = f"{self._what}: {self._done:,}"
        if self._total:
            left = (self._total - self._done) / max(rate, 0.001)
            line += f" of {self._total:,} ({self._done * 100 // self._total} %), {left:.0f} s left"
        self._console.print(f"{line}, {rate:,.0f}/s", highlight=False, soft_wrap=True)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        """So many a second."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "", style="progress.data.speed")
