"""Quotes on the wire."""

from __future__ import annotations

from kehu.pipeline.v1 import quote_pb2 as pb

from kit import names
from kit.rpc.convert import etag, instant, money, wire_instant, wire_money
from services.pipeline.api.convert import version
from services.pipeline.domain.quote import Quote, QuoteLine
from services.pipeline.usecases.quote import AcceptQuote, CreateQuote

_STATE = "QUOTE_STATE_"


def create(request: pb.CreateQuoteRequest) -> CreateQuote:
    """Read a request to offer something."""
    quote = request.quote
    return CreateQuote(
        id=names.new_id(),
        opportunity=names.id_of("opportunities", quote.opportunity, field="quote.opportunity"),
        lines=tuple(_line(line, f"quote.lines[{index}]") for index, line in enumerate(quote.lines)),
        expire_time=instant(quote.expire_time, field="quote.expire_time") if quote.HasField("expire_time") else None,
    )


def accept(request: pb.AcceptQuoteRequest) -> AcceptQuote:
    """Read that the customer said yes."""
    return AcceptQuote(names.id_of("quotes", request.name), request.content_hash, version(request))


def render(quote: Quote) -> pb.Quote:
    """Show a quote."""
    return pb.Quote(
        name=names.join("quotes", quote.id),
        opportunity=names.join("opportunities", quote.opportunity),
        revision=quote.revision,
        lines=[_wire_line(line) for line in quote.lines],
        total=wire_money(quote.total),
        expire_time=wire_instant(quote.expire_time) if quote.expire_time is not None else None,
        state=pb.QuoteState.Value(_STATE + quote.state),
        content_hash=quote.content_hash,
        accept_time=wire_instant(quote.accept_time) if quote.accept_time is not None else None,
        create_time=wire_instant(quote.create_time),
        update_time=wire_instant(quote.update_time),
        etag=etag(quote.version),
    )


def _line(wire: pb.QuoteLine, field: str) -> QuoteLine:
    return QuoteLine(
        product=names.id_of("products", wire.product, field=f"{field}.product"),
        title=wire.title,
        quantity=wire.quantity,
        unit_price=money(wire.unit_price, field=f"{field}.unit_price"),
    )


def _wire_line(line: QuoteLine) -> pb.QuoteLine:
    return pb.QuoteLine(
        product=names.join("products", line.product),
        title=line.title,
        quantity=line.quantity,
        unit_price=wire_money(line.unit_price),
        amount=wire_money(line.amount),
    )
