"""Prices, on the wire and inside."""

from __future__ import annotations

from kehu.campaigns.v1 import errors_pb2
from kehu.campaigns.v1 import prices_pb2 as pb

from kit import names
from kit.errors import invalid
from kit.money import Money, currency_of
from kit.rpc.convert import money, wire_duration, wire_money
from services.campaigns.api.coupon import coupon_ids
from services.campaigns.domain.pricing import NO_DISCOUNT_FOR, Decision, Line, Price
from services.campaigns.usecases.pricing import Order


def order(request: pb.PriceOrderRequest) -> Order:
    """Read what is to be priced."""
    return Order(
        member=names.id_of("members", request.member, field="member") if request.member else None,
        currency=currency_of(request.currency_code),
        lines=[_line(index, wire, request.currency_code) for index, wire in enumerate(request.lines)],
        coupons=frozenset(coupon_ids(request.coupons)),
        order=names.id_of("orders", request.order, field="order") if request.order else None,
    )


def render(price: Price) -> pb.PriceOrderResponse:
    """Write a price."""
    return pb.PriceOrderResponse(
        no_discount_for=wire_duration(NO_DISCOUNT_FOR),
        lines=[
            _priced(line, discount, price.currency) for line, discount in zip(price.lines, price.discounts, strict=True)
        ],
        subtotal=wire_money(Money(price.subtotal, price.currency)),
        discount=wire_money(Money(price.discount, price.currency)),
        total=wire_money(Money(price.subtotal - price.discount, price.currency)),
        coupon_decisions=[_decision(decision, price.currency) for decision in price.decisions],
    )


def _line(index: int, wire: pb.PriceLine, currency: str) -> Line:
    unit_price = money(wire.unit_price, field=f"lines[{index}].unit_price")
    if unit_price.currency != currency:
        raise invalid(f"lines[{index}].unit_price.currency_code", f"must be {currency}, the currency of the order")
    return Line(wire.product, wire.quantity, unit_price.minor)


def _priced(line: Line, discount: int, currency: str) -> pb.PricedLine:
    return pb.PricedLine(
        product=line.product,
        quantity=line.quantity,
        unit_price=wire_money(Money(line.unit_price, currency)),
        discount=wire_money(Money(discount, currency)),
        amount=wire_money(Money(line.gross - discount, currency)),
    )


def _decision(decision: Decision, currency: str) -> pb.CouponDecision:
    refusal = decision.refusal
    reason = "UNSPECIFIED" if refusal is None else refusal.reason
    return pb.CouponDecision(
        coupon=names.join("coupons", decision.coupon),
        accepted=refusal is None,
        reason=errors_pb2.ErrorReason.Value(f"ERROR_REASON_{reason}"),
        discount=wire_money(Money(decision.discount, currency)),
    )
