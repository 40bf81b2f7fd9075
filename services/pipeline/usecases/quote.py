"""Quotes: offer, accept. Whoever changes the quotes of an opportunity has locked the opportunity before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.page import Page
from services.pipeline.domain import quote as quotes
from services.pipeline.domain.opportunity import Opportunity
from services.pipeline.domain.quote import Quote, QuoteLine
from services.pipeline.usecases.work import Store, Work, require_version


class Quotes(Store[Quote], Protocol):
    """The quotes."""

    def page(self, page: Page, *, opportunity: UUID | None, org: str) -> list[Quote]:
        """A page of those of one opportunity and of a part of the organisation, where given."""

    def live(self, opportunity: UUID) -> Quote | None:
        """The quote of an opportunity that is offered or accepted, if there is one."""

    def revisions(self, opportunity: UUID) -> int:
        """How many quotes an opportunity has had."""


class QuoteWork(Work, Protocol):
    """A transaction over quotes."""

    @property
    def quotes(self) -> Quotes:
        """The quotes."""

    @property
    def opportunities(self) -> Store[Opportunity]:
        """The opportunities."""


@dataclass(frozen=True, slots=True)
class CreateQuote:
    """Offer something for an opportunity."""

    id: UUID
    opportunity: UUID
    lines: tuple[QuoteLine, ...]
    expire_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class AcceptQuote:
    """The customer said yes, to the content with this hash if one is given."""

    id: UUID
    content_hash: str = ""
    version: int | None = None


def create(unit: QuoteWork, command: CreateQuote) -> Quote:
    """Offer something new for an open opportunity; it takes the place of what was offered or accepted before."""
    unit.opportunities.lock(command.opportunity).require_open()
    before = unit.quotes.live(command.opportunity)
    if before is not None:
        unit.quotes.save(before.superseded(unit.now))
    quote = quotes.offer(
        command.id,
        command.opportunity,
        revision=unit.quotes.revisions(command.opportunity) + 1,
        lines=command.lines,
        expire_time=command.expire_time,
        now=unit.now,
    )
    unit.quotes.add(quote)
    return quote


def accept(unit: QuoteWork, command: AcceptQuote) -> Quote:
    """Accept the quote of an open opportunity."""
    unit.opportunities.lock(unit.quotes.get(command.id).opportunity).require_open()
    quote = unit.quotes.lock(command.id)
    require_version("quotes", quote.id, seen=command.version, present=quote.version)
    quote = quote.accepted(unit.now, content_hash=command.content_hash)
    unit.quotes.save(quote)
    return quote


def get(unit: QuoteWork, id: UUID) -> Quote:  # noqa: A002 - the field's name
    """One quote."""
    return unit.quotes.get(id)


def page(unit: QuoteWork, page: Page, *, opportunity: UUID | None, org: str = "") -> list[Quote]:
    """A page of quotes."""
    return unit.quotes.page(page, opportunity=opportunity, org=org)
