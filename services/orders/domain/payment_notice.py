"""What a provider sent to our callback URL: kept as it came, applied once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(minutes=10)

KEPT = timedelta(days=400)
"""How long notices are kept: as long as buyers may dispute what they say."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """The headers and the body, sealed: they may tell who paid. `key_id` and `wrapped` open them."""

    key_id: str
    wrapped: bytes
    text: bytes


@dataclass(frozen=True, slots=True)
class PaymentNotice:
    """A notice whose signature held. `notice_id` is the provider's own, unique for ever; `reference` is of the charge
    or the refund that it speaks of. Without `apply_time` it is applied again at `next_time`."""

    id: UUID
    provider: str
    notice_id: str
    kind: str
    reference: str
    sealed: Sealed
    receive_time: datetime
    next_time: datetime | None
    apply_time: datetime | None = None
    attempts: int = 0

    @classmethod
    def received(
        cls, notice_id: UUID, *, provider: str, said: str, kind: str, reference: str, sealed: Sealed, now: datetime
    ) -> PaymentNotice:
        """A notice that came just now."""
        return cls(notice_id, provider, said, kind, reference, sealed, now, now + _FIRST_PAUSE)

    def leased(self, now: datetime) -> PaymentNotice:
        """It is being applied; should nobody tell how that ended, it is tried again after a longer pause."""
        pause = min(_FIRST_PAUSE * 2 ** min(self.attempts + 1, 16), _LONGEST_PAUSE)
        return replace(self, attempts=self.attempts + 1, next_time=now + pause)
