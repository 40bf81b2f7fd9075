"""Refunds between the wire and the domain."""

from __future__ import annotations

from uuid import UUID

from google.type.money_pb2 import Money as WireMoney
from kehu.orders.v1 import refunds_pb2 as pb

from kit import names, org
from kit.errors import invalid
from kit.money import Money
from kit.rpc import convert
from services.orders.api.wire import optional_id, optional_instant, optional_name, version_of
from services.orders.domain.refund import (
    Claim,
    ClaimLine,
    Payout,
    PayoutState,
    Refund,
    RefundKind,
    RefundQuery,
    RefundState,
)
from services.orders.usecases.refund import DecideRefund, Limits, ReceiveReturn, RefundOrder, SettleRefund, get_refund
from services.orders.usecases.refund_ports import Reading

_ANY = "orders/-"
_REFUND = "orders/{order}/refunds/{refund}"
_KINDS = {
    RefundKind.REFUND: pb.Refund.KIND_REFUND,
    RefundKind.RETURN: pb.Refund.KIND_RETURN,
    RefundKind.EXCHANGE: pb.Refund.KIND_EXCHANGE,
    RefundKind.CANCELLATION: pb.Refund.KIND_CANCELLATION,
}
_KINDS_BACK = {wire: kind for kind, wire in _KINDS.items()} | {pb.Refund.KIND_UNSPECIFIED: RefundKind.REFUND}
_STATES = {
    RefundState.REQUESTED: pb.Refund.STATE_REQUESTED,
    RefundState.AWAITING_GOODS: pb.Refund.STATE_AWAITING_GOODS,
    RefundState.PENDING: pb.Refund.STATE_PENDING,
    RefundState.SUCCEEDED: pb.Refund.STATE_SUCCEEDED,
    RefundState.REJECTED: pb.Refund.STATE_REJECTED,
    RefundState.WITHDRAWN: pb.Refund.STATE_WITHDRAWN,
}
_STATES_BACK = {wire: state for state, wire in _STATES.items()}
_PAYOUTS = {
    PayoutState.PENDING: pb.RefundPayment.STATE_PENDING,
    PayoutState.SUCCEEDED: pb.RefundPayment.STATE_SUCCEEDED,
    PayoutState.FAILED: pb.RefundPayment.STATE_FAILED,
}


def refund(found: Refund) -> pb.Refund:
    """Write a refund."""

    def money(minor: int) -> WireMoney:
        return convert.wire_money(Money(minor, found.amount.currency))

    return pb.Refund(
        name=names.join("orders", found.order, "refunds", found.id),
        lines=[
            pb.RefundLine(position=line.position, quantity=line.quantity, amount=convert.wire_money(line.amount))
            for line in found.lines
        ],
        amount=convert.wire_money(found.amount),
        points=found.points,
        points_value=convert.wire_money(found.points_value),
        reason=found.reason,
        refund_time=convert.wire_instant(found.refund_time),
        kind=_KINDS[found.kind],
        state=_STATES[found.state],
        freight=money(found.freight),
        tax=money(found.tax),
        payments=[_payout(payout) for payout in found.payouts],
        requester=found.requested_by,
        approver=found.decided_by,
        decide_time=optional_instant(found.decide_time),
        note=found.note,
        effect_time=optional_instant(found.effect_time),
        replacement=optional_name("orders", found.replacement),
        restock_unshipped=found.restock,
        credit=money(found.credit) if found.credit else None,
        etag=convert.etag(found.version),
    )


def recalled(unit: Reading, kept: pb.Refund) -> pb.Refund:
    """A stored answer with what was said of the refund, as far as that is still known."""
    found = get_refund(unit, *refund_name(kept.name))
    kept.reason, kept.note = found.reason, found.note
    return kept


def preview(drafted: Refund) -> pb.Refund:
    """Write a refund that was not made: it has no name."""
    written = refund(drafted)
    written.name = written.etag = ""
    written.ClearField("refund_time")
    written.ClearField("effect_time")
    return written


def _payout(payout: Payout) -> pb.RefundPayment:
    return pb.RefundPayment(
        position=payout.payment,
        amount=convert.wire_money(payout.amount),
        state=_PAYOUTS[payout.state],
        reference=payout.reference,
    )


def command(request: pb.RefundOrderRequest, *, by: str, limits: Limits) -> RefundOrder:
    """Read a request."""
    return RefundOrder(
        refund_id=names.new_id(),
        order_id=names.id_of("orders", request.name),
        claim=_claim(request),
        reason=request.reason,
        request_id=request.request_id,
        version=version_of(request.etag),
        kind=_KINDS_BACK[request.kind],
        replacement=optional_id("orders", request.replacement, field="replacement"),
        restock=request.restock_unshipped,
        by=by,
        limits=limits,
    )


def previewing(request: pb.PreviewRefundRequest, *, limits: Limits) -> RefundOrder:
    """Read a request."""
    return RefundOrder(
        refund_id=names.new_id(),
        order_id=names.id_of("orders", request.name),
        claim=_claim(request),
        reason="",
        request_id="",
        version=None,
        limits=limits,
    )


def _claim(request: pb.RefundOrderRequest | pb.PreviewRefundRequest) -> Claim | None:
    if not request.lines and not request.HasField("freight"):
        return None
    amounts = {
        **{f"lines[{index}].amount": line.amount for index, line in enumerate(request.lines) if not line.quantity},
        **({"freight": request.freight} if request.HasField("freight") else {}),
    }
    read = {field: convert.money(amount, field=field) for field, amount in amounts.items()}
    for field, amount in read.items():
        if amount.minor <= 0:
            raise invalid(field, "must be more than nothing")
    if len({amount.currency for amount in read.values()}) > 1:
        raise invalid("freight.currency_code", "must be that of the lines")
    return Claim(
        tuple(
            ClaimLine(
                line.position,
                line.quantity,
                0 if line.quantity else read[f"lines[{index}].amount"].minor,
            )
            for index, line in enumerate(request.lines)
        ),
        read["freight"].minor if "freight" in read else 0,
        next((amount.currency for amount in read.values()), ""),
    )


def decision(request: pb.ApproveRefundRequest | pb.RejectRefundRequest, *, by: str) -> DecideRefund:
    """Read a request."""
    order_id, refund_id = refund_name(request.name)
    return DecideRefund(order_id, refund_id, by, request.note, version_of(request.etag))


def receipt(request: pb.ReceiveReturnRequest) -> ReceiveReturn:
    """Read a request."""
    order_id, refund_id = refund_name(request.name)
    damaged = tuple((units.position, units.quantity) for units in request.damaged)
    return ReceiveReturn(order_id, refund_id, damaged, request.note, version_of(request.etag))


def settlement(request: pb.SettleRefundRequest) -> SettleRefund:
    """Read a request."""
    order_id, refund_id = refund_name(request.name)
    return SettleRefund(order_id, refund_id, request.position, request.reference, version_of(request.etag))


def query(request: pb.ListRefundsRequest) -> RefundQuery:
    """Read a request's filters."""
    parent = None if request.parent == _ANY else names.id_of("orders", request.parent, field="parent")
    return RefundQuery(parent, _STATES_BACK.get(request.state), org.parse(request.org))


def refund_name(name: str) -> tuple[UUID, UUID]:
    """The ids in a refund's name: of its order, and its own."""
    ids = names.parse(_REFUND, name)
    return ids["order"], ids["refund"]


def position(found: Refund) -> tuple[str, str]:
    """Where a refund stands in its pages."""
    return found.refund_time.isoformat(), str(found.id)
