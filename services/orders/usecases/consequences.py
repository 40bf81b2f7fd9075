"""What becomes of the activity that an order belongs to, when something becomes of the order: in the same transaction.

The use-cases of orders call these with the orders that changed, right before they lock stock: orders first, then their
activities, then stock. Each answers what moves in stock beside.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from kit.errors import Fault
from services.orders.domain.order import Order
from services.orders.domain.order_state import OrderState
from services.orders.domain.stock import Movement
from services.orders.usecases import flash_sale_units, group_seats, haggling, presale_parts
from services.orders.usecases.flash_sale_units import FlashSaleUnits

_FLASH_SALES = "flashSales/"
_GROUPS = "groupBuys/"
_HAGGLES = "bargains/"
_PRESALES = "presales/"


class Work(group_seats.Work, haggling.Work, presale_parts.Work, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def flash_sale_units(self) -> FlashSaleUnits:
        """The units of flash sales."""


def received(unit: Work, changes: Sequence[tuple[Order, Order]]) -> None:
    """Money came in for orders, told as (before, after); it may be their deposits."""
    deposited = [
        after.id
        for before, after in changes
        if after.instalments is not None and after.deposited and not before.deposited
    ]
    if deposited:
        presale_parts.receive_deposits(unit, deposited)


def paid(unit: Work, orders: Sequence[Order]) -> list[Movement]:
    """The orders are paid in full."""
    flash = _of(orders, _FLASH_SALES)
    if flash:
        unit.flash_sale_units.pay(flash)
    grouped = _of(orders, _GROUPS)
    if grouped:
        group_seats.pay(unit, grouped)
    haggled = [order for order in orders if order.activity.startswith(_HAGGLES)]
    if haggled:
        haggling.pay(unit, haggled)
    presold = _of(orders, _PRESALES)
    if presold:
        presale_parts.pay(unit, presold)
    return []


def cancelled(unit: Work, orders: Sequence[Order]) -> list[Movement]:
    """The orders were given up before they were paid, or nobody paid them in time."""
    grouped = _of(orders, _GROUPS)
    if grouped:
        group_seats.release(unit, grouped)
    haggled = [order for order in orders if order.activity.startswith(_HAGGLES)]
    if haggled:
        haggling.release(unit, haggled)
    presold = [order for order in orders if order.activity.startswith(_PRESALES)]
    if presold:
        presale_parts.release(unit, presold)
    flash = _of(orders, _FLASH_SALES)
    return flash_sale_units.released(unit.flash_sale_units, flash) if flash else []


def refunded(unit: Work, orders: Sequence[Order], *, back: Sequence[Movement] = ()) -> list[Movement]:
    """Units of the orders were given back, and these goods come `back` with it; only orders that are refunded in full
    lead to anything."""
    whole = [order for order in orders if order.state is OrderState.REFUNDED]
    grouped = _of(whole, _GROUPS)
    if grouped:
        group_seats.leave(unit, grouped)
    flash = _of([order for order in whole if order.complete_time is None], _FLASH_SALES)
    return flash_sale_units.resold(unit.flash_sale_units, flash, back) if flash else []


def blocked(unit: group_seats.Work, orders: Sequence[Order]) -> dict[UUID, Fault]:
    """Which of the orders must not be carried out (shipped, handed over, told to other channels) for now, and why: the
    group of a group buy has to succeed first. Nothing is locked: what is not blocked now never is again."""
    grouped = _of(orders, _GROUPS)
    return group_seats.blocked(unit, grouped) if grouped else {}


def _of(orders: Sequence[Order], kind: str) -> list[UUID]:
    return [order.id for order in orders if order.activity.startswith(kind)]
