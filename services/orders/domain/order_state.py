"""Where an order may stand, and which steps lead where: the whole state machine of an order."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class OrderState(StrEnum):
    """Where an order stands."""

    PENDING_PAYMENT = "PENDING_PAYMENT"
    PAID = "PAID"
    CANCELLED = "CANCELLED"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
    REFUNDED = "REFUNDED"
    COMPLETED = "COMPLETED"


class Step(StrEnum):
    """What can happen to an order."""

    RECEIVE = "RECEIVE"
    PAY = "PAY"
    CANCEL = "CANCEL"
    EXPIRE = "EXPIRE"
    REFUND = "REFUND"
    REIMPORT = "REIMPORT"
    COMPLETE = "COMPLETE"
    REOPEN = "REOPEN"
    POSTPONE = "POSTPONE"
    RETURN_CREDIT = "RETURN_CREDIT"


TRANSITIONS: Mapping[tuple[OrderState, Step], frozenset[OrderState]] = {
    (OrderState.PENDING_PAYMENT, Step.RECEIVE): frozenset({OrderState.PENDING_PAYMENT}),
    (OrderState.PENDING_PAYMENT, Step.POSTPONE): frozenset({OrderState.PENDING_PAYMENT}),
    (OrderState.PENDING_PAYMENT, Step.PAY): frozenset({OrderState.PAID}),
    (OrderState.PENDING_PAYMENT, Step.CANCEL): frozenset({OrderState.CANCELLED}),
    (OrderState.PENDING_PAYMENT, Step.EXPIRE): frozenset({OrderState.CANCELLED}),
    (OrderState.CANCELLED, Step.REOPEN): frozenset({OrderState.PENDING_PAYMENT}),
    (OrderState.PAID, Step.REFUND): frozenset({OrderState.PARTIALLY_REFUNDED, OrderState.REFUNDED}),
    (OrderState.PAID, Step.REIMPORT): frozenset({OrderState.PAID}),
    (OrderState.PAID, Step.COMPLETE): frozenset({OrderState.COMPLETED}),
    (OrderState.PARTIALLY_REFUNDED, Step.COMPLETE): frozenset({OrderState.PARTIALLY_REFUNDED}),
    (OrderState.COMPLETED, Step.REFUND): frozenset({OrderState.PARTIALLY_REFUNDED, OrderState.REFUNDED}),
    (OrderState.PARTIALLY_REFUNDED, Step.REFUND): frozenset({OrderState.PARTIALLY_REFUNDED, OrderState.REFUNDED}),
    (OrderState.PARTIALLY_REFUNDED, Step.RETURN_CREDIT): frozenset({OrderState.PARTIALLY_REFUNDED}),
    (OrderState.REFUNDED, Step.RETURN_CREDIT): frozenset({OrderState.REFUNDED}),
}
"""The state machine: which steps each state allows, and where they may lead. Nothing else happens to an order."""


class CancelReason(StrEnum):
    """Why an order was given up."""

    CUSTOMER = "CUSTOMER"
    MERCHANT = "MERCHANT"
    EXPIRED = "EXPIRED"
