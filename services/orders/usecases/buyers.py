"""What other services tell of buyers, as far as prices go by it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

from services.orders.usecases import erasure

T = TypeVar("T", bound=tuple[Any, ...])
"""What was told: of whom, and what."""


class Buyers(Protocol):
    """What is known of members."""

    def tell_tiers(self, told: Sequence[tuple[UUID, str, int]]) -> None:
        """Remember the tiers of members, each with the version of what told it."""

    def tell_segments(self, told: Sequence[tuple[UUID, UUID, bool, int]]) -> None:
        """Remember who is in which segment, or not, each with the version of what told it."""

    def forget(self, members: Sequence[UUID]) -> None:
        """Forget all that is known of members."""


class Work(erasure.Storing, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def buyers(self) -> Buyers:
        """What is known of members."""


def tell_tiers(unit: Work, told: Sequence[tuple[UUID, str, int]]) -> None:
    """Members reached or left tiers. Of those who were forgotten, what comes late is not stored."""
    known = _known(unit, told)
    if known:
        unit.buyers.tell_tiers(known)


def tell_segments(unit: Work, told: Sequence[tuple[UUID, UUID, bool, int]]) -> None:
    """Members came into segments or left them; as `tell_tiers`."""
    known = _known(unit, told)
    if known:
        unit.buyers.tell_segments(known)


def forget(unit: Work, members: Sequence[UUID]) -> None:
    """Members asked to be forgotten."""
    if members:
        unit.members.change()
        unit.erased.add(members, unit.now)
        unit.buyers.forget(members)


def _known(unit: Work, told: Sequence[T]) -> list[T]:
    if not told:
        return []
    unit.members.keep()
    gone = erasure.forgotten(unit, [each[0] for each in told])
    return [each for each in told if each[0] not in gone]
