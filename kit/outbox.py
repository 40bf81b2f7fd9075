"""The transactional outbox: an event is a row of the transaction that made it true; the relay sends it later.

The columns are those of Debezium's outbox event router (`id, aggregatetype, aggregateid, type, payload`), so that it
could take the relay's place, and what the relay needs: a sequence, attempts, and when it was sent or given up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from kit import names
from kit.telemetry import carried

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class Event:
    """One event: `type` is its short name (`OrderPaid`), `schema` the full name of its message, `subject` the
    resource it is about, `version` the subject's version after it, `payload` its proto JSON."""

    type: str
    schema: str
    subject: str
    version: int
    payload: str
    id: UUID = field(default_factory=names.new_id)

    @classmethod
    def of(cls, schema: str, subject: str, version: int, body: Mapping[str, object]) -> Event:
        """An event whose payload is `body` in proto JSON (see `kit.wire`); fields without a value are left out."""
        payload = _encode({key: value for key, value in body.items() if value})
        return cls(schema.rpartition(".")[2], schema, subject, version, payload)


_APPEND = text("""
    insert into outbox (id, aggregatetype, aggregateid, type, subject_version, payload, headers, created_at)
    select e.id, split_part(e.subject, '/', 1), e.subject, e.type, e.version, e.payload, cast(e.headers as jsonb),
           cast(:now as timestamptz)
    from unnest(cast(:ids as uuid[]), cast(:subjects as text[]), cast(:types as text[]), cast(:versions as bigint[]),
                cast(:payloads as text[]), cast(:headers as text[])) as e (id, subject, type, version, payload, headers)
""")


def append(connection: Connection, events: Sequence[Event], *, now: datetime) -> None:
    """Add events to the outbox, in one statement. The only way to publish."""
    if not events:
        return
    trace = carried()
    headers = {schema: json.dumps({"ce_type": schema, **trace}) for schema in {event.schema for event in events}}
    connection.execute(
        _APPEND,
        {
            "ids": [event.id for event in events],
            "subjects": [event.subject for event in events],
            "types": [event.type for event in events],
            "versions": [event.version for event in events],
            "payloads": [event.payload for event in events],
            "headers": [headers[event.schema] for event in events],
            "now": now,
        },
    )


def define(metadata: MetaData) -> Table:
    """The outbox's table in a service's schema."""
    unsent = text("published_at is null and parked_at is null")
    table = Table(
        "outbox",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("sequence", BigInteger, Identity(always=True), nullable=False),
        Column("aggregatetype", Text, nullable=False),
        Column("aggregateid", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("subject_version", BigInteger, nullable=False),
        Column("payload", Text, nullable=False),
        Column("headers", JSONB, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column("attempts", Integer, nullable=False, server_default="0"),
        Column("published_at", DateTime(timezone=True)),
        Column("parked_at", DateTime(timezone=True)),
        Column("last_error", Text),
    )
    Index("outbox_unsent", table.c.sequence, postgresql_where=unsent)
    Index("outbox_sent", table.c.published_at, postgresql_where=text("published_at is not null"))
    Index("outbox_parked", table.c.sequence, postgresql_where=text("parked_at is not null"))
    return table
