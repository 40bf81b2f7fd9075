"""Bargains and haggles between the wire and the domain."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kehu.orders.v1 import bargains_pb2 as pb

from kit import names
from kit.money import Money
from kit.rpc import convert
from services.orders.api.wire import optional_id, optional_name, version_of
from services.orders.domain.bargain import HOLD, PATTERN, Bargain, BargainQuery, BargainState, Haggle, HaggleState
from services.orders.usecases.activity import Sending
from services.orders.usecases.bargain import BeginHaggle, BuyHaggle, CancelBargain, CreateBargain, CutPrice, Done

_STATES = {
    BargainState.SCHEDULED: pb.Bargain.STATE_SCHEDULED,
    BargainState.OPEN: pb.Bargain.STATE_OPEN,
    BargainState.ENDED: pb.Bargain.STATE_ENDED,
    BargainState.CANCELLED: pb.Bargain.STATE_CANCELLED,
}
_HAGGLE_STATES = {
    HaggleState.CUTTING: pb.Haggle.STATE_CUTTING,
    HaggleState.ORDERED: pb.Haggle.STATE_ORDERED,
    HaggleState.BOUGHT: pb.Haggle.STATE_BOUGHT,
}


def bargain(found: Bargain, now: datetime) -> pb.Bargain:
    """Write a bargain as it stands at an instant."""
    return pb.Bargain(
        name=found.name,
        product=names.join("products", found.product),
        display_name=found.display_name,
        price=convert.wire_money(found.price),
        floor_price=convert.wire_money(Money(found.floor, found.price.currency)),
        helper_count=found.helpers,
        start_time=convert.wire_instant(found.start_time),
        end_time=convert.wire_instant(found.end_time),
        duration=convert.wire_duration(found.duration),
        hold_duration=convert.wire_duration(found.hold),
        state=_STATES[found.state(now)],
        create_time=convert.wire_instant(found.create_time),
        update_time=convert.wire_instant(found.update_time),
        etag=convert.etag(found.version),
    )


def creation(request: pb.CreateBargainRequest, bargain_id: UUID) -> CreateBargain:
    """Read a request."""
    wire = request.bargain
    return CreateBargain(
        bargain_id=bargain_id,
        product=names.id_of("products", wire.product, field="bargain.product"),
        display_name=wire.display_name,
        price=convert.money(wire.price, field="bargain.price"),
        floor=convert.money(wire.floor_price, field="bargain.floor_price"),
        helpers=wire.helper_count,
        start_time=convert.instant(wire.start_time, field="bargain.start_time"),
        end_time=convert.instant(wire.end_time, field="bargain.end_time"),
        duration=wire.duration.ToTimedelta(),
        hold=wire.hold_duration.ToTimedelta() if wire.HasField("hold_duration") else HOLD,
    )


def cancellation(request: pb.CancelBargainRequest) -> CancelBargain:
    """Read a request."""
    return CancelBargain(names.id_of("bargains", request.name), version_of(request.etag))


def query(request: pb.ListBargainsRequest) -> BargainQuery:
    """Read a request's filters."""
    return BargainQuery(optional_id("products", request.product, field="product"))


def position(found: Bargain) -> tuple[str, str]:
    """Where a bargain stands in its pages."""
    return found.start_time.isoformat(), str(found.id)


def beginning(request: pb.BeginHaggleRequest, haggle_id: UUID) -> BeginHaggle:
    """Read a request."""
    parent = names.id_of("bargains", request.parent, field="parent")
    return BeginHaggle(parent, haggle_id, names.id_of("members", request.member, field="member"))


def cutting(request: pb.CutPriceRequest) -> CutPrice:
    """Read a request."""
    bargain_id, haggle_id = ids(request.name)
    return CutPrice(bargain_id, haggle_id, names.id_of("members", request.member, field="member"))


def purchase(request: pb.BuyHaggleRequest, order_id: UUID, sending: Sending) -> BuyHaggle:
    """Read a request."""
    bargain_id, haggle_id = ids(request.name)
    member = names.id_of("members", request.member, field="member")
    return BuyHaggle(bargain_id, haggle_id, order_id, member, request.channel, request.store, sending)


def ids(name: str) -> tuple[UUID, UUID]:
    """The bargain and the haggle of a name."""
    found = names.parse(PATTERN, name)
    return found["bargain"], found["haggle"]


def haggle(found: Haggle) -> pb.Haggle:
    """Write a haggle."""
    return pb.Haggle(
        name=found.name,
        member=names.join("members", found.member),
        state=_HAGGLE_STATES[found.state],
        price=convert.wire_money(found.price),
        reached_price=convert.wire_money(found.reached),
        cut_count=found.done,
        left_count=found.left,
        order=optional_name("orders", found.order),
        open_time=convert.wire_instant(found.open_time),
        deadline_time=convert.wire_instant(found.deadline),
    )


def cut(done: Done) -> pb.CutPriceResponse:
    """Write a cut."""
    amount = convert.wire_money(Money(done.amount, done.haggle.price.currency))
    return pb.CutPriceResponse(amount=amount, haggle=haggle(done.haggle))
