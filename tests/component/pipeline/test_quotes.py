"""CreateQuote, GetQuote, ListQuotes, AcceptQuote."""

from __future__ import annotations

from uuid import uuid4

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money
from kehu.pipeline.v1 import quote_pb2 as pb

from tests.component.pipeline.calls import Stub, accept, add_opportunity, line, offer, usd
from tests.support.rpc import refused


async def test_a_quote_is_priced_to_the_cent(pipeline: Stub) -> None:
    deal = await add_opportunity(pipeline)
    quote = await offer(
        pipeline, deal.name, line(3, usd(0, 330_000_000)), line(2, usd(10), title="机器"), expire_time=in_the_future()
    )
    assert [each.amount for each in quote.lines] == [usd(0, 990_000_000), usd(20)]
    assert quote.total == usd(20, 990_000_000)
    assert (quote.revision, quote.state, len(quote.content_hash)) == (1, pb.QUOTE_STATE_OFFERED, 64)
    assert quote.expire_time == in_the_future()
    assert await pipeline.GetQuote(pb.GetQuoteRequest(name=quote.name)) == quote


async def test_a_yen_has_no_parts_and_a_dinar_has_a_thousand(pipeline: Stub) -> None:
    deal = await add_opportunity(pipeline)
    yen = await offer(pipeline, deal.name, line(2, Money(currency_code="JPY", units=5)))
    assert yen.total == Money(currency_code="JPY", units=10)
    dinar = await offer(pipeline, deal.name, line(2, Money(currency_code="KWD", nanos=1_000_000)))
    assert dinar.total == Money(currency_code="KWD", nanos=2_000_000)
    refusal = await refused(offer(pipeline, deal.name, line(2, Money(currency_code="JPY", nanos=500_000_000))))
    assert refusal.fields == ["quote.lines[0].unit_price.nanos"]


async def test_a_new_quote_takes_the_place_of_those_before_even_of_an_accepted_one(pipeline: Stub) -> None:
    deal = await add_opportunity(pipeline)
    first = await offer(pipeline, deal.name)
    second = await offer(pipeline, deal.name)
    await accept(pipeline, second.name)
    third = await offer(pipeline, deal.name)
    listed = await pipeline.ListQuotes(pb.ListQuotesRequest(opportunity=deal.name))
    assert [(each.name, each.revision, each.state) for each in listed.quotes] == [
        (first.name, 1, pb.QUOTE_STATE_SUPERSEDED),
        (second.name, 2, pb.QUOTE_STATE_SUPERSEDED),
        (third.name, 3, pb.QUOTE_STATE_OFFERED),
    ]
    refusal = await refused(accept(pipeline, first.name))
    assert (refusal.reason, refusal.metadata["state"]) == ("QUOTE_NOT_OFFERED", "SUPERSEDED")
    other = await add_opportunity(pipeline)
    assert not (await pipeline.ListQuotes(pb.ListQuotesRequest(opportunity=other.name))).quotes


async def test_a_quote_is_accepted_once_and_as_it_was_read(pipeline: Stub) -> None:
    quote = await offer(pipeline, (await add_opportunity(pipeline)).name)
    refusal = await refused(accept(pipeline, quote.name, content_hash="0" * 64))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "QUOTE_CONTENT_DIFFERS")
    request_id = str(uuid4())
    accepted = await accept(pipeline, quote.name, etag=quote.etag, request_id=request_id)
    assert (accepted.state, accepted.accept_time) == (pb.QUOTE_STATE_ACCEPTED, accepted.update_time)
    assert await accept(pipeline, quote.name, etag=quote.etag, request_id=request_id) == accepted
    assert (await refused(accept(pipeline, quote.name))).reason == "QUOTE_NOT_OFFERED"
    assert (await refused(accept(pipeline, quote.name, etag=quote.etag))).code == grpc.StatusCode.ABORTED


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        ([line(0)], "quote.lines[0].quantity"),
        ([line(1_000_001)], "quote.lines[0].quantity"),
        ([line(1, usd(-1))], "quote.lines[0].unit_price"),
        ([line(1_000_000, usd(10**12))], "quote.lines[0].unit_price"),
        ([line(1), line(1, Money(currency_code="EUR", units=1))], "quote.lines[1].unit_price.currency_code"),
        ([line(1, title="a\0b")], "quote.lines[0].title"),
        ([pb.QuoteLine(product="products/1", quantity=1, unit_price=usd(1))], "quote.lines[0].product"),
        ([pb.QuoteLine(product=f"products/{uuid4()}", quantity=1)], "quote.lines[0].unit_price"),
        ([line()] * 201, "quote.lines"),
    ],
)
async def test_what_cannot_be_offered_is_refused_on_its_field(
    pipeline: Stub, lines: list[pb.QuoteLine], field: str
) -> None:
    deal = await add_opportunity(pipeline)
    refusal = await refused(offer(pipeline, deal.name, *lines))
    assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [field])


async def test_a_quote_offers_something_before_it_expires(pipeline: Stub) -> None:
    deal = await add_opportunity(pipeline)
    empty = pb.CreateQuoteRequest(quote=pb.Quote(opportunity=deal.name))
    assert (await refused(pipeline.CreateQuote(empty))).fields == ["quote.lines"]
    for expire_time in (Timestamp(seconds=1), Timestamp(seconds=2**40), Timestamp(nanos=-1)):
        refusal = await refused(offer(pipeline, deal.name, expire_time=expire_time))
        assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["quote.expire_time"])


async def test_a_quote_is_for_an_opportunity_that_is_there(pipeline: Stub) -> None:
    nowhere = f"opportunities/{uuid4()}"
    assert (await refused(offer(pipeline, nowhere))).metadata == {"name": nowhere}
    assert (await refused(accept(pipeline, f"quotes/{uuid4()}"))).code == grpc.StatusCode.NOT_FOUND


def in_the_future() -> Timestamp:
    return Timestamp(seconds=4_000_000_000)
