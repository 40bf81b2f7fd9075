"""Payment intents and the money on its way back: the steps they may take, and no others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Fault
from kit.money import Money
from kit.names import new_id
from services.orders.domain import payment_intent, provider_refund
from services.orders.domain.payment_intent import IntentCause, IntentState, IntentStep, PaymentIntent
from services.orders.domain.provider import RefundStanding, Scene, Standing, Status
from services.orders.domain.provider_refund import (
    MOST_ATTEMPTS,
    ProviderRefund,
    ProviderRefundCause,
    ProviderRefundState,
    ProviderRefundStep,
)
from tests.support.builders.orders import NOW

CNY = Money(990, "CNY")


def an_intent(**others: Any) -> PaymentIntent:
    made = PaymentIntent.create(
        new_id(),
        order=new_id(),
        provider="WECHAT_PAY",
        scene=Scene.NATIVE,
        amount=CNY,
        merchant="1900000001",
        now=NOW,
        expire_time=NOW + timedelta(minutes=15),
    )
    return replace(made, **others)


def a_refund(**others: Any) -> ProviderRefund:
    paid = an_intent(captured=CNY, transaction="42")
    made = ProviderRefund.of(new_id(), paid, CNY, cause=ProviderRefundCause.RETURNED, now=NOW)
    return replace(made, **others)


STEPS: dict[IntentStep, Callable[[PaymentIntent], PaymentIntent]] = {
    IntentStep.CAPTURE: lambda intent: intent.capture(NOW),
    IntentStep.RETURN: lambda intent: intent.give_back(IntentCause.ORDER_CLOSED, NOW),
    IntentStep.PARK: lambda intent: intent.park(IntentCause.AMOUNT_DIFFERS, NOW),
    IntentStep.CLOSE: lambda intent: intent.close(IntentCause.EXPIRED, NOW),
    IntentStep.FAIL: lambda intent: intent.fail("NO_AUTH", NOW),
    IntentStep.REVIVE: lambda intent: intent.revive(NOW),
}


@given(steps=st.lists(st.sampled_from(IntentStep), max_size=8))
def test_an_intent_goes_where_the_table_says_and_nowhere_else(steps: list[IntentStep]) -> None:
    intent = an_intent()
    for step in steps:
        allowed = payment_intent.TRANSITIONS.get((intent.state, step))
        if allowed is None:
            with pytest.raises(Fault) as refused:
                STEPS[step](intent)
            assert refused.value.reason == "PAYMENT_INTENT_STATE_INVALID"
            continue
        changed = STEPS[step](intent)
        assert changed.state is allowed
        assert changed.version == intent.version + 1
        assert changed.next_time is None
        intent = changed


def test_money_that_paid_or_went_back_is_decided_for_ever() -> None:
    after = {state for state, _ in payment_intent.TRANSITIONS}
    assert after == set(IntentState) - {IntentState.SUCCEEDED, IntentState.RETURNED}


REFUND_STEPS: dict[ProviderRefundStep, Callable[[ProviderRefund], ProviderRefund]] = {
    ProviderRefundStep.SETTLE: lambda refund: refund.heard(RefundStanding(refund.reference, Status.SUCCEEDED), NOW),
    ProviderRefundStep.FAIL: lambda refund: refund.heard(RefundStanding(refund.reference, Status.FAILED), NOW),
    ProviderRefundStep.RETRY: lambda refund: refund.retry(NOW),
}


@given(steps=st.lists(st.sampled_from(ProviderRefundStep), max_size=8))
def test_money_on_its_way_back_goes_where_the_table_says_and_nowhere_else(steps: list[ProviderRefundStep]) -> None:
    refund = a_refund()
    references = {refund.reference}
    for step in steps:
        allowed = provider_refund.TRANSITIONS.get((refund.state, step))
        try:
            changed = REFUND_STEPS[step](refund)
        except Fault as fault:
            refusal = (fault.reason, allowed)
            assert refusal == ("PROVIDER_REFUND_STATE_INVALID", None)
            continue
        assert changed.state is allowed or changed is refund
        if step is ProviderRefundStep.RETRY:
            assert changed.reference not in references  # the provider had given the last one up
        references.add(changed.reference)
        refund = changed


def said_of(refund: ProviderRefund, amount: Money | None) -> RefundStanding:
    return RefundStanding(refund.reference, Status.SUCCEEDED, "50", amount, NOW)


@pytest.mark.parametrize("amount", [Money(989, "CNY"), Money(991, "CNY"), Money(990, "JPY"), Money(0, "CNY")])
def test_a_provider_that_gave_back_another_amount_is_not_believed(amount: Money) -> None:
    refund = a_refund()
    differs = refund.heard(said_of(refund, amount), NOW)
    assert (differs.state, differs.detail, differs.transaction, differs.next_time) == (
        ProviderRefundState.FAILED,
        "AMOUNT_DIFFERS",
        "50",
        None,
    )
    assert differs.heard(said_of(refund, amount), NOW) is differs
    assert differs.heard(said_of(refund, None), NOW) is differs  # a notice that tells no amount
    again = differs.retry(NOW)
    assert again.reference == refund.reference  # asked for under another one, it would give back twice
    assert again.heard(said_of(refund, None), NOW).state is ProviderRefundState.FAILED
    right = again.heard(said_of(refund, CNY), NOW)
    assert (right.state, right.detail) == (ProviderRefundState.SUCCEEDED, "")
    assert right.heard(said_of(refund, amount), NOW) is right


def test_another_amount_of_a_refund_that_had_failed_is_written_down() -> None:
    failed = a_refund().heard(RefundStanding("", Status.FAILED), NOW)
    differs = failed.heard(said_of(failed, Money(1, "CNY")), NOW)
    assert (differs.state, differs.detail, differs.version) == (
        ProviderRefundState.FAILED,
        "AMOUNT_DIFFERS",
        failed.version + 1,
    )
    assert differs.retry(NOW).reference == failed.reference
    assert failed.heard(said_of(failed, None), NOW).state is ProviderRefundState.SUCCEEDED


def test_a_refused_refund_is_tried_again_with_longer_pauses_until_a_person_looks() -> None:
    refund, pauses = a_refund(), []
    while refund.state is ProviderRefundState.PENDING:
        refund = refund.leased(NOW)
        assert refund.next_time is not None
        pauses.append(refund.next_time - NOW)
        refund = refund.refused("NOT_ENOUGH", NOW)
    assert len(pauses) == MOST_ATTEMPTS
    assert pauses == sorted(pauses)
    assert (refund.state, refund.detail) == (ProviderRefundState.FAILED, "NOT_ENOUGH")
    again = refund.retry(NOW)
    assert (again.reference, again.attempts, again.next_time) == (refund.reference, 0, NOW)


@pytest.mark.parametrize(
    ("standing", "merchant", "cause"),
    [
        ({}, "1900000001", None),
        ({}, "", None),
        ({"amount": Money(991, "CNY")}, "", IntentCause.AMOUNT_DIFFERS),
        ({"amount": None}, "", IntentCause.AMOUNT_DIFFERS),
        ({"amount": Money(990, "JPY")}, "", IntentCause.CURRENCY_DIFFERS),
        ({"merchant": "1900000002"}, "1900000001", IntentCause.MERCHANT_DIFFERS),
        ({}, "1900000002", IntentCause.MERCHANT_DIFFERS),
    ],
)
def test_a_providers_word_is_held_against_the_intent(
    standing: dict[str, Any], merchant: str, cause: IntentCause | None
) -> None:
    intent = an_intent()
    said = Standing(**{"reference": intent.reference, "status": Status.SUCCEEDED, "amount": CNY, **standing})
    assert intent.objection(said, merchant) is cause


def test_the_provider_is_asked_with_growing_pauses_and_when_the_time_is_over() -> None:
    intent, at = an_intent(), NOW
    times = []
    while at < intent.expire_time:
        assert intent.next_time is not None
        at = intent.next_time
        times.append(at)
        intent = intent.asked(at)
    assert times[-1] == intent.expire_time
    pauses = [later - earlier for earlier, later in pairwise(times)][:-1]
    assert pauses == sorted(pauses)
    assert len(times) < 10


def test_a_reference_fits_every_provider() -> None:
    assert len(an_intent().reference) == 32
    assert len(a_refund(round=99).reference) <= 64
