"""Quotes in their table, with their lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, TextClause, func, insert, select, text, update

from kit.money import Money
from kit.org import condition
from kit.page import Page
from services.pipeline.domain.quote import Quote, QuoteLine, QuoteState
from services.pipeline.storage.resource import ResourceStore
from services.pipeline.storage.tables import quote_lines, quotes

_WITHIN = f"quotes.opportunity in (select o.id from opportunities o where {condition('o.org')})"  # noqa: S608 - constants
_LIVE = (QuoteState.OFFERED.value, QuoteState.ACCEPTED.value)


class QuoteStore(ResourceStore[Quote]):
    """Keeps quotes."""

    table = quotes
    collection = "quotes"

    def add(self, resource: Quote) -> None:
        """Keep a new quote and its lines."""
        super().add(resource)
        lines = [
            {
                "quote": resource.id,
                "position": position,
                "product": line.product,
                "title": line.title,
                "quantity": line.quantity,
                "unit_price": line.unit_price.minor,
            }
            for position, line in enumerate(resource.lines)
        ]
        self._connection.execute(insert(quote_lines), lines)

    def save(self, resource: Quote) -> None:
        """Keep a new state of a locked quote; its content can't change."""
        states = ("state", "accept_time", "update_time", "version")
        row = self._row(resource)
        values = {name: row[name] for name in states}
        self._connection.execute(update(quotes).where(quotes.c.id == resource.id).values(values))

    def page(self, page: Page, *, opportunity: UUID | None, org: str = "") -> list[Quote]:
        """A page of those of one opportunity and of a part of the organisation, where given."""
        conditions: list[ColumnElement[bool] | TextClause] = []
        if opportunity is not None:
            conditions.append(quotes.c.opportunity == opportunity)
        if org:
            conditions.append(text(_WITHIN).bindparams(org=org))
        return self._page(page, *conditions)

    def live(self, opportunity: UUID) -> Quote | None:
        """The quote of an opportunity that is offered or accepted, if there is one. Lock the opportunity first."""
        found = self._many(select(quotes).where(quotes.c.opportunity == opportunity, quotes.c.state.in_(_LIVE)))
        return found[0] if found else None

    def revisions(self, opportunity: UUID) -> int:
        """How many quotes an opportunity has had. Lock the opportunity first."""
        statement = select(func.max(quotes.c.revision)).where(quotes.c.opportunity == opportunity)
        return self._connection.scalar(statement) or 0

    def _read(self, rows: Sequence[RowMapping]) -> list[Quote]:
        currencies = {row["id"]: row["currency"] for row in rows}
        lines: dict[UUID, list[QuoteLine]] = {quote: [] for quote in currencies}
        if lines:
            statement = select(quote_lines).where(quote_lines.c.quote.in_(list(lines))).order_by(quote_lines.c.position)
            for line in self._connection.execute(statement).mappings():
                price = Money(line["unit_price"], currencies[line["quote"]])
                lines[line["quote"]].append(QuoteLine(line["product"], line["title"], line["quantity"], price))
        return [_quote(row, lines[row["id"]]) for row in rows]

    def _row(self, resource: Quote) -> Mapping[str, Any]:
        row = {name: getattr(resource, name, None) for name in quotes.c.keys()}  # noqa: SIM118 - columns
        return {
            **row,
            "total": resource.total.minor,
            "currency": resource.total.currency,
            "state": resource.state.value,
        }


def _quote(row: RowMapping, lines: Sequence[QuoteLine]) -> Quote:
    values = dict(row)
    values["total"] = Money(values["total"], values.pop("currency"))
    return Quote(**{**values, "state": QuoteState(values["state"]), "lines": tuple(lines)})
