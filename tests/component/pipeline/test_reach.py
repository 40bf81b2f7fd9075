"""Callers who see a part of the organisation: the sales people of that part, and what these own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from kehu.pipeline.v1 import account_pb2, contact_pb2, funnel_pb2, lead_pb2, opportunity_pb2, quote_pb2, rep_pb2
from kehu.pipeline.v1.pipeline_pb2_grpc import PipelineServiceStub

from kit.db import Database
from services.pipeline.consumer import assign_waiting_leads
from services.pipeline.storage.unit import PipelineUnit
from tests.component.pipeline.calls import (
    add_account,
    add_contact,
    add_opportunity,
    add_rep,
    capture,
    convert,
    move,
    offer,
)
from tests.support.rpc import Keys, Refusal, channel_to, refused

Stub = PipelineServiceStub


@pytest.fixture
async def east(address: str, keys: Keys) -> AsyncIterator[Stub]:
    """The manager of the east."""
    async with channel_to(address, keys.bearer("sales", org="/cn/east")) as channel:
        yield Stub(channel)


@pytest.fixture
async def li(address: str, keys: Keys) -> AsyncIterator[Stub]:
    """A sales person of the east who sees their own alone."""
    async with channel_to(address, keys.bearer("sales", org="/cn/east/li")) as channel:
        yield Stub(channel)


async def listed(stub: Stub) -> dict[str, list[str]]:
    """The names of all that a caller's lists show."""
    answers = {
        "reps": (await stub.ListReps(rep_pb2.ListRepsRequest())).reps,
        "leads": (await stub.ListLeads(lead_pb2.ListLeadsRequest())).leads,
        "accounts": (await stub.ListAccounts(account_pb2.ListAccountsRequest())).accounts,
        "contacts": (await stub.ListContacts(contact_pb2.ListContactsRequest())).contacts,
        "opportunities": (await stub.ListOpportunities(opportunity_pb2.ListOpportunitiesRequest())).opportunities,
        "quotes": (await stub.ListQuotes(quote_pb2.ListQuotesRequest())).quotes,
    }
    return {kind: [each.name for each in found] for kind, found in answers.items()}


async def read(stub: Stub, name: str) -> Any:
    """Whatever has this name."""
    kind = name.partition("/")[0]
    call, request = {
        "reps": (stub.GetRep, rep_pb2.GetRepRequest),
        "leads": (stub.GetLead, lead_pb2.GetLeadRequest),
        "accounts": (stub.GetAccount, account_pb2.GetAccountRequest),
        "contacts": (stub.GetContact, contact_pb2.GetContactRequest),
        "opportunities": (stub.GetOpportunity, opportunity_pb2.GetOpportunityRequest),
        "quotes": (stub.GetQuote, quote_pb2.GetQuoteRequest),
    }[kind]
    return await call(request(name=name))


async def belongings(pipeline: Stub, org: str) -> dict[str, str]:
    """A sales person of a part, with a lead, an account, its contact, an opportunity and a quote."""
    rep = await add_rep(pipeline, org=org)
    person = f"{uuid4().hex}@example.com"
    lead = (await capture(pipeline, email=person, company_name=person, org=org)).lead
    became = await convert(pipeline, lead.name)
    quote = await offer(pipeline, became.opportunity.name)
    assert {lead.org, became.account.org, became.opportunity.org} == {org}
    return {
        "reps": rep.name,
        "leads": lead.name,
        "accounts": became.account.name,
        "contacts": became.contact.name,
        "opportunities": became.opportunity.name,
        "quotes": quote.name,
    }


async def test_a_part_is_seen_with_all_below_it_and_nothing_else(pipeline: Stub, east: Stub, li: Stub) -> None:
    of_li = await belongings(pipeline, "/cn/east/li")
    of_wu = await belongings(pipeline, "/cn/east/wu")
    of_west = await belongings(pipeline, "/cn/west")
    of_eastern = await belongings(pipeline, "/cn/eastern")

    assert await listed(east) == {kind: [of_li[kind], of_wu[kind]] for kind in of_li}
    assert await listed(li) == {kind: [name] for kind, name in of_li.items()}
    for caller, seen, unseen in (
        (east, (of_li, of_wu), (of_west, of_eastern)),
        (li, (of_li,), (of_wu, of_west, of_eastern)),
    ):
        for name in (name for things in seen for name in things.values()):
            assert (await read(caller, name)).name == name
        for kind, name in ((kind, name) for things in unseen for kind, name in things.items()):
            beyond = await refused(read(caller, name))
            unknown = await refused(read(caller, f"{kind}/{uuid4()}"))
            assert (beyond.code, beyond.reason) == (unknown.code, unknown.reason) == _NOT_FOUND


_NOT_FOUND = (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")


async def changed(stub: Stub, **fields: Any) -> account_pb2.Account:
    request = account_pb2.UpdateAccountRequest(account=account_pb2.Account(**fields))
    answer: account_pb2.Account = await stub.UpdateAccount(request)
    return answer


async def test_nothing_is_changed_beyond_the_own_part(pipeline: Stub, east: Stub) -> None:
    ours, theirs = await belongings(pipeline, "/cn/east/li"), await belongings(pipeline, "/cn/west")
    account = account_pb2.Account(name=ours["accounts"])
    for call in (
        changed(east, name=theirs["accounts"], industry="x"),
        changed(east, name=ours["accounts"], owner=theirs["reps"]),
        changed(east, name=ours["accounts"], parent=theirs["accounts"]),
        move(east, theirs["opportunities"], "DEVELOP"),
        offer(east, theirs["opportunities"]),
        convert(east, theirs["leads"]),
        east.GetAssignment(lead_pb2.GetAssignmentRequest(name=f"{theirs['leads']}/assignment")),
        east.ListStageChanges(opportunity_pb2.ListStageChangesRequest(parent=theirs["opportunities"])),
        add_opportunity(east, theirs["accounts"]),
        add_contact(east, theirs["accounts"]),
    ):
        assert (await refused(call)).code is grpc.StatusCode.NOT_FOUND
    for moved in (
        add_rep(east, org="/cn/eastern"),
        add_account(east, org="/cn"),
        east.ListLeads(lead_pb2.ListLeadsRequest(org="/cn/west")),
        east.QueryFunnel(funnel_pb2.QueryFunnelRequest(org="/cn")),
        east.UpdateRep(rep_pb2.UpdateRepRequest(rep=rep_pb2.Rep(name=ours["reps"], org="/cn/west"))),
        east.UpdateAccount(account_pb2.UpdateAccountRequest(account=account, update_mask=FieldMask(paths=["org"]))),
        add_opportunity(east, ours["accounts"], org="/cn/west"),
    ):
        assert (await refused(moved)).reason == "ORG_SCOPE_MISSING"
    assert (await read(pipeline, theirs["accounts"])).industry == ""


async def test_what_a_caller_of_a_part_makes_belongs_to_the_part_or_to_its_owner(east: Stub) -> None:
    rep = await add_rep(east, org="/cn/east/li")

    assert (await add_account(east)).org == "/cn/east"
    owned = await add_account(east, owner=rep.name)
    assert owned.org == "/cn/east/li"
    assert (await add_opportunity(east, owned.name)).org == "/cn/east/li"
    assert (await add_contact(east)).org == "/cn/east"


async def test_what_somebody_owns_comes_along_to_another_part(pipeline: Stub, east: Stub) -> None:
    things = await belongings(pipeline, "/cn/west/li")
    assert not any((await listed(east)).values())

    await pipeline.UpdateRep(rep_pb2.UpdateRepRequest(rep=rep_pb2.Rep(name=things["reps"], org="/cn/east/li")))

    assert await listed(east) == {kind: [name] for kind, name in things.items()}
    account = await read(pipeline, things["accounts"])
    kept = await changed(pipeline, name=account.name, org="/cn/west", etag=account.etag)
    assert kept.org == "/cn/east/li"


async def test_leads_of_a_part_are_shared_fairly_among_its_sales_people(
    pipeline: Stub, east: Stub, database: Database[PipelineUnit]
) -> None:
    stranger = await add_rep(pipeline, org="/cn/west")
    waiting = (await capture(east, email="first@example.com")).lead
    assert (waiting.owner, waiting.org) == ("", "/cn/east")
    li, wu = await add_rep(pipeline, org="/cn/east/li"), await add_rep(pipeline, org="/cn/east/wu")

    database.write(assign_waiting_leads)
    leads = [(await capture(east, email=f"{number}@example.com")).lead for number in range(5)]
    first = await read(east, waiting.name)

    owners = [lead.owner for lead in (first, *leads)]
    assert sorted(owners) == sorted([li.name, wu.name] * 3)
    assert {(lead.owner, lead.org) for lead in leads} == {(li.name, "/cn/east/li"), (wu.name, "/cn/east/wu")}
    anybody = [(await capture(pipeline, email=f"any{number}@example.com")).lead.owner for number in range(3)]
    assert sorted(anybody) == sorted([stranger.name, li.name, wu.name])


async def test_who_is_known_elsewhere_is_told_by_name_and_owner_alone(pipeline: Stub, east: Stub) -> None:
    west = await add_rep(pipeline, org="/cn/west")
    theirs = (await capture(pipeline, email="fang@example.com", company_name="Blue Door", org="/cn/west")).lead

    again = await capture(east, email="fang@example.com", display_name="Fang")

    assert again.duplicate
    assert again.lead == lead_pb2.Lead(name=theirs.name, state=theirs.state, owner=west.name)


async def test_a_lead_is_not_converted_into_what_is_beyond_the_own_part(pipeline: Stub, east: Stub) -> None:
    await add_account(pipeline, display_name="Blue Door Ltd.", org="/cn/west")
    await add_rep(pipeline, org="/cn/east/li")
    lead = (await capture(east, email="fang@example.com", company_name="Blue Door")).lead

    refusal: Refusal = await refused(convert(east, lead.name))

    assert (refusal.code, refusal.reason) == (grpc.StatusCode.PERMISSION_DENIED, "ORG_SCOPE_MISSING")
    assert (await read(east, lead.name)).state == lead_pb2.LEAD_STATE_OPEN
    assert (await convert(pipeline, lead.name)).account_reused


async def test_the_funnel_counts_what_the_caller_sees(pipeline: Stub, east: Stub) -> None:
    await belongings(pipeline, "/cn/east/li")
    await belongings(pipeline, "/cn/west")

    async def entered(stub: Stub) -> int:
        answer: funnel_pb2.QueryFunnelResponse = await stub.QueryFunnel(funnel_pb2.QueryFunnelRequest())
        return answer.stages[0].entered_count

    assert (await entered(east), await entered(pipeline)) == (1, 2)
