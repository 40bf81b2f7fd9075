"""A span and a count for each step that a checkout takes in another service."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from kit.errors import Fault
from kit.rpc import call as calls
from kit.telemetry import span
from services.orders import metrics
from services.orders.domain.checkout import ANSWER_WITHIN, Attempt, Held, Step
from services.orders.usecases.checkout import Holder

_ASK_SECONDS = ANSWER_WITHIN.total_seconds() / 2  # and as long again for what it takes the other service to stop


@contextmanager
def _not_for_long() -> Iterator[None]:
    """Ask with a deadline that lets nothing arrive after ANSWER_WITHIN, whatever the deadline of the call."""
    call = calls.current()
    soon = asyncio.get_running_loop().time() + _ASK_SECONDS
    calls.enter(replace(call, deadline=min(call.deadline, soon)))
    try:
        yield
    finally:
        calls.enter(call)


class Observed:
    """A holder that tells what it does."""

    def __init__(self, holder: Holder) -> None:
        self._holder = holder

    async def hold(self, attempt: Attempt, step: Step, *, store: str, code: str) -> Held:
        """As the holder's."""
        with span(f"checkout hold {step.kind.lower()}", kind="client") as traced, _not_for_long():
            try:
                held = await self._holder.hold(attempt, step, store=store, code=code)
            except Fault as fault:
                metrics.STEPS.labels(step.kind.lower(), "hold", "failed" if fault.transient else "refused").inc()
                traced.fail(fault.reason)
                raise
        metrics.STEPS.labels(step.kind.lower(), "hold", "ok").inc()
        return held

    async def release(self, attempt: Attempt, step: Step) -> bool:
        """As the holder's."""
        with span(f"checkout release {step.kind.lower()}", kind="client") as traced:
            try:
                found = await self._holder.release(attempt, step)
            except Fault as fault:
                metrics.STEPS.labels(step.kind.lower(), "release", "failed").inc()
                traced.fail(fault.reason)
                raise
        metrics.STEPS.labels(step.kind.lower(), "release", "ok").inc()
        return found
