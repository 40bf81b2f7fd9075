"""Shops and what they tell, between the wire and the domain. A row that can't even be read is its Fault, and no other
row's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from kehu.orders.v1 import channels_pb2 as pb

from kit import names
from kit.errors import Fault, invalid
from kit.money import currency_of
from kit.rpc import convert
from services.orders.api.wire import code_of, optional_id, optional_name, reason_of
from services.orders.domain import ingest
from services.orders.domain.ingest import (
    Ingested,
    Outcome,
    PlatformLine,
    PlatformOrder,
    PlatformRefund,
    RowResult,
    Shop,
    Snag,
    State,
)
from services.orders.usecases.ingest import IngestOrders, Key, MapSku, Shown

_IS_SHOP = re.compile("[a-z0-9][a-z0-9-]{0,62}").fullmatch


def shop_of(request: pb.CreateShopRequest, now: datetime) -> Shop:
    """Read a new shop."""
    told = request.shop
    return Shop(
        code=request.shop_id,
        title=told.title,
        platform=pb.Shop.Platform.Name(told.platform).removeprefix("PLATFORM_"),
        channel=told.channel,
        currency=currency_of(told.currency_code, field="shop.currency_code"),
        location=code_of("locations", told.location, field="shop.location"),
        version=1,
        create_time=now,
        update_time=now,
    )


def shop(known: Shop) -> pb.Shop:
    """Show a shop."""
    return pb.Shop(
        name=names.join("shops", known.code),
        title=known.title,
        platform=pb.Shop.Platform.Value(f"PLATFORM_{known.platform}"),
        channel=known.channel,
        currency_code=known.currency,
        location=names.join("locations", known.location) if known.location else "",
        create_time=convert.wire_instant(known.create_time),
        update_time=convert.wire_instant(known.update_time),
        etag=convert.etag(known.version),
    )


def shop_code(name: str, *, field: str = "name") -> str:
    """Read the name of a shop."""
    code = name.removeprefix("shops/")
    if code == name or not _IS_SHOP(code):
        raise invalid(field, "must be a name of the form shops/{shop}")
    return code


def key(name: str) -> Key:
    """Read the name of an ingested order."""
    shop, _, tid = name.partition("/ingestedOrders/")
    code = shop.removeprefix("shops/")
    if code == shop or not _IS_SHOP(code) or not ingest.is_number(tid):
        raise invalid("name", "must be a name of the form shops/{shop}/ingestedOrders/{tid}")
    return Key(code, tid)


def command(request: pb.IngestOrdersRequest) -> IngestOrders:
    """Read what a shop tells."""
    return IngestOrders(shop_code(request.parent, field="parent"), [_row(order) for order in request.orders])


def mapping(request: pb.MapChannelSkuRequest) -> MapSku:
    """Read which product a code stands for."""
    product = names.id_of("products", request.product, field="product")
    return MapSku(shop_code(request.parent, field="parent"), request.sku, product)


def state(request: pb.ListIngestedOrdersRequest) -> State | None:
    """Read which orders are asked for."""
    if not request.state:
        return None
    return State(pb.IngestedOrder.State.Name(request.state).removeprefix("STATE_"))


def _row(order: pb.PlatformOrder) -> PlatformOrder | Fault:
    try:
        if not order.HasField("modify_time"):
            raise invalid("modify_time", "is required")
        return PlatformOrder(
            tid=order.tid,
            modify_time=convert.instant(order.modify_time, field="modify_time"),
            status=order.status,
            bits=order.exception_bits,
            member=optional_id("members", order.member, field="member"),
            lines=tuple(_line(line, f"lines[{index}]") for index, line in enumerate(order.lines)),
            freight=ingest.amount_of(order.freight, field="freight") if order.freight else 0,
            total=ingest.amount_of(order.total, field="total") if order.total else None,
            refunds=tuple(_refund(each, f"refunds[{index}]") for index, each in enumerate(order.refunds)),
        )
    except Fault as fault:
        return fault


def _line(line: pb.PlatformLine, path: str) -> PlatformLine:
    price = ingest.amount_of(line.price, field=f"{path}.price") if line.price else None
    amount = ingest.amount_of(line.amount, field=f"{path}.amount")
    return PlatformLine(line.oid, line.sku, line.title, line.quantity, price, amount)


def _refund(refund: pb.PlatformRefund, path: str) -> PlatformRefund:
    lines = tuple(
        (
            line.oid,
            line.quantity,
            ingest.amount_of(line.amount, field=f"{path}.lines[{index}].amount") if line.amount else 0,
        )
        for index, line in enumerate(refund.lines)
    )
    return PlatformRefund(refund.refund_number, lines)


def response(results: Sequence[RowResult]) -> pb.IngestOrdersResponse:
    """Show what became of the rows."""
    return pb.IngestOrdersResponse(results=[_result(result) for result in results])


def _result(result: RowResult) -> pb.IngestResult:
    shown = pb.IngestResult(
        state=pb.IngestResult.State.Value(f"STATE_{result.outcome}"),
        order=optional_name("orders", result.order),
        exceptions=_exceptions(result.snags),
    )
    if result.fault is not None and result.outcome is Outcome.REJECTED:
        violation = result.fault.violations[0] if result.fault.violations else None
        shown.reason = reason_of(result.fault)
        shown.field = violation.field if violation else ""
        shown.description = violation.description if violation else result.fault.message
    return shown


def ingested(shown: Shown) -> pb.IngestedOrder:
    """Show what is known of an order of a platform."""
    known: Ingested = shown.ingested
    told = known.told
    return pb.IngestedOrder(
        name=names.join("shops", known.shop, "ingestedOrders", known.tid),
        state=pb.IngestedOrder.State.Value(f"STATE_{known.state}"),
        order=optional_name("orders", known.order),
        status=told.status if told else 0,
        modify_time=convert.wire_instant(told.modify_time) if told else None,
        exceptions=_exceptions(known.snags),
        platform_exceptions=known.platform_exceptions,
        residue=ingest.shown(known.residue),
        total=convert.wire_money(shown.order.money(shown.order.total)) if shown.order else None,
        create_time=convert.wire_instant(known.create_time),
        update_time=convert.wire_instant(known.update_time),
    )


def ingested_list(found: Sequence[Shown]) -> pb.MapChannelSkuResponse:
    """Show the orders that waited for a code."""
    return pb.MapChannelSkuResponse(ingested_orders=[ingested(each) for each in found])


def _exceptions(snags: Sequence[Snag]) -> list[pb.IngestException]:
    return [pb.IngestException(reason=snag.reason, subject=snag.subject) for snag in snags]
