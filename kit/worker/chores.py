"""One run of a timer: one transaction, in one replica at a time."""

from __future__ import annotations

import time

from sqlalchemy import text

from kit.db import Database
from kit.telemetry import log, span
from kit.unit import Unit
from kit.worker import metrics
from kit.worker.subscriptions import Timer
from kit.worker.verdict import places_of, reason_of

_TRY_LOCK = text("select pg_try_advisory_xact_lock(hashtextextended(:name, 0))")


def run(timer: Timer, database: Database[Unit]) -> None:
    """Do what is due. A failure is logged and counted, and the next run tries again."""
    started = time.perf_counter()
    try:
        with span(f"timer {timer.name}", kind="internal"):
            outcome = "ok" if database.write(_run, timer) else "skipped"
    except Exception as error:  # noqa: BLE001 - a bad run must not end the timer
        log.error("timer failed", timer=timer.name, reason=reason_of(error), places=places_of(error))
        outcome = "error"
    metrics.TIMERS.labels(timer.name, outcome).inc()
    metrics.TIMER_DURATION.labels(timer.name).observe(time.perf_counter() - started)


def _run(unit: Unit, timer: Timer) -> bool:
    """Whether this replica got the lock, which ends with the transaction, and has done the work."""
    if not unit.connection.scalar(_TRY_LOCK, {"name": timer.name}):
        return False
    timer.chore(unit)
    return True
