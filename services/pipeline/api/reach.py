"""What callers reach who see a part of the organisation: the sales people of that part, and what these own."""

from __future__ import annotations

from typing import Any

from kit.errors import not_found
from kit.org import outside
from kit.rpc import Edge
from kit.rpc.reach import UUIDS, Confined, Named, Rules

COLLECTIONS = dict.fromkeys(("reps", "accounts", "contacts", "leads", "opportunities", "quotes"), UUIDS)

RULES = Rules(
    by_name=frozenset(
        {
            *("GetRep", "UpdateRep", "GetAccount", "UpdateAccount", "GetContact", "UpdateContact", "GetLead"),
            *("GetAssignment", "ConvertLead", "DisqualifyLead", "CreateOpportunity", "GetOpportunity"),
            *("UpdateOpportunity", "MoveOpportunity", "WinOpportunity", "LoseOpportunity", "ListStageChanges"),
            *("CreateQuote", "GetQuote", "AcceptQuote"),
        }
    ),
    parts={
        "CreateRep": "rep.org",
        "CreateAccount": "account.org",
        "CreateContact": "contact.org",
        "CaptureLead": "lead.org",
        **dict.fromkeys(("ListReps", "ListAccounts", "ListContacts", "ListLeads", "ListOpportunities"), "org"),
        **dict.fromkeys(("ListQuotes", "QueryFunnel"), "org"),
    },
    moves={
        "UpdateRep": "rep",
        "UpdateAccount": "account",
        "UpdateContact": "contact",
        "CreateOpportunity": "opportunity",
        "UpdateOpportunity": "opportunity",
    },
)


class PipelineReach(Confined):
    """Looks who owns what a request names."""

    def __init__(self, edge: Edge[Any]) -> None:
        super().__init__(RULES, COLLECTIONS, self._seen)
        self._edge = edge

    async def _seen(self, org: str, named: Named) -> None:
        beyond = await self._edge.read(outside, org, named)
        if beyond is not None:
            raise not_found("/".join(beyond))
