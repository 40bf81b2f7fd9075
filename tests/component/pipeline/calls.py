"""Short ways to what several tests need first."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from google.type.date_pb2 import Date
from google.type.money_pb2 import Money
from kehu.pipeline.v1 import account_pb2, contact_pb2, lead_pb2, opportunity_pb2, quote_pb2, rep_pb2
from kehu.pipeline.v1.pipeline_pb2_grpc import PipelineServiceStub

Stub = PipelineServiceStub

CLOSE = Date(year=2026, month=12, day=31)


def usd(units: int, nanos: int = 0) -> Money:
    return Money(currency_code="USD", units=units, nanos=nanos)


def line(quantity: int = 3, price: Money | None = None, **others: Any) -> quote_pb2.QuoteLine:
    product = f"products/{uuid4()}"
    return quote_pb2.QuoteLine(product=product, quantity=quantity, unit_price=price or usd(1800), **others)


async def add_rep(pipeline: Stub, **fields: Any) -> rep_pb2.Rep:
    rep = rep_pb2.Rep(**{"display_name": "Han Meimei", **fields})
    answer: rep_pb2.Rep = await pipeline.CreateRep(rep_pb2.CreateRepRequest(rep=rep))
    return answer


async def add_account(pipeline: Stub, **fields: Any) -> account_pb2.Account:
    account = account_pb2.Account(**{"display_name": "Blue Door Cafés Ltd.", **fields})
    answer: account_pb2.Account = await pipeline.CreateAccount(account_pb2.CreateAccountRequest(account=account))
    return answer


async def add_contact(pipeline: Stub, account: str = "", **fields: Any) -> contact_pb2.Contact:
    roles = (
        [contact_pb2.AccountRole(account=account, role=contact_pb2.DECISION_ROLE_DECIDER, influence=5)]
        if account
        else []
    )
    contact = contact_pb2.Contact(**{"display_name": "Wang Fang", "account_roles": roles, **fields})
    answer: contact_pb2.Contact = await pipeline.CreateContact(contact_pb2.CreateContactRequest(contact=contact))
    return answer


async def capture(pipeline: Stub, **fields: Any) -> lead_pb2.CaptureLeadResponse:
    lead = lead_pb2.Lead(**{"source": "webform", **fields})
    answer: lead_pb2.CaptureLeadResponse = await pipeline.CaptureLead(lead_pb2.CaptureLeadRequest(lead=lead))
    return answer


async def convert(pipeline: Stub, name: str, **fields: Any) -> lead_pb2.ConvertLeadResponse:
    answer: lead_pb2.ConvertLeadResponse = await pipeline.ConvertLead(lead_pb2.ConvertLeadRequest(name=name, **fields))
    return answer


async def add_opportunity(pipeline: Stub, account: str = "", **fields: Any) -> opportunity_pb2.Opportunity:
    """In the first stage, with an amount and a close date; of an account with a decider, unless one is given."""
    if not account:
        account = (await add_account(pipeline)).name
        await add_contact(pipeline, account)
    values = {"display_name": "Machines", "account": account, "amount": usd(100), "close_date": CLOSE, **fields}
    opportunity = opportunity_pb2.Opportunity(**values)
    answer: opportunity_pb2.Opportunity = await pipeline.CreateOpportunity(
        opportunity_pb2.CreateOpportunityRequest(opportunity=opportunity)
    )
    return answer


async def move(pipeline: Stub, name: str, stage: str, **fields: Any) -> opportunity_pb2.Opportunity:
    answer: opportunity_pb2.Opportunity = await pipeline.MoveOpportunity(
        opportunity_pb2.MoveOpportunityRequest(name=name, stage=stage, **fields)
    )
    return answer


async def offer(pipeline: Stub, opportunity: str, *lines: quote_pb2.QuoteLine, **fields: Any) -> quote_pb2.Quote:
    quote = quote_pb2.Quote(opportunity=opportunity, lines=lines or [line()], **fields)
    answer: quote_pb2.Quote = await pipeline.CreateQuote(quote_pb2.CreateQuoteRequest(quote=quote))
    return answer


async def accept(pipeline: Stub, name: str, **fields: Any) -> quote_pb2.Quote:
    answer: quote_pb2.Quote = await pipeline.AcceptQuote(quote_pb2.AcceptQuoteRequest(name=name, **fields))
    return answer


async def win(pipeline: Stub, name: str, quote: str, **fields: Any) -> opportunity_pb2.Opportunity:
    answer: opportunity_pb2.Opportunity = await pipeline.WinOpportunity(
        opportunity_pb2.WinOpportunityRequest(name=name, quote=quote, **fields)
    )
    return answer
