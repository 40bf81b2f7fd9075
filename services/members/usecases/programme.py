"""Programmes: make them, read them, change them. Every version is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kit import names
from kit.errors import etag_mismatch
from kit.page import Page
from services.members.domain import errors
from services.members.domain.audit import NOBODY, Author, settings_act
from services.members.domain.errors import rules as refusals
from services.members.domain.programme import DEFAULT, Programme
from services.members.usecases.ports import ActingUnit, Unit


@dataclass(frozen=True, slots=True)
class UpdateProgramme:
    """Change rules: new values by the name of the programme's field. `version` is the one they were made for, None for
    any."""

    values: Mapping[str, Any]
    version: int | None = None
    programme: str = DEFAULT
    author: Author = NOBODY
    reason: str = ""


def create(unit: ActingUnit, programme: Programme, *, author: Author = NOBODY) -> Programme:
    """Make a programme with points of its own. Raises a Fault when its rules contradict each other, or its id is
    taken."""
    programme.check()
    if unit.programmes.lock(programme.id) is not None:
        raise refusals.programme_exists(programme.id)
    created = replace(programme, version=1, update_time=unit.now)
    unit.programmes.add(created)
    unit.wallets_of(programme.id).open_house()
    unit.audit.record(settings_act(author, names.join("programmes", created.id), None, created, reason="created"))
    return created


def get(unit: Unit, programme: str = DEFAULT, version: int = 0) -> Programme:
    """The rules now, or those of a past version. Raises a Fault when there is no such programme or version."""
    if not version:
        return _existing(unit.programmes.find(programme), programme)
    versions = unit.programmes.versions(programme)
    if not versions:
        raise errors.programme_not_found(programme)
    if version not in versions:
        raise refusals.programme_version_not_found(programme, version)
    return versions[version]


def page(unit: Unit, page: Page) -> list[Programme]:
    """A page of programmes, by id."""
    return unit.programmes.latest(page)


def versions(unit: Unit, programme: str, page: Page) -> list[Programme]:
    """A page of the versions of a programme, the newest first. Raises a Fault when there is no such programme."""
    found = unit.programmes.page(programme, page)
    if not found:
        _existing(unit.programmes.find(programme), programme)
    return found


def update(unit: ActingUnit, command: UpdateProgramme) -> Programme:
    """Make a new version of the rules. Raises a Fault when they contradict each other or another one was faster.

    Members are judged by the new tiers in the background; what orders have earned stays.
    """
    current = _existing(unit.programmes.lock(command.programme), command.programme)
    if command.version not in (None, current.version):
        raise etag_mismatch(names.join("programmes", command.programme))
    changed = current.changed(replace(current, **command.values), unit.now)
    if changed is not current:
        unit.programmes.add(changed)
        subject = names.join("programmes", command.programme)
        unit.audit.record(settings_act(command.author, subject, current, changed, reason=command.reason))
    return changed


def _existing(found: Programme | None, programme: str) -> Programme:
    if found is None:
        raise errors.programme_not_found(programme)
    return found
