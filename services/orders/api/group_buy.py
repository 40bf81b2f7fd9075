"""Group buys and their groups between the wire and the domain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from kehu.orders.v1 import group_buys_pb2 as pb

from kit import names, org
from kit.errors import invalid
from kit.money import Money
from kit.rpc import convert
from services.orders.api.wire import optional_id, optional_instant, version_of
from services.orders.domain.group import PATTERN, Group, GroupQuery, GroupState
from services.orders.domain.group_buy import (
    HOLD,
    GroupBuy,
    GroupBuyKind,
    GroupBuyQuery,
    GroupBuyState,
    PriceStep,
    Terms,
)
from services.orders.usecases.activity import Sending
from services.orders.usecases.group import FillGroup, TakeSeat
from services.orders.usecases.group_buy import CancelGroupBuy, CreateGroupBuy, UpdateGroupBuy

_KINDS = {
    GroupBuyKind.PLAIN: pb.GroupBuy.KIND_PLAIN,
    GroupBuyKind.LADDER: pb.GroupBuy.KIND_LADDER,
    GroupBuyKind.NEW_CUSTOMER: pb.GroupBuy.KIND_NEW_CUSTOMER,
}
_KINDS_BACK = {wire: kind for kind, wire in _KINDS.items()}
_STATES = {
    GroupBuyState.SCHEDULED: pb.GroupBuy.STATE_SCHEDULED,
    GroupBuyState.OPEN: pb.GroupBuy.STATE_OPEN,
    GroupBuyState.ENDED: pb.GroupBuy.STATE_ENDED,
    GroupBuyState.CANCELLED: pb.GroupBuy.STATE_CANCELLED,
}
_GROUP_STATES = {
    GroupState.OPENING: pb.Group.STATE_OPENING,
    GroupState.RECRUITING: pb.Group.STATE_RECRUITING,
    GroupState.SUCCEEDED: pb.Group.STATE_SUCCEEDED,
    GroupState.EXPIRED: pb.Group.STATE_EXPIRED,
    GroupState.REFUNDING: pb.Group.STATE_REFUNDING,
    GroupState.CLOSED: pb.Group.STATE_CLOSED,
}


def _price_steps(wire: pb.GroupBuy) -> tuple[PriceStep, ...]:
    prices = [convert.money(step.price, field=f"group_buy.price_steps[{n}].price") for n, step in _steps(wire)]
    return tuple(PriceStep(step.members, price.minor) for (_, step), price in zip(_steps(wire), prices, strict=True))


def _steps(wire: pb.GroupBuy) -> list[tuple[int, pb.GroupBuyPriceStep]]:
    return list(enumerate(wire.price_steps))


def _check_steps(wire: pb.GroupBuy, terms: Terms) -> Terms:
    for n, step in _steps(wire):
        if step.price.currency_code != terms.price.currency:
            raise invalid(f"group_buy.price_steps[{n}].price", f"must be in {terms.price.currency}")
    return terms


def _hold(wire: pb.GroupBuy) -> timedelta:
    return wire.hold_duration.ToTimedelta() if wire.HasField("hold_duration") else HOLD


# How each field that can be changed is read, and what it is called in the terms.
_TERMS: dict[str, tuple[str, Callable[[pb.GroupBuy], Any]]] = {
    "display_name": ("display_name", lambda wire: wire.display_name),
    "price": ("price", lambda wire: convert.money(wire.price, field="group_buy.price")),
    "size": ("size", lambda wire: wire.size),
    "price_steps": ("steps", _price_steps),
    "start_time": ("start_time", lambda wire: convert.instant(wire.start_time, field="group_buy.start_time")),
    "end_time": ("end_time", lambda wire: convert.instant(wire.end_time, field="group_buy.end_time")),
    "duration": ("duration", lambda wire: wire.duration.ToTimedelta()),
    "hold_duration": ("hold", _hold),
    "member_limit": ("member_limit", lambda wire: wire.member_limit),
    "channels": ("channels", lambda wire: tuple(wire.channels)),
}
_OUTPUT_ONLY = ("name", "product", "kind", "state", "create_time", "update_time", "etag")


def group_buy(found: GroupBuy, now: datetime) -> pb.GroupBuy:
    """Write a group buy as it stands at an instant."""
    terms = found.terms
    return pb.GroupBuy(
        name=found.name,
        product=names.join("products", found.product),
        kind=_KINDS[found.kind],
        display_name=terms.display_name,
        price=convert.wire_money(terms.price),
        size=terms.size,
        price_steps=[
            pb.GroupBuyPriceStep(
                members=step.members, price=convert.wire_money(Money(step.price, terms.price.currency))
            )
            for step in terms.steps
        ],
        start_time=convert.wire_instant(terms.start_time),
        end_time=convert.wire_instant(terms.end_time),
        duration=convert.wire_duration(terms.duration),
        hold_duration=convert.wire_duration(terms.hold),
        member_limit=terms.member_limit,
        channels=terms.channels,
        state=_STATES[found.state(now)],
        create_time=convert.wire_instant(found.create_time),
        update_time=convert.wire_instant(found.update_time),
        etag=convert.etag(found.version),
    )


def creation(request: pb.CreateGroupBuyRequest, group_buy_id: UUID) -> CreateGroupBuy:
    """Read a request."""
    wire = request.group_buy
    terms = _check_steps(wire, Terms(**{name: read(wire) for name, read in _TERMS.values()}))
    product = names.id_of("products", wire.product, field="group_buy.product")
    return CreateGroupBuy(group_buy_id, product, _KINDS_BACK.get(wire.kind, GroupBuyKind.PLAIN), terms)


def update(request: pb.UpdateGroupBuyRequest) -> UpdateGroupBuy:
    """Read a request."""
    wire = request.group_buy
    fields = convert.masked_fields(wire, request.update_mask, mutable=list(_TERMS), output_only=_OUTPUT_ONLY)
    changes = {name: read(wire) for name, read in (_TERMS[field] for field in fields)}
    group_buy_id = names.id_of("groupBuys", wire.name, field="group_buy.name")
    return UpdateGroupBuy(group_buy_id, partial(_changed, wire, changes), version_of(wire.etag))


def _changed(wire: pb.GroupBuy, changes: dict[str, Any], terms: Terms) -> Terms:
    changed = replace(terms, **changes)
    return _check_steps(wire, changed) if "steps" in changes else changed


def cancellation(request: pb.CancelGroupBuyRequest) -> CancelGroupBuy:
    """Read a request."""
    return CancelGroupBuy(names.id_of("groupBuys", request.name), version_of(request.etag))


def query(request: pb.ListGroupBuysRequest) -> GroupBuyQuery:
    """Read a request's filters."""
    return GroupBuyQuery(optional_id("products", request.product, field="product"))


def position(found: GroupBuy) -> tuple[str, str]:
    """Where a group buy stands in its pages."""
    return found.terms.start_time.isoformat(), str(found.id)


def opening(request: pb.OpenGroupRequest, group_id: UUID, order_id: UUID, sending: Sending) -> TakeSeat:
    """Read a request."""
    parent = names.id_of("groupBuys", request.parent, field="parent")
    member = names.id_of("members", request.member, field="member")
    channel, store = request.channel, request.store
    return TakeSeat(parent, group_id, order_id, member, channel, store, opens=True, sending=sending)


def joining(request: pb.JoinGroupRequest, order_id: UUID, sending: Sending) -> TakeSeat:
    """Read a request."""
    group_buy_id, group_id = ids(request.name)
    member = names.id_of("members", request.member, field="member")
    return TakeSeat(group_buy_id, group_id, order_id, member, request.channel, request.store, sending=sending)


def filling(request: pb.FillGroupRequest, by: str) -> FillGroup:
    """Read a request."""
    group_buy_id, group_id = ids(request.name)
    return FillGroup(group_buy_id, group_id, request.seats, request.note, by)


def group_query(request: pb.ListGroupsRequest) -> GroupQuery:
    """Read a request's filters."""
    return GroupQuery(names.id_of("groupBuys", request.parent, field="parent"), org.parse(request.org))


def ids(name: str) -> tuple[UUID, UUID]:
    """The group buy and the group of a name."""
    found = names.parse(PATTERN, name)
    return found["group_buy"], found["group"]


def group(found: Group) -> pb.Group:
    """Write a group."""
    final = found.final_price
    return pb.Group(
        name=found.name,
        leader=names.join("members", found.leader),
        state=_GROUP_STATES[found.state],
        size=found.size,
        paid_seats=found.paid,
        held_seats=found.held,
        sponsored_seats=found.sponsored,
        free_seats=found.free,
        price=convert.wire_money(found.price),
        final_price=None if final is None else convert.wire_money(Money(final, found.price.currency)),
        open_time=convert.wire_instant(found.open_time),
        deadline_time=convert.wire_instant(found.deadline),
        end_time=optional_instant(found.end_time),
        store=found.store,
    )


def group_position(found: Group) -> tuple[str, str]:
    """Where a group stands in its pages."""
    return found.deadline.isoformat(), str(found.id)
