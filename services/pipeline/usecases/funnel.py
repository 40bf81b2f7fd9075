"""The funnel: one question to the history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.pipeline.domain.funnel import FunnelStage, Window


class Funnel(Protocol):
    """The history of steps."""

    def count(self, window: Window, *, org: str) -> list[FunnelStage]:
        """One row per stage, in their order; of the opportunities of a part of the organisation, if given."""


class FunnelWork(Protocol):
    """A look at the history."""

    @property
    def now(self) -> datetime:
        """The present instant."""

    @property
    def funnel(self) -> Funnel:
        """The history of steps."""


@dataclass(frozen=True, slots=True)
class QueryFunnel:
    """From when until when opportunities entered a stage, as known when, and those of which part of the organisation;
    each may be left open."""

    start: datetime | None = None
    end: datetime | None = None
    as_of: datetime | None = None
    org: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """The stages, and the instant up to which history was read."""

    stages: tuple[FunnelStage, ...]
    as_of: datetime


def query(unit: FunnelWork, question: QueryFunnel) -> Counted:
    """Count how opportunities came through the stages."""
    window = Window.of(question.start, question.end, question.as_of, now=unit.now)
    return Counted(tuple(unit.funnel.count(window, org=question.org)), window.as_of)
