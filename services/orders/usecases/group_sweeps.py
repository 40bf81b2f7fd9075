"""Groups by the clock: decided at their deadline, and what their end leads to. Set-oriented, and safe in any number of
workers.

Deciding locks groups alone. Whatever follows begins with the orders, as everywhere: a decided group waits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.orders.domain.group import Group, OpenEnd, SeatState
from services.orders.domain.order import Order
from services.orders.domain.order_state import CancelReason, OrderState
from services.orders.domain.refund import Claim, ClaimLine
from services.orders.domain.tax import Rounding
from services.orders.usecases import group_seats, refund, refund_ports
from services.orders.usecases import order as orders

EXPIRED = "GROUP_EXPIRED"
"""Why the order of a member whose group did not come about is refunded."""

CHEAPER = "GROUP_PRICE"
"""Why a member of a ladder gets the difference to the final price back."""


class Groups(group_seats.Groups, Protocol):
    """The stored groups and their seats."""

    def due(self, now: datetime, limit: int) -> list[Group]:
        """Undecided groups whose deadline is over; locked, those that others lock are passed over."""

    def open_ends(self, limit: int) -> list[OpenEnd]:
        """Seats of decided groups that something is still to be done for."""

    def finished(self, limit: int) -> list[Group]:
        """Groups whose end leads to nothing any more, and that don't know it yet; locked, as `due`."""


class Work(orders.Work, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def refunds(self) -> refund_ports.Refunds:
        """The stored refunds."""

    @property
    def groups(self) -> Groups:
        """The stored groups."""


def expire_groups(unit: Work, limit: int) -> int:
    """Decide up to `limit` groups whose deadline is over; answers how many."""
    due = unit.groups.due(unit.now, limit)
    _save(unit, due, [group.after_deadline(unit.now) for group in due])
    return len(due)


def settle_groups(unit: Work, limit: int) -> int:
    """Do what the end of groups leads to, for up to `limit` seats: unpaid orders are given up, paid ones refunded
    whole, and of a ladder that succeeded the difference to the final price. Answers for how many."""
    ends = {each.order: each for each in unit.groups.open_ends(limit)}
    if not ends:
        return 0
    locked = unit.orders.lock(sorted(ends))
    paid = [order for order in locked.values() if order.pay_time and order.state is not OrderState.REFUNDED]
    unpaid = [order for order in locked.values() if order.state is OrderState.PENDING_PAYMENT]
    seats = unit.groups.seats([order.id for order in paid])
    whole = [order for order in paid if ends[order.id].whole or seats[order.id].state is SeatState.LATE]
    # Another worker may have been faster: what was seen before the orders were locked is not what is left to do.
    settled = [order for order in paid if order not in whole and not seats[order.id].settled]
    claims = [(order, claim) for order in settled if (claim := _difference(order, ends)) is not None]
    if unpaid:
        orders.give_up(unit, unpaid, CancelReason.EXPIRED)
    if whole:
        refund.refund_rest(unit, whole, reason=EXPIRED, restock=True)
    if claims:
        refund.refund_claims(unit, claims, reason=CHEAPER, restock=False)
    _settle(unit, [order.id for order in settled])
    return len(ends)


def finish_groups(unit: Work, limit: int) -> int:
    """Close up to `limit` groups whose end leads to nothing any more; answers how many."""
    finished = unit.groups.finished(limit)
    _save(unit, finished, [group.finish(unit.now) for group in finished])
    return len(finished)


def _difference(order: Order, ends: Mapping[UUID, OpenEnd]) -> Claim | None:
    line = order.lines[0]
    rounding = order.taxation.rounding if order.taxation else Rounding.HALF_UP
    amount = min(line.with_tax(ends[order.id].difference, rounding), line.left.amount)
    return Claim((ClaimLine(line.position, amount=amount),), currency=order.currency) if amount else None


def _settle(unit: Work, settled: Sequence[UUID]) -> None:
    if settled:
        seats = unit.groups.seats(settled).values()
        unit.groups.save_seats([replace(seat, settled=True) for seat in seats])


def _save(unit: Work, before: Sequence[Group], after: Sequence[Group]) -> None:
    if before:
        group_seats.save(unit, {group.id: group for group in before}, {group.id: group for group in after})
