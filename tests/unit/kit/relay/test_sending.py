"""What becomes of events that the broker refuses."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from kit.broker import headers
from kit.relay.outbox import Row
from kit.relay.publisher import Outcome
from kit.relay.sending import Sending

ALICE = "members/alice"


def row(number: int, *, attempts: int) -> Row:
    told = f'{{"{headers.CE_TYPE}": "kehu.members.v1.PointsEarned"}}'
    return Row(
        UUID(int=number), number, ALICE, "PointsEarned", "{}", told, 1, datetime(2026, 1, 1, tzinfo=UTC), attempts
    )


class Kept:
    """An outbox with some rows, all of one aggregate."""

    def __init__(self, *rows: Row) -> None:
        self.rows = rows
        self.failed: list[UUID] = []

    async def pending(self, *, after: int, without: Collection[str], limit: int) -> list[Row]:
        return [] if ALICE in without else [each for each in self.rows if each.sequence > after][:limit]

    async def mark(self, ids: Sequence[UUID]) -> None:
        assert not ids

    async def fail(self, row_id: UUID, reason: str, *, attempts: int) -> None:
        assert (reason, attempts) == ("refused", 20)
        self.failed.append(row_id)


class Refusing:
    """A publisher whose broker refuses everything."""

    trouble = refusal = None
    timed_out = False

    def encode(self, message: object) -> bytes:
        return b""

    async def publish(self, ids: Sequence[str], encoded: Sequence[bytes], **_: object) -> list[Outcome]:
        return [Outcome.REFUSED] * len(ids)


async def test_a_young_event_does_not_shorten_the_waiting_of_an_older_one_of_its_aggregate() -> None:
    sending = Sending("members", 20)
    outbox: Any = Kept(row(1, attempts=6), row(2, attempts=0))
    publisher: Any = Refusing()

    await sending.send(outbox, publisher, batch=10)

    assert outbox.failed == [UUID(int=1), UUID(int=2)]
    assert sending._waiting[ALICE] - time.monotonic() > 60
    assert not await sending.send(outbox, publisher, batch=10)
