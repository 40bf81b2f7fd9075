"""The transactional outbox: an event is a row of the transaction that made it true; the relay sends it later.

The columns are those of Debezium's outbox event router (`id, aggregatetype, aggregateid, type, payload`), so that it
could take the relay's place, and what the relay needs: a sequence, attempts, and when it was sent or given up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
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
from kit.telemetry import present

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class Event:
    """One event: `type` is its short name (`OrderPaid`), `schema` the full name of its message, `subject` the
    resource it is about, `version` the subject's version after it, `payload` its proto JSON. It belongs to the `trace`
    (a `traceparent`, or nothing) in which it was made."""

    type: str
    schema: str
    subject: str
    version: int
    payload: str
    id: UUID = field(default_factory=names.new_id)
    trace: str = field(default_factory=present)

    @classmethod
    def of(cls, schema: str, subject: str, version: int, body: Mapping[str, object]) -> Event:
        """An event whose payload is `body` in proto JSON (see `kit.wire`); fields without a value are left out."""
        payload = _encode({key: value for key, value in body.items() if value})
        return cls(schema.rpartition(".")[2], schema, subject, version, payload)


APPEND = """
    insert into outbox (id, aggregatetype, aggregateid, type, subject_version, payload, headers, created_at)
    select e.id, split_part(e.subject, '/', 1), e.subject, e.type, e.version, e.payload, cast(e.headers as jsonb),
           cast(:now as timestamptz)
    from unnest(cast(:ids as uuid[]), cast(:subjects as text[]), cast(:types as text[]), cast(:versions as bigint[]),
                cast(:payloads as text[]), cast(:headers as text[])) as e (id, subject, type, version, payload, headers)
"""
"""Adds the events of `columns`; `kit.ending` runs it."""


def columns(events: Sequence[Event]) -> dict[str, object]:
    """What APPEND takes."""
    of = {(event.schema, event.trace) for event in events}
    headers = {(schema, trace): _encode(_headers(schema, trace)) for schema, trace in of}
    return {
        "ids": [event.id for event in events],
        "subjects": [event.subject for event in events],
        "types": [event.type for event in events],
        "versions": [event.version for event in events],
        "payloads": [event.payload for event in events],
        "headers": [headers[event.schema, event.trace] for event in events],
    }


def _headers(schema: str, trace: str) -> dict[str, str]:
    return {"ce_type": schema, "traceparent": trace} if trace else {"ce_type": schema}


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
