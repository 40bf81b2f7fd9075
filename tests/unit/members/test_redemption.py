"""The states of a redemption, and what it takes in each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from kit.errors import Fault
from services.members.api.redemption_code import Codes
from services.members.domain.redemption import (
    Delivery,
    Redemption,
    RedemptionCancelled,
    RedemptionConfirmed,
    RedemptionRefunded,
    State,
)
from services.members.domain.reward import Pieces
from tests.support.builders.mall import confirmed, redemption, reward
from tests.support.builders.members import NOW, dollars
from tests.support.keyring import VAULT

LATER = NOW + timedelta(minutes=10)
SENT = Delivery(tracking_number="SF1")

ACTS: dict[str, Callable[[Redemption], object]] = {
    "cancel": lambda known: known.cancelled(NOW)[0],
    "expire": lambda known: known.expired(LATER)[0],
    "fulfil": lambda known: known.fulfilled(SENT, NOW),
    "code": lambda known: known.with_code("digest"),
    "pick up": lambda known: known.picked_up("", NOW),
    "refund": lambda known: known.refunded("refunds/1", NOW, restock=True)[0],
}

HELD = redemption(cash=dollars(3))
STATES = {
    State.HELD: HELD,
    State.CONFIRMED: confirmed(cash=dollars(3)),
    State.FULFILLED: confirmed(cash=dollars(3)).fulfilled(SENT, NOW),
    State.CANCELLED: HELD.cancelled(NOW)[0],
    State.EXPIRED: HELD.expired(LATER)[0],
    State.REFUNDED: confirmed(cash=dollars(3)).refunded("refunds/1", NOW, restock=True)[0],
}

# What each act leads to from each state; what is not here is refused.
LEADS = {
    (State.HELD, "cancel"): State.CANCELLED,
    (State.HELD, "expire"): State.EXPIRED,
    (State.CONFIRMED, "expire"): State.CONFIRMED,
    (State.CONFIRMED, "fulfil"): State.FULFILLED,
    (State.CONFIRMED, "code"): State.CONFIRMED,
    (State.CONFIRMED, "pick up"): State.FULFILLED,
    (State.CONFIRMED, "refund"): State.REFUNDED,
    (State.FULFILLED, "expire"): State.FULFILLED,
    (State.FULFILLED, "fulfil"): State.FULFILLED,
    (State.FULFILLED, "refund"): State.REFUNDED,
    (State.CANCELLED, "cancel"): State.CANCELLED,
    (State.CANCELLED, "expire"): State.CANCELLED,
    (State.EXPIRED, "cancel"): State.EXPIRED,
    (State.EXPIRED, "expire"): State.EXPIRED,
    (State.REFUNDED, "expire"): State.REFUNDED,
    (State.REFUNDED, "refund"): State.REFUNDED,
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("act", ACTS)
def test_each_act_leads_where_it_should_or_nowhere(state: State, act: str) -> None:
    before = STATES[state]
    assert before.state is state
    if (state, act) not in LEADS:
        with pytest.raises(Fault) as caught:
            ACTS[act](before)
        assert caught.value.reason in ("REDEMPTION_STATE_WRONG", "REDEMPTION_CODE_INVALID")
        return
    after = ACTS[act](before)
    assert isinstance(after, Redemption)
    assert after.state is LEADS[state, act]
    assert after is before or after.version == before.version + 1


@pytest.mark.parametrize(
    ("state", "pieces"),
    [
        (State.HELD, Pieces(held=1, taken=1)),
        (State.CONFIRMED, Pieces(redeemed=1, taken=1)),
        (State.FULFILLED, Pieces(redeemed=1, taken=1)),
        (State.CANCELLED, Pieces()),
        (State.EXPIRED, Pieces()),
        (State.REFUNDED, Pieces()),
    ],
)
def test_what_it_takes_follows_from_its_state(state: State, pieces: Pieces) -> None:
    assert STATES[state].pieces == pieces


def test_what_does_not_come_back_stays_given_away() -> None:
    lost = confirmed().refunded("", NOW, restock=False)[0]
    assert lost.pieces == Pieces(redeemed=1)


def test_the_price_is_that_of_all_pieces() -> None:
    asked = redemption(cash=dollars(3), quantity=4)
    assert (asked.points, asked.cash, asked.expire_time) == (400, dollars(12), LATER)
    assert redemption(quantity=2).expire_time is None


def test_it_expires_at_its_instant_and_not_before() -> None:
    assert HELD.expired(LATER - timedelta(microseconds=1)) == (HELD, [])
    assert not HELD.overdue(LATER - timedelta(microseconds=1))
    assert HELD.overdue(LATER)


def test_a_payment_must_be_the_price() -> None:
    assert HELD.check_payment("psp/1", dollars(3)) is False
    with pytest.raises(Fault, match=r"must be 3\.00 USD"):
        HELD.check_payment("psp/1", dollars(4))
    assert confirmed(cash=dollars(3)).check_payment("psp/1", dollars(3)) is True
    with pytest.raises(Fault, match="is confirmed"):
        confirmed().check_payment("psp/1", dollars(3))


def test_cash_goes_back_only_if_some_was_paid() -> None:
    with pytest.raises(Fault) as caught:
        confirmed().refunded("refunds/1", NOW, restock=True)
    assert caught.value.reason == "PAYMENT_MISMATCH"


def test_each_end_says_a_fact_once() -> None:
    asked = redemption(cash=dollars(3))
    done, facts = asked.confirmed(replace(reward(), id=asked.reward), "psp/1", NOW)
    assert facts == [RedemptionConfirmed(done, reward().kind, "")]
    cancelled, facts = asked.cancelled(NOW)
    assert facts == [RedemptionCancelled(cancelled)]
    assert cancelled.cancelled(NOW) == (cancelled, [])
    refunded, facts = done.refunded("refunds/1", NOW, restock=False)
    assert facts == [RedemptionRefunded(refunded)]
    assert refunded.refunded("refunds/1", NOW, restock=False) == (refunded, [])


def test_a_code_is_the_same_for_the_same_request_and_read_however_it_is_written() -> None:
    codes, asked = Codes(VAULT.digest), redemption()
    code = codes.make(asked.id, "one")
    assert codes.make(asked.id, "one") == code
    assert len({codes.make(asked.id, request) for request in ("two", "", "")} | {code}) == 4
    assert [len(group) for group in code.split("-")] == [5, 5, 5, 5]
    careless = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert codes.kept(careless) == codes.kept(code) != code


@pytest.mark.parametrize("text", ["", "ABC", "U" * 20, "A" * 21, "客" * 20])
def test_what_can_be_no_code_is_refused(text: str) -> None:
    with pytest.raises(Fault) as caught:
        Codes(VAULT.digest).kept(text)
    assert caught.value.reason == "REDEMPTION_CODE_INVALID"
