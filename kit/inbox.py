"""The inbox: which events a consumer has already taken in, in the transaction of their effect."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Connection, DateTime, Index, MetaData, Table, Text, Uuid, text

_TAKE = text("""
    insert into inbox (consumer, event_id, received_at)
    select :consumer, event_id, cast(:now as timestamptz) from unnest(cast(:ids as uuid[])) as event_id
    on conflict do nothing returning event_id
""")


def take(connection: Connection, consumer: str, event_ids: Sequence[UUID], *, now: datetime) -> set[UUID]:
    """Enter the events and answer which of them are new to this consumer.

    An event that another process is taking in at this moment is waited for. Ids are entered in sorted order, so that
    two processes with overlapping batches can't lock each other out.
    """
    ids = sorted(set(event_ids))
    rows = connection.execute(_TAKE, {"consumer": consumer, "ids": ids, "now": now})
    return {UUID(str(row[0])) for row in rows}


def define(metadata: MetaData) -> Table:
    """The inbox's table in a service's schema."""
    table = Table(
        "inbox",
        metadata,
        Column("consumer", Text, primary_key=True),
        Column("event_id", Uuid, primary_key=True),
        Column("received_at", DateTime(timezone=True), nullable=False),
    )
    Index("inbox_received", table.c.received_at)
    return table
