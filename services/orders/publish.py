"""Facts of orders as the events that go out: proto JSON of the messages in `kehu/orders/v1/events.proto`.

The JSON is written directly, which is several times as fast as building the messages first (imports publish thousands a
second); a test holds it against the messages.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from kit.money import Money
from kit.names import join
from kit.outbox import Event
from services.orders.domain.events import OrderCancelled, OrderPaid, OrderPlaced, OrderRefunded
from services.orders.domain.line import OrderLine
from services.orders.domain.order import Order

Body = dict[str, object]

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def to_event(fact: object) -> Event:
    """The event that tells a fact."""
    body = cast("Callable[[Any], Body]", _BODIES[type(fact)])(fact)
    order = cast("OrderPlaced | OrderPaid | OrderCancelled | OrderRefunded", fact).order
    name = type(fact).__name__
    # Proto JSON leaves out what has no value; none of these fields knows the difference.
    payload = _encode({key: value for key, value in body.items() if value})
    return Event(name, f"kehu.orders.v1.{name}", join("orders", order.id), order.version, payload)


def _placed(fact: OrderPlaced) -> Body:
    order = fact.order
    return {
        "order": join("orders", order.id),
        "member": _member(order),
        "account": join("accounts", order.buyer.account) if order.buyer.account else "",
        "opportunity": join("opportunities", order.buyer.opportunity) if order.buyer.opportunity else "",
        "total": _money(order.money(order.total)),
        "placeTime": _instant(order.place_time),
        "expireTime": _instant(order.expire_time),
    }


def _paid(fact: OrderPaid) -> Body:
    order = fact.order
    return {
        "order": join("orders", order.id),
        "member": _member(order),
        "channel": order.channel,
        "netTotal": _money(order.money(order.net_total)),
        "payTime": _instant(order.pay_time),
        "lines": [_line(order, line) for line in order.lines],
        "hold": order.hold,
        "coupons": list(order.coupons),
        "imported": order.imported,
    }


def _cancelled(fact: OrderCancelled) -> Body:
    order = fact.order
    return {
        "order": join("orders", order.id),
        "member": _member(order),
        "hold": order.hold,
        "coupons": list(order.coupons),
        "cancelTime": _instant(order.cancel_time),
        "reason": order.cancel_reason.value.lower() if order.cancel_reason else "",
    }


def _refunded(fact: OrderRefunded) -> Body:
    order, refund = fact.order, fact.refund
    return {
        "order": join("orders", order.id),
        "refund": join("orders", order.id, "refunds", refund.id),
        "member": _member(order),
        "channel": order.channel,
        "amount": _money(refund.amount),
        "netTotal": _money(order.money(order.net_total)),
        "payTime": _instant(order.pay_time),
        "refundTime": _instant(refund.refund_time),
        "hold": order.hold,
        "points": str(order.refunded_points) if order.refunded_points else "",
    }


_BODIES: dict[type, object] = {
    OrderPlaced: _placed,
    OrderPaid: _paid,
    OrderCancelled: _cancelled,
    OrderRefunded: _refunded,
}


def _member(order: Order) -> str:
    return join("members", order.buyer.member) if order.buyer.member else ""


def _line(order: Order, line: OrderLine) -> Body:
    body: Body = {"quantity": str(line.quantity), "amount": _money(order.money(line.amount))}
    return {"product": join("products", line.product), **body} if line.product else body


def _money(amount: Money) -> Body:
    units, nanos = amount.to_wire()
    body: Body = {"currencyCode": amount.currency}
    if units:
        body["units"] = str(units)
    if nanos:
        body["nanos"] = nanos
    return body


def _instant(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}" if moment else ""
