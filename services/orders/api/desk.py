"""The order desk between the wire and the domain."""

from __future__ import annotations

from uuid import UUID

from kehu.orders.v1 import order_desk_pb2 as pb
from kehu.orders.v1 import shipping_pb2

from kit import names, org
from kit.errors import invalid
from kit.money import currency_of, exponent
from kit.rpc import convert
from kit.vault import Vault
from services.orders.api import delivery, order
from services.orders.api.wire import optional_id, version_of
from services.orders.domain.address import Address
from services.orders.domain.desk import Act, DeskOrder, DeskQuery, OrderEvent
from services.orders.domain.number import counter_of
from services.orders.domain.order import Order
from services.orders.usecases.desk import ChangeAddress, HoldOrder, ReleaseOrder, TagOrder, WriteNote


def query(request: pb.SearchOrdersRequest, vault: Vault) -> DeskQuery:
    """Read a request's filters. Raises a Fault for a number with a wrong check digit, or a phone without digits."""
    counter = counter_of(request.number) if request.number else None
    if request.number and counter is None:
        raise invalid("number", "is no order number: its check digit is wrong")
    phone = delivery.phone_digest(vault, request.phone) if request.phone else None
    if phone == "":
        raise invalid("phone", "must have digits")
    currency = currency_of(request.currency_code) if request.currency_code else ""
    unit = 10 ** exponent(currency) if request.min_units or request.max_units else 1
    return DeskQuery(
        counter=counter,
        phone=phone,
        sku=request.sku or None,
        state=order.STATES_BACK.get(request.state),
        channel=request.channel or None,
        store=request.store or None,
        tag=request.tag or None,
        member=optional_id("members", request.member, field="member"),
        currency=currency or None,
        least=request.min_units * unit if request.min_units else None,
        most=request.max_units * unit if request.max_units else None,
        held=request.held,
        start=convert.instant(request.start_time, field="start_time") if request.HasField("start_time") else None,
        end=convert.instant(request.end_time, field="end_time") if request.HasField("end_time") else None,
        org=org.parse(request.org),
    )


def order_of(parent: str) -> UUID:
    """The order whose timeline is asked for."""
    return names.id_of("orders", parent, field="parent")


def position(found: DeskOrder) -> tuple[str, str]:
    """Where an order stands in its pages."""
    return order.position(found.order)


def desk_order(found: DeskOrder) -> pb.DeskOrder:
    """Write an order with what people put on it."""
    hold = found.marks.hold
    return pb.DeskOrder(
        order=order.order(found.order),
        tags=found.marks.tags,
        hold=pb.OrderHold(reason=hold.reason, actor=hold.actor, hold_time=convert.wire_instant(hold.time))
        if hold
        else None,
    )


def event(happened: OrderEvent, of: Order) -> pb.OrderEvent:
    """Write something that happened."""
    amount = happened.amount
    return pb.OrderEvent(
        kind=pb.OrderEvent.Kind.Value(f"KIND_{happened.kind}"),
        event_time=convert.wire_instant(happened.time),
        actor=happened.actor,
        subject=happened.subject,
        detail=happened.detail,
        text=happened.text,
        amount=convert.wire_money(of.money(amount)) if amount is not None else None,
        units=happened.units or 0,
    )


def event_position(happened: OrderEvent) -> tuple[str, str]:
    """Where something stands in a timeline."""
    return happened.time.isoformat(), happened.key


def note(written: Act) -> pb.OrderEvent:
    """Write a note as the event that it is, without its text."""
    return pb.OrderEvent(
        kind=pb.OrderEvent.KIND_NOTE, event_time=convert.wire_instant(written.time), actor=written.actor
    )


def note_command(request: pb.WriteOrderNoteRequest, *, by: str) -> WriteNote:
    """Read a request. Raises a Fault for a blank note."""
    if not request.text.strip():
        raise invalid("text", "must not be blank")
    return WriteNote(names.new_id(), names.id_of("orders", request.name), request.text, by)


def tags(request: pb.TagOrderRequest, *, by: str) -> TagOrder:
    """Read a request. Raises a Fault when a tag is to be put on and taken off."""
    if set(request.add_tags) & set(request.remove_tags):
        raise invalid("remove_tags", "must not name what add_tags names")
    return TagOrder(names.id_of("orders", request.name), tuple(request.add_tags), tuple(request.remove_tags), by)


def hold(request: pb.HoldOrderRequest, *, by: str) -> HoldOrder:
    """Read a request."""
    return HoldOrder(names.id_of("orders", request.name), request.reason, by)


def release(request: pb.ReleaseOrderRequest, *, by: str) -> ReleaseOrder:
    """Read a request."""
    return ReleaseOrder(names.id_of("orders", request.name), request.note, by)


def change(
    request: pb.ChangeDeliveryAddressRequest, address: Address, vault: Vault, *, by: str, first: bool
) -> ChangeAddress:
    """Read a request."""
    return ChangeAddress(
        delivery.order_of(request.name),
        address.country,
        delivery.sealed_address(vault, address),
        by,
        version_of(request.etag),
        first,
    )


def changed(order_id: UUID) -> shipping_pb2.DeliveryAddress:
    """Write that an address changed, without the address: what is stored to answer repeats must not have it."""
    return shipping_pb2.DeliveryAddress(name=f"{names.join('orders', order_id)}/address")
