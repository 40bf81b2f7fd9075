"""Facts of orders as the events that go out: proto JSON of the messages in `kehu/orders/v1/events.proto`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from kit.money import Money
from kit.names import join
from kit.outbox import Event
from kit.wire import instant, money
from services.orders.domain.cart import Cart
from services.orders.domain.events import (
    CartAbandoned,
    Fact,
    GroupExpired,
    GroupSucceeded,
    OrderCancelled,
    OrderCompleted,
    OrderDelivered,
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
    OrderShipped,
    PresaleBalanceClosing,
    PresaleBalanceOpened,
    PresaleDepositPaid,
    PriceChanged,
    ProductChanged,
)
from services.orders.domain.line import OrderLine
from services.orders.domain.order import Order
from services.orders.domain.order_state import OrderState
from services.orders.domain.payment import Payment
from services.orders.domain.product import Product
from services.orders.domain.stock import StockLow, StockReplenished

Body = dict[str, object]


def to_event(fact: object) -> Event:
    """The event that tells a fact."""
    if (body := _BODIES.get(type(fact))) is None:  # what happens to orders first: it is nearly all that is published
        return _other(fact)
    order = cast("Fact", fact).order
    event = cast("Callable[[Any], Body]", body)(fact)
    return Event.of(f"kehu.orders.v1.{type(fact).__name__}", join("orders", order.id), order.version, event)


def _other(fact: object) -> Event:
    if isinstance(fact, ProductChanged):
        return _product_changed(fact.product)
    if isinstance(fact, PriceChanged):
        return _price_changed(fact)
    if isinstance(fact, CartAbandoned):
        return _cart_abandoned(fact.cart)
    if isinstance(fact, StockLow | StockReplenished):
        return _stock_crossed(fact)
    if isinstance(fact, GroupSucceeded | GroupExpired):
        return _group_decided(fact)
    if isinstance(fact, PresaleDepositPaid | PresaleBalanceOpened | PresaleBalanceClosing):
        return _presale_order(fact)
    if isinstance(fact, OrderShipped | OrderDelivered):
        return _shipment(fact)
    raise TypeError(f"{type(fact).__name__} is not published")


def _cart_abandoned(cart: Cart) -> Event:
    name = join("carts", cart.id)
    body: Body = {
        "cart": name,
        "member": join("members", cart.member) if cart.member else "",
        "channel": cart.channel,
        "lines": [
            {
                "product": join("products", line.product),
                "quantity": str(line.quantity),
                **({"seenUnitPrice": money(line.seen)} if line.seen else {}),
            }
            for line in cart.active
        ],
        "touchTime": instant(cart.touch_time),
        "abandonTime": instant(cart.abandon_time),
    }
    # A cart's version only counts what would be ordered; each time that it is abandoned is later than the one before.
    version = int(cart.abandon_time.timestamp() * 1000) if cart.abandon_time else 0
    return Event.of("kehu.orders.v1.CartAbandoned", name, version, body)


def _product_changed(product: Product) -> Event:
    name = join("products", product.id)
    body: Body = {
        "product": name,
        "sku": product.sku,
        "title": product.title,
        "category": product.category,
        "state": product.state.value,
        "price": money(product.price),
        "updateTime": instant(product.update_time),
    }
    if product.group:
        body["productGroup"] = join("productGroups", product.group)
    if product.components:
        body["components"] = [
            {"product": join("products", part.product), "quantity": str(part.quantity)} for part in product.components
        ]
    return Event.of("kehu.orders.v1.ProductChanged", name, product.version, body)


def _stock_crossed(fact: StockLow | StockReplenished) -> Event:
    stock = fact.stock
    body: Body = {
        "stock": stock.place.name,
        "available": str(stock.available),
        "threshold": str(stock.threshold or 0),
        "time": instant(stock.update_time),
    }
    if isinstance(fact, StockLow):
        body |= {"onHand": str(stock.on_hand), "backordered": str(stock.backordered)}
    return Event.of(f"kehu.orders.v1.{type(fact).__name__}", stock.place.name, stock.version, body)


def _group_decided(fact: GroupSucceeded | GroupExpired) -> Event:
    group = fact.group
    body: Body = {
        "group": group.name,
        "leader": join("members", group.leader),
        "size": str(group.size),
        "paidSeats": str(group.paid),
        "sponsoredSeats": str(group.sponsored),
        "price": money(group.price),
        "openTime": instant(group.open_time),
        "endTime": instant(group.end_time),
    }
    if group.final_price is not None:
        body["finalPrice"] = money(Money(group.final_price, group.price.currency))
    return Event.of(f"kehu.orders.v1.{type(fact).__name__}", group.name, group.version, body)


def _presale_order(fact: PresaleDepositPaid | PresaleBalanceOpened | PresaleBalanceClosing) -> Event:
    of = fact.of
    body: Body = {
        "presaleOrder": of.name,
        "order": join("orders", of.order),
        "member": join("members", of.member),
        "deposit": money(of.deposit),
        "balance": money(Money(of.balance, of.deposit.currency)),
        "balanceStartTime": instant(of.balance_start),
        "balanceEndTime": instant(of.balance_end),
    }
    return Event.of(f"kehu.orders.v1.{type(fact).__name__}", of.name, of.version, body)


def _shipment(fact: OrderShipped | OrderDelivered) -> Event:
    """A shipment counts its own versions: the order's do not change with it."""
    shipment = fact.shipment
    body: Body = {
        "order": join("orders", fact.order.id),
        "shipment": shipment.name,
        "member": _member(fact.order),
        "lines": [{"position": position, "quantity": str(quantity)} for position, quantity in shipment.lines],
    }
    if isinstance(fact, OrderShipped):
        body["parcels"] = [{"carrier": each.carrier, "waybill": each.waybill} for each in shipment.parcels]
        body["shipTime"] = instant(shipment.ship_time)
    else:
        body["deliverTime"] = instant(shipment.end_time)
    return Event.of(f"kehu.orders.v1.{type(fact).__name__}", shipment.name, shipment.version, body)


def _price_changed(fact: PriceChanged) -> Event:
    of = fact.price_list
    name = join("priceLists", of.id)
    prices: list[Body] = [
        {
            "product": join("products", entry.product),
            "minQuantity": str(entry.min_quantity),
            "price": money(Money(entry.price, of.currency)),
        }
        for entry in fact.entries
    ]
    prices += [{"product": join("products", gone), "minQuantity": str(least)} for gone, least in fact.removed]
    body: Body = {
        "priceList": name,
        "state": of.state.value,
        "currencyCode": of.currency,
        "priority": of.priority,
        "channel": of.channel,
        "store": of.store,
        "tier": of.tier,
        "segment": join("segments", of.segment) if of.segment else "",
        "account": join("accounts", of.account) if of.account else "",
        "startTime": instant(of.window.start),
        "endTime": instant(of.window.end),
        "prices": prices,
        "updateTime": instant(of.update_time),
    }
    return Event.of("kehu.orders.v1.PriceChanged", name, of.version, body)


def _placed(fact: OrderPlaced) -> Body:
    order = fact.order
    return {
        "order": join("orders", order.id),
        "member": _member(order),
        "account": join("accounts", order.buyer.account) if order.buyer.account else "",
        "opportunity": join("opportunities", order.buyer.opportunity) if order.buyer.opportunity else "",
        "total": money(order.money(order.total)),
        "placeTime": instant(order.place_time),
        "expireTime": instant(order.expire_time),
    }


def _paid(fact: OrderPaid) -> Body:
    order = fact.order
    return {
        "order": join("orders", order.id),
        "member": _member(order),
        "channel": order.channel,
        "store": order.store,
        "netTotal": money(order.money(order.net_total)),
        "payTime": instant(order.pay_time),
        "paidTotal": money(order.money(order.due)),
        "lines": [_line(order, line) for line in order.lines],
        "hold": order.hold,
        "coupons": list(order.coupons),
        "imported": order.imported,
        **({"org": order.org} if order.org else {}),
        **_freight(order),
        **_payments(order),
    }


def _completed(fact: OrderCompleted) -> Body:
    order = fact.order
    return {
        "order": join("orders", order.id),
        "member": _member(order),
        "channel": order.channel,
        "store": order.store,
        "netTotal": money(order.money(order.net_total)),
        "paidTotal": money(order.money(order.due)),
        "payTime": instant(order.pay_time),
        "completeTime": instant(order.complete_time),
        "lines": [_line(order, line) for line in order.lines],
        "hold": order.hold,
        "points": str(order.refunded_points) if order.refunded_points else "",
        **({"org": order.org} if order.org else {}),
        **_freight(order),
        **_payments(order),
    }


def _cancelled(fact: OrderCancelled) -> Body:
    order = fact.order
    return {
        "order": join("orders", order.id),
        "member": _member(order),
        "hold": order.hold,
        "coupons": list(order.coupons),
        "cancelTime": instant(order.cancel_time),
        "reason": order.cancel_reason.value.lower() if order.cancel_reason else "",
        **({"forfeited": money(order.money(order.forfeited))} if order.forfeited else {}),
        **_payments(order),
    }


def _refunded(fact: OrderRefunded) -> Body:
    order, refund = fact.order, fact.refund
    return {
        "order": join("orders", order.id),
        "refund": join("orders", order.id, "refunds", refund.id),
        "member": _member(order),
        "channel": order.channel,
        "store": order.store,
        "amount": money(refund.amount),
        "netTotal": money(order.money(order.net_total)),
        "paidTotal": money(order.money(order.due)),
        "payTime": instant(order.pay_time),
        "completeTime": instant(order.complete_time),
        "lines": [_line(order, line) for line in order.lines],
        "refundTime": instant(refund.effect_time or refund.refund_time),
        "returnedCoupons": list(order.coupons) if order.state is OrderState.REFUNDED else [],
        "hold": order.hold,
        "points": str(order.refunded_points) if order.refunded_points else "",
        **({"org": order.org} if order.org else {}),
        **_freight(order),
        **_payments(order),
    }


def _freight(order: Order) -> Body:
    paid = order.carriage.money
    if not paid:
        return {}
    return {"freight": money(order.money(paid)), "netFreight": money(order.money(order.freight_left.money))}


def _payments(order: Order) -> Body:
    """What it was paid with; an import tells no more than its total."""
    if order.imported:
        return {}
    return {"payments": [_payment(order, payment) for payment in order.payments]} if order.payments else {}


def _payment(order: Order, payment: Payment) -> Body:
    body: Body = {
        "tender": payment.tender.value.lower(),
        "amount": money(payment.amount),
        "refunded": money(order.money(payment.refunded)),
    }
    if payment.reference:
        body["reference"] = payment.reference
    return body


_BODIES: dict[type, object] = {
    OrderPlaced: _placed,
    OrderPaid: _paid,
    OrderCompleted: _completed,
    OrderCancelled: _cancelled,
    OrderRefunded: _refunded,
}


def _member(order: Order) -> str:
    return join("members", order.buyer.member) if order.buyer.member else ""


def _line(order: Order, line: OrderLine) -> Body:
    paid, net = line.paid, line.net
    whole = money(order.money(line.amount))
    body: Body = {
        "quantity": str(line.quantity),
        "amount": whole,
        "paidAmount": whole if paid == line.amount else money(order.money(paid)),
        "netAmount": whole if net == line.amount else money(order.money(net)),
    }
    if line.product:
        body["product"] = join("products", line.product)
    if line.category:
        body["category"] = line.category
    return body
