"""Flash sales between the wire and the domain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from kehu.orders.v1 import flash_sales_pb2 as pb

from kit import names
from kit.rpc import convert
from services.orders.api.stock import optional_location, optional_location_name
from services.orders.api.wire import optional_id, version_of
from services.orders.domain.flash_sale import (
    HOLD,
    Figures,
    FlashSale,
    FlashSaleQuery,
    FlashSaleState,
    RefundPolicy,
    Terms,
)
from services.orders.domain.stock import MAIN, Place
from services.orders.domain.waiting_room import Tickets
from services.orders.usecases import waiting_room
from services.orders.usecases.flash_sale import CancelFlashSale, CreateFlashSale, UpdateFlashSale
from services.orders.usecases.flash_sale_purchase import BuyFlashSale

_STATES = {
    FlashSaleState.SCHEDULED: pb.FlashSale.STATE_SCHEDULED,
    FlashSaleState.OPEN: pb.FlashSale.STATE_OPEN,
    FlashSaleState.ENDED: pb.FlashSale.STATE_ENDED,
    FlashSaleState.CANCELLED: pb.FlashSale.STATE_CANCELLED,
}
_POLICIES = {
    RefundPolicy.KEEP: pb.FlashSale.REFUND_POLICY_KEEP,
    RefundPolicy.RESELL: pb.FlashSale.REFUND_POLICY_RESELL,
}
_POLICIES_BACK = {wire: policy for policy, wire in _POLICIES.items()}


def _hold(wire: pb.FlashSale) -> timedelta:
    return wire.hold_duration.ToTimedelta() if wire.HasField("hold_duration") else HOLD


# How each field that can be changed is read, and what it is called in the terms.
_TERMS: dict[str, tuple[str, Callable[[pb.FlashSale], Any]]] = {
    "display_name": ("display_name", lambda wire: wire.display_name),
    "price": ("price", lambda wire: convert.money(wire.price, field="flash_sale.price")),
    "quota": ("quota", lambda wire: wire.quota),
    "start_time": ("start_time", lambda wire: convert.instant(wire.start_time, field="flash_sale.start_time")),
    "end_time": ("end_time", lambda wire: convert.instant(wire.end_time, field="flash_sale.end_time")),
    "member_limit": ("member_limit", lambda wire: wire.member_limit or 1),
    "tiers": ("tiers", lambda wire: tuple(wire.tiers)),
    "channels": ("channels", lambda wire: tuple(wire.channels)),
    "hold_duration": ("hold", _hold),
    "refund_policy": ("refund_policy", lambda wire: _POLICIES_BACK.get(wire.refund_policy, RefundPolicy.KEEP)),
    "admitted_per_second": ("admitted_per_second", lambda wire: wire.admitted_per_second),
}
_OUTPUT_ONLY = ("name", "product", "location", "bucket_count", "state", "create_time", "update_time", "etag")


def flash_sale(found: FlashSale, now: datetime) -> pb.FlashSale:
    """Write a sale as it stands at an instant."""
    terms = found.terms
    return pb.FlashSale(
        name=found.name,
        product=names.join("products", found.place.product),
        location=optional_location_name(found.place.location),
        display_name=terms.display_name,
        price=convert.wire_money(terms.price),
        quota=terms.quota,
        start_time=convert.wire_instant(terms.start_time),
        end_time=convert.wire_instant(terms.end_time),
        member_limit=terms.member_limit,
        tiers=terms.tiers,
        channels=terms.channels,
        hold_duration=convert.wire_duration(terms.hold),
        refund_policy=_POLICIES[terms.refund_policy],
        admitted_per_second=terms.admitted_per_second,
        bucket_count=found.buckets,
        state=_STATES[found.state(now)],
        create_time=convert.wire_instant(found.create_time),
        update_time=convert.wire_instant(found.update_time),
        etag=convert.etag(found.version),
    )


def creation(request: pb.CreateFlashSaleRequest, sale_id: UUID) -> CreateFlashSale:
    """Read a request."""
    wire = request.flash_sale
    terms = Terms(**{name: read(wire) for name, read in _TERMS.values()})
    product = names.id_of("products", wire.product, field="flash_sale.product")
    location = optional_location(wire.location, field="flash_sale.location") or MAIN
    return CreateFlashSale(sale_id, Place(product, location), terms, wire.bucket_count)


def update(request: pb.UpdateFlashSaleRequest) -> UpdateFlashSale:
    """Read a request."""
    wire = request.flash_sale
    fields = convert.masked_fields(wire, request.update_mask, mutable=list(_TERMS), output_only=_OUTPUT_ONLY)
    changes = {name: read(wire) for name, read in (_TERMS[field] for field in fields)}
    sale_id = names.id_of("flashSales", wire.name, field="flash_sale.name")
    return UpdateFlashSale(sale_id, partial(_changed, changes), version_of(wire.etag))


def _changed(changes: dict[str, Any], terms: Terms) -> Terms:
    return replace(terms, **changes)


def cancellation(request: pb.CancelFlashSaleRequest) -> CancelFlashSale:
    """Read a request."""
    return CancelFlashSale(names.id_of("flashSales", request.name), version_of(request.etag))


def query(request: pb.ListFlashSalesRequest) -> FlashSaleQuery:
    """Read a request's filters."""
    return FlashSaleQuery(optional_id("products", request.product, field="product"))


def purchase(request: pb.BuyFlashSaleRequest, order_id: UUID) -> BuyFlashSale:
    """Read a request."""
    return BuyFlashSale(
        sale_id=names.id_of("flashSales", request.name),
        order_id=order_id,
        member=names.id_of("members", request.member, field="member"),
        quantity=request.quantity or 1,
        channel=request.channel,
        store=request.store,
    )


def entry(request: pb.EnterWaitingRoomRequest) -> waiting_room.Enter:
    """Read a request."""
    return waiting_room.Enter(
        names.id_of("flashSales", request.name), names.id_of("members", request.member, field="member")
    )


def place(tickets: Tickets, found: waiting_room.Place) -> pb.WaitingTicket:
    """Write a place in the queue, signed."""
    ticket = found.ticket
    return pb.WaitingTicket(
        ticket=tickets.write(ticket),
        ahead_count=found.ahead,
        wait_duration=convert.wire_duration(ticket.wait(found.now)),
        admit_time=convert.wire_instant(ticket.admit_time),
        expire_time=convert.wire_instant(ticket.expire_time),
    )


def sale_of_figures(name: str) -> UUID:
    """The sale whose figures have this name."""
    return names.parse("flashSales/{flash_sale}/figures", name)["flash_sale"]


def figures(found: Figures, before: Figures | None = None) -> pb.FlashSaleFigures:
    """Write figures; `before` are those that the caller saw last."""
    return pb.FlashSaleFigures(
        name=f"{found.sale.name}/figures",
        state=_STATES[found.sale.state(found.read_time)],
        quota=found.quota,
        free_units=found.free,
        held_units=found.held,
        sold_units=found.sold,
        returned_units=found.returned,
        refusals=[pb.FlashSaleRefusals(reason=reason, count=count) for reason, count in found.refusals],
        refusals_per_second=_rate(found, before),
        read_time=convert.wire_instant(found.read_time),
    )


def position(found: FlashSale) -> tuple[str, str]:
    """Where a sale stands in its pages."""
    return found.terms.start_time.isoformat(), str(found.id)


def _rate(found: Figures, before: Figures | None) -> int:
    if before is None or found.read_time <= before.read_time:
        return 0
    return round((found.refused - before.refused) / (found.read_time - before.read_time).total_seconds())
