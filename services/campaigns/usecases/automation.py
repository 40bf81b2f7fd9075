"""Create, pause and run automations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from kit import names
from kit.errors import Fault
from kit.page import Page
from services.campaigns.domain import automation as rules
from services.campaigns.domain import errors
from services.campaigns.domain.automation import Automation, Run, State
from services.campaigns.domain.coupon import Coupon
from services.campaigns.domain.events import SegmentEntered
from services.campaigns.usecases import coupon, etag
from services.campaigns.usecases.ports import Work

NewId = Callable[[], UUID]


@dataclass(frozen=True, slots=True)
class Create:
    """A new automation; `id` is chosen by the edge."""

    id: UUID
    display_name: str
    segment: UUID
    template: UUID


@dataclass(frozen=True, slots=True)
class Turn:
    """An automation to be paused or resumed, if it is still at the expected version."""

    automation: UUID
    expected: int | None
    state: State


def create(unit: Work, command: Create) -> Automation:
    """Create an active automation. Raises a Fault when there is no such segment or template."""
    if unit.segments.find(command.segment) is None:
        raise errors.segment_not_found(command.segment)
    if unit.templates.find(command.template) is None:
        raise errors.coupon_template_not_found(command.template)
    automation = Automation(
        command.id, command.display_name, command.segment, command.template, unit.now, unit.now
    ).checked()
    unit.automations.add(automation)
    return automation


def get(unit: Work, automation: UUID) -> Automation:
    """An automation. Raises a Fault when there is none."""
    found = unit.automations.find(automation)
    if found is None:
        raise errors.automation_not_found(automation)
    return found


def page(unit: Work, wanted: Page) -> Sequence[Automation]:
    """A page of automations, newest first."""
    return unit.automations.page(wanted)


def turn(unit: Work, command: Turn) -> Automation:
    """Pause or resume an automation. Raises a Fault when there is none or it has changed."""
    found = unit.automations.lock(command.automation)
    if found is None:
        raise errors.automation_not_found(command.automation)
    etag.check(command.expected, found.version, names.join("automations", found.id))
    turned = found.turned(command.state, unit.now)
    unit.automations.save(turned)
    return turned


def runs(unit: Work, automation: UUID, wanted: Page) -> Sequence[Run]:
    """A page of what an automation did, newest first. Raises a Fault when there is none."""
    get(unit, automation)
    return unit.automations.runs(automation, wanted)


def run(unit: Work, entered: Sequence[SegmentEntered], new_id: NewId) -> None:
    """Let the automations act on members who entered segments. A limit that is reached is noted, and no failure."""
    entered = [entry for entry in entered if entry.cause.automated]
    if not entered:
        return
    automations = unit.automations.of_segments({entry.segment for entry in entered})
    granted = unit.automations.granted({each.id for each in automations}, {entry.member for entry in entered})
    due = rules.due(automations, entered, granted)
    if not due:
        return
    commands = [coupon.Issue(new_id(), each.template, entry.member, each.name) for each, entry in due]
    outcomes = coupon.issue(unit, commands)
    unit.automations.add_runs(
        [_run(new_id(), each, entry, outcome) for (each, entry), outcome in zip(due, outcomes, strict=True)]
    )


def _run(run_id: UUID, automation: Automation, entry: SegmentEntered, outcome: Coupon | Fault) -> Run:
    granted = None if isinstance(outcome, Fault) else outcome.id
    reason = outcome.reason if isinstance(outcome, Fault) else ""
    return Run(run_id, automation.id, entry.member, granted, reason, entry.rule_version, entry.time)
