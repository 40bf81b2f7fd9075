"""Stored value: how it divides, to the cent. The vectors are tables that a merchant can read and check by hand."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Fault
from kit.posting import changes
from services.members.domain.stored_payment import State, StoredPayment
from services.members.domain.stored_value import DrawOrder, Parts, Purse, unit_of
from services.members.domain.top_up import TopUp
from tests.support.builders.members import MEMBER, NOW
from tests.support.builders.stored_value import CURRENCY, STORE, rules

VECTORS = Path(__file__).parent / "vectors"


def rows(name: str) -> list[dict[str, str]]:
    """The rows of a table of vectors, without its comments."""
    with (VECTORS / name).open() as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def numbers(text: str) -> list[int]:
    return [int(each) for each in text.split()]


def payment(asked: int, order: DrawOrder = DrawOrder.PROPORTIONAL) -> StoredPayment:
    return StoredPayment(uuid4(), MEMBER, False, CURRENCY, STORE, "orders/1", "", order, asked, NOW)


def purse(principal: int, bonus: int) -> Purse:
    return Purse(MEMBER, CURRENCY, Parts(principal, bonus))


@pytest.mark.parametrize("row", rows("stored_value.csv"), ids=lambda row: row["case"])
def test_payments_and_their_refunds_divide_as_the_table_says(row: dict[str, str]) -> None:
    before = purse(int(row["paid in"]), int(row["bonus"]))
    order = DrawOrder(row["draw"].replace(" ", "_").upper())
    paid, after, _ = payment(int(row["payment"]), order).pay(before)
    assert paid.parts == (int(row["of paid in"]), int(row["of bonus"]))
    backs = []
    for amount in numbers(row["refunds"]):
        paid, refund, after, _ = paid.refund(uuid4(), after, amount, store=STORE, reference="", now=NOW)
        backs.append(refund.parts)
    assert [part.principal for part in backs] == numbers(row["back to paid in"])
    assert [part.bonus for part in backs] == numbers(row["back to bonus"])
    assert after.free == before.free


@pytest.mark.parametrize("row", rows("top_up_refund.csv"), ids=lambda row: row["case"])
def test_refunds_of_a_top_up_take_back_the_bonus_that_the_table_says(row: dict[str, str]) -> None:
    paid = Parts(int(row["topped up"]), int(row["bonus"]))
    top_up = TopUp(uuid4(), MEMBER, False, CURRENCY, STORE, "", paid, 1, NOW)
    left = purse(paid.principal, int(row["bonus left"]))
    taken = []
    for amount in numbers(row["refunds"]):
        top_up, refund, left, _ = top_up.refund(uuid4(), left, amount, store=STORE, reference="", now=NOW)
        taken.append(refund.parts.bonus)
    assert taken == numbers(row["bonus taken back"])


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.data())
def test_refunds_in_any_parts_end_at_exactly_what_was_paid(principal: int, bonus: int, data: st.DataObject) -> None:
    if not principal + bonus:
        return
    before = purse(principal, bonus)
    asked = data.draw(st.integers(1, before.free.total))
    paid, after, _ = payment(asked, data.draw(st.sampled_from(DrawOrder))).pay(before)
    assert paid.parts.total == asked
    assert paid.parts.principal <= principal
    assert paid.parts.bonus <= bonus
    while paid.left.total:
        part = data.draw(st.integers(1, paid.left.total))
        paid, refund, after, _ = paid.refund(uuid4(), after, part, store=STORE, reference="", now=NOW)
        assert min(refund.parts) >= 0
        assert refund.parts.total == part
    assert after.free == before.free
    assert paid.refunded == paid.parts


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.data())
def test_a_confirmed_part_and_the_rest_make_up_what_was_set_aside(
    principal: int, bonus: int, data: st.DataObject
) -> None:
    if not principal + bonus:
        return
    before = purse(principal, bonus)
    asked = data.draw(st.integers(1, before.free.total))
    held = replace(payment(asked, data.draw(st.sampled_from(DrawOrder))), expire_time=NOW.replace(year=2030))
    held, after, _ = held.hold(before)
    assert after.free.plus(after.held) == before.free
    amount = data.draw(st.integers(1, asked))
    paid, after, transfers = held.confirm(after, amount, NOW)
    assert (paid.state, paid.parts.total, after.held) == (State.PAID, amount, Parts())
    assert after.free.plus(paid.parts) == before.free
    assert sum(change.amount for change in changes(transfers).values()) == 0


@given(st.integers(1, 2_000), st.integers(0, 2_000))
def test_no_part_of_a_share_falls_when_the_amount_rises(principal: int, bonus: int) -> None:
    whole, before = Parts(principal, bonus), Parts()
    for amount in range(1, whole.total + 1):
        share = whole.share(amount)
        assert share.less(before) in (Parts(1, 0), Parts(0, 1))
        before = share
    assert before == whole


def test_what_was_paid_at_once_cannot_be_confirmed_or_released() -> None:
    paid, after, _ = payment(10).pay(purse(10, 0))
    with pytest.raises(Fault) as unconfirmed:
        paid.confirm(after, 0, NOW)
    with pytest.raises(Fault) as unreleased:
        paid.release(after, NOW)
    assert unconfirmed.value.reason == unreleased.value.reason == "STORED_VALUE_PAYMENT_ENDED"


def test_a_purse_that_is_handed_over_takes_everything_along() -> None:
    source = Purse(MEMBER, CURRENCY, Parts(5, 6), Parts(7, 0), version=3)
    heir = Purse(uuid4(), CURRENCY, Parts(1, 0), Parts(0, 2), version=1)
    paid = payment(1).pay(source)[2][0].cause
    emptied, filled, transfers = source.hand_over(heir, cause=paid)
    assert (emptied.free, emptied.held, emptied.version) == (Parts(), Parts(), 6)
    assert (filled.free, filled.held, filled.version) == (Parts(6, 6), Parts(7, 2), 4)
    assert {change.amount for change in changes(transfers).values()} == {-5, 5, -6, 6, -7, 7}


def test_rules_must_rise_and_stay_in_their_currency() -> None:
    for bad, path in (
        (rules((10, 1), (10, 2)), "tiers[1].amount"),
        (rules((0, 1)), "tiers[0].amount"),
        (rules((10, 0)), "tiers[0].bonus"),
        (replace(rules((10, 1)), currency="USD"), "tiers[0].amount"),
    ):
        with pytest.raises(Fault) as caught:
            bad.check()
        assert caught.value.violations[0].field == f"stored_value_rules.{path}"


def test_the_same_rules_are_no_new_version() -> None:
    known = rules((10, 1))
    assert known.changed(replace(known, version=9), NOW) is known
    assert unit_of(CURRENCY) == "stored/CNY"
