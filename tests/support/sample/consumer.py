"""What the sample listens to. The channel of an order says what its handler is to do with it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from datetime import timedelta

from kehu.members.v1.events_pb2 import PointsEarned
from kehu.orders.v1.events_pb2 import OrderCancelled, OrderPaid
from sqlalchemy import text

from kit.broker import Retries
from kit.errors import Fault, Kind
from kit.unit import Unit
from kit.worker import Received, Subscriptions

ATTEMPTS = 3
SETTLEMENT, ARCHIVE = "sample.settlement", "sample.archive"

subscriptions = Subscriptions(
    "sample",
    retries=Retries(attempts=ATTEMPTS, delays=(timedelta(milliseconds=100), timedelta(milliseconds=300))),
)

_EFFECTS = text("""
    insert into effects (queue, event_id, subject, version, at)
    select :queue, id, subject, version, cast(:now as timestamptz)
    from unnest(cast(:ids as uuid[]), cast(:subjects as text[]), cast(:versions as bigint[])) e (id, subject, version)
""")
_SLEEP = text("select pg_sleep(:seconds)")
_BEGIN = text("insert into ticks (process, began) values (:process, clock_timestamp()) returning id")
_END = text("update ticks set ended = clock_timestamp() where id = :id")
_turns = itertools.count(1)


@subscriptions.on("orders", OrderPaid, OrderCancelled, queue=SETTLEMENT, batch=64)
def settle(unit: Unit, events: Sequence[Received]) -> None:
    """Write each event down, and do what it says."""
    for event in events:
        _run(event)
        _obey(unit, event)
    _write_down(unit, SETTLEMENT, events)


@subscriptions.on("orders", OrderPaid, queue=ARCHIVE)
def archive(unit: Unit, events: Sequence[Received]) -> None:
    """Write each event down."""
    _write_down(unit, ARCHIVE, events)


@subscriptions.every(seconds=0.1)
def tick(unit: Unit) -> None:
    """Take longer than the interval; every other time something goes wrong."""
    tick_id = unit.connection.scalar(_BEGIN, {"process": os.getpid()})
    unit.connection.execute(_SLEEP, {"seconds": 0.15})
    unit.connection.execute(_END, {"id": tick_id})
    if next(_turns) % 2 == 0:
        raise RuntimeError("this tick is to leave nothing behind")


def _run(event: Received) -> None:
    """Note outside the transaction that the handler ran."""
    with open(os.environ["SAMPLE_RUNS"], "a", encoding="ascii") as runs:  # noqa: PTH123 - one write, appended whole
        runs.write(f"{event.id}\n")


def _obey(unit: Unit, event: Received) -> None:
    order, _, seconds = getattr(event.message, "channel", "").partition(":")
    if order == "slow":
        unit.connection.execute(_SLEEP, {"seconds": float(seconds)})
    if order == "raise":
        raise KeyError("the event's own data must not be told")
    if order == "refuse":
        raise Fault(Kind.FAILED_PRECONDITION, "SAMPLE_REFUSED", "no retry can mend this")
    if order == "fail once" and _runs_of(event) == 1:
        raise RuntimeError("a passing fault")
    if order == "emit":
        unit.emit([PointsEarned(member=event.message.member)])


def _runs_of(event: Received) -> int:
    with open(os.environ["SAMPLE_RUNS"], encoding="ascii") as runs:  # noqa: PTH123 - as above
        return runs.read().count(str(event.id))


def _write_down(unit: Unit, queue: str, events: Sequence[Received]) -> None:
    unit.connection.execute(
        _EFFECTS,
        {
            "queue": queue,
            "ids": [event.id for event in events],
            "subjects": [event.subject for event in events],
            "versions": [event.version for event in events],
            "now": unit.now,
        },
    )
