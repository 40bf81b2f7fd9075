"""What callers reach who see a part of the organisation: the sales people of that part, and what these own."""

from __future__ import annotations

from kit.rpc.reach import UUIDS, Rules

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
