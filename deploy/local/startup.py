"""Bringing the suite up: everything that can starts at once, the rest as soon as what it stands on is there."""

from __future__ import annotations

import asyncio
import sys
from subprocess import DEVNULL, STDOUT

from deploy.local import children, status
from deploy.local.account import Account
from deploy.local.folder import PROJECT
from deploy.local.plan import Plan
from deploy.local.problem import Problem
from deploy.local.supervisor import Remote

_READY_SECONDS = 180.0
_LOOK_SECONDS = 0.2


async def bring_up(plan: Plan) -> None:
    """Start everything; returns when every process is ready. A Problem names what does not become so."""
    supervisor = Remote(plan.supervisor.url)
    supervisor.start(children.platform(plan))
    databases = asyncio.create_task(_prepare(plan, "databases"))
    broker = asyncio.create_task(_prepare(plan, "broker"))
    try:
        await databases
        supervisor.start(children.services(plan, "serve"))
        await broker
        supervisor.start(children.services(plan, "consume", "relay"))
        await _until_ready(plan)
    finally:
        for task in (databases, broker):
            task.cancel()


async def _prepare(plan: Plan, part: str) -> None:
    """Run one half of `deploy.local.prepare`. A Problem with its last words when it fails."""
    log = plan.folder.logs / f"prepare-{part}.log"
    command = [sys.executable, "-m", "deploy.local.prepare", part, str(plan.folder.root)]
    with log.open("w") as out:
        process = await asyncio.create_subprocess_exec(
            *Account().run(command, death_signal="KILL"), stdin=DEVNULL, stdout=out, stderr=STDOUT, cwd=PROJECT
        )
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
    if code != 0:
        words = log.read_text().strip().splitlines() or ["it said nothing"]
        raise Problem(f"The {part} could not be made ready: {words[-1]} (log: {log})")


async def _until_ready(plan: Plan) -> None:
    state = plan.state(ready=False)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _READY_SECONDS
    while True:
        found = await asyncio.to_thread(status.look, state)
        waiting = [process for process in found if process.state != status.READY]
        if not waiting:
            return
        if loop.time() > deadline:
            names = ", ".join(process.name for process in waiting)
            raise Problem(f"Not ready after {_READY_SECONDS:.0f} s: {names}; the first one's log is {waiting[0].log}.")
        await asyncio.sleep(_LOOK_SECONDS)
