"""`PipelineService`: each method is parse, call, render."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from google.protobuf.message import Message
from grpc.aio import ServicerContext
from kehu.pipeline.v1 import account_pb2, contact_pb2, funnel_pb2, lead_pb2, opportunity_pb2, quote_pb2, rep_pb2
from kehu.pipeline.v1 import pipeline_pb2_grpc as stubs

from kit import names, org
from kit.page import Page, Tokens
from kit.rpc import Edge, call, policy
from kit.rpc.convert import next_token, page_of
from services.pipeline.api import account, contact, funnel, lead, opportunity, quote, rep
from services.pipeline.api.convert import optional_id
from services.pipeline.domain.opportunity import StageChange
from services.pipeline.usecases import account as accounts
from services.pipeline.usecases import contact as contacts
from services.pipeline.usecases import conversion
from services.pipeline.usecases import funnel as funnels
from services.pipeline.usecases import lead as leads
from services.pipeline.usecases import opportunity as opportunities
from services.pipeline.usecases import quote as quotes
from services.pipeline.usecases import rep as reps

_READ_SCOPE = "pipeline.read"


class PipelineServicer(stubs.PipelineServiceServicer):
    """Serves pipeline. `home_region` is that of telephone numbers without a country code."""

    def __init__(self, edge: Edge[Any], tokens: Tokens, *, home_region: str) -> None:
        self._edge = edge
        self._tokens = tokens
        self._home_region = home_region

    async def CreateRep(self, request: rep_pb2.CreateRepRequest, context: ServicerContext) -> rep_pb2.Rep:
        """Add a sales person."""
        return await self._edge.write(request, reps.create, rep.create(request), render=rep.render)

    async def GetRep(self, request: rep_pb2.GetRepRequest, context: ServicerContext) -> rep_pb2.Rep:
        """Show a sales person."""
        return rep.render(await self._edge.read(reps.get, names.id_of("reps", request.name)))

    async def ListReps(self, request: rep_pb2.ListRepsRequest, context: ServicerContext) -> rep_pb2.ListRepsResponse:
        """Show a page of sales people."""
        page = page_of(request, self._tokens)
        rows = await self._edge.read(reps.page, page, org=org.parse(request.org))
        shown = [rep.render(row) for row in rows[: page.size]]
        return rep_pb2.ListRepsResponse(reps=shown, next_page_token=self._next(request, page, rows))

    async def UpdateRep(self, request: rep_pb2.UpdateRepRequest, context: ServicerContext) -> rep_pb2.Rep:
        """Change a sales person."""
        return await self._edge.write(request, reps.update, rep.update(request), render=rep.render)

    async def CreateAccount(
        self, request: account_pb2.CreateAccountRequest, context: ServicerContext
    ) -> account_pb2.Account:
        """Add an account."""
        return await self._edge.write(request, accounts.create, account.create(request), render=account.render)

    async def GetAccount(self, request: account_pb2.GetAccountRequest, context: ServicerContext) -> account_pb2.Account:
        """Show an account."""
        return account.render(await self._edge.read(accounts.get, names.id_of("accounts", request.name)))

    async def ListAccounts(
        self, request: account_pb2.ListAccountsRequest, context: ServicerContext
    ) -> account_pb2.ListAccountsResponse:
        """Show a page of accounts."""
        page = page_of(request, self._tokens)
        parent = optional_id("accounts", request.parent, field="parent")
        owner = optional_id("reps", request.owner, field="owner")
        part = org.parse(request.org)
        rows = await self._edge.read(accounts.page, page, parent=parent, owner=owner, org=part)
        shown = [account.render(row) for row in rows[: page.size]]
        return account_pb2.ListAccountsResponse(accounts=shown, next_page_token=self._next(request, page, rows))

    async def UpdateAccount(
        self, request: account_pb2.UpdateAccountRequest, context: ServicerContext
    ) -> account_pb2.Account:
        """Change an account."""
        return await self._edge.write(request, accounts.update, account.update(request), render=account.render)

    async def CreateContact(
        self, request: contact_pb2.CreateContactRequest, context: ServicerContext
    ) -> contact_pb2.Contact:
        """Add a contact."""
        command = contact.create(request, home_region=self._home_region)
        return await self._edge.write(request, contacts.create, command, render=contact.render)

    async def GetContact(self, request: contact_pb2.GetContactRequest, context: ServicerContext) -> contact_pb2.Contact:
        """Show a contact."""
        return contact.render(await self._edge.read(contacts.get, names.id_of("contacts", request.name)))

    async def ListContacts(
        self, request: contact_pb2.ListContactsRequest, context: ServicerContext
    ) -> contact_pb2.ListContactsResponse:
        """Show a page of contacts."""
        page = page_of(request, self._tokens)
        wanted = optional_id("accounts", request.account, field="account")
        rows = await self._edge.read(contacts.page, page, account=wanted, org=org.parse(request.org))
        shown = [contact.render(row) for row in rows[: page.size]]
        return contact_pb2.ListContactsResponse(contacts=shown, next_page_token=self._next(request, page, rows))

    async def UpdateContact(
        self, request: contact_pb2.UpdateContactRequest, context: ServicerContext
    ) -> contact_pb2.Contact:
        """Change a contact."""
        command = contact.update(request, home_region=self._home_region)
        return await self._edge.write(request, contacts.update, command, render=contact.render)

    async def CaptureLead(
        self, request: lead_pb2.CaptureLeadRequest, context: ServicerContext
    ) -> lead_pb2.CaptureLeadResponse:
        """Take in a lead."""
        command = lead.capture(request, home_region=self._home_region)
        caller = call.current().identity
        may_read = policy.granted(caller.roles, _READ_SCOPE)
        return await self._edge.write(
            request,
            leads.capture,
            command,
            render=lambda outcome: lead.captured(outcome, may_read=may_read, part=caller.org),
        )

    async def GetLead(self, request: lead_pb2.GetLeadRequest, context: ServicerContext) -> lead_pb2.Lead:
        """Show a lead."""
        return lead.render(await self._edge.read(leads.get, names.id_of("leads", request.name)))

    async def ListLeads(
        self, request: lead_pb2.ListLeadsRequest, context: ServicerContext
    ) -> lead_pb2.ListLeadsResponse:
        """Show a page of leads."""
        page = page_of(request, self._tokens)
        owner = optional_id("reps", request.owner, field="owner")
        state, part = lead.state(request.state), org.parse(request.org)
        rows = await self._edge.read(leads.page, page, owner=owner, state=state, org=part)
        shown = [lead.render(row) for row in rows[: page.size]]
        return lead_pb2.ListLeadsResponse(leads=shown, next_page_token=self._next(request, page, rows))

    async def GetAssignment(
        self, request: lead_pb2.GetAssignmentRequest, context: ServicerContext
    ) -> lead_pb2.Assignment:
        """Show why a lead has the owner it has."""
        ids = names.parse("leads/{lead}/assignment", request.name)
        return lead.assignment(await self._edge.read(leads.assignment, ids["lead"]))

    async def ConvertLead(
        self, request: lead_pb2.ConvertLeadRequest, context: ServicerContext
    ) -> lead_pb2.ConvertLeadResponse:
        """Convert a lead."""
        command = lead.convert(request, by=_caller(), part=call.current().identity.org)
        return await self._edge.write(request, conversion.convert, command, render=lead.converted)

    async def DisqualifyLead(self, request: lead_pb2.DisqualifyLeadRequest, context: ServicerContext) -> lead_pb2.Lead:
        """Give up a lead."""
        return await self._edge.write(request, leads.disqualify, lead.disqualify(request), render=lead.render)

    async def CreateOpportunity(
        self, request: opportunity_pb2.CreateOpportunityRequest, context: ServicerContext
    ) -> opportunity_pb2.Opportunity:
        """Add an opportunity."""
        command = opportunity.create(request, by=_caller())
        return await self._edge.write(request, opportunities.create, command, render=opportunity.render)

    async def GetOpportunity(
        self, request: opportunity_pb2.GetOpportunityRequest, context: ServicerContext
    ) -> opportunity_pb2.Opportunity:
        """Show an opportunity."""
        found = await self._edge.read(opportunities.get, names.id_of("opportunities", request.name))
        return opportunity.render(found)

    async def ListOpportunities(
        self, request: opportunity_pb2.ListOpportunitiesRequest, context: ServicerContext
    ) -> opportunity_pb2.ListOpportunitiesResponse:
        """Show a page of opportunities."""
        page = page_of(request, self._tokens)
        rows = await self._edge.read(
            opportunities.page,
            page,
            account=optional_id("accounts", request.account, field="account"),
            owner=optional_id("reps", request.owner, field="owner"),
            stage=request.stage or None,
            org=org.parse(request.org),
        )
        shown = [opportunity.render(row) for row in rows[: page.size]]
        token = self._next(request, page, rows)
        return opportunity_pb2.ListOpportunitiesResponse(opportunities=shown, next_page_token=token)

    async def UpdateOpportunity(
        self, request: opportunity_pb2.UpdateOpportunityRequest, context: ServicerContext
    ) -> opportunity_pb2.Opportunity:
        """Change an opportunity."""
        command = opportunity.update(request, by=_caller())
        return await self._edge.write(request, opportunities.update, command, render=opportunity.render)

    async def MoveOpportunity(
        self, request: opportunity_pb2.MoveOpportunityRequest, context: ServicerContext
    ) -> opportunity_pb2.Opportunity:
        """Move an opportunity."""
        command = opportunity.move(request, by=_caller())
        return await self._edge.write(request, opportunities.move, command, render=opportunity.render)

    async def WinOpportunity(
        self, request: opportunity_pb2.WinOpportunityRequest, context: ServicerContext
    ) -> opportunity_pb2.Opportunity:
        """Win an opportunity."""
        command = opportunity.win(request, by=_caller())
        return await self._edge.write(request, opportunities.win, command, render=opportunity.render)

    async def LoseOpportunity(
        self, request: opportunity_pb2.LoseOpportunityRequest, context: ServicerContext
    ) -> opportunity_pb2.Opportunity:
        """Lose an opportunity."""
        command = opportunity.lose(request, by=_caller())
        return await self._edge.write(request, opportunities.lose, command, render=opportunity.render)

    async def ListStageChanges(
        self, request: opportunity_pb2.ListStageChangesRequest, context: ServicerContext
    ) -> opportunity_pb2.ListStageChangesResponse:
        """Show a page of an opportunity's history."""
        page = page_of(request, self._tokens)
        parent = names.id_of("opportunities", request.parent, field="parent")
        rows: list[StageChange] = await self._edge.read(opportunities.steps, parent, page)
        token = next_token(request, self._tokens, page, rows=rows, position=lambda step: (str(step.number),))
        shown = [opportunity.step(row) for row in rows[: page.size]]
        return opportunity_pb2.ListStageChangesResponse(stage_changes=shown, next_page_token=token)

    async def QueryFunnel(
        self, request: funnel_pb2.QueryFunnelRequest, context: ServicerContext
    ) -> funnel_pb2.QueryFunnelResponse:
        """Count how opportunities came through the stages."""
        return funnel.render(await self._edge.read(funnels.query, funnel.query(request)))

    async def CreateQuote(self, request: quote_pb2.CreateQuoteRequest, context: ServicerContext) -> quote_pb2.Quote:
        """Offer something."""
        return await self._edge.write(request, quotes.create, quote.create(request), render=quote.render)

    async def GetQuote(self, request: quote_pb2.GetQuoteRequest, context: ServicerContext) -> quote_pb2.Quote:
        """Show a quote."""
        return quote.render(await self._edge.read(quotes.get, names.id_of("quotes", request.name)))

    async def ListQuotes(
        self, request: quote_pb2.ListQuotesRequest, context: ServicerContext
    ) -> quote_pb2.ListQuotesResponse:
        """Show a page of quotes."""
        page = page_of(request, self._tokens)
        wanted = optional_id("opportunities", request.opportunity, field="opportunity")
        rows = await self._edge.read(quotes.page, page, opportunity=wanted, org=org.parse(request.org))
        shown = [quote.render(row) for row in rows[: page.size]]
        return quote_pb2.ListQuotesResponse(quotes=shown, next_page_token=self._next(request, page, rows))

    async def AcceptQuote(self, request: quote_pb2.AcceptQuoteRequest, context: ServicerContext) -> quote_pb2.Quote:
        """Accept a quote."""
        return await self._edge.write(request, quotes.accept, quote.accept(request), render=quote.render)

    def _next(self, request: Message, page: Page, rows: Sequence[Any]) -> str:
        return next_token(request, self._tokens, page, rows=rows, position=_position)


def _position(resource: Any) -> tuple[str, ...]:
    found: UUID = resource.id
    return (str(found),)


def _caller() -> str:
    return call.current().identity.subject
