"""What orders listens to, and what it does by the clock.

A won opportunity that makes no sense (no lines, two currencies) can't become an order: its Fault is not transient, so
it goes to the dead letters with its reason and its neighbours go on. Missing stock or products are no such case.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import Protocol
from uuid import UUID

from kehu.campaigns.v1.events_pb2 import SegmentEntered, SegmentLeft
from kehu.members.v1.events_pb2 import MemberErased, MemberMerged, MemberUnmerged, TierChanged
from kehu.pipeline.v1.events_pb2 import OpportunityWon, WonLine

from kit import names
from kit.merges import Link
from kit.money import Money
from kit.telemetry import log
from kit.worker import Received, Subscriptions
from services.orders import metrics
from services.orders.usecases import (
    buyers,
    cart,
    catalogue,
    checkout_view,
    erasure,
    expiry,
    flash_sale,
    group_sweeps,
    member,
    moving,
    opportunity,
    presale_sweeps,
    promises,
    reservation,
    verification,
)
from services.orders.usecases.opportunity import Deal, DealLine

_EXPIRED_AT_ONCE = 2000
_SALES_AT_ONCE = 20
_FOLLOWED_AT_ONCE = 2000
_GROUPS_AT_ONCE = 500
_PRESALES_AT_ONCE = 500
_SERVED_AT_ONCE = 100
_CARTS_AT_ONCE = 1000
_ABANDONED_AFTER = timedelta(hours=1)

_MOST_NAMED = 20

subscriptions = Subscriptions("orders")


class _Members(member.Work, buyers.Work, Protocol):
    """What following members needs of a unit of work."""


@subscriptions.on("pipeline", OpportunityWon, queue="orders.deals")
def order_deals(unit: opportunity.Work, events: Sequence[Received]) -> None:
    """A won opportunity becomes an order at the agreed prices."""
    opportunity.order_deals(unit, [_deal(event.message) for event in events])


@subscriptions.on("members", TierChanged, MemberErased, MemberMerged, MemberUnmerged, queue="orders.members")
def note_members(unit: _Members, events: Sequence[Received]) -> None:
    """Who stands for whom, and the tiers of members, which price lists may go by."""
    member.follow(unit, [_link(each) for each in events if isinstance(each.message, MemberMerged | MemberUnmerged)])
    changed = [event for event in events if isinstance(event.message, TierChanged)]
    buyers.tell_tiers(unit, [(_member(each), each.message.to_tier, each.version) for each in changed])
    buyers.forget(unit, [_member(each) for each in events if isinstance(each.message, MemberErased)])


@subscriptions.on("campaigns", SegmentEntered, SegmentLeft, queue="orders.segments")
def note_segments(unit: buyers.Work, events: Sequence[Received]) -> None:
    """The segments of members, which price lists may go by."""
    buyers.tell_segments(unit, [(_member(each), _segment(each), _entered(each), each.version) for each in events])


@subscriptions.on("members", MemberErased, queue="orders.erasure")
def forget_members(unit: erasure.Work, events: Sequence[Received]) -> None:
    """Where an erased member's orders were sent, and what was in the carts."""
    erasure.forget_members(unit, [_member(event) for event in events])


@subscriptions.every(seconds=1)
def expire_orders(unit: expiry.Work) -> None:
    """Cancel the orders whose time to pay is over; what they held is free again."""
    expiry.expire_orders(unit, _EXPIRED_AT_ONCE)


@subscriptions.every(seconds=2)
def follow_stores(unit: catalogue.Work) -> None:
    """Orders follow their store to its part of the organisation."""
    catalogue.follow_stores(unit, _FOLLOWED_AT_ONCE)


@subscriptions.every(seconds=1)
def end_flash_sales(unit: flash_sale.Work) -> None:
    """End the flash sales whose time is over; their free units go back to stock."""
    flash_sale.end_flash_sales(unit, _SALES_AT_ONCE)


@subscriptions.every(seconds=1)
def expire_groups(unit: group_sweeps.Work) -> None:
    """Decide the groups whose deadline is over."""
    group_sweeps.expire_groups(unit, _GROUPS_AT_ONCE)


@subscriptions.every(seconds=1)
def settle_groups(unit: group_sweeps.Work) -> None:
    """Give up and refund the orders of groups that did not come about, and what ladders led down."""
    group_sweeps.settle_groups(unit, _GROUPS_AT_ONCE)


@subscriptions.every(seconds=1)
def finish_groups(unit: group_sweeps.Work) -> None:
    """Close the groups whose members have everything back."""
    group_sweeps.finish_groups(unit, _GROUPS_AT_ONCE)


@subscriptions.every(seconds=5)
def remind_of_balances(unit: presale_sweeps.Work) -> None:
    """Tell members of presales that their balance can be paid, or soon can no more."""
    presale_sweeps.remind(unit, _PRESALES_AT_ONCE)


@subscriptions.every(seconds=1)
def settle_presales(unit: presale_sweeps.Work) -> None:
    """Give up the unpaid orders of cancelled presales, and give back all that was paid of them."""
    presale_sweeps.settle_cancelled(unit, _PRESALES_AT_ONCE)


@subscriptions.every(seconds=60)
def verify_flash_sales(unit: flash_sale.Work) -> None:
    """Compare the units of the flash sales under way with their orders."""
    metrics.ASTRAY.set(flash_sale.count_astray(unit))


@subscriptions.every(seconds=15)
def tell_promises(unit: promises.Work) -> None:
    """Tell how many units were sold that are not there. Every replica shows it."""
    oversold, awaited = promises.promised(unit)
    metrics.OVERSOLD.set(oversold)
    metrics.BACKORDERED.set(awaited)


@subscriptions.every(seconds=60)
def verify_orders(unit: verification.Work) -> None:
    """Once an hour, recompute and compare everything. Every replica shows what was found."""
    sweep, found = verification.sweep_orders(unit)
    metrics.VERIFIED.set(sweep.time.timestamp())
    for kind, number in sweep.differences.items():
        metrics.DIFFERENCES.labels(kind).set(number)
    for each in found[:_MOST_NAMED]:  # `kehu verify orders` lists them all
        log.error("order differs", check=each.kind, subject=each.subject, expected=each.expected, actual=each.actual)


@subscriptions.every(seconds=2)
def expire_reservations(unit: reservation.Work) -> None:
    """Give back the units of reservations whose time is over."""
    reservation.expire_reservations(unit, _EXPIRED_AT_ONCE)


@subscriptions.every(seconds=2)
def serve_awaited(unit: moving.Work) -> None:
    """Serve promises with units that orders gave back."""
    moving.serve_awaited(unit, _SERVED_AT_ONCE)


@subscriptions.every(seconds=60)
def find_abandoned_carts(unit: cart.Work) -> None:
    """Tell which carts were left alone."""
    cart.find_abandoned(unit, _ABANDONED_AFTER, _CARTS_AT_ONCE)


@subscriptions.every(seconds=600)
def expire_carts(unit: cart.Work) -> None:
    """Throw away guests' carts that nobody has touched for long."""
    cart.expire_carts(unit, _CARTS_AT_ONCE)


@subscriptions.every(seconds=600)
def forget_attempts(unit: checkout_view.Work) -> None:
    """Forget attempts to check out that are long over."""
    expiry.forget_attempts(unit)


def _deal(won: OpportunityWon) -> Deal:
    return Deal(
        order_id=names.new_id(),
        opportunity=names.id_of("opportunities", won.opportunity, field="opportunity"),
        account=names.id_of("accounts", won.account, field="account"),
        lines=tuple(_line(line, f"lines[{index}]") for index, line in enumerate(won.lines)),
        org=won.org,
    )


def _line(line: WonLine, path: str) -> DealLine:
    price = line.unit_price
    return DealLine(
        product=names.id_of("products", line.product, field=f"{path}.product"),
        quantity=line.quantity,
        unit_price=Money.from_wire(price.units, price.nanos, price.currency_code, field=f"{path}.unit_price"),
    )


def _member(event: Received) -> UUID:
    return names.id_of("members", event.message.member, field="member")


def _link(event: Received) -> Link:
    message = event.message
    if isinstance(message, MemberMerged):
        into = names.id_of("members", message.into, field="into")
        return Link(_member(event), into, message.merge_time.ToDatetime(UTC), event.version)
    return Link(_member(event), None, message.unmerge_time.ToDatetime(UTC), event.version)


def _segment(event: Received) -> UUID:
    return names.id_of("segments", event.message.segment, field="segment")


def _entered(event: Received) -> bool:
    return isinstance(event.message, SegmentEntered)
