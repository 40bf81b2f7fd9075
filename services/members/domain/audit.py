"""The audit trail: what people did by hand, as a chain in which each entry seals the one before.

An entry says who did what by which method, to which resource, why, and how it was before and after. None of it is
personal data: people are named by their resource or subject, and what is recorded of a profile are the names of fields.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from kit.proof import GENESIS, canonical

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Author:
    """Who acts: the subject of the caller's token, and the method called, such as
    `kehu.members.v1.LedgerService/BatchAdjustPoints`."""

    subject: str
    method: str


NOBODY = Author("", "")
"""Whoever is no caller of an RPC, such as a tool on the database."""


@dataclass(frozen=True, slots=True)
class Act:
    """One manual act on the resource `subject`. `before` and `after` are JSON objects without personal data."""

    author: Author
    subject: str
    reason: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def settings_act(author: Author, subject: str, before: object, after: object, *, reason: str = "") -> Act:
    """That settings (dataclasses without personal data) were changed by hand: all of them as they were and as they are,
    so that the trail alone tells what held when. `before` is None where there was nothing."""
    return Act(author, subject, reason, _document(before) if before is not None else {}, _document(after))


_OF_COURSE = frozenset({"id", "create_time", "update_time"})
"""What the entry says anyway."""


def _document(settings: object) -> dict[str, Any]:
    values = {name: value for name, value in _values(settings).items() if name not in _OF_COURSE}
    plain: dict[str, Any] = json.loads(json.dumps(values, default=_json))
    return plain


def _values(settings: Any) -> dict[str, object]:
    return {field.name: getattr(settings, field.name) for field in fields(settings)}


def _json(value: object) -> object:
    if is_dataclass(value):
        return _values(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, AbstractSet):
        return sorted(value)
    return str(value)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An act as it is kept: the `sequence` has no gaps, `before` and `after` are the JSON texts that were hashed."""

    sequence: int
    time: datetime
    actor: str
    method: str
    subject: str
    reason: str
    before: str
    after: str
    previous: str
    hash: str = ""

    def digest(self) -> str:
        """The SHA-256 over all fields but the hash itself, in hexadecimal: over their canonical JSON (UTF-8, keys
        sorted, no spaces), with the time in microseconds since 1970."""
        return hashlib.sha256(canonical(self._fields()).encode()).hexdigest()

    def sealed(self) -> AuditEntry:
        """The entry with its hash."""
        return AuditEntry(**{**self._values(), "hash": self.digest()})

    def _values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    def _fields(self) -> dict[str, Any]:
        fields = self._values() | {"time": (self.time - _EPOCH) // timedelta(microseconds=1)}
        del fields["hash"]
        return fields


def chained(acts: Sequence[Act], last: AuditEntry | None, time: datetime) -> list[AuditEntry]:
    """The acts as the next entries of the trail, in their order."""
    entries: list[AuditEntry] = []
    for act in acts:
        entry = AuditEntry(
            sequence=last.sequence + 1 if last else 1,
            time=time,
            actor=act.author.subject,
            method=act.author.method,
            subject=act.subject,
            reason=act.reason,
            before=canonical(act.before),
            after=canonical(act.after),
            previous=last.hash if last else GENESIS,
        ).sealed()
        entries.append(entry)
        last = entry
    return entries


def faults(entries: Iterable[AuditEntry], last: AuditEntry | None = None) -> list[str]:
    """What is wrong with a trail that goes on after `last`: empty when every link holds."""
    found = []
    for entry in entries:
        expected = (last.sequence + 1, last.hash) if last else (1, GENESIS)
        if (entry.sequence, entry.previous) != expected:
            found.append(f"auditEntries/{entry.sequence} does not follow the entry before it")
        if entry.hash != entry.digest():
            found.append(f"auditEntries/{entry.sequence} is not what was written")
        last = entry
    return found
