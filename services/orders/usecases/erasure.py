"""What is forgotten of a person who asked members to be forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID


class Personal(Protocol):
    """Something that is stored of members."""

    def forget(self, members: Sequence[UUID]) -> None:
        """Delete all of it that belongs to these members."""


class Work(Protocol):
    """What this use-case needs of a unit of work."""

    @property
    def addresses(self) -> Personal:
        """Where orders were sent."""

    @property
    def carts(self) -> Personal:
        """What members thought of buying."""

    @property
    def desk(self) -> Personal:
        """What people wrote about orders."""

    @property
    def invoices(self) -> Personal:
        """Whom invoices are for."""


def forget_members(unit: Work, members: Sequence[UUID]) -> None:
    """Delete addresses and carts of members, what people wrote about their orders, and whom invoices are for. Their
    orders stay, as figures of nobody."""
    unit.addresses.forget(members)
    unit.carts.forget(members)
    unit.desk.forget(members)
    unit.invoices.forget(members)
