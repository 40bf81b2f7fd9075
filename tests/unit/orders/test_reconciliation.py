"""A provider's bill against the books."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kit.money import Money
from services.orders.domain.payment_intent import PaymentIntent
from services.orders.domain.provider import BillLine, NoticeKind
from services.orders.domain.provider_refund import ProviderRefund, ProviderRefundState
from services.orders.domain.reconciliation import (
    Books,
    DifferenceKind,
    compare,
    days_before,
    overdue,
    span_of,
    unsettled,
)
from tests.support.builders.orders import NOW
from tests.unit.orders.test_payment_intent import a_refund, an_intent


def books_of(payments: list[PaymentIntent], refunds: list[ProviderRefund]) -> Books:
    return Books(
        payments={each.reference: each for each in payments},
        refunds={each.reference: each for each in refunds},
        taken=[each for each in payments if each.received],
        given=[each for each in refunds if each.state is ProviderRefundState.SUCCEEDED],
    )


def line_of(each: PaymentIntent | ProviderRefund, amount: Money | None = None) -> BillLine:
    if isinstance(each, PaymentIntent):
        return BillLine(
            each.reference, each.transaction, NoticeKind.PAYMENT, amount or each.amount, NOW, each.reference
        )
    return BillLine(each.reference, each.transaction, NoticeKind.REFUND, amount or each.amount, NOW, each.charge)


Fate = st.sampled_from(["same", "missing here", "missing there", "other amount"])
FOUND = {
    "missing here": DifferenceKind.MISSING_HERE,
    "missing there": DifferenceKind.MISSING_THERE,
    "other amount": DifferenceKind.AMOUNT_DIFFERS,
}


@given(payments=st.lists(Fate, max_size=5), refunds=st.lists(Fate, max_size=5))
def test_exactly_what_differs_is_found(payments: list[str], refunds: list[str]) -> None:
    ours: list[PaymentIntent | ProviderRefund] = []
    lines, expected = [], []
    for index, fate in enumerate([*payments, *refunds]):
        if index < len(payments):
            each: PaymentIntent | ProviderRefund = an_intent(captured=Money(990, "CNY"), transaction=f"42{index}")
        else:
            each = a_refund(state=ProviderRefundState.SUCCEEDED, transaction=f"50{index}")
        if fate != "missing here":
            ours.append(each)
        if fate != "missing there":
            lines.append(line_of(each, Money(1, "CNY") if fate == "other amount" else None))
        if fate in FOUND:
            expected.append((each.reference, FOUND[fate]))
    books = books_of(
        [each for each in ours if isinstance(each, PaymentIntent)],
        [each for each in ours if isinstance(each, ProviderRefund)],
    )
    assert sorted((each.reference, each.kind) for each in compare(lines, books)) == sorted(expected)


def test_what_the_bill_says_and_nobody_heard_is_asked_about_first() -> None:
    intent, refund = an_intent(), a_refund()
    assert unsettled(books_of([intent], [refund])) == ([intent], [refund])
    assert [each.kind for each in compare([line_of(intent), line_of(refund)], books_of([intent], [refund]))] == [
        DifferenceKind.MISSING_HERE
    ] * 2


def test_a_refund_of_another_amount_differs_though_nobody_believed_it() -> None:
    refund = a_refund(state=ProviderRefundState.FAILED, detail="AMOUNT_DIFFERS")
    line = line_of(refund, Money(1, "CNY"))
    (found,) = compare([line], books_of([], [refund]))
    assert (found.kind, found.ours, found.theirs) == (DifferenceKind.AMOUNT_DIFFERS, refund.amount, line.amount)


def test_a_charge_that_was_taken_twice_and_is_given_back_is_no_difference() -> None:
    paid = an_intent(captured=Money(990, "CNY"), transaction="1")
    twice = replace(line_of(paid), transaction="2")
    books = books_of([paid], [])
    assert [each.transaction for each in compare([line_of(paid), twice], books)] == ["2"]
    assert compare([line_of(paid), twice], replace(books, duplicates=frozenset({(paid.reference, "2")}))) == []


def test_a_day_is_chinas() -> None:
    assert span_of(date(2026, 11, 22)) == (
        datetime(2026, 11, 21, 16, tzinfo=UTC),
        datetime(2026, 11, 22, 16, tzinfo=UTC),
    )


def test_bills_are_compared_from_the_first_payment_on_and_as_long_as_providers_keep_them() -> None:
    now = datetime(2026, 11, 22, 17, tzinfo=UTC)  # the 23rd in China
    assert days_before(now, now) == []
    assert days_before(now, now - timedelta(days=2)) == [date(2026, 11, 22), date(2026, 11, 21)]
    assert len(days_before(now, now - timedelta(days=200))) == 90


def test_the_bill_of_yesterday_is_not_overdue_and_that_of_the_day_before_is() -> None:
    now = datetime(2026, 11, 22, 17, tzinfo=UTC)  # the 23rd in China
    first, last = overdue(now)
    assert last == date(2026, 11, 21)
    assert first == days_before(now, now - timedelta(days=200))[-1]
