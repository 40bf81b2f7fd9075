"""Opportunities: what may be sold, and the steps it has come."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from kit.errors import invalid
from kit.money import Money
from services.pipeline.domain import errors
from services.pipeline.domain.contact import Role
from services.pipeline.domain.events import Fact, OpportunityStageChanged, OpportunityWon
from services.pipeline.domain.quote import Quote
from services.pipeline.domain.stage import STAGES, Need, Step

MAX_AMOUNT = 10**13
"""No opportunity reaches this many minor units, so that the sum of 900,000 of them still fits an int64."""

_BUYERS = frozenset({Role.ECONOMIC_BUYER, Role.DECIDER})


@dataclass(frozen=True, slots=True)
class StageChange:
    """A step, kept for ever. Two equal stages say that only the amount changed; no stage before, that it began."""

    opportunity: UUID
    number: int
    from_stage: str
    to_stage: str
    change_time: datetime
    changed_by: str
    amount: Money | None
    reason: str


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a change is made under: who makes it, when, and which roles the contacts of the account cover."""

    by: str
    now: datetime
    roles: AbstractSet[Role] = frozenset()


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change leads to: the opportunity after it, its steps for the history, and facts for others."""

    opportunity: Opportunity
    steps: tuple[StageChange, ...] = ()
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Opportunity:
    """A sale that may come about. `steps` counts those in the history."""

    id: UUID
    display_name: str = field(repr=False)
    account: UUID
    create_time: datetime
    update_time: datetime
    stage_time: datetime
    stage: str = STAGES.first
    contact: UUID | None = None
    owner: UUID | None = None
    amount: Money | None = None
    close_date: date | None = None
    lead: UUID | None = None
    quote: UUID | None = None
    order: UUID | None = None
    loss_reason: str = ""
    competitor: str = ""
    steps: int = 0
    version: int = 1
    org: str = ""

    def checked(self) -> Opportunity:
        """This, as a caller may ask for it. Raises a Fault on the field otherwise."""
        if not self.display_name.strip():
            raise errors.empty("opportunity.display_name")
        if self.amount is not None and not 0 <= self.amount.minor < MAX_AMOUNT:
            raise invalid(
                "opportunity.amount", f"must be from 0 to less than {Money(MAX_AMOUNT, self.amount.currency)}"
            )
        return self

    def begun(self, by: str) -> Changed:
        """The opportunity in its first stage."""
        return _stepped(self.checked(), "", by=by, reason="")

    def revised(self, changes: Mapping[str, Any], *, by: str, now: datetime) -> Changed:
        """The opportunity with new values of some fields; what its stage needs can't be taken away."""
        self.require_open()
        after = replace(self, **changes, update_time=_after(self, now), version=self.version + 1).checked()
        taken = _present(self) - _present(after)
        STAGES.require(self.stage, set(Need) - taken)
        if after.amount == self.amount:
            return Changed(after)
        return _stepped(after, self.stage, by=by, reason="")

    def moved(self, to: str, under: Circumstances, *, reason: str) -> Changed:
        """The opportunity in another open stage."""
        STAGES.require_known(to, field="stage")
        self.require_open()
        if STAGES.is_final(to):
            raise errors.stage_step_unknown(self.stage, to)
        return _moved(self, to, under, reason=reason)

    def won(self, quote: Quote, under: Circumstances, *, reason: str) -> Changed:
        """The opportunity won with its accepted quote, and worth what that says."""
        self.require_open()
        if quote.opportunity != self.id:
            raise errors.quote_of_another_opportunity(quote.id)
        quote.require_intact()
        priced = replace(self, amount=quote.total, quote=quote.id)
        present = {Need.ACCEPTED_QUOTE} if quote.is_accepted else set()
        changed = _moved(priced, STAGES.won.key, under, reason=reason, present=present)
        after = changed.opportunity
        sold = OpportunityWon(
            after.id, after.version, after.account, quote.id, quote.sold_lines, quote.total, after.stage_time, after.org
        )
        return replace(changed, facts=(*changed.facts, sold))

    def lost(self, under: Circumstances, *, reason: str, competitor: str) -> Changed:
        """The opportunity lost, to whom and why."""
        self.require_open()
        given = {need for need, word in ((Need.REASON, reason), (Need.COMPETITOR, competitor)) if word.strip()}
        STAGES.require(STAGES.lost.key, given)
        after = replace(self, loss_reason=reason, competitor=competitor)
        return _entered(after, STAGES.lost.key, under, reason=reason)

    def ordered(self, order: UUID, now: datetime) -> Opportunity:
        """The opportunity with the order that it became. The first order stays."""
        if self.order is not None:
            return self
        return replace(self, order=order, update_time=_after(self, now), version=self.version + 1)

    def require_open(self) -> None:
        """Refuse what can't be done to a won or lost opportunity."""
        if STAGES.is_final(self.stage):
            raise errors.opportunity_closed(self.id, self.stage)


def _moved(
    before: Opportunity, to: str, under: Circumstances, *, reason: str, present: AbstractSet[Need] = frozenset()
) -> Changed:
    """Move on the way to the win: the one path through the table and its gates."""
    if STAGES.step(before.stage, to) is not Step.FORWARD and not reason.strip():
        raise errors.stage_reason_missing(before.stage, to)
    buyer = {Need.BUYER} if under.roles & _BUYERS else set()
    STAGES.require(to, _present(before) | buyer | present)
    return _entered(before, to, under, reason=reason)


def _entered(before: Opportunity, to: str, under: Circumstances, *, reason: str) -> Changed:
    at = _after(before, under.now)
    after = replace(before, stage=to, stage_time=at, update_time=at, version=before.version + 1)
    fact = OpportunityStageChanged(before.id, after.version, before.stage, to, at)
    return replace(_stepped(after, before.stage, by=under.by, reason=reason), facts=(fact,))


def _stepped(after: Opportunity, from_stage: str, *, by: str, reason: str) -> Changed:
    number = after.steps + 1
    step = StageChange(after.id, number, from_stage, after.stage, after.update_time, by, after.amount, reason.strip())
    return Changed(replace(after, steps=number), steps=(step,))


def _present(opportunity: Opportunity) -> set[Need]:
    found = {Need.AMOUNT: opportunity.amount is not None, Need.CLOSE_DATE: opportunity.close_date is not None}
    return {need for need, there in found.items() if there}


def _after(opportunity: Opportunity, now: datetime) -> datetime:
    """History never runs backwards, though a transaction that began earlier may come later to its lock."""
    return max(now, opportunity.update_time)
