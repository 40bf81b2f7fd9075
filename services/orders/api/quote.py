"""Quotes between the wire and the domain."""

from __future__ import annotations

from google.type.money_pb2 import Money as WireMoney
from kehu.orders.v1 import orders_pb2 as pb

from kit import names
from kit.money import Money
from kit.rpc import convert
from services.orders.domain.line import Item
from services.orders.domain.quote import Quote


def quote(found: Quote) -> pb.QuoteOrderResponse:
    """Write a quote."""
    subtotal = sum(item.unit_price * item.quantity for item in found.items)
    discount = sum(item.discount for item in found.items)

    def money(minor: int) -> WireMoney:
        return convert.wire_money(Money(minor, found.currency))

    def line(position: int, item: Item) -> pb.OrderLine:
        return pb.OrderLine(
            position=position,
            product=names.join("products", item.product) if item.product else "",
            sku=item.sku,
            title=item.title,
            quantity=item.quantity,
            unit_price=money(item.unit_price),
            discount=money(item.discount),
            amount=money(item.amount),
            category=item.category,
            tax=money(item.tax),
            added_tax=money(item.added_tax),
        )

    return pb.QuoteOrderResponse(
        lines=[line(position, item) for position, item in enumerate(found.items, 1)],
        subtotal=money(subtotal),
        discount=money(discount),
        total=money(sum(item.amount for item in found.items) + found.freight),
        coupons=[
            pb.QuotedCoupon(coupon=each.coupon, accepted=each.accepted, reason=each.reason) for each in found.decisions
        ],
        freight=money(found.freight),
        freight_tax=money(found.freight_tax),
        tax=money(sum(item.tax for item in found.items) + found.freight_tax),
        added_tax=money(sum(item.added_tax for item in found.items)),
    )
