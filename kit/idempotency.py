"""Idempotent calls: the answer is kept with the effect, in one transaction, and given again to a repeat.

The scope of a request id is the caller and the method (Stripe's rules for idempotency keys): the same request gets the
stored answer, another request under the same id is an error, and a call that failed leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, DateTime, Index, LargeBinary, MetaData, Table, Text, text

KEPT = timedelta(hours=24)
"""How long an answer is kept at least (AIP-155, Stripe)."""


class Raced(Exception):
    """The same call was answered by another process while this transaction ran.

    The transaction must be given up, for its effect would be the second one; another try finds the stored answer.
    """


@dataclass(frozen=True, slots=True)
class Key:
    """What makes two calls the same call."""

    caller: str
    method: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A stored answer: the fingerprint of its request and the serialized response."""

    fingerprint: bytes
    response: bytes


_FIND = text("""
    select caller, method, request_id, fingerprint, response from idempotency
    where (caller, method, request_id) in (
        select * from unnest(cast(:callers as text[]), cast(:methods as text[]), cast(:request_ids as text[])))
""")

SAVE = """
    insert into idempotency (caller, method, request_id, fingerprint, response, created_at)
    select *, cast(:now as timestamptz)
    from unnest(cast(:callers as text[]), cast(:methods as text[]), cast(:request_ids as text[]),
                cast(:fingerprints as bytea[]), cast(:responses as bytea[]))
    on conflict do nothing returning request_id
"""
"""Keeps the answers of `columns`, and returns a row for each that was not there; `kit.ending` runs it."""

_PRUNE = text("""
    delete from idempotency where ctid = any(array(
        select ctid from idempotency where created_at < cast(:before as timestamptz) limit 10000))
""")


def find(connection: Connection, keys: Sequence[Key]) -> dict[Key, Answer]:
    """The answers that are kept for these calls."""
    if not keys:
        return {}
    rows = connection.execute(_FIND, _columns(keys))
    return {Key(row[0], row[1], row[2]): Answer(bytes(row[3]), bytes(row[4])) for row in rows}


def columns(answers: Mapping[Key, Answer]) -> dict[str, object]:
    """What SAVE takes; in one order for all, so that two who keep several never wait for each other."""
    ordered = sorted(answers.items(), key=lambda item: (item[0].caller, item[0].method, item[0].request_id))
    return {
        **_columns([key for key, _ in ordered]),
        "fingerprints": [answer.fingerprint for _, answer in ordered],
        "responses": [answer.response for _, answer in ordered],
    }


def prune(connection: Connection, now: datetime) -> int:
    """Forget old answers, at most 10,000 at a time; answers how many."""
    return connection.execute(_PRUNE, {"before": now - KEPT}).rowcount


def define(metadata: MetaData) -> Table:
    """The table of stored answers in a service's schema."""
    table = Table(
        "idempotency",
        metadata,
        Column("caller", Text, primary_key=True),
        Column("method", Text, primary_key=True),
        Column("request_id", Text, primary_key=True),
        Column("fingerprint", LargeBinary, nullable=False),
        Column("response", LargeBinary, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False),
    )
    Index("idempotency_created", table.c.created_at)
    return table


def _columns(keys: Sequence[Key]) -> dict[str, object]:
    return {
        "callers": [key.caller for key in keys],
        "methods": [key.method for key in keys],
        "request_ids": [key.request_id for key in keys],
    }
