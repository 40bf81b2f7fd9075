"""What WeChat Pay's documents mean: a trade and a refund, the same in answers and in notices."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kit.money import LIMIT, Money
from services.orders.providers.port import RefundStanding, Standing, Status
from services.orders.providers.times import from_rfc3339
from services.orders.providers.yuan import CURRENCY

Document = Mapping[str, Any]

TRADES = {
    "SUCCESS": Status.SUCCEEDED,
    "REFUND": Status.SUCCEEDED,
    "NOTPAY": Status.PENDING,
    "USERPAYING": Status.PENDING,
    "ACCEPT": Status.PENDING,
    "CLOSED": Status.CLOSED,
    "REVOKED": Status.CLOSED,
    "PAYERROR": Status.FAILED,
}
REFUNDS = {
    "SUCCESS": Status.SUCCEEDED,
    "PROCESSING": Status.PENDING,
    "CLOSED": Status.CLOSED,
    "ABNORMAL": Status.FAILED,
}


def whole(document: Document) -> Document:
    """A document that needs no reading."""
    return document


def trade(document: Document) -> Standing:
    """A trade. Raises KeyError, ValueError or TypeError if it is not one."""
    status = TRADES[document["trade_state"]]
    paid = status is Status.SUCCEEDED
    return Standing(
        reference=_text(document["out_trade_no"]),
        status=status,
        transaction=_text(document["transaction_id"] if paid else document.get("transaction_id", "")),
        amount=_amount(document["amount"], "total") if paid else None,
        merchant=_text(document["mchid"]),
        pay_time=_time(document["success_time"]) if paid else None,
    )


def refund(document: Document) -> RefundStanding:
    """A refund: an answer names its state `status`, a notice `refund_status`. Raises as `trade` does."""
    status = REFUNDS[document["refund_status"] if "refund_status" in document else document["status"]]
    return RefundStanding(
        reference=_text(document["out_refund_no"]),
        status=status,
        transaction=_text(document["refund_id"]),
        amount=_amount(document["amount"], "refund"),
        time=_time(document["success_time"]) if document.get("success_time") else None,
    )


def _amount(amount: Document, part: str) -> Money:
    minor = amount[part]
    if type(minor) is not int or not 0 <= minor < LIMIT:
        raise ValueError("an amount is a whole number of minor units")
    return Money(minor, _text(amount.get("currency", CURRENCY)))


def _time(value: object) -> datetime:
    return from_rfc3339(_text(value))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text was expected")
    return value
