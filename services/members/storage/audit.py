"""The audit trail as rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, text

from kit.page import Page
from services.members.domain.audit import Act, AuditEntry, chained

# One writer at a time, or two entries would follow the same one.
_TURN = text("select pg_advisory_xact_lock(hashtextextended('members.audit', 0))")
_COLUMNS = "sequence, time, actor, method, subject, reason, before, after, previous, hash"
_LAST = text(f"select {_COLUMNS} from audit_entries order by sequence desc limit 1")  # noqa: S608 - constants only
_ADD = text(f"""
    insert into audit_entries ({_COLUMNS})
    select * from unnest(cast(:sequences as bigint[]), cast(:times as timestamptz[]), cast(:actors as text[]),
                         cast(:methods as text[]), cast(:subjects as text[]), cast(:reasons as text[]),
                         cast(:befores as text[]), cast(:afters as text[]), cast(:previous as text[]),
                         cast(:hashes as text[]))
""")  # noqa: S608 - constants only
_PAGE = text(f"""
    select {_COLUMNS} from audit_entries
    where sequence < coalesce(cast(:before as bigint), 9223372036854775807)
      and (cast(:subject as text) = '' or subject = :subject)
      and (cast(:actor as text) = '' or actor = :actor)
      and (cast(:method as text) = '' or method = :method)
      and time >= coalesce(cast(:start_time as timestamptz), '-infinity')
      and time < coalesce(cast(:end_time as timestamptz), 'infinity')
    order by sequence desc limit :limit
""")  # noqa: S608 - constants only
_NEXT = text(f"select {_COLUMNS} from audit_entries where sequence > :after order by sequence limit 5000")  # noqa: S608 - constants only


class AuditStore:
    """Keeps the trail of manual acts.

    Acts are collected and written when the unit of work ends, after everything else: the trail is one chain, and
    nobody who is busy keeps the others from it.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._acts: list[Act] = []

    def record(self, *acts: Act) -> None:
        """Write manual acts down in the trail, if this transaction commits."""
        self._acts.extend(acts)

    def write(self, now: datetime) -> None:
        """Append what was recorded."""
        if not self._acts:
            return
        self._connection.execute(_TURN)
        last = self._connection.execute(_LAST).one_or_none()
        entries = chained(self._acts, AuditEntry(*last) if last else None, now)
        self._acts.clear()
        self._connection.execute(
            _ADD,
            {
                "sequences": [entry.sequence for entry in entries],
                "times": [entry.time for entry in entries],
                "actors": [entry.actor for entry in entries],
                "methods": [entry.method for entry in entries],
                "subjects": [entry.subject for entry in entries],
                "reasons": [entry.reason for entry in entries],
                "befores": [entry.before for entry in entries],
                "afters": [entry.after for entry in entries],
                "previous": [entry.previous for entry in entries],
                "hashes": [entry.hash for entry in entries],
            },
        )

    def page(
        self,
        page: Page,
        *,
        subject: str = "",
        actor: str = "",
        method: str = "",
        start_time: datetime | None = None,
        end_time: datetime | None = None,
    ) -> list[AuditEntry]:
        """Entries from a position on, the newest first; an empty text, and None, leave nothing out."""
        query = {
            "before": int(page.after[0]) if page.after else None,
            "subject": subject,
            "actor": actor,
            "method": method,
            "start_time": start_time,
            "end_time": end_time,
            "limit": page.fetch,
        }
        return [AuditEntry(*row) for row in self._connection.execute(_PAGE, query)]

    def walk(self) -> Iterator[AuditEntry]:
        """The whole trail from its beginning, a piece at a time."""
        after = 0
        while rows := self._connection.execute(_NEXT, {"after": after}).all():
            yield from (AuditEntry(*row) for row in rows)
            after = rows[-1].sequence
