"""Leads: take in, give to sales people, convert, give up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from kit.org import within
from kit.page import Page
from services.pipeline.domain.assignment import Assignment, Choice, Rotation
from services.pipeline.domain.events import Fact
from services.pipeline.domain.keys import Key
from services.pipeline.domain.lead import Lead, LeadState
from services.pipeline.domain.rep import Rep
from services.pipeline.usecases.work import Store, Work, require_version


class Leads(Store[Lead], Protocol):
    """The leads."""

    def page(self, page: Page, *, owner: UUID | None, state: LeadState | None, org: str) -> list[Lead]:
        """A page of those of one sales person, in one state and of a part of the organisation, where given."""

    def lock_keys(self, keys: Sequence[Key]) -> None:
        """Let nobody else take in the same person or organisation until the transaction ends."""

    def open_with(self, keys: Sequence[Key]) -> Lead | None:
        """The open lead that has one of the keys."""

    def lock_waiting(self, count: int) -> list[Lead]:
        """The oldest open leads without an owner, locked."""

    def waiting(self) -> int:
        """How many open leads have no owner."""


class Assignments(Protocol):
    """Where the rule of assignment stands, and the choices it made."""

    def lock_rotation(self, org: str) -> Rotation:
        """Where the rule stands for a part of the organisation; other assignments there wait until the transaction
        ends."""

    def save_rotation(self, rotation: Rotation) -> None:
        """Keep where the rule stands now."""

    def add(self, assignment: Assignment) -> None:
        """Keep a choice."""

    def get(self, lead: UUID) -> Assignment:
        """How the lead came to its owner. Raises NOT_FOUND while it has none."""


class Reps(Store[Rep], Protocol):
    """The sales people."""

    def all(self) -> list[Rep]:
        """Everybody."""

    def part_of(self, id: UUID) -> str:  # noqa: A002 - the field's name
        """The part of the organisation that a sales person belongs to, who stays there until the transaction ends."""


class LeadWork(Work, Protocol):
    """A transaction over leads."""

    @property
    def leads(self) -> Leads:
        """The leads."""

    @property
    def assignments(self) -> Assignments:
        """The rule of assignment."""

    @property
    def reps(self) -> Reps:
        """The sales people."""


@dataclass(frozen=True, slots=True)
class CaptureLead:
    """Take in a lead, for a part of the organisation or for all. `phone` is E.164 and `email` in lower case."""

    id: UUID
    source: str
    display_name: str = field(default="", repr=False)
    company_name: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    note: str = field(default="", repr=False)
    org: str = ""


@dataclass(frozen=True, slots=True)
class Captured:
    """The lead, new or, as a duplicate, the one that was there before."""

    lead: Lead
    duplicate: bool


@dataclass(frozen=True, slots=True)
class DisqualifyLead:
    """Give up a lead."""

    id: UUID
    reason: str = field(repr=False)
    version: int | None = None


def capture(unit: LeadWork, command: CaptureLead) -> Captured:
    """Take in a lead and give it to a sales person, unless an open lead has one of its keys."""
    lead, facts = _lead(unit, command).captured()
    unit.leads.lock_keys(lead.keys)
    known = unit.leads.open_with(lead.keys)
    if known is not None:
        return Captured(known, duplicate=True)
    [(lead, assignment, more)] = _assigned(unit, [lead])
    unit.leads.add(lead)
    if assignment is not None:
        unit.assignments.add(assignment)
    unit.emit([*facts, *more])
    return Captured(lead, duplicate=False)


def assign_waiting(unit: LeadWork, count: int) -> int:
    """Give up to `count` leads that came while nobody was available to sales people; answers how many it gave."""
    waiting = unit.leads.lock_waiting(count)
    given = 0
    for lead, assignment, facts in _assigned(unit, waiting) if waiting else []:
        if assignment is not None:
            unit.leads.save(lead)
            unit.assignments.add(assignment)
            unit.emit(facts)
            given += 1
    return given


def waiting(unit: LeadWork) -> int:
    """How many open leads have no owner."""
    return unit.leads.waiting()


def disqualify(unit: LeadWork, command: DisqualifyLead) -> Lead:
    """Give up an open lead; its keys are free again."""
    lead = unit.leads.lock(command.id)
    require_version("leads", lead.id, seen=command.version, present=lead.version)
    lead = lead.disqualified(command.reason, unit.now)
    unit.leads.save(lead)
    unit.note(lead.decided())
    return lead


def get(unit: LeadWork, id: UUID) -> Lead:  # noqa: A002 - the field's name
    """One lead."""
    return unit.leads.get(id)


def page(unit: LeadWork, page: Page, *, owner: UUID | None, state: LeadState | None, org: str = "") -> list[Lead]:
    """A page of leads."""
    return unit.leads.page(page, owner=owner, state=state, org=org)


def assignment(unit: LeadWork, lead: UUID) -> Assignment:
    """How a lead came to its owner."""
    return unit.assignments.get(lead)


def _lead(unit: LeadWork, command: CaptureLead) -> Lead:
    return Lead(
        id=command.id,
        source=command.source,
        create_time=unit.now,
        update_time=unit.now,
        display_name=command.display_name,
        company_name=command.company_name,
        phone=command.phone,
        email=command.email,
        note=command.note,
        org=command.org,
    )


def _assigned(unit: LeadWork, leads: Sequence[Lead]) -> list[tuple[Lead, Assignment | None, list[Fact]]]:
    """Each lead with its owner and how it came to be chosen; as it was, where nobody is available.

    The leads of each part of the organisation go to the sales people of that part, those of no part to anybody. Parts
    come in sorted order, so that two who assign at the same time can't lock each other out.
    """
    outcomes: list[tuple[Lead, Assignment | None, list[Fact]]] = []
    for part in sorted({lead.org for lead in leads}):
        rotation = unit.assignments.lock_rotation(part)
        reps = [rep for rep in unit.reps.all() if within(rep.org, part)]
        for lead in (lead for lead in leads if lead.org == part):
            rotation, choice = rotation.assign(reps)
            outcomes.append(_given(unit, lead, choice))
        unit.assignments.save_rotation(rotation)
    return outcomes


def _given(unit: LeadWork, lead: Lead, choice: Choice | None) -> tuple[Lead, Assignment | None, list[Fact]]:
    if choice is None:
        return lead, None, []
    after, facts = lead.assigned(choice.owner, unit.now, org=unit.reps.part_of(choice.owner))
    return after, Assignment(lead.id, choice, unit.now), facts
