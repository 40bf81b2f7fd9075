"""Facts: what became true. `version` is that of the resource after it; none of them holds personal data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kit.money import Money


@dataclass(frozen=True, slots=True)
class LeadCreated:
    """A lead came in."""

    lead: UUID
    version: int
    source: str
    create_time: datetime


@dataclass(frozen=True, slots=True)
class LeadAssigned:
    """A lead was given to a sales person."""

    lead: UUID
    version: int
    owner: UUID
    assign_time: datetime


@dataclass(frozen=True, slots=True)
class LeadConverted:
    """A lead became an account, a contact and an opportunity."""

    lead: UUID
    version: int
    account: UUID
    contact: UUID
    opportunity: UUID
    convert_time: datetime


@dataclass(frozen=True, slots=True)
class LeadDecided:
    """Somebody decided about a lead: `outcome` is converted or disqualified. Counted, never published."""

    lead: UUID
    outcome: str
    create_time: datetime
    decide_time: datetime


@dataclass(frozen=True, slots=True)
class OpportunityStageChanged:
    """An opportunity moved to another stage."""

    opportunity: UUID
    version: int
    from_stage: str
    to_stage: str
    change_time: datetime


@dataclass(frozen=True, slots=True)
class SoldLine:
    """One line of what was sold."""

    product: UUID
    quantity: int
    unit_price: Money


@dataclass(frozen=True, slots=True)
class OpportunityWon:
    """An opportunity was won; its quote is to become an order."""

    opportunity: UUID
    version: int
    account: UUID
    quote: UUID
    lines: tuple[SoldLine, ...]
    total: Money
    win_time: datetime
    org: str = ""


Fact = LeadCreated | LeadAssigned | LeadConverted | OpportunityStageChanged | OpportunityWon
