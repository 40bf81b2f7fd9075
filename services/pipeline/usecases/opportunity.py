"""Opportunities: add, change, move, win, lose; each change leaves its step in the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from kit.page import Page
from services.pipeline.domain.account import Account
from services.pipeline.domain.contact import Contact, Role
from services.pipeline.domain.opportunity import Changed, Circumstances, Opportunity, StageChange
from services.pipeline.domain.quote import Quote
from services.pipeline.domain.stage import STAGES
from services.pipeline.usecases.owning import Reps, placed, settled
from services.pipeline.usecases.work import Store, Work, require_version


class Opportunities(Store[Opportunity], Protocol):
    """The opportunities and their history."""

    def begin(self, changed: Changed) -> None:
        """Keep a new opportunity, and that it began."""

    def change(self, changed: Changed) -> None:
        """Keep a change of a locked opportunity, with its steps."""

    def standing(self, stages: Sequence[str]) -> dict[str, int]:
        """How many opportunities stand in each of these stages, where there are any."""

    def find_locked(self, id: UUID) -> Opportunity | None:  # noqa: A002 - the field's name
        """The opportunity, kept from changing, if there is one."""

    def page(
        self, page: Page, *, account: UUID | None, owner: UUID | None, stage: str | None, org: str
    ) -> list[Opportunity]:
        """A page of those of one account, of one sales person, in one stage and of a part of the organisation, where
        given."""

    def steps(self, id: UUID, page: Page) -> list[StageChange]:  # noqa: A002 - the field's name
        """A page of the history, oldest first."""


class Contacts(Store[Contact], Protocol):
    """The contacts."""

    def roles_in(self, account: UUID) -> frozenset[Role]:
        """Which roles the contacts of an account cover."""


class OpportunityWork(Work, Protocol):
    """A transaction over opportunities."""

    @property
    def opportunities(self) -> Opportunities:
        """The opportunities."""

    @property
    def accounts(self) -> Store[Account]:
        """The accounts."""

    @property
    def contacts(self) -> Contacts:
        """The contacts."""

    @property
    def reps(self) -> Reps:
        """The sales people."""

    @property
    def quotes(self) -> Store[Quote]:
        """The quotes."""


@dataclass(frozen=True, slots=True)
class CreateOpportunity:
    """Add an opportunity; `by` is who does so."""

    id: UUID
    by: str
    account: UUID
    fields: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class UpdateOpportunity:
    """Give some fields new values."""

    id: UUID
    by: str
    changes: Mapping[str, Any] = field(repr=False)
    version: int | None = None


@dataclass(frozen=True, slots=True)
class MoveOpportunity:
    """Move to another open stage."""

    id: UUID
    by: str
    stage: str
    reason: str = ""
    version: int | None = None


@dataclass(frozen=True, slots=True)
class WinOpportunity:
    """Win with an accepted quote."""

    id: UUID
    by: str
    quote: UUID
    reason: str = ""
    version: int | None = None


@dataclass(frozen=True, slots=True)
class LoseOpportunity:
    """Lose, to whom and why."""

    id: UUID
    by: str
    reason: str
    competitor: str
    version: int | None = None


@dataclass(frozen=True, slots=True)
class LinkOrder:
    """Note which order an opportunity became."""

    opportunity: UUID
    order: UUID


def create(unit: OpportunityWork, command: CreateOpportunity) -> Opportunity:
    """Add an opportunity, in the first stage. Raises NOT_FOUND for what it refers to and isn't there."""
    fields = placed(unit, command.fields)
    account = unit.accounts.get(command.account)
    if fields.get("owner") is None:
        fields["org"] = fields.get("org") or account.org
    _require_contact(unit, fields)
    opportunity = Opportunity(
        id=command.id,
        account=command.account,
        create_time=unit.now,
        update_time=unit.now,
        stage_time=unit.now,
        **fields,
    )
    begun = opportunity.begun(command.by)
    unit.opportunities.begin(begun)
    return begun.opportunity


def update(unit: OpportunityWork, command: UpdateOpportunity) -> Opportunity:
    """Change an open opportunity."""
    changes = placed(unit, command.changes)
    opportunity = _locked(unit, command.id, command.version)
    _require_contact(unit, changes)
    return _kept(unit, opportunity.revised(settled(changes, opportunity.owner), by=command.by, now=unit.now))


def move(unit: OpportunityWork, command: MoveOpportunity) -> Opportunity:
    """Move an opportunity to another open stage."""
    STAGES.require_known(command.stage, field="stage")
    opportunity = _locked(unit, command.id, command.version)
    under = _circumstances(unit, opportunity, command.by)
    return _kept(unit, opportunity.moved(command.stage, under, reason=command.reason))


def win(unit: OpportunityWork, command: WinOpportunity) -> Opportunity:
    """Win an opportunity with its accepted quote."""
    opportunity = _locked(unit, command.id, command.version)
    quote = unit.quotes.lock(command.quote)
    under = _circumstances(unit, opportunity, command.by)
    return _kept(unit, opportunity.won(quote, under, reason=command.reason))


def lose(unit: OpportunityWork, command: LoseOpportunity) -> Opportunity:
    """Lose an opportunity."""
    opportunity = _locked(unit, command.id, command.version)
    under = Circumstances(command.by, unit.now)
    return _kept(unit, opportunity.lost(under, reason=command.reason, competitor=command.competitor))


def link_orders(unit: OpportunityWork, links: Sequence[LinkOrder]) -> list[UUID]:
    """Note which orders opportunities became; answers the opportunities that aren't ours.

    In sorted order, so that two batches can't lock each other out. An opportunity that has an order keeps it.
    """
    unknown = []
    for link in sorted(links, key=lambda link: link.opportunity):
        opportunity = unit.opportunities.find_locked(link.opportunity)
        if opportunity is None:
            unknown.append(link.opportunity)
            continue
        after = opportunity.ordered(link.order, unit.now)
        if after is not opportunity:
            unit.opportunities.save(after)
    return unknown


def get(unit: OpportunityWork, id: UUID) -> Opportunity:  # noqa: A002 - the field's name
    """One opportunity."""
    return unit.opportunities.get(id)


def page(
    unit: OpportunityWork, page: Page, *, account: UUID | None, owner: UUID | None, stage: str | None, org: str = ""
) -> list[Opportunity]:
    """A page of opportunities."""
    if stage is not None:
        STAGES.require_known(stage, field="stage")
    return unit.opportunities.page(page, account=account, owner=owner, stage=stage, org=org)


def steps(unit: OpportunityWork, id: UUID, page: Page) -> list[StageChange]:  # noqa: A002 - the field's name
    """A page of an opportunity's history. Raises NOT_FOUND when there is no such opportunity."""
    unit.opportunities.get(id)
    return unit.opportunities.steps(id, page)


def standing(unit: OpportunityWork) -> dict[str, int]:
    """How many opportunities stand in each open stage."""
    stages = [stage.key for stage in STAGES.open]
    found = unit.opportunities.standing(stages)
    return {stage: found.get(stage, 0) for stage in stages}


def _locked(unit: OpportunityWork, id: UUID, version: int | None) -> Opportunity:  # noqa: A002 - the field's name
    opportunity = unit.opportunities.lock(id)
    require_version("opportunities", id, seen=version, present=opportunity.version)
    return opportunity


def _circumstances(unit: OpportunityWork, opportunity: Opportunity, by: str) -> Circumstances:
    return Circumstances(by, unit.now, unit.contacts.roles_in(opportunity.account))


def _kept(unit: OpportunityWork, changed: Changed) -> Opportunity:
    unit.opportunities.change(changed)
    unit.emit(changed.facts)
    return changed.opportunity


def _require_contact(unit: OpportunityWork, fields: Mapping[str, Any]) -> None:
    if fields.get("contact") is not None:
        unit.contacts.get(fields["contact"])
