"""Redemptions, on the wire and inside."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp
from kehu.members.v1 import mall_pb2 as pb

from kit import names
from kit.rpc.convert import money, wire_instant, wire_money
from services.members.api.audit import author
from services.members.api.programme import programme_name
from services.members.domain.redemption import Delivery, Redemption, State
from services.members.usecases.fulfilment import Fulfil
from services.members.usecases.redemption import Cancel, Confirm, Filter, Redeem, Refund

_TTL = timedelta(minutes=30)
_EVERYBODY = "members/-"


class Name(NamedTuple):
    """The ids in the name of a redemption."""

    member: UUID
    redemption: UUID


def name_of(name: str) -> Name:
    """Read the name of a redemption."""
    return Name(**names.parse("members/{member}/redemptions/{redemption}", name))


def redeem(request: pb.CreateRedemptionRequest) -> Redeem:
    """Read a request to redeem points; the redemption and its hold get their ids here."""
    wire = request.redemption
    return Redeem(
        redemption=names.new_id(),
        hold=names.new_id(),
        member=names.id_of("members", request.parent, field="parent"),
        reward=names.id_of("rewards", wire.reward, field="redemption.reward"),
        quantity=wire.quantity or 1,
        store=wire.store,
        ttl=request.ttl.ToTimedelta() if request.HasField("ttl") else _TTL,
    )


def confirm(request: pb.ConfirmRedemptionRequest) -> Confirm:
    """Read the news of a payment."""
    return Confirm(
        *name_of(request.name),
        payment=request.payment,
        paid=money(request.paid, field="paid"),
        hold=names.new_id(),
    )


def cancel(request: pb.CancelRedemptionRequest) -> Cancel:
    """Read a request to give a redemption up."""
    return Cancel(*name_of(request.name))


def refund(request: pb.RefundRedemptionRequest) -> Refund:
    """Read a request to take a redemption back."""
    return Refund(*name_of(request.name), payment=request.refund_payment, restock=request.restock, author=author())


def fulfil(request: pb.FulfilRedemptionRequest) -> Fulfil:
    """Read the news of a delivery."""
    return Fulfil(*name_of(request.name), Delivery(request.voucher_code, request.tracking_number))


def filter_of(request: pb.ListRedemptionsRequest) -> Filter:
    """Read which redemptions to list."""
    everybody = request.parent == _EVERYBODY
    return Filter(
        member=None if everybody else names.id_of("members", request.parent, field="parent"),
        reward=names.id_of("rewards", request.reward, field="reward") if request.reward else None,
        state=State(pb.Redemption.State.Name(request.state).removeprefix("STATE_")) if request.state else None,
    )


def render(redemption: Redemption) -> pb.Redemption:
    """Write a redemption."""
    delivery = redemption.delivery
    return pb.Redemption(
        name=redemption.source,
        reward=names.join("rewards", redemption.reward),
        quantity=redemption.quantity,
        store=redemption.store,
        points=redemption.points,
        cash=wire_money(redemption.cash) if redemption.cash else None,
        state=pb.Redemption.State.Value(f"STATE_{redemption.state}"),
        hold=names.join("members", redemption.member, "holds", redemption.hold),
        payment=redemption.payment,
        voucher_code=delivery.voucher_code,
        tracking_number=delivery.tracking_number,
        pickup_store=delivery.pickup_store,
        refund_payment=redemption.refund_payment,
        restocked=redemption.restocked,
        create_time=wire_instant(redemption.create_time),
        expire_time=_maybe(redemption.expire_time),
        confirm_time=_maybe(redemption.confirm_time),
        fulfil_time=_maybe(redemption.fulfil_time),
        end_time=_maybe(redemption.end_time),
        programme=programme_name(redemption.programme),
        refusal=redemption.refusal,
    )


def _maybe(moment: datetime | None) -> Timestamp | None:
    return wire_instant(moment) if moment else None
