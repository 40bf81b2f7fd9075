"""Payments by providers between the wire and the domain."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from google.type.date_pb2 import Date
from kehu.orders.v1 import payments_pb2 as pb

from kit import names
from kit.rpc import convert
from services.orders.api.wire import optional_instant, optional_name, version_of
from services.orders.domain.payment_intent import IntentCause, IntentState, PaymentIntent
from services.orders.domain.provider import NoticeKind, Scene
from services.orders.domain.provider_refund import ProviderRefund, ProviderRefundCause, ProviderRefundState
from services.orders.domain.reconciliation import DifferenceKind, Report, StoredDifference
from services.orders.usecases.payment_intent import CreateIntent, ResolveIntent

_INTENT = "orders/{order}/paymentIntents/{intent}"
_REFUND = "orders/{order}/providerRefunds/{refund}"
_ALL = "orders/-"

_PROVIDERS = {
    "WECHAT_PAY": pb.PAYMENT_PROVIDER_WECHAT_PAY,
    "ALIPAY": pb.PAYMENT_PROVIDER_ALIPAY,
}
_PROVIDERS_BACK = {wire: provider for provider, wire in _PROVIDERS.items()}
_SCENES = {scene: pb.PaymentScene.Value(f"PAYMENT_SCENE_{scene.value}") for scene in Scene}
_SCENES_BACK = {wire: scene for scene, wire in _SCENES.items()}
_STATES = {state: pb.PaymentIntent.State.Value(f"STATE_{state.value}") for state in IntentState}
_STATES_BACK = {wire: state for state, wire in _STATES.items()}
_CAUSES = {cause: pb.PaymentIntent.Cause.Value(f"CAUSE_{cause.value}") for cause in IntentCause}
_REFUND_STATES = {state: pb.ProviderRefund.State.Value(f"STATE_{state.value}") for state in ProviderRefundState}
_REFUND_STATES_BACK = {wire: state for state, wire in _REFUND_STATES.items()}
_REFUND_CAUSES = {cause: pb.ProviderRefund.Cause.Value(f"CAUSE_{cause.value}") for cause in ProviderRefundCause}
_KINDS = {kind: pb.ReconciliationDifference.Kind.Value(f"KIND_{kind.value}") for kind in DifferenceKind}
_MOVEMENTS = {kind: pb.ReconciliationDifference.Movement.Value(f"MOVEMENT_{kind.value}") for kind in NoticeKind}


def intent(found: PaymentIntent) -> pb.PaymentIntent:
    """Write an intent."""
    payable = found.pending and found.prepared is not None
    return pb.PaymentIntent(
        name=names.join("orders", found.order, "paymentIntents", found.id),
        provider=_PROVIDERS[found.provider],
        scene=_SCENES[found.scene],
        state=_STATES[found.state],
        amount=convert.wire_money(found.amount),
        reference=found.reference,
        cashier=pb.Cashier(fields=found.prepared) if payable else None,
        transaction=found.transaction,
        captured_amount=convert.wire_money(found.captured) if found.captured is not None else None,
        pay_time=optional_instant(found.pay_time),
        cause=_CAUSES[found.cause] if found.cause else pb.PaymentIntent.CAUSE_UNSPECIFIED,
        detail=found.detail,
        create_time=convert.wire_instant(found.create_time),
        expire_time=convert.wire_instant(found.expire_time),
        update_time=convert.wire_instant(found.update_time),
        etag=convert.etag(found.version),
    )


def provider_of(request: pb.CreatePaymentIntentRequest) -> str:
    """Read which provider is asked for."""
    return _PROVIDERS_BACK[request.payment_intent.provider]


def creation(request: pb.CreatePaymentIntentRequest, merchant: str) -> CreateIntent:
    """Read a request."""
    wanted = request.payment_intent
    part = None
    if wanted.HasField("part_amount"):
        part = convert.money(wanted.part_amount, field="payment_intent.part_amount")
    return CreateIntent(
        intent_id=names.new_id(),
        order_id=names.id_of("orders", request.parent, field="parent"),
        provider=provider_of(request),
        scene=_SCENES_BACK[wanted.scene],
        part=part,
        merchant=merchant,
    )


def intent_ids(name: str) -> tuple[UUID, UUID]:
    """The order's id and the intent's."""
    ids = names.parse(_INTENT, name)
    return ids["order"], ids["intent"]


def refund_ids(name: str) -> tuple[UUID, UUID]:
    """The order's id and the refund's."""
    ids = names.parse(_REFUND, name)
    return ids["order"], ids["refund"]


def resolution(request: pb.ResolvePaymentIntentRequest) -> ResolveIntent:
    """Read a request."""
    order_id, intent_id = intent_ids(request.name)
    accept = request.decision == pb.ResolvePaymentIntentRequest.DECISION_ACCEPT
    return ResolveIntent(order_id, intent_id, accept, version_of(request.etag))


def parent(name: str) -> UUID | None:
    """The order whose children are listed; None for all orders."""
    return None if name == _ALL else names.id_of("orders", name, field="parent")


def state(request: pb.ListPaymentIntentsRequest) -> IntentState | None:
    """Read a filter."""
    return _STATES_BACK.get(request.state)


def refund_state(request: pb.ListProviderRefundsRequest) -> ProviderRefundState | None:
    """Read a filter."""
    return _REFUND_STATES_BACK.get(request.state)


def intent_position(found: PaymentIntent) -> tuple[str, str]:
    """Where an intent stands in its pages."""
    return found.create_time.isoformat(), str(found.id)


def refund(found: ProviderRefund) -> pb.ProviderRefund:
    """Write money on its way back."""
    return pb.ProviderRefund(
        name=names.join("orders", found.order, "providerRefunds", found.id),
        payment_intent=names.join("orders", found.order, "paymentIntents", found.intent),
        refund=names.join("orders", found.order, "refunds", found.refund) if found.refund else "",
        provider=_PROVIDERS[found.provider],
        cause=_REFUND_CAUSES[found.cause],
        state=_REFUND_STATES[found.state],
        amount=convert.wire_money(found.amount),
        reference=found.reference,
        transaction=found.transaction,
        attempt_count=found.attempts,
        detail=found.detail,
        create_time=convert.wire_instant(found.create_time),
        settle_time=optional_instant(found.settle_time),
    )


def refund_position(found: ProviderRefund) -> tuple[str, str]:
    """Where a refund stands in its pages."""
    return found.create_time.isoformat(), str(found.id)


def report(found: Report) -> pb.ReconciliationReport:
    """Write a report."""
    return pb.ReconciliationReport(
        name=names.join("reconciliationReports", found.id),
        provider=_PROVIDERS[found.provider],
        day=_day(found.day),
        line_count=found.lines,
        difference_count=found.differences,
        compare_time=convert.wire_instant(found.compare_time),
    )


def report_position(found: Report) -> tuple[str, str]:
    """Where a report stands in its pages."""
    return found.day.isoformat(), str(found.id)


def difference(found: StoredDifference) -> pb.ReconciliationDifference:
    """Write a difference."""
    what = found.difference
    return pb.ReconciliationDifference(
        name=names.join("reconciliationDifferences", found.id),
        reconciliation_report=names.join("reconciliationReports", found.report),
        provider=_PROVIDERS[found.provider],
        day=_day(found.day),
        kind=_KINDS[what.kind],
        movement=_MOVEMENTS[what.movement],
        reference=what.reference,
        transaction=what.transaction,
        order=optional_name("orders", what.order),
        stored_amount=convert.wire_money(what.ours) if what.ours is not None else None,
        billed_amount=convert.wire_money(what.theirs) if what.theirs is not None else None,
        find_time=convert.wire_instant(found.find_time),
        resolve_time=optional_instant(found.resolve_time),
        note=found.note,
    )


def difference_position(found: StoredDifference) -> tuple[str, str]:
    """Where a difference stands in its pages."""
    return found.find_time.isoformat(), str(found.id)


def _day(day: date) -> Date:
    return Date(year=day.year, month=day.month, day=day.day)
