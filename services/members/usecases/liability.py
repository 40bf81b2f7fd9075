"""The liability report."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from services.members.domain.liability import Liability
from services.members.domain.programme import Programme, unit_of
from services.members.usecases import ports


class Liabilities(Protocol):
    """What is outstanding."""

    def read(self, time: datetime, programmes: Mapping[str, Programme]) -> Liability:
        """What was outstanding at an instant; `programmes` by the units of their points."""


class Unit(ports.Unit, Protocol):
    """What the report needs of a unit of work."""

    @property
    def liabilities(self) -> Liabilities:
        """What is outstanding."""


def report(unit: Unit, time: datetime | None) -> Liability:
    """What members could claim at an instant, by default now, at the worth that points have today."""
    newest = {name: versions[max(versions)] for name, versions in unit.programmes.all().items()}
    programmes = {unit_of(name): programme for name, programme in newest.items()}
    return unit.liabilities.read(min(time or unit.now, unit.now), programmes)
