"""The port that every payment provider stands behind.

A Fault that is `transient` (UNAVAILABLE) means "unknown": the provider may or may not have done it, ask again with
the same reference. Every other Fault is final: PROVIDER_REFUSED, CHARGE_PAID, SCENE_UNSUPPORTED, NOTICE_INVALID.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from services.orders.domain.provider import (
    BillLine,
    Charge,
    Notice,
    NoticeKind,
    Prepared,
    Refunding,
    RefundStanding,
    Scene,
    Standing,
    Status,
)

__all__ = [
    "BillLine",
    "Charge",
    "Headers",
    "Notice",
    "NoticeKind",
    "Prepared",
    "Provider",
    "RefundStanding",
    "Refunding",
    "Reply",
    "Scene",
    "Standing",
    "Status",
]

Headers = Mapping[str, str]
"""Headers of an HTTP request as they came; their names in any case."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a provider's notice is answered with, to the letter."""

    status: int
    content_type: str
    body: bytes


class Provider(Protocol):
    """Whoever takes money for us. None of its calls may be made inside a transaction."""

    name: str
    """The tender it stands for: `WECHAT_PAY`, `ALIPAY`, `MANUAL`."""
    scenes: frozenset[Scene]
    merchant: str
    """Whom it takes the money for; a standing that names another is not ours."""

    async def prepare(self, charge: Charge) -> Prepared:
        """Open a charge. Again with the same reference and the same content it is the same charge."""

    async def query(self, reference: str) -> Standing:
        """How a charge stands; NOT_FOUND is an answer, too."""

    async def close(self, reference: str) -> None:
        """Make sure that the charge can't be paid any more; unknown or closed ones are fine. Raises CHARGE_PAID."""

    async def refund(self, refunding: Refunding) -> RefundStanding:
        """Give money back. The same reference gives it back once, however often it is said."""

    async def query_refund(self, reference: str, charge_reference: str) -> RefundStanding:
        """How a refund stands; NOT_FOUND is an answer, too."""

    def read(self, headers: Headers, body: bytes, *, now: datetime) -> Notice:
        """A message that came to our callback URL. Raises NOTICE_INVALID unless it is the provider's, and fresh."""

    def accepted(self) -> Reply:
        """The answer to a notice that was stored."""

    def refused(self) -> Reply:
        """The answer to a notice that was not; the provider sends it again."""

    async def bill(self, day: date) -> Sequence[BillLine]:
        """What moved on a past day of the merchant's time zone (China). Transient while it is not ready yet."""

    async def aclose(self) -> None:
        """Let go of connections."""
