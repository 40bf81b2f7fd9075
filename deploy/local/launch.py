"""Bringing the suite up, watching over it, and taking it down: what `kehu up` does."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from deploy.local import children, leftovers, plan
from deploy.local.options import Options
from deploy.local.plan import Plan
from deploy.local.startup import bring_up
from deploy.local.state import State, running
from deploy.local.watch import watch

_STOP_SECONDS = 90.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Audience:
    """Who is told what happens."""

    ready: Callable[[State], None]
    say: Callable[[str], None]
    log_line: Callable[[str], None]


def run(options: Options, audience: Audience) -> None:
    """Run the suite until SIGINT, SIGTERM or SIGHUP. A Problem when it can't start or can't go on."""
    options.folder.make()
    with running(options.folder):
        leftovers.remove(options.folder)
        made = plan.make(options)
        children.write_configuration(made)
        made.state(ready=False).write(options.folder.state)
        everything = [*children.platform(made), *children.services(made, *plan.ROLES)]
        supervisor = made.supervisor.launch(everything, environment=leftovers.mark(options.folder))
        try:
            asyncio.run(_conduct(made, supervisor, audience))
        finally:
            audience.say("Stopping.")
            _stop(made, supervisor)


def _stop(made: Plan, supervisor: subprocess.Popen[bytes]) -> None:
    """Services first, then what they stand on: the supervisor stops its groups in that order."""
    for signum in _SIGNALS:
        # Said twice is said once: what is being stopped in order is not left half stopped.
        signal.signal(signum, signal.SIG_IGN)
    supervisor.terminate()
    with suppress(subprocess.TimeoutExpired):
        supervisor.wait(_STOP_SECONDS)
    # Nothing, unless the supervisor was killed or can't come to an end.
    leftovers.remove(made.folder)


async def _conduct(made: Plan, supervisor: subprocess.Popen[bytes], audience: Audience) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in _SIGNALS:
        loop.add_signal_handler(signum, stop.set)
    watching = loop.create_task(watch(made, supervisor, say=audience.say, log_line=audience.log_line))
    stopping = loop.create_task(stop.wait())
    starting = loop.create_task(bring_up(made))
    try:
        await _first(starting, stopping, watching)
        if not stop.is_set():
            made.state(ready=True).write(made.folder.state)
            audience.ready(made.state(ready=True))
            await _first(stopping, watching)
    finally:
        await _cancel(starting, stopping, watching)


async def _first(*tasks: asyncio.Task[Any]) -> None:
    """Wait for the first of some tasks; raises what it raises."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
