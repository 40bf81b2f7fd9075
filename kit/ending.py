"""What a transaction writes last: the events that go out and the answers that are kept, in one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from kit import idempotency, outbox
from kit.idempotency import Answer, Key, Raced
from kit.outbox import Event

_EVENTS = text(outbox.APPEND)
_ANSWERS = text(idempotency.SAVE)
_BOTH = text(f"with sent as ({outbox.APPEND}) {idempotency.SAVE}")

NO_ANSWERS: Mapping[Key, Answer] = {}


def write(
    connection: Connection, *, events: Sequence[Event] = (), answers: Mapping[Key, Answer] = NO_ANSWERS, now: datetime
) -> None:
    """Add events to the outbox and keep the answers of calls that succeeded. The only way to publish.

    Raises `Raced` when one of the calls was answered before.
    """
    if not events and not answers:
        return
    columns: dict[str, object] = {"now": now}
    if events:
        columns |= outbox.columns(events)
    if answers:
        columns |= idempotency.columns(answers)
    statement = _BOTH if events and answers else _EVENTS if events else _ANSWERS
    done = connection.execute(statement, columns)
    if answers and len(done.all()) != len(answers):
        raise Raced
