"""What Alipay's documents mean: a trade and a refund, in answers and in notices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.orders.providers.port import Notice, NoticeKind, RefundStanding, Standing, Status
from services.orders.providers.times import from_plain
from services.orders.providers.yuan import from_yuan

Document = Mapping[str, Any]

TRADES = {
    "WAIT_BUYER_PAY": Status.PENDING,
    "TRADE_SUCCESS": Status.SUCCEEDED,
    "TRADE_FINISHED": Status.SUCCEEDED,
    "TRADE_CLOSED": Status.CLOSED,
}


def whole(document: Document) -> Document:
    """A document that needs no reading."""
    return document


def trade(document: Document) -> Standing:
    """An answer about a trade. Raises KeyError, ValueError or TypeError if it is not one."""
    return _standing(document, paid_at=document.get("send_pay_date"), merchant="")


def refund(document: Document) -> RefundStanding:
    """An answer about a refund; Alipay answers without a state when it knows of none, and never "pending"."""
    reference = _text(document["out_request_no"])
    if document.get("refund_status") != "REFUND_SUCCESS":
        return RefundStanding(reference, Status.NOT_FOUND)
    paid = document.get("gmt_refund_pay")
    return RefundStanding(
        reference,
        Status.SUCCEEDED,
        _text(document["trade_no"]),
        from_yuan(_text(document["refund_amount"])),
        from_plain(_text(paid)) if paid else None,
    )


def notice(form: Mapping[str, str]) -> Notice:
    """A notice about a trade, or about a refund of one: those say `out_biz_no`. Raises as `trade` does."""
    identity, merchant = form["notify_id"], form["seller_id"]
    if not identity:
        raise ValueError("a notice without an id")
    if form.get("out_biz_no") and form.get("gmt_refund"):
        # `refund_fee` is the sum of all refunds of the trade, so the amount of this one is not told.
        given = RefundStanding(
            form["out_biz_no"], Status.SUCCEEDED, form["trade_no"], None, _refund_time(form["gmt_refund"])
        )
        return Notice(identity, NoticeKind.REFUND, given, merchant)
    standing = _standing(form, paid_at=form.get("gmt_payment"), merchant=merchant)
    return Notice(identity, NoticeKind.PAYMENT, standing, merchant)


def _standing(document: Document, *, paid_at: object, merchant: str) -> Standing:
    status = TRADES[document["trade_status"]]
    if status is Status.CLOSED and paid_at:
        status = Status.SUCCEEDED  # closed because all of it was given back
    paid = status is Status.SUCCEEDED
    return Standing(
        reference=_text(document["out_trade_no"]),
        status=status,
        transaction=_text(document["trade_no"]),
        amount=from_yuan(_text(document["total_amount"])) if paid else None,
        merchant=merchant,
        pay_time=from_plain(_text(paid_at)) if paid else None,
    )


def _refund_time(text: str) -> Any:
    return from_plain(text.partition(".")[0])  # a notice has milliseconds here, and only here


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text was expected")
    return value
