"""The programme: read it, change it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kit.errors import etag_mismatch
from services.members.domain.programme import Programme
from services.members.usecases.ports import Unit

NAME = "programmes/default"


@dataclass(frozen=True, slots=True)
class UpdateProgramme:
    """Change rules: new values by the name of the programme's field. `version` is the one they were made for, None for
    any."""

    values: Mapping[str, Any]
    version: int | None = None


def get(unit: Unit) -> Programme:
    """The rules now."""
    return unit.programmes.current()


def update(unit: Unit, command: UpdateProgramme) -> Programme:
    """Make a new version of the rules. Raises a Fault when they contradict each other or another one was faster.

    Members are judged by the new tiers in the background; what orders have earned stays.
    """
    current = unit.programmes.lock()
    if command.version not in (None, current.version):
        raise etag_mismatch(NAME)
    changed = current.changed(replace(current, **command.values), unit.now)
    if changed is not current:
        unit.programmes.add(changed)
    return changed
