"""Quotes: one revision of an offer each. The content never changes, and its hash proves it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kit.errors import invalid
from kit.money import Money
from services.pipeline.domain import errors
from services.pipeline.domain.events import SoldLine

MAX_TOTAL = 10**13
"""No quote reaches this many minor units: it becomes the amount of its opportunity."""


class QuoteState(StrEnum):
    """What became of a quote."""

    OFFERED = "OFFERED"
    ACCEPTED = "ACCEPTED"
    SUPERSEDED = "SUPERSEDED"


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """One line of a quote."""

    product: UUID
    title: str
    quantity: int
    unit_price: Money

    @property
    def amount(self) -> Money:
        """Quantity times unit price, without rounding: a price is whole minor units."""
        return self.unit_price * self.quantity


@dataclass(frozen=True, slots=True)
class Quote:
    """One revision of an offer for an opportunity."""

    id: UUID
    opportunity: UUID
    revision: int
    lines: tuple[QuoteLine, ...]
    total: Money
    expire_time: datetime | None
    content_hash: str
    create_time: datetime
    update_time: datetime
    state: QuoteState = QuoteState.OFFERED
    accept_time: datetime | None = None
    version: int = 1

    @property
    def is_accepted(self) -> bool:
        """Whether the customer said yes, and nothing newer was offered since."""
        return self.state is QuoteState.ACCEPTED

    @property
    def sold_lines(self) -> tuple[SoldLine, ...]:
        """What is sold when the quote wins."""
        return tuple(SoldLine(line.product, line.quantity, line.unit_price) for line in self.lines)

    def accepted(self, now: datetime, *, content_hash: str = "") -> Quote:
        """The quote after the customer said yes, to the content with this hash if one is given."""
        if self.state is not QuoteState.OFFERED:
            raise errors.quote_not_offered(self.id, self.state)
        if self.expire_time is not None and now >= self.expire_time:
            raise errors.quote_expired(self.id)
        if content_hash and content_hash != self.content_hash:
            raise errors.quote_content_differs(self.id)
        self.require_intact()
        return replace(self, state=QuoteState.ACCEPTED, accept_time=now, update_time=now, version=self.version + 1)

    def superseded(self, now: datetime) -> Quote:
        """The quote after a newer one took its place."""
        return replace(self, state=QuoteState.SUPERSEDED, update_time=now, version=self.version + 1)

    def require_intact(self) -> None:
        """Refuse a content that is not the one that was hashed when it was offered."""
        if content_hash(self) != self.content_hash:
            raise errors.quote_content_differs(self.id)


def offer(
    id: UUID,  # noqa: A002 - the field's name
    opportunity: UUID,
    *,
    revision: int,
    lines: Sequence[QuoteLine],
    expire_time: datetime | None,
    now: datetime,
) -> Quote:
    """A new quote. Raises a Fault on the line that can't be offered."""
    if not lines:
        raise invalid("quote.lines", "must not be empty")
    if expire_time is not None and expire_time <= now:
        raise invalid("quote.expire_time", "must be in the future")
    total = _total(lines)
    quote = Quote(id, opportunity, revision, tuple(lines), total, expire_time, "", now, now)
    return replace(quote, content_hash=content_hash(quote))


def content_hash(quote: Quote) -> str:
    """SHA-256 of the content in canonical form: JSON with sorted keys, no spaces, amounts in minor units."""
    content = {
        "opportunity": str(quote.opportunity),
        "revision": quote.revision,
        "currency": quote.total.currency,
        "lines": [[str(line.product), line.title, line.quantity, line.unit_price.minor] for line in quote.lines],
        "total": quote.total.minor,
        "expire_time": quote.expire_time.isoformat() if quote.expire_time else None,
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _total(lines: Sequence[QuoteLine]) -> Money:
    total = Money(0, lines[0].unit_price.currency)
    for index, line in enumerate(lines):
        field = f"quote.lines[{index}].unit_price"
        if line.unit_price.currency != total.currency:
            raise invalid(f"{field}.currency_code", f"must be {total.currency} as in the first line")
        if line.unit_price.minor < 0:
            raise invalid(field, "must not be negative")
        total += line.amount
        if total.minor >= MAX_TOTAL:
            raise invalid(field, f"brings the total to {Money(MAX_TOTAL, total.currency)} or more")
    return total
