"""Purchases, their payments and refunds, as tests make and read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import text

from kit.db import Database
from kit.errors import Fault
from kit.money import Money
from kit.names import new_id
from services.orders.domain.order import Order
from services.orders.domain.payment import Payment, Tender
from services.orders.domain.refund import (
    Claim,
    ClaimLine,
    Refund,
)
from services.orders.domain.stock import Place
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.payment import ReceivePayment
from services.orders.usecases.refund import DecideRefund, RefundOrder
from tests.support.builders.orders import NOW

LIMITS = {"CNY": 1000}


def a_part(order: Order, minor: int, tender: Tender = Tender.MANUAL, reference: str = "") -> ReceivePayment:
    """A payment of a part of an order."""
    return ReceivePayment(order.id, Payment(tender, Money(minor, "CNY"), reference or str(new_id()), NOW))


def refunding(order: Order, *lines: ClaimLine, freight: int = 0, **fields: object) -> RefundOrder:
    """To refund lines of an order, or all of it."""
    claim = Claim(lines, freight) if lines or freight else None
    whole = RefundOrder(new_id(), order.id, claim, "", "", None, by="users/ann", limits=LIMITS)
    return replace(whole, **fields)  # type: ignore[arg-type]


def deciding(refund: Refund, by: str = "users/bob") -> DecideRefund:
    """To approve a refund."""
    return DecideRefund(refund.order, refund.id, by, "seen", None)


def stored(database: Database[OrdersUnit], order: Order) -> Order:
    """The order as it is stored."""
    return database.read(lambda unit: unit.orders.get([order.id]))[order.id]


def on_hand(database: Database[OrdersUnit], product: UUID) -> tuple[int, int]:
    """The units of a product that are there, and those reserved."""
    found = database.read(lambda unit: unit.stocks.get(Place(product)))
    assert found is not None
    return found.on_hand, found.reserved


def told(database: Database[OrdersUnit], kind: str) -> int:
    """How many events of a kind were published."""
    count = "select count(*) from outbox where type = :kind"
    return int(database.read(lambda unit: unit.connection.scalar(text(count), {"kind": kind})))


def refusal(call: Callable[[], object]) -> str:
    """Why something is refused."""
    with pytest.raises(Fault) as caught:
        call()
    return caught.value.reason
