"""The seats of groups after an order took them: paid, given up, refunded. The caller has locked the orders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.errors import Fault
from services.orders.domain.errors import group_buy as errors
from services.orders.domain.events import GroupExpired, GroupSucceeded
from services.orders.domain.group import Group, GroupState, Seat, SeatState


class Groups(Protocol):
    """The stored groups and their seats."""

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Group]:
        """Those of the groups that exist."""

    def lock(self, ids: Iterable[UUID]) -> dict[UUID, Group]:
        """As `get`; nobody else changes them, or their seats, until the transaction ends."""

    def save(self, groups: Sequence[Group]) -> None:
        """Store locked groups."""

    def seats(self, orders: Sequence[UUID]) -> dict[UUID, Seat]:
        """The seats of orders, by order."""

    def save_seats(self, seats: Sequence[Seat]) -> None:
        """Store changed seats."""

    def drop(self, orders: Sequence[UUID]) -> None:
        """The seats of orders are no more."""


class Work(Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def groups(self) -> Groups:
        """The stored groups."""

    def emit(self, facts: Iterable[object]) -> None:
        """Publish facts with the transaction."""


def pay(unit: Work, orders: Sequence[UUID]) -> None:
    """The held seats of orders are paid: in time, or too late, and then the money goes back by itself."""
    seats, before = _locked(unit, orders)
    after, paid = dict(before), list[Seat]()
    for seat in seats.values():
        if seat.state is SeatState.HELD:
            after[seat.group], state = after[seat.group].pay(unit.now)
            paid.append(replace(seat, state=state))
    unit.groups.save_seats(paid)
    save(unit, before, after)


def release(unit: Work, orders: Sequence[UUID]) -> None:
    """The held seats of orders are free again."""
    seats, before = _locked(unit, orders)
    after = dict(before)
    held = [seat for seat in seats.values() if seat.state is SeatState.HELD]
    for seat in held:
        after[seat.group] = after[seat.group].release(unit.now)
    unit.groups.drop([seat.order for seat in held])
    save(unit, before, after)


def leave(unit: Work, orders: Sequence[UUID]) -> None:
    """The orders of paid seats were refunded whole."""
    seats, before = _locked(unit, orders)
    after, left = dict(before), list[Seat]()
    for seat in seats.values():
        if seat.state in {SeatState.PAID, SeatState.LATE}:
            after[seat.group] = after[seat.group].leave(seat.state, unit.now)
            left.append(replace(seat, state=SeatState.REFUNDED))
    unit.groups.save_seats(left)
    save(unit, before, after)


def blocked(unit: Work, orders: Sequence[UUID]) -> dict[UUID, Fault]:
    """Which of the orders can't be carried out, and why: their groups have not succeeded, or did so without them."""
    seats = unit.groups.seats(orders)
    groups = unit.groups.get(sorted({seat.group for seat in seats.values()}))
    waiting: dict[UUID, Fault] = {}
    for order, seat in seats.items():
        group = groups[seat.group]
        if group.state is not GroupState.SUCCEEDED or seat.state in {SeatState.HELD, SeatState.LATE}:
            waiting[order] = errors.group_not_succeeded(order, group.name, group.state)
    return waiting


def save(unit: Work, before: Mapping[UUID, Group], after: Mapping[UUID, Group]) -> None:
    """Store locked groups, and tell those that are decided now."""
    changed = [group for group in after.values() if group != before[group.id]]
    if not changed:
        return
    unit.groups.save(changed)
    unit.emit(
        GroupSucceeded(group) if group.state is GroupState.SUCCEEDED else GroupExpired(group)
        for group in changed
        if before[group.id].undecided and not group.undecided
    )


def _locked(unit: Work, orders: Sequence[UUID]) -> tuple[dict[UUID, Seat], dict[UUID, Group]]:
    seats = unit.groups.seats(orders)
    return seats, unit.groups.lock({seat.group for seat in seats.values()})
