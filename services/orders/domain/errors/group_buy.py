"""Why group buys and their groups refuse."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kit import names
from kit.errors import Fault, Kind, precondition


def group_buy_not_found(group_buy: UUID) -> Fault:
    """No group buy has this id."""
    name = names.join("groupBuys", group_buy)
    return Fault(Kind.NOT_FOUND, "GROUP_BUY_NOT_FOUND", f"{name} does not exist", metadata={"name": name})


def group_buy_not_open(group_buy: UUID, state: str, *, start: datetime, end: datetime) -> Fault:
    """No group can be opened now."""
    name, from_, to = names.join("groupBuys", group_buy), start.isoformat(), end.isoformat()
    message = f"{name} is {state}: groups are opened from {from_} to {to}"
    return precondition("GROUP_BUY_NOT_OPEN", message, group_buy=name, state=state, start_time=from_, end_time=to)


def group_buy_state_invalid(group_buy: UUID, state: str) -> Fault:
    """The group buy is over and can't be changed."""
    name = names.join("groupBuys", group_buy)
    return precondition("GROUP_BUY_STATE_INVALID", f"{name} is {state}, for good", group_buy=name, state=state)


def group_buy_not_eligible(group_buy: UUID, why: str, what: str) -> Fault:
    """The group buy is for other channels, or for new customers."""
    name = names.join("groupBuys", group_buy)
    return precondition("GROUP_BUY_NOT_ELIGIBLE", f"{name} is not for the {why} {what}", group_buy=name, **{why: what})


def group_buy_limit_reached(group_buy: UUID, *, limit: int) -> Fault:
    """The member has as many seats in the group buy as anybody may have."""
    name = names.join("groupBuys", group_buy)
    return precondition("GROUP_BUY_LIMIT_REACHED", f"a member may have {limit} seats", group_buy=name, limit=str(limit))


def group_not_found(name: str) -> Fault:
    """No group has this name, or its leader has not paid yet."""
    return Fault(Kind.NOT_FOUND, "GROUP_NOT_FOUND", f"{name} does not exist", metadata={"name": name})


def group_not_recruiting(name: str, state: str, deadline: datetime) -> Fault:
    """The group takes nobody any more."""
    message = f"{name} is {state}, its deadline is {deadline.isoformat()}"
    return precondition("GROUP_NOT_RECRUITING", message, group=name, state=state, deadline=deadline.isoformat())


def group_full(name: str, *, free: int) -> Fault:
    """Fewer seats are free than were asked for."""
    return precondition("GROUP_FULL", f"{name} has {free} free seats", group=name, free=str(free))


def group_seat_taken(name: str, order: UUID) -> Fault:
    """The member has a seat in the group."""
    has = names.join("orders", order)
    return precondition("GROUP_SEAT_TAKEN", f"the member has a seat in {name} by {has}", group=name, order=has)


def group_not_succeeded(order: UUID, name: str, state: str) -> Fault:
    """The order can't be carried out: its group has not succeeded."""
    message = f"{names.join('orders', order)} waits until {name} succeeds, which is {state}"
    return precondition("GROUP_NOT_SUCCEEDED", message, order=names.join("orders", order), group=name, state=state)
