"""What other services tell of buyers, as far as prices go by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID


class Buyers(Protocol):
    """What is known of members."""

    def tell_tiers(self, told: Sequence[tuple[UUID, str, int]]) -> None:
        """Remember the tiers of members, each with the version of what told it."""

    def tell_segments(self, told: Sequence[tuple[UUID, UUID, bool, int]]) -> None:
        """Remember who is in which segment, or not, each with the version of what told it."""

    def forget(self, members: Sequence[UUID]) -> None:
        """Forget all that is known of members."""


class Work(Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def buyers(self) -> Buyers:
        """What is known of members."""


def tell_tiers(unit: Work, told: Sequence[tuple[UUID, str, int]]) -> None:
    """Members reached or left tiers."""
    if told:
        unit.buyers.tell_tiers(told)


def tell_segments(unit: Work, told: Sequence[tuple[UUID, UUID, bool, int]]) -> None:
    """Members came into segments or left them."""
    if told:
        unit.buyers.tell_segments(told)


def forget(unit: Work, members: Sequence[UUID]) -> None:
    """Members asked to be forgotten."""
    if members:
        unit.buyers.forget(members)
