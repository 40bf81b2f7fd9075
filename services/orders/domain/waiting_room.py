"""The waiting room of a very large flash sale: tickets that say from when on a member may buy, signed, so that they are
checked without asking any database."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from services.orders.domain.errors import flash_sale as errors

GOOD_FOR = timedelta(minutes=10)
"""How long a ticket is good once it is."""

_MAC_BYTES = 16
_BODY_BYTES = 16 + 16 + 8 + 8
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A member's place: good for one sale in [admit_time, expire_time)."""

    sale: UUID
    member: UUID
    admit_time: datetime
    expire_time: datetime

    @classmethod
    def at(cls, sale: UUID, member: UUID, admit_time: datetime) -> Ticket:
        """The ticket for a place in the queue."""
        return cls(sale, member, admit_time, admit_time + GOOD_FOR)

    def over(self, now: datetime) -> bool:
        """Whether it is good no more."""
        return now >= self.expire_time

    def wait(self, now: datetime) -> timedelta:
        """How long until it is good."""
        return max(timedelta(), self.admit_time - now)

    def check(self, sale: UUID, member: UUID, now: datetime) -> None:
        """Raise a Fault unless the member may buy in the sale now."""
        if (self.sale, self.member) != (sale, member):
            raise errors.waiting_ticket_invalid(sale, "is not for this sale and member")
        if self.over(now):
            raise errors.waiting_ticket_invalid(sale, "has expired")
        if now < self.admit_time:
            raise errors.waiting_ticket_early(sale, self.admit_time, now)


class Tickets:
    """Writes and reads tickets, with the key that all replicas share."""

    def __init__(self, key: str) -> None:
        # A key of its own, so that nothing else that is signed with the same secret passes for a ticket.
        self._key = hmac.digest(key.encode(), b"tickets of the waiting room", hashlib.sha256)

    def write(self, ticket: Ticket) -> str:
        """The signed ticket."""
        times = (_micros(ticket.admit_time), _micros(ticket.expire_time))
        body = ticket.sale.bytes + ticket.member.bytes + b"".join(each.to_bytes(8, "big") for each in times)
        return urlsafe_b64encode(self._mac(body) + body).decode()

    def read(self, text: str, sale: UUID) -> Ticket:
        """The ticket that a member brings to a sale. Raises a Fault unless it was written here."""
        if not text:
            raise errors.waiting_ticket_invalid(sale, "is missing")
        try:
            raw = urlsafe_b64decode(text.encode())
        except ValueError:
            raw = b""
        mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if (
            urlsafe_b64encode(raw) != text.encode()
            or len(body) != _BODY_BYTES
            or not hmac.compare_digest(mac, self._mac(body))
        ):
            raise errors.waiting_ticket_invalid(sale, "was not given out here")
        return Ticket(UUID(bytes=body[:16]), UUID(bytes=body[16:32]), _instant(body[32:40]), _instant(body[40:48]))

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, hashlib.sha256)[:_MAC_BYTES]


def admissions(count: int, *, next_time: datetime, per_second: int) -> tuple[list[datetime], datetime]:
    """When each of the next so many may buy, one after the other at the rate, and when those after them may."""
    times = [next_time + timedelta(seconds=1) * place / per_second for place in range(count + 1)]
    return times[:-1], times[-1]


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _instant(raw: bytes) -> datetime:
    return _EPOCH + int.from_bytes(raw, "big") * _MICROSECOND
