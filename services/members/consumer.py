"""What members listens to, and what it does by the clock.

An event about a member or hold that is not known can't be used: its Fault is not transient, so it goes to the dead
letters with its reason and its neighbours go on. An import enrols its members before it sends their orders.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from kehu.orders.v1.events_pb2 import OrderCancelled, OrderPaid, OrderRefunded

from kit import names
from kit.money import Money
from kit.worker import Received, Subscriptions
from services.members.domain.purchase import Settlement
from services.members.usecases import (
    engagement,
    gift_card,
    hold,
    points,
    purchase,
    redemption,
    rights_card,
    stored_payment,
    tier,
)
from services.members.usecases.engagement_ports import EngagementUnit
from services.members.usecases.hold import EndHold
from services.members.usecases.mall_ports import MallUnit
from services.members.usecases.ports import Unit
from services.members.usecases.rights_card_ports import RightsUnit
from services.members.usecases.stored_value_ports import StoredValueUnit

subscriptions = Subscriptions("members")


@subscriptions.on("orders", OrderPaid, OrderRefunded, queue="members.settlement")
def settle(unit: Unit, events: Sequence[Received]) -> None:
    """Points, tiers and holds follow the newest state of each order. Guests earn nothing."""
    purchase.settle(unit, [_settlement(event) for event in events if event.message.member])


@subscriptions.on("orders", OrderCancelled, queue="members.cancellation")
def release(unit: Unit, events: Sequence[Received]) -> None:
    """Points that were held for a cancelled order become available again."""
    purchase.release_cancelled(unit, [_end_hold(event.message.hold) for event in events if event.message.hold])


@subscriptions.every(seconds=2)
def expire_holds(unit: Unit) -> None:
    """End the holds whose time is over."""
    hold.expire(unit)


@subscriptions.every(seconds=1)
def expire_points(unit: Unit) -> None:
    """Take the points whose time is over."""
    points.expire(unit)


@subscriptions.every(seconds=1)
def mature_points(unit: Unit) -> None:
    """Make the points available whose time has come."""
    points.mature(unit)


@subscriptions.every(seconds=2)
def expire_redemptions(unit: MallUnit) -> None:
    """End the redemptions that were not paid in time."""
    redemption.expire(unit)


@subscriptions.every(seconds=10)
def advance_tiers(unit: Unit) -> None:
    """Announce the tiers that time has changed."""
    tier.advance(unit)


@subscriptions.every(seconds=5)
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


@subscriptions.every(seconds=600)
def forget_counters(unit: EngagementUnit) -> None:
    """Remove the counters of daily limits that nobody asks for any more."""
    engagement.forget_counters(unit)


def _settlement(event: Received) -> Settlement:
    message = event.message
    net = message.net_total
    held = message.hold
    return Settlement(
        order=names.id_of("orders", message.order, field="order"),
        member=names.id_of("members", message.member, field="member"),
        net=Money.from_wire(net.units, net.nanos, net.currency_code, field="net_total"),
        pay_time=message.pay_time.ToDatetime(UTC),
        version=event.version,
        hold=_end_hold(held).hold if held else None,
        returned=message.points if isinstance(message, OrderRefunded) else 0,
    )


def _end_hold(name: str) -> EndHold:
    ids = names.parse("members/{member}/holds/{hold}", name, field="hold")
    return EndHold(ids["member"], ids["hold"])
