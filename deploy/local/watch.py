"""Watching a running suite: a death is reported at once, and the end of what can't be kept alive ends the suite."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from deploy.local.follow import Follower, Merger
from deploy.local.plan import Plan
from deploy.local.problem import Problem

_LOOK_SECONDS = 0.25
_DIED = re.compile(r" exited: (?P<name>\S+) \((?P<how>.*); (?:not )?expected\)$")
_GAVE_UP = re.compile(r" gave up: (?P<name>\S+) entered FATAL state")


async def watch(
    plan: Plan,
    supervisor: subprocess.Popen[bytes],
    *,
    say: Callable[[str], None],
    log_line: Callable[[str], None],
) -> None:
    """Watch until something can't go on, which raises a Problem."""
    supervised = Follower(plan.supervisor.log)
    merger = Merger(plan.folder.logs)
    while True:
        for line in merger.gather():
            log_line(line)
        for sentence in deaths(supervised.lines(), plan.folder.logs):
            say(sentence)
        if supervisor.poll() is not None:
            raise Problem(f"The supervisor died (status {supervisor.returncode}); its log is {plan.supervisor.log}.")
        await asyncio.sleep(_LOOK_SECONDS)


def deaths(lines: Iterable[str], logs: Path) -> Iterator[str]:
    """A sentence for each death in the supervisor's log. Raises a Problem when it has given up on a process."""
    for line in lines:
        if died := _DIED.search(line):
            log = logs / f"{died['name']}.log"
            yield f"{died['name']} died ({died['how']}) and is started again; its log is {log}."
        if lost := _GAVE_UP.search(line):
            log = logs / f"{lost['name']}.log"
            raise Problem(f"{lost['name']} dies as often as it is started; its log says why: {log}.")
