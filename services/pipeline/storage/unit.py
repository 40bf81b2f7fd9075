"""The unit of work of pipeline: its stores in one transaction."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from kit.unit import Publish, Unit
from services.pipeline.storage.account import AccountStore
from services.pipeline.storage.assignment import AssignmentStore
from services.pipeline.storage.contact import ContactStore
from services.pipeline.storage.funnel import FunnelStore
from services.pipeline.storage.lead import LeadStore
from services.pipeline.storage.opportunity import OpportunityStore
from services.pipeline.storage.quote import QuoteStore
from services.pipeline.storage.rep import RepStore


class PipelineUnit(Unit):
    """One transaction with all stores."""

    def __init__(self, connection: Connection, now: datetime, publish: Publish) -> None:
        super().__init__(connection, now, publish)
        self.reps = RepStore(connection)
        self.accounts = AccountStore(connection)
        self.contacts = ContactStore(connection)
        self.leads = LeadStore(connection)
        self.assignments = AssignmentStore(connection)
        self.opportunities = OpportunityStore(connection)
        self.quotes = QuoteStore(connection)
        self.funnel = FunnelStore(connection)
