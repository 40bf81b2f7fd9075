"""What is forgotten of a person who asked members to be forgotten."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.orders.domain import errors
from services.orders.domain.address import SealedAddress
from services.orders.domain.order import Order


class Personal(Protocol):
    """Something that is stored of members."""

    def forget(self, members: Sequence[UUID]) -> None:
        """Delete all of it that belongs to these members."""


class Erased(Protocol):
    """Who was forgotten."""

    def add(self, members: Sequence[UUID], now: datetime) -> None:
        """Remember that members were forgotten."""

    def among(self, members: Collection[UUID]) -> set[UUID]:
        """Which of the members were forgotten."""


class Members(Protocol):
    """All members, as far as what is stored of them may have to go."""

    def keep(self) -> None:
        """Let nobody be forgotten until the transaction ends; many may hold this at once."""

    def change(self) -> None:
        """Wait for those who keep the members, and let nobody begin until the transaction ends."""


class Knowing(Protocol):
    """What asking who was forgotten needs of a unit of work."""

    @property
    def erased(self) -> Erased:
        """Who was forgotten."""


class Storing(Knowing, Protocol):
    """What storing something personal needs of a unit of work."""

    @property
    def members(self) -> Members:
        """All members."""


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

    @property
    def refunds(self) -> Personal:
        """Why refunds were asked for, and what was said about them."""


def forget_members(unit: Work, members: Sequence[UUID]) -> None:
    """Delete addresses and carts of members, what people wrote about their orders and refunds, and whom invoices are
    for. Their orders stay, as figures of nobody, and get none of that again."""
    if not members:
        return
    unit.members.change()
    unit.erased.add(members, unit.now)
    unit.addresses.forget(members)
    unit.carts.forget(members)
    unit.desk.forget(members)
    unit.invoices.forget(members)
    unit.refunds.forget(members)


def forgotten(unit: Knowing, members: Iterable[UUID | None]) -> set[UUID]:
    """Which of the members were forgotten: nothing is bought by them any more. Whoever stores something personal with
    that takes `keep` first, before anything is read."""
    asked = {member for member in members if member is not None}
    return unit.erased.among(asked) if asked else set()


def keep_for(unit: Storing, addresses: Iterable[SealedAddress | None]) -> None:
    """`keep`, if there are addresses to be stored. Orders do so when they are placed; whoever locks rows before that
    does so first."""
    if any(addresses):
        unit.members.keep()


def check_known(unit: Knowing, member: UUID | None) -> None:
    """Raise a Fault when a member was forgotten; as `forgotten`."""
    if member is not None and forgotten(unit, [member]):
        raise errors.member_erased(member)


def check_remembered(unit: Knowing, order: Order) -> None:
    """Raise a Fault when something personal must not be stored of an order: its member was forgotten; as
    `forgotten`."""
    member = order.buyer.member
    if member is not None and forgotten(unit, [member]):
        raise errors.member_erased(member, order=order.id)


def kept_text(unit: Knowing, order: Order, text: str) -> str:
    """What is kept of what somebody writes about an order: nothing, if its member was forgotten; as `forgotten`."""
    return "" if text and forgotten(unit, [order.buyer.member]) else text
