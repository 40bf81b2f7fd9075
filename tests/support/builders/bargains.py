"""Bargains for tests: sensible as they are, and each detail can be said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from kit.money import Money
from kit.names import new_id
from services.orders.domain.bargain import HOLD, Bargain
from services.orders.usecases.bargain import CreateBargain
from tests.support.builders.orders import NOW

HOUR = timedelta(hours=1)


def a_creation(product: UUID, *, price: int = 1000, floor: int = 100, helpers: int = 5) -> CreateBargain:
    """The command to make a bargain that is open at NOW; haggles last two hours."""
    return CreateBargain(
        bargain_id=new_id(),
        product=product,
        display_name="Help me",
        price=Money(price, "CNY"),
        floor=Money(floor, "CNY"),
        helpers=helpers,
        start_time=NOW - HOUR,
        end_time=NOW + HOUR,
        duration=2 * HOUR,
        hold=HOLD,
    )


def a_bargain(*, price: int = 1000, floor: int = 100, helpers: int = 5, **others: Any) -> Bargain:
    """A bargain that nobody stored."""
    values = {
        "id": new_id(),
        "product": new_id(),
        "display_name": "",
        "price": Money(price, "CNY"),
        "floor": floor,
        "helpers": helpers,
        "start_time": NOW,
        "end_time": NOW + HOUR,
        "duration": 2 * HOUR,
        "hold": HOLD,
        "cancel_time": None,
        "version": 1,
        "create_time": NOW,
        "update_time": NOW,
    }
    return Bargain(**{**values, **others})
