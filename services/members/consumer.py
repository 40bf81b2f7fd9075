"""What members listens to, and what it does by the clock.

An event about a member or hold that is not known can't be used: its Fault is not transient, so it goes to the dead
letters with its reason and its neighbours go on. An import enrols its members before it sends their orders.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Protocol

from google.type.money_pb2 import Money as WireMoney
from kehu.campaigns.v1.events_pb2 import RewardDelivered, RewardRefused
from kehu.orders.v1.events_pb2 import EventPayment, OrderCancelled, OrderCompleted, OrderPaid, OrderRefunded

from kit import names
from kit.money import Money
from kit.telemetry import log
from kit.worker import Received, Subscriptions
from services.members import metrics
from services.members.domain.badge import Metric
from services.members.domain.basket import Basket, Left, Line
from services.members.domain.purchase import Settlement
from services.members.domain.referral import Order
from services.members.domain.verification import Check
from services.members.usecases import (
    badge,
    celebration,
    delivery,
    engagement,
    expiry,
    gift_card,
    hold,
    order_money,
    purchase,
    recalculation,
    redemption,
    referral,
    rights_card,
    stored_payment,
    tier,
    verification,
)
from services.members.usecases.delivery import Outcome
from services.members.usecases.engagement_ports import EngagementUnit
from services.members.usecases.hold import ReleaseHold
from services.members.usecases.mall_ports import MallUnit
from services.members.usecases.order_money import OrderMoney
from services.members.usecases.ports import Unit
from services.members.usecases.rights_card_ports import RightsUnit
from services.members.usecases.stored_value_ports import StoredValueUnit
from services.members.usecases.verification import Unit as ProofUnit

_MONEY = frozenset({"stored_value", "gift_card"})

_HOLD = "members/{member}/holds/{hold}"
_MOST_NAMED = 20

subscriptions = Subscriptions("members")


class SettlementUnit(EngagementUnit, StoredValueUnit, Protocol):
    """What the news of a paid order need of a unit of work."""


class OrdersUnit(Unit, StoredValueUnit, Protocol):
    """What the news of a cancelled order need of a unit of work."""


@subscriptions.on("orders", OrderPaid, OrderCompleted, OrderRefunded, queue="members.settlement")
def settle(unit: SettlementUnit, events: Sequence[Received]) -> None:
    """Points, tiers, holds, badges, referrals and money follow the newest state of each order. Guests earn nothing.

    One queue for all of it: every order of an import costs one delivery, not two.
    """
    settlements = [_settlement(event) for event in events if event.message.member]
    if _rewarding(events):
        referral.lock(unit, {settlement.member for settlement in settlements})
    purchase.settle(unit, settlements)
    badge.award(unit, {unit.wallets.heir(settlement.member) for settlement in settlements}, Metric.POINTS_EARNED)
    reward_referrals(unit, events)
    order_money.settle(unit, _money(events))


@subscriptions.on("orders", OrderCancelled, queue="members.cancellation")
def release(unit: OrdersUnit, events: Sequence[Received]) -> None:
    """Points, stored value and gift cards that were held for a cancelled order become available again."""
    purchase.release_cancelled(unit, [_release(event.message.hold) for event in events if event.message.hold])
    order_money.settle(unit, _money(events))


@subscriptions.on("campaigns", RewardDelivered, RewardRefused, queue="members.rewards", batch=32)
def settle_rewards(unit: MallUnit, events: Sequence[Received]) -> None:
    """Redemptions whose coupons were issued are fulfilled; those whose coupons can't be are taken back."""
    for each in delivery.settle(unit, [_outcome(event) for event in events]):
        log.warning("cash of a redemption is to be given back", redemption=str(each.id), reason=each.refusal)


def reward_referrals(unit: EngagementUnit, events: Sequence[Received]) -> None:
    """Referrals and badges for orders follow the newest state of each order that was not imported."""
    referral.settle(unit, [_order(event) for event in _rewarding(events)])


@subscriptions.every(seconds=1)
def recalculate(unit: Unit) -> None:
    """Advance a recalculation of past purchases."""
    recalculation.advance(unit)


@subscriptions.every(seconds=2)
def expire_holds(unit: Unit) -> None:
    """End the holds whose time is over."""
    hold.expire(unit)


@subscriptions.every(seconds=1)
def expire_points(unit: Unit) -> None:
    """Take the points whose time is over."""
    expiry.expire(unit)


@subscriptions.every(seconds=1)
def mature_points(unit: Unit) -> None:
    """Make the points available whose time has come."""
    expiry.mature(unit)


@subscriptions.every(seconds=5)
def announce_expiry(unit: Unit) -> None:
    """Tell which points will expire soon."""
    expiry.announce(unit)


@subscriptions.every(seconds=2)
def expire_redemptions(unit: MallUnit) -> None:
    """End the redemptions that were not paid in time."""
    redemption.expire(unit)


@subscriptions.every(seconds=5)
def settle_cash(unit: MallUnit) -> None:
    """Take back refused redemptions whose orders were refunded. Every replica shows how many wait for their cash."""
    metrics.CASH_OWED.set(delivery.settle_cash(unit))


@subscriptions.every(seconds=1)
def advance_tiers(unit: Unit) -> None:
    """Announce the tiers that time has changed."""
    tier.advance(unit)


@subscriptions.every(seconds=1)
def requalify_members(unit: Unit) -> None:
    """Judge members by the newest rules."""
    tier.requalify(unit)


@subscriptions.every(seconds=2)
def expire_stored_payments(unit: StoredValueUnit) -> None:
    """Give back the stored value that was set aside for too long."""
    stored_payment.expire(unit)


@subscriptions.every(seconds=10)
def expire_gift_cards(unit: StoredValueUnit) -> None:
    """End the gift cards whose time is over."""
    gift_card.expire(unit)


@subscriptions.every(seconds=10)
def renew_rights_cards(unit: RightsUnit) -> None:
    """Renew the rights cards that renew by themselves."""
    rights_card.renew_due(unit, names.new_id)


@subscriptions.every(seconds=10)
def lapse_rights_cards(unit: RightsUnit) -> None:
    """End the rights cards whose time is over."""
    rights_card.lapse(unit)


@subscriptions.every(seconds=60)
def congratulate(unit: EngagementUnit) -> None:
    """Give the points of birthdays."""
    celebration.congratulate(unit)


@subscriptions.every(seconds=600)
def forget_counters(unit: EngagementUnit) -> None:
    """Remove the counters of daily limits that nobody asks for any more."""
    engagement.forget_counters(unit)


@subscriptions.every(seconds=60)
def verify_ledger(unit: ProofUnit) -> None:
    """Once an hour, compare the whole ledger with its entries. Every replica shows what was found."""
    sweep, found = verification.sweep_ledger(unit)
    metrics.VERIFIED.set(sweep.time.timestamp())
    for kind, number in sweep.differences.items():
        metrics.DIFFERENCES.labels(kind).set(number)
    _report(found)


@subscriptions.every(seconds=30)
def verify_tiers(unit: ProofUnit) -> None:
    """Replay the tiers of some members, and with the time of all."""
    sweep, found = verification.sweep_tiers(unit)
    metrics.DIFFERENCES.labels("tier").set(max(sweep.differences.values()))
    _report(found)


def _report(found: Sequence[Check]) -> None:
    """Name the first of the differences; `kehu verify members` lists them all."""
    for each in found[:_MOST_NAMED]:
        log.error("ledger differs", check=each.kind, subject=each.subject, expected=each.expected, actual=each.actual)


def _rewarding(events: Sequence[Received]) -> list[Received]:
    """Those that referrals go by."""
    told = [event for event in events if isinstance(event.message, OrderPaid | OrderRefunded) and event.message.member]
    return [event for event in told if not getattr(event.message, "imported", False)]


def _settlement(event: Received) -> Settlement:
    message = event.message
    total = message.net_total
    net = Money.from_wire(total.units, total.nanos, total.currency_code, field="net_total")
    paid = isinstance(message, OrderPaid)
    completed = None if paid or not message.HasField("complete_time") else message.complete_time.ToDatetime(UTC)
    basket, left = _goods(message, net.minor)
    return Settlement(
        order=names.id_of("orders", message.order, field="order"),
        member=names.id_of("members", message.member, field="member"),
        net=net,
        pay_time=message.pay_time.ToDatetime(UTC),
        version=event.version,
        hold=names.parse(_HOLD, message.hold, field="hold")["hold"] if message.hold else None,
        returned=0 if paid else message.points,
        basket=basket,
        left=left,
        complete_time=completed,
    )


def _goods(message: OrderPaid | OrderCompleted | OrderRefunded, net: int) -> tuple[Basket | None, Left | None]:
    """What was bought, and what is left of it, if the event tells. An import tells thousands of events a second, so
    nothing is read twice.

    Lines that name neither product nor category say no more than the total.
    """
    if not message.HasField("paid_total"):  # told before events said so much
        return None, None
    paid = net if isinstance(message, OrderPaid) else _minor(message.paid_total)
    freight = _minor(message.freight) if message.HasField("freight") else 0
    freight_left = _minor(message.net_freight) if message.HasField("net_freight") else 0
    lines = message.lines
    if not any(line.product or line.category for line in lines):
        left = Left(net, None, freight_left) if freight else None
        return Basket(paid, freight, message.channel, message.store, org=message.org), left
    goods = tuple(
        Line(line.product, line.category, line.quantity, _minor(line.amount), _minor(line.paid_amount))
        for line in lines
    )
    return (
        Basket(paid, freight, message.channel, message.store, goods, message.org),
        Left(net, tuple(_minor(line.net_amount) for line in lines), freight_left),
    )


def _minor(amount: WireMoney) -> int:
    return Money.from_wire(amount.units, amount.nanos, amount.currency_code, field="lines").minor


def _outcome(event: Received) -> Outcome:
    message = event.message
    ids = names.parse("members/{member}/redemptions/{redemption}", message.redemption, field="redemption")
    reason = message.reason if isinstance(message, RewardRefused) else ""
    return Outcome(ids["member"], ids["redemption"], reason)


def _money(events: Sequence[Received]) -> list[OrderMoney]:
    """What stored value and gift cards paid of the orders, of guests too: whoever has a card's code may pay with it."""
    return [_paid(event, each) for event in events for each in event.message.payments if each.tender in _MONEY]


def _paid(event: Received, of: EventPayment) -> OrderMoney:
    """What a payment came to. Of a cancelled order it is given up, but for a deposit that is kept."""
    amount, refunded = (
        Money.from_wire(each.units, each.nanos, of.amount.currency_code, field="payments")
        for each in (of.amount, of.refunded)
    )
    return OrderMoney(
        payment=names.id_of("storedValuePayments", of.reference, field="payments"),
        paid=not isinstance(event.message, OrderCancelled) or refunded < amount,
        refunded=refunded,
    )


def _order(event: Received) -> Order:
    message = event.message
    net = message.net_total
    minor = Money.from_wire(net.units, net.nanos, net.currency_code, field="net_total").minor
    return Order(
        member=names.id_of("members", message.member, field="member"),
        id=names.id_of("orders", message.order, field="order"),
        pay_time=message.pay_time.ToDatetime(UTC),
        paid=minor if isinstance(message, OrderPaid) else None,
        net=minor,
        version=event.version,
    )


def _release(name: str) -> ReleaseHold:
    ids = names.parse(_HOLD, name, field="hold")
    return ReleaseHold(ids["member"], ids["hold"])
