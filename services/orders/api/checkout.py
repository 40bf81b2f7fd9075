"""Checkouts between the wire and the domain."""

from __future__ import annotations

from kehu.orders.v1 import checkout_pb2 as pb

from kit import names
from kit.rpc import convert
from services.orders.api.wire import optional_instant, optional_name
from services.orders.domain.checkout import Attempt, CheckoutState, Step


def checkout(attempt: Attempt) -> pb.Checkout:
    """Write a checkout."""
    return pb.Checkout(
        name=names.join("checkouts", attempt.order_id),
        order=names.join("orders", attempt.order),
        state=pb.Checkout.State.Value(f"STATE_{attempt.state}"),
        member=optional_name("members", attempt.member),
        reason=attempt.reason,
        steps=[_step(step) for step in attempt.steps],
        create_time=convert.wire_instant(attempt.open_time),
        update_time=convert.wire_instant(attempt.update_time or attempt.open_time),
        end_time=optional_instant(attempt.end_time),
        drive_time=optional_instant(attempt.drive_time),
        release_rounds=attempt.rounds,
        store=attempt.store,
        payment_intent=names.join("orders", attempt.order, "paymentIntents", attempt.intent) if attempt.intent else "",
    )


def state(request: pb.ListCheckoutsRequest) -> CheckoutState | None:
    """Read which checkouts are asked for."""
    if not request.state:
        return None
    return CheckoutState(pb.Checkout.State.Name(request.state).removeprefix("STATE_"))


def position(attempt: Attempt) -> tuple[str, str]:
    """Where a checkout stands in its pages."""
    return attempt.open_time.isoformat(), str(attempt.order_id)


def _step(step: Step) -> pb.CheckoutStep:
    return pb.CheckoutStep(
        position=step.position,
        kind=pb.CheckoutStep.Kind.Value(f"KIND_{step.kind}"),
        state=pb.CheckoutStep.State.Value(f"STATE_{step.state}"),
        attempts=step.attempts,
        releases=step.releases,
        reason=step.reason,
        coupons=step.coupons,
        points=step.points,
        amount=convert.wire_money(step.amount) if step.amount else None,
        hold=step.hold,
        ask_time=optional_instant(step.ask_time),
        update_time=optional_instant(step.update_time),
    )
