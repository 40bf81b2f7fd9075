"""What is forgotten of a person who asked members to be forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.orders.domain.errors import desk as errors
from services.orders.domain.order import Order


class Personal(Protocol):
    """Something that is stored of members."""

    def forget(self, members: Sequence[UUID]) -> None:
        """Delete all of it that belongs to these members."""


class Erased(Protocol):
    """Who was forgotten."""

    def add(self, members: Sequence[UUID], now: datetime) -> None:
        """Remember that members were forgotten."""

    def knows(self, member: UUID) -> bool:
        """Whether a member was forgotten."""


class Members(Protocol):
    """All members, as far as what is stored of them may have to go."""

    def keep(self) -> None:
        """Let nobody be forgotten until the transaction ends; many may hold this at once."""

    def change(self) -> None:
        """Wait for those who keep the members, and let nobody begin until the transaction ends."""


class Storing(Protocol):
    """What storing something personal of an order needs of a unit of work."""

    @property
    def members(self) -> Members:
        """All members."""

    @property
    def erased(self) -> Erased:
        """Who was forgotten."""


class Work(Storing, Protocol):
    """What this use-case needs of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

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
    orders stay, as figures of nobody, and get none of that again."""
    if not members:
        return
    unit.members.change()
    unit.erased.add(members, unit.now)
    unit.addresses.forget(members)
    unit.carts.forget(members)
    unit.desk.forget(members)
    unit.invoices.forget(members)


def check_remembered(unit: Storing, order: Order) -> None:
    """Raise a Fault when something personal must not be stored of an order: its member was forgotten. `keep` comes
    first, before anything is read."""
    if order.buyer.member is not None and unit.erased.knows(order.buyer.member):
        raise errors.member_erased(order.id)
