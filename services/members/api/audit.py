"""`AuditService`: the trail of manual acts on the wire, and who acts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

from grpc.aio import ServicerContext
from kehu.members.v1 import audit_pb2 as pb
from kehu.members.v1 import audit_pb2_grpc

from kit import names
from kit.page import Tokens
from kit.rpc import Edge, call
from kit.rpc.convert import instant, next_token, page_of, wire_instant
from services.members.domain.audit import AuditEntry, Author
from services.members.usecases import audit
from services.members.usecases.audit import Query


def author() -> Author:
    """Who makes the present call; a servicer puts it into the commands whose acts are recorded."""
    current = call.current()
    return Author(current.identity.subject, current.method.name)


class AuditServicer(audit_pb2_grpc.AuditServiceServicer):
    """Serves the trail of manual acts."""

    def __init__(self, edge: Edge[Any], tokens: Tokens) -> None:
        self._edge = edge
        self._tokens = tokens

    async def ListAuditEntries(
        self, request: pb.ListAuditEntriesRequest, context: ServicerContext
    ) -> pb.ListAuditEntriesResponse:
        """A page of the trail."""
        page = page_of(request, self._tokens)
        rows = await self._edge.read(audit.entries, _query(request), page)
        page = replace(page, size=_fitting(rows[: page.size]))
        token = next_token(request, self._tokens, page, rows=rows, position=lambda entry: (str(entry.sequence),))
        return pb.ListAuditEntriesResponse(
            audit_entries=[_entry(entry) for entry in rows[: page.size]], next_page_token=token
        )


_MOST_CHARACTERS = 1 << 20
"""Of what was before and after, in one page: an answer stays below the 4 MiB that a client takes by default."""


def _fitting(entries: Sequence[AuditEntry]) -> int:
    """How many of the entries one page can tell, which is at least one of them."""
    told = accumulate(len(entry.before) + len(entry.after) for entry in entries)
    return max(1, sum(1 for characters in told if characters <= _MOST_CHARACTERS))


def _query(request: pb.ListAuditEntriesRequest) -> Query:
    return Query(
        subject=request.subject,
        actor=request.actor,
        method=request.method,
        start_time=instant(request.start_time, field="start_time") if request.HasField("start_time") else None,
        end_time=instant(request.end_time, field="end_time") if request.HasField("end_time") else None,
    )


def _entry(entry: AuditEntry) -> pb.AuditEntry:
    return pb.AuditEntry(
        name=names.join("auditEntries", str(entry.sequence)),
        create_time=wire_instant(entry.time),
        actor=entry.actor,
        method=entry.method,
        subject=entry.subject,
        reason=entry.reason,
        before=entry.before,
        after=entry.after,
        previous_hash=entry.previous,
        hash=entry.hash,
    )
