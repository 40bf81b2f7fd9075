"""Resource names such as `members/018f.../holds/018f...` (AIP-122), and the ids inside them (UUIDv7).

The name is the same string in the REST path, the gRPC field, the event's subject and the log.
"""

from __future__ import annotations

import os
import re
import time
from functools import lru_cache
from threading import Lock
from uuid import UUID

from kit.errors import invalid

_ID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


class _Ticks:
    """Milliseconds since 1970 with 12 bits of their fraction: they never stand still or go back in this process."""

    def __init__(self) -> None:
        self._latest = 0
        self._in_turn = Lock()

    def next(self) -> int:
        with self._in_turn:
            self._latest = max((time.time_ns() << 12) // 1_000_000, self._latest + 1)
            return self._latest


_TICKS = _Ticks()


def new_id() -> UUID:
    """A new UUIDv7 (RFC 9562, section 6.2, method 3), greater than every earlier one of this process.

    So indexes grow at one end, and what is ordered by id is ordered as it was made, within a millisecond too.
    """
    ticks = _TICKS.next()
    millis, fraction = ticks >> 12 & (1 << 48) - 1, ticks & (1 << 12) - 1
    chance = int.from_bytes(os.urandom(8)) >> 2
    return UUID(int=millis << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | chance)


def join(*parts: str | UUID) -> str:
    """`join("members", id, "holds", hold)` is the name `members/<id>/holds/<hold>`."""
    return "/".join(map(str, parts))


def parse(pattern: str, name: str, *, field: str = "name") -> dict[str, UUID]:
    """The ids in a name: `parse("members/{member}", name)["member"]`. Raises a Fault on `field` for other names."""
    match = _compiled(pattern).fullmatch(name)
    if match is None:
        raise invalid(field, f"must be a name of the form {pattern}")
    return {key: UUID(value) for key, value in match.groupdict().items()}


def id_of(collection: str, name: str, *, field: str = "name") -> UUID:
    """The id in a name of one collection: `id_of("members", "members/<id>")`."""
    head, _, tail = name.partition("/")
    if head == collection and _IS_ID(tail):
        return UUID(tail)
    raise invalid(field, f"must be a name of the form {collection}/{{id}}")


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", rf"(?P<\1>{_ID})", pattern))


_IS_ID = re.compile(_ID).fullmatch
