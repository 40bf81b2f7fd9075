"""Sales people: add, change, list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from kit.page import Page
from services.pipeline.domain.rep import Rep
from services.pipeline.usecases.work import Store, Work, require_version


class Reps(Store[Rep], Protocol):
    """The sales people."""

    def page(self, page: Page, *, org: str) -> list[Rep]:
        """A page of all, or of those of a part of the organisation."""

    def take_along(self, rep: Rep) -> None:
        """Bring what a sales person owns to the part of the organisation that the sales person belongs to now."""


class RepWork(Work, Protocol):
    """A transaction over sales people."""

    @property
    def reps(self) -> Reps:
        """The sales people."""


@dataclass(frozen=True, slots=True)
class CreateRep:
    """Add a sales person."""

    id: UUID
    display_name: str = field(repr=False)
    weight: int
    available: bool
    org: str = ""


@dataclass(frozen=True, slots=True)
class UpdateRep:
    """Give some fields new values."""

    id: UUID
    changes: Mapping[str, Any] = field(repr=False)
    version: int | None = None


def create(unit: RepWork, command: CreateRep) -> Rep:
    """Add a sales person."""
    rep = Rep(
        command.id, command.display_name, command.weight, command.available, unit.now, unit.now, org=command.org
    ).checked()
    unit.reps.add(rep)
    return rep


def update(unit: RepWork, command: UpdateRep) -> Rep:
    """Change a sales person. What the sales person owns comes along to another part of the organisation."""
    before = unit.reps.lock(command.id)
    require_version("reps", before.id, seen=command.version, present=before.version)
    rep = before.revised(command.changes, unit.now)
    unit.reps.save(rep)
    if rep.org != before.org:
        unit.reps.take_along(rep)
    return rep


def get(unit: RepWork, id: UUID) -> Rep:  # noqa: A002 - the field's name
    """One sales person."""
    return unit.reps.get(id)


def page(unit: RepWork, page: Page, *, org: str = "") -> list[Rep]:
    """A page of sales people."""
    return unit.reps.page(page, org=org)
