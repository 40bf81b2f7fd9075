"""The waiting room of a flash sale: places in the queue, given out at the rate that the sale admits. Set-oriented."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.errors import Fault
from services.orders.domain.errors import flash_sale as errors
from services.orders.domain.errors import member_erased
from services.orders.domain.flash_sale import FlashSale, FlashSaleState
from services.orders.domain.waiting_room import Ticket, admissions
from services.orders.usecases import erasure
from services.orders.usecases.flash_sale import FlashSales


class WaitingRooms(Protocol):
    """The stored waiting rooms."""

    def lock(self, sale: UUID) -> datetime | None:
        """When the next one may buy, None while nobody has entered; nobody else enters until the transaction ends."""

    def places(self, sale: UUID, members: Sequence[UUID]) -> dict[UUID, datetime]:
        """From when on those of the members who entered may buy."""

    def enter(self, sale: UUID, places: Mapping[UUID, datetime], *, next_time: datetime) -> None:
        """Store new places, over those that members had before, and when those after them may buy."""


class Work(erasure.Knowing, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def flash_sales(self) -> FlashSales:
        """The stored flash sales."""

    @property
    def waiting_rooms(self) -> WaitingRooms:
        """The stored waiting rooms."""


@dataclass(frozen=True, slots=True)
class Enter:
    """A member enters the waiting room of a sale."""

    sale_id: UUID
    member: UUID


@dataclass(frozen=True, slots=True)
class Place:
    """A ticket, how many are admitted before it, and when that was so."""

    ticket: Ticket
    ahead: int
    now: datetime


def enter(unit: Work, commands: Sequence[Enter]) -> list[Place | Fault]:
    """Give each its place, first come, first served. Who enters again keeps the place until its ticket is over; then
    there is a new one, at the end."""
    gone = erasure.forgotten(unit, [command.member for command in commands])
    known = [command for command in commands if command.member not in gone]
    sales = unit.flash_sales.get(sorted({command.sale_id for command in known})) if known else {}
    tickets: dict[Enter, Ticket] = {}
    for sale in sorted(sales.values(), key=lambda sale: sale.id):
        wanting = [command.member for command in known if command.sale_id == sale.id]
        if _refusal(sale, unit.now) is None:
            times = _times(unit, sale, list(dict.fromkeys(wanting)))
            tickets |= {Enter(sale.id, member): Ticket.at(sale.id, member, at) for member, at in times.items()}
    return [
        member_erased(command.member) if command.member in gone else _answer(command, sales, tickets, unit.now)
        for command in commands
    ]


def _refusal(sale: FlashSale, now: datetime) -> Fault | None:
    if not sale.terms.admitted_per_second:
        return errors.no_waiting_room(sale.id)
    state = sale.state(now)
    if state in {FlashSaleState.SCHEDULED, FlashSaleState.OPEN}:
        return None
    return errors.flash_sale_not_open(sale.id, state, start=sale.terms.start_time, end=sale.terms.end_time)


def _times(unit: Work, sale: FlashSale, members: Sequence[UUID]) -> dict[UUID, datetime]:
    """From when on each may buy."""
    following = unit.waiting_rooms.lock(sale.id)
    places = unit.waiting_rooms.places(sale.id, members)
    known = {member: at for member, at in places.items() if not Ticket.at(sale.id, member, at).over(unit.now)}
    fresh = [member for member in members if member not in known]
    if fresh:
        first = max(unit.now, sale.terms.start_time, following or unit.now)
        times, after = admissions(len(fresh), next_time=first, per_second=sale.terms.admitted_per_second)
        given = dict(zip(fresh, times, strict=True))
        unit.waiting_rooms.enter(sale.id, given, next_time=after)
        known |= given
    return known


def _answer(
    command: Enter, sales: Mapping[UUID, FlashSale], tickets: Mapping[Enter, Ticket], now: datetime
) -> Place | Fault:
    sale = sales.get(command.sale_id)
    if sale is None:
        return errors.flash_sale_not_found(command.sale_id)
    ticket = tickets.get(command)
    if ticket is None:
        return _refusal(sale, now) or errors.no_waiting_room(sale.id)
    first = max(now, sale.terms.start_time)
    ahead = max(0, round((ticket.admit_time - first).total_seconds() * sale.terms.admitted_per_second))
    return Place(ticket, ahead, now)
