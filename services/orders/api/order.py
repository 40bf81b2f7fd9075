"""Orders between the wire and the domain."""

from __future__ import annotations

from google.type.money_pb2 import Money as WireMoney
from kehu.orders.v1 import orders_pb2 as pb

from kit import names, org
from kit.money import Money
from kit.rpc import convert
from services.orders.api import delivery
from services.orders.api.stock import optional_location_name
from services.orders.api.wire import optional_id, optional_instant, optional_name, version_of
from services.orders.domain.checkout import Attempt
from services.orders.domain.line import OrderLine
from services.orders.domain.order import Order
from services.orders.domain.order_content import OrderQuery
from services.orders.domain.order_state import CancelReason, OrderState
from services.orders.domain.payment import Payment, Tender
from services.orders.usecases.order import CancelOrder, CompleteOrder
from services.orders.usecases.payment import PaidPart, PayOrder

_STATES = {
    OrderState.PENDING_PAYMENT: pb.Order.STATE_PENDING_PAYMENT,
    OrderState.PAID: pb.Order.STATE_PAID,
    OrderState.CANCELLED: pb.Order.STATE_CANCELLED,
    OrderState.PARTIALLY_REFUNDED: pb.Order.STATE_PARTIALLY_REFUNDED,
    OrderState.REFUNDED: pb.Order.STATE_REFUNDED,
    OrderState.COMPLETED: pb.Order.STATE_COMPLETED,
}
STATES_BACK = {wire: state for state, wire in _STATES.items()}
_TENDERS = {
    Tender.MANUAL: pb.TENDER_MANUAL,
    Tender.POINTS: pb.TENDER_POINTS,
    Tender.IMPORTED: pb.TENDER_IMPORTED,
    Tender.STORED_VALUE: pb.TENDER_STORED_VALUE,
    Tender.GIFT_CARD: pb.TENDER_GIFT_CARD,
    Tender.WECHAT_PAY: pb.TENDER_WECHAT_PAY,
    Tender.ALIPAY: pb.TENDER_ALIPAY,
    Tender.EXCHANGE: pb.TENDER_EXCHANGE,
}
_TENDERS_BACK = {wire: tender for tender, wire in _TENDERS.items()}
_REASONS = {
    CancelReason.CUSTOMER: pb.CANCEL_REASON_CUSTOMER,
    CancelReason.MERCHANT: pb.CANCEL_REASON_MERCHANT,
    CancelReason.EXPIRED: pb.CANCEL_REASON_EXPIRED,
}
_REASONS_BACK = {wire: reason for reason, wire in _REASONS.items()}


def has_held(paid: pb.Order, held: Attempt) -> bool:
    """Whether what an attempt held is what an order was paid with."""
    taken = {paid.hold, *(payment.reference for payment in paid.payments)}
    return all(step.hold in taken for step in held.steps)


def order(found: Order) -> pb.Order:
    """Write an order."""

    def money(minor: int) -> WireMoney:
        return convert.wire_money(found.money(minor))

    total, discount = found.total, sum(line.discount for line in found.lines)
    added = sum(line.added_tax for line in found.lines)
    plan = found.instalments
    return pb.Order(
        name=names.join("orders", found.id),
        number=found.number,
        state=_STATES[found.state],
        member=optional_name("members", found.buyer.member),
        account=optional_name("accounts", found.buyer.account),
        opportunity=optional_name("opportunities", found.buyer.opportunity),
        channel=found.channel,
        external_id=found.external_id,
        lines=[_line(line, found) for line in found.lines],
        subtotal=money(total + discount - found.freight - added),
        discount=money(discount),
        total=money(total),
        points_value=money(found.points_value),
        points=found.points,
        amount_due=money(found.due),
        refunded_amount=money(found.refunded),
        refunded_points=found.refunded_points,
        coupons=found.coupons,
        hold=found.hold,
        payments=[_payment(payment) for payment in found.payments],
        backordered=found.backordered,
        imported=found.imported,
        place_time=convert.wire_instant(found.place_time),
        expire_time=optional_instant(found.expire_time),
        pay_time=optional_instant(found.pay_time),
        complete_time=optional_instant(found.complete_time),
        cancel_time=optional_instant(found.cancel_time),
        cancel_reason=_REASONS[found.cancel_reason] if found.cancel_reason else pb.CANCEL_REASON_UNSPECIFIED,
        update_time=convert.wire_instant(found.update_time),
        store=found.store,
        freight=money(found.freight),
        freight_tax=money(found.freight_tax),
        tax=money(found.tax),
        added_tax=money(added),
        outstanding_amount=money(0 if found.state is OrderState.CANCELLED else found.outstanding),
        refunded_freight=money(found.refunded_freight.amount),
        activity=found.activity,
        delivery=delivery.delivery(found.delivery),
        taxation=delivery.taxation(found.taxation),
        location=optional_location_name(found.location),
        awaiting=found.awaiting,
        deposit_amount=money(plan.deposit) if plan else None,
        balance_start_time=optional_instant(plan.start if plan else None),
        balance_end_time=optional_instant(plan.end if plan else None),
        forfeited_amount=money(found.forfeited) if found.forfeited else None,
        etag=convert.etag(found.version),
    )


def _line(line: OrderLine, found: Order) -> pb.OrderLine:
    known = line.unit_price is not None
    return pb.OrderLine(
        position=line.position,
        product=optional_name("products", line.product),
        sku=line.sku,
        title=line.title,
        quantity=line.quantity,
        unit_price=convert.wire_money(found.money(line.unit_price or 0)) if known else None,
        discount=convert.wire_money(found.money(line.discount)),
        amount=convert.wire_money(found.money(line.amount)),
        points_value=convert.wire_money(found.money(line.points_value)),
        refunded_quantity=line.refunded_quantity,
        category=line.category,
        tax=convert.wire_money(found.money(line.tax)),
        added_tax=convert.wire_money(found.money(line.added_tax)),
        refunded_amount=convert.wire_money(found.money(line.amount - line.left.amount)),
    )


def _payment(payment: Payment) -> pb.Payment:
    return pb.Payment(
        tender=_TENDERS[payment.tender],
        amount=convert.wire_money(payment.amount),
        reference=payment.reference,
        pay_time=convert.wire_instant(payment.pay_time),
        refunded_amount=convert.wire_money(Money(payment.refunded, payment.amount.currency)),
    )


def payment(request: pb.PayOrderRequest) -> PayOrder:
    """Read a request."""
    return PayOrder(
        names.id_of("orders", request.name),
        _TENDERS_BACK[request.tender],
        convert.money(request.amount),
        reference=request.reference,
        version=version_of(request.etag),
        more=tuple(_part(part, f"more[{index}]") for index, part in enumerate(request.more)),
        partial=request.partial,
    )


def _part(part: pb.PaymentPart, path: str) -> PaidPart:
    return PaidPart(_TENDERS_BACK[part.tender], convert.money(part.amount, field=f"{path}.amount"), part.reference)


def cancellation(request: pb.CancelOrderRequest) -> CancelOrder:
    """Read a request."""
    return CancelOrder(names.id_of("orders", request.name), _REASONS_BACK[request.reason], version_of(request.etag))


def completion(request: pb.CompleteOrderRequest) -> CompleteOrder:
    """Read a request."""
    return CompleteOrder(names.id_of("orders", request.name), version_of(request.etag))


def query(request: pb.ListOrdersRequest) -> OrderQuery:
    """Read a request's filters."""
    return OrderQuery(
        member=optional_id("members", request.member, field="member"),
        account=optional_id("accounts", request.account, field="account"),
        state=STATES_BACK.get(request.state),
        channel=request.channel or None,
        start=convert.instant(request.start_time, field="start_time") if request.HasField("start_time") else None,
        end=convert.instant(request.end_time, field="end_time") if request.HasField("end_time") else None,
        org=org.parse(request.org),
    )


def position(found: Order) -> tuple[str, str]:
    """Where an order stands in its pages."""
    return found.place_time.isoformat(), str(found.id)
