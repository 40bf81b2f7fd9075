"""What campaigns listens to, and what it does by the clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from uuid import UUID

from kehu.members.v1.events_pb2 import (
    MemberErased,
    MemberMerged,
    MemberUnmerged,
    RedemptionConfirmed,
    RedemptionRefunded,
)
from kehu.orders.v1.events_pb2 import OrderCancelled, OrderPaid, OrderRefunded

from kit import names
from kit.errors import Fault
from kit.merges import Link
from kit.money import Money
from kit.telemetry import log
from kit.worker import Received, Subscriptions
from services.campaigns import metrics
from services.campaigns.domain.purchase import Purchase
from services.campaigns.domain.redemption import Redemption
from services.campaigns.usecases import coupon, coupon_template, member, purchase, redemption, segment
from services.campaigns.usecases.coupon import Settle
from services.campaigns.usecases.ports import Work
from services.campaigns.usecases.purchase import Receipt

subscriptions = Subscriptions("campaigns")


@subscriptions.on("orders", OrderPaid, OrderRefunded, OrderCancelled, queue="campaigns.orders")
def take_orders(unit: Work, events: Sequence[Received]) -> None:
    """Profiles, segments and automations follow what members buy; coupons follow what becomes of their orders.

    Guests have no profile. A coupon that can't be used any more is no reason to refuse the event: the order is paid.
    """
    unit.members.keep()  # before any coupon is locked
    paid = [_settle(event) for event in events if isinstance(event.message, OrderPaid) and event.message.coupons]
    cancelled = [
        _settle(event) for event in events if isinstance(event.message, OrderCancelled) and event.message.coupons
    ]
    refunded = [
        _returned(event)
        for event in events
        if isinstance(event.message, OrderRefunded) and event.message.returned_coupons
    ]
    if paid or cancelled or refunded:
        for fault in coupon.settle(unit, paid, cancelled, refunded):
            log.warning("coupon of a paid order was not used", reason=fault.reason, **fault.metadata)
    receipts = [
        _receipt(event) for event in events if not isinstance(event.message, OrderCancelled) and event.message.member
    ]
    if receipts:
        purchase.record(unit, receipts, names.new_id)


@subscriptions.on("members", MemberMerged, MemberUnmerged, MemberErased, queue="campaigns.members")
def take_members(unit: Work, events: Sequence[Received]) -> None:
    """What belongs to members follows merges and their undoing; who is erased is forgotten."""
    links = [_link(event) for event in events if not isinstance(event.message, MemberErased)]
    if links:
        member.follow(unit, links, names.new_id)
    erased = {_member(event) for event in events if isinstance(event.message, MemberErased)}
    if erased:
        member.erase(unit, erased, names.new_id)


@subscriptions.on("members", RedemptionConfirmed, RedemptionRefunded, queue="campaigns.redemptions", batch=32)
def take_redemptions(unit: Work, events: Sequence[Received]) -> None:
    """Coupons that members redeemed points for, and those of redemptions that are taken back.

    What can't be delivered is kept with its reason, counted, logged and told: to try again would come to the same, and
    members takes the redemption back.
    """
    unit.members.keep()  # before any coupon is locked
    refunded = {_redemption_id(event) for event in events if isinstance(event.message, RedemptionRefunded)}
    if refunded:  # first, for coupons are locked before the templates that others are issued from
        redemption.revoke(unit, refunded)
    confirmed = [
        event for event in events if isinstance(event.message, RedemptionConfirmed) and event.message.kind == "COUPON"
    ]
    if confirmed:
        for refused in redemption.deliver(unit, [_redemption(event) for event in confirmed], names.new_id):
            log.warning("redeemed coupon was not issued", redemption=str(refused.redemption), reason=refused.reason)


@subscriptions.every(seconds=5)
def go_on_revoking(unit: Work) -> None:
    """Take back the coupons of refunded redemptions that orders had in their hands."""
    redemption.go_on_revoking(unit)


@subscriptions.every(seconds=2)
def expire_coupons(unit: Work) -> None:
    """Open the locks that ran out, expire what is over."""
    coupon.expire(unit)


@subscriptions.every(seconds=15)
def tell_budgets(unit: Work) -> None:
    """Tell what is left of the budgets of coupons. Every replica shows it."""
    metrics.BUDGET_LEFT.clear()
    for currency, left in coupon_template.budgets(unit).items():
        metrics.BUDGET_LEFT.labels(currency).set(left)


@subscriptions.every(seconds=0.5)
def build_segments(unit: Work) -> None:
    """Judge members by rules that are new."""
    segment.build(unit, names.new_id)


@subscriptions.every(seconds=2)
def judge_by_time(unit: Work) -> None:
    """Judge members for whom the passing of time may decide."""
    segment.judge_due(unit, names.new_id)


def _member(event: Received) -> UUID:
    return names.id_of("members", event.message.member, field="member")


def _link(event: Received) -> Link:
    message = event.message
    if isinstance(message, MemberMerged):
        into = names.id_of("members", message.into, field="into")
        return Link(_member(event), into, message.merge_time.ToDatetime(UTC), event.version)
    return Link(_member(event), None, message.unmerge_time.ToDatetime(UTC), event.version)


def _redemption(event: Received) -> Redemption:
    message = event.message
    return Redemption(
        _redemption_id(event), message.redemption, _member(event), _template(message.item), message.quantity
    )


def _redemption_id(event: Received) -> UUID:
    pattern = "members/{member}/redemptions/{redemption}"
    return names.parse(pattern, event.message.redemption, field="redemption")["redemption"]


def _template(item: str) -> UUID | None:
    try:
        return names.id_of("couponTemplates", item, field="item")
    except Fault:
        return None


def _settle(event: Received) -> Settle:
    message = event.message
    coupons = [names.id_of("coupons", name, field="coupons") for name in message.coupons]
    return Settle(coupons, names.id_of("orders", message.order, field="order"))


def _returned(event: Received) -> Settle:
    message = event.message
    coupons = [names.id_of("coupons", name, field="returned_coupons") for name in message.returned_coupons]
    return Settle(coupons, names.id_of("orders", message.order, field="order"))


def _receipt(event: Received) -> Receipt:
    message = event.message
    paid, net = isinstance(message, OrderPaid), message.net_total
    left = Money.from_wire(net.units, net.nanos, net.currency_code, field="net_total")
    bought = Purchase(
        order=names.id_of("orders", message.order, field="order"),
        member=_member(event),
        currency=left.currency,
        net=left.minor,
        pay_time=message.pay_time.ToDatetime(UTC),
        counts=paid or left.minor != 0,
        version=event.version,
    )
    return Receipt(bought, imported=paid and message.imported)
