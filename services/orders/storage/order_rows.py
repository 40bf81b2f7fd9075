"""Orders with their lines and payments: domain to columns, and rows to domain."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from kit.money import Money
from services.orders.domain.allocation import NOTHING, Part, Share
from services.orders.domain.line import OrderLine
from services.orders.domain.order import Order
from services.orders.domain.order_content import Buyer
from services.orders.domain.order_state import CancelReason, OrderState
from services.orders.domain.payment import Payment, Tender
from services.orders.domain.product import Component
from services.orders.storage.snapshots import (
    delivery_of,
    delivery_text,
    instalments_of,
    instalments_text,
    taxation_of,
    taxation_text,
)


def condition(changes: Sequence[tuple[Order, Order]]) -> dict[str, object]:
    """Which rows change, the state and version they must have, and the version they get."""
    return {
        "ids": [new.id for _, new in changes],
        "states_before": [old.state.value for old, _ in changes],
        "versions_before": [old.version for old, _ in changes],
        "versions": [new.version for _, new in changes],
        "update_times": [new.update_time for _, new in changes],
    }


def order_columns(added: Sequence[Order]) -> dict[str, object]:
    """The columns of new orders."""
    return {
        "ids": [order.id for order in added],
        "states": [order.state.value for order in added],
        "members": [order.buyer.member for order in added],
        "accounts": [order.buyer.account for order in added],
        "opportunities": [order.buyer.opportunity for order in added],
        "channels": [order.channel for order in added],
        "external_ids": [order.external_id or None for order in added],
        "currencies": [order.currency for order in added],
        "totals": [order.total for order in added],
        "coupons": [json.dumps(order.coupons) if order.coupons else "[]" for order in added],
        "holds": [order.hold for order in added],
        "points": [order.points for order in added],
        "points_values": [order.points_value for order in added],
        "backordered": [order.backordered for order in added],
        "imported": [order.imported for order in added],
        "fingerprints": [order.fingerprint for order in added],
        "place_times": [order.place_time for order in added],
        "expire_times": [order.expire_time for order in added],
        "pay_times": [order.pay_time for order in added],
        "versions": [order.version for order in added],
        "update_times": [order.update_time for order in added],
        "stores": [order.store for order in added],
        "freights": [order.freight for order in added],
        "freight_taxes": [order.freight_tax for order in added],
        "activities": [order.activity for order in added],
        "refund_policies": [",".join(order.refund_policy) for order in added],
        "deliveries": [delivery_text(order.delivery) for order in added],
        "taxations": [taxation_text(order.taxation) for order in added],
        "locations": [order.location for order in added],
        "awaiting": [order.awaiting for order in added],
        "instalments": [instalments_text(order.instalments) for order in added],
        "orgs": [order.org for order in added],
    }


def line_columns(added: Sequence[Order]) -> dict[str, object]:
    """The columns of new orders' lines."""
    owners = [order for order in added for _ in order.lines]
    lines = [(order.id, line) for order in added for line in order.lines]
    return {
        "line_orders": [order_id for order_id, _ in lines],
        "line_times": [order.place_time for order in owners],
        "positions": [line.position for _, line in lines],
        "products": [line.product for _, line in lines],
        "skus": [line.sku for _, line in lines],
        "titles": [line.title for _, line in lines],
        "quantities": [line.quantity for _, line in lines],
        "unit_prices": [line.unit_price for _, line in lines],
        "amounts": [line.amount for _, line in lines],
        "shares": [shares_json(line.shares) for _, line in lines],
        "categories": [line.category for _, line in lines],
        "taxes": [line.tax for _, line in lines],
        "added_taxes": [line.added_tax for _, line in lines],
        "components": [_components_json(line.components) for _, line in lines],
    }


def payment_columns(paid: Sequence[tuple[Order, int]]) -> dict[str, object]:
    """The payments of orders that come after so many that are stored already."""
    payments = [
        (order.id, position, each)
        for order, known in paid
        for position, each in enumerate(order.payments[known:], known + 1)
    ]
    return {
        "payment_orders": [order_id for order_id, _, _ in payments],
        "payment_positions": [position for _, position, _ in payments],
        "tenders": [payment.tender.value for _, _, payment in payments],
        "paid": [payment.amount.minor for _, _, payment in payments],
        "references": [payment.reference for _, _, payment in payments],
        "paid_times": [payment.pay_time for _, _, payment in payments],
    }


def shares_json(shares: Sequence[Share]) -> str:
    """What each unit costs, as it is stored: [[units, amount, points_value, points], ...]."""
    runs = (f"[{share.units},{share.amount},{share.points_value},{share.points}]" for share in shares)
    return f"[{','.join(runs)}]"


def _components_json(components: Sequence[Component]) -> str:
    return json.dumps([[str(part.product), part.quantity] for part in components])


def order(row: Row[*tuple[Any, ...]]) -> Order:
    """The order that a row with its lines and payments tells of."""
    lines = tuple(_line(*line) for line in json.loads(row.lines))
    return Order(
        id=row.id,
        counter=row.counter,
        state=OrderState(row.state),
        buyer=Buyer(row.member_id, row.account_id, row.opportunity_id),
        channel=row.channel,
        external_id=row.external_id or "",
        currency=row.currency,
        lines=lines,
        coupons=tuple(row.coupons),
        hold=row.hold,
        points=row.points,
        points_value=row.points_value,
        payments=tuple(_payment(row, lines, *payment) for payment in json.loads(row.payments)) if row.payments else (),
        refunded=row.refunded,
        refunded_points=row.refunded_points,
        backordered=row.backordered,
        imported=row.imported,
        fingerprint=bytes(row.fingerprint),
        place_time=row.place_time,
        expire_time=row.expire_time,
        pay_time=row.pay_time,
        cancel_time=row.cancel_time,
        cancel_reason=CancelReason(row.cancel_reason) if row.cancel_reason else None,
        version=row.version,
        update_time=row.update_time,
        complete_time=row.complete_time,
        store=row.store,
        freight=row.freight,
        freight_tax=row.freight_tax,
        refunded_freight=Part(row.refunded_freight, row.refunded_freight_value, row.refunded_freight_points),
        activity=row.activity,
        refund_policy=tuple(Tender(name) for name in row.refund_policy.split(",")) if row.refund_policy else (),
        delivery=delivery_of(row.delivery),
        taxation=taxation_of(row.taxation),
        location=row.location,
        awaiting=row.awaiting,
        instalments=instalments_of(row.instalments),
        org=row.org,
    )


def _line(
    position: int,
    product: str | None,
    sku: str,
    title: str,
    quantity: int,
    unit_price: int | None,
    amount: int,
    shares: list[list[int]],
    refunded: int,
    category: str,
    tax: int,
    added_tax: int,
    ahead: int,
    ahead_value: int,
    ahead_points: int,
    components: list[list[Any]],
) -> OrderLine:
    return OrderLine(
        position=position,
        product=UUID(product) if product else None,
        sku=sku,
        title=title,
        quantity=quantity,
        unit_price=unit_price,
        amount=amount,
        shares=tuple(Share(*share) for share in shares),
        refunded_quantity=refunded,
        category=category,
        tax=tax,
        added_tax=added_tax,
        ahead=Part(ahead, ahead_value, ahead_points) if ahead or ahead_value or ahead_points else NOTHING,
        components=tuple(Component(UUID(part), units) for part, units in components),
    )


def _payment(
    row: Row[*tuple[Any, ...]],
    lines: Sequence[OrderLine],
    name: str,
    amount: int,
    reference: str,
    pay_time: str,
    refunded: int | None,
) -> Payment:
    tender = Tender(name)
    if refunded is None:  # of before payments told it: there was one for money, and perhaps one for points
        left = sum(line.left.points_value for line in lines)
        refunded = amount - left if tender is Tender.POINTS else row.refunded
    return Payment(tender, Money(amount, row.currency), reference, datetime.fromisoformat(pay_time), refunded)
