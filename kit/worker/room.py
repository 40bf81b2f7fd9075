"""Keep partitions ahead of tables that only grow."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from kit.db import partitions
from kit.telemetry import log
from kit.unit import Unit
from kit.worker.subscriptions import Timer

# Whoever holds a lock on the table keeps the others waiting behind this one: it rather tries again at its next time.
_GIVE_WAY = text("set local lock_timeout = '2s'")


def timer(service: str) -> Timer:
    """The timer that makes room in whatever table of the service is divided."""
    return Timer(f"{service}.make_room", timedelta(minutes=10), make)


def make(unit: Unit) -> None:
    """Add partitions where they run short, and refresh what the planner believes."""
    unit.connection.execute(_GIVE_WAY)
    for table in partitions.divided(unit.connection):
        for added in partitions.extend(unit.connection, table):
            log.info("partition added", table=table, partition=added)
        partitions.analyse(unit.connection, table)
