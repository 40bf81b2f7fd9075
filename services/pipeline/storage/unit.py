"""The unit of work of pipeline: its stores in one transaction."""

from __future__ import annotations

from functools import partial

from kit.db.parts import PartStore
from kit.unit import Stored, Unit
from services.pipeline.storage.account import AccountStore
from services.pipeline.storage.assignment import AssignmentStore
from services.pipeline.storage.contact import ContactStore
from services.pipeline.storage.funnel import FunnelStore
from services.pipeline.storage.lead import LeadStore
from services.pipeline.storage.opportunity import OpportunityStore
from services.pipeline.storage.quote import QuoteStore
from services.pipeline.storage.reach import INSIDE
from services.pipeline.storage.rep import RepStore


class PipelineUnit(Unit):
    """One transaction with all stores."""

    reps = Stored(RepStore)
    accounts = Stored(AccountStore)
    contacts = Stored(ContactStore)
    leads = Stored(LeadStore)
    assignments = Stored(AssignmentStore)
    opportunities = Stored(OpportunityStore)
    quotes = Stored(QuoteStore)
    funnel = Stored(FunnelStore)
    reach = Stored(partial(PartStore, INSIDE))
