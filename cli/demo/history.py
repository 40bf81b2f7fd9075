"""A real retailer's history, imported through the gateway, and how long it takes until its effects are there."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from cli.demo.backlog import Backlog
from cli.importing import mapping
from cli.importing.gateway import Gateway
from cli.importing.pacing import Admit
from cli.importing.progress import Shown
from cli.importing.run import Done, Job, run_import
from deploy.local.problem import Problem

_PACKAGE = "lifetimes"
_FILE = "lifetimes/datasets/CDNOW_master.txt"


@dataclass(frozen=True, slots=True)
class Replay:
    """An import and its effects, in seconds from the moment it began to read."""

    done: Done
    sent: float
    """When the last row was answered."""
    settled: float
    """When the last effect of the last event was there."""
    complete: bool
    """Whether all effects came before patience ended."""

    @property
    def orders_per_second(self) -> float:
        """Over the whole file, reading and effects included."""
        return self.done.account.orders.total / self.settled

    @property
    def backlog_seconds(self) -> float:
        """From the last row until there was nothing left to do."""
        return self.settled - self.sent


def cdnow_file() -> Path:
    """CDNOW's purchases: a file of a Python package of which nothing else is used."""
    try:
        files = metadata.files(_PACKAGE) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.as_posix() == _FILE and (path := Path(str(file.locate()))).exists():
            return path
    raise Problem(f"The Python package {_PACKAGE} with CDNOW's purchases is missing; run `make setup`.")


def replay(gateway: str, token: str, *, gate: Admit, backlog: Backlog, folder: Path, shown: Shown) -> Replay:
    """Import CDNOW as fast as `gate` lets it, and wait for its effects. Raises ImportProblem."""
    job = Job(cdnow_file(), mapping.load("cdnow"), folder, admit=gate)
    began = time.monotonic()
    done = asyncio.run(_import(job, gateway, token, shown))
    sent = time.monotonic() - began
    complete = backlog.wait()
    return Replay(done, sent, time.monotonic() - began, complete)


async def _import(job: Job, gateway: str, token: str, shown: Shown) -> Done:
    async with Gateway(gateway, token) as opened:
        return await run_import(job, opened, shown)
