"""Work that must run to its end even when the call that caused it is over: its deadline passed, its client is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace

from kit.errors import Fault
from kit.rpc import call as calls
from kit.telemetry import log

_SECONDS = 5.0
_KEPT_SECONDS = 1.0  # of them, to write down how it went
_running: set[asyncio.Task[None]] = set()


async def run(work: Awaitable[None]) -> None:
    """Do the work under a deadline of its own, and wait for it unless the present call is cancelled again.

    A failure is logged: whoever needs this has a second net below it.
    """
    task = asyncio.create_task(_run(work))
    _running.add(task)
    task.add_done_callback(_running.discard)
    await asyncio.shield(task)


async def _run(work: Awaitable[None]) -> None:
    deadline = asyncio.get_running_loop().time() + _SECONDS
    calls.enter(replace(calls.current(), deadline=deadline - _KEPT_SECONDS))
    try:
        async with asyncio.timeout_at(deadline):
            await work
    except (Fault, TimeoutError) as fault:
        log.warning("release failed", error=type(fault).__name__, reason=getattr(fault, "reason", ""))
