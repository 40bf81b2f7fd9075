"""kit.posting: transfers sum to zero, and amounts are drawn in order."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.posting import Account, Cause, Change, Transfer, changes, draw

CAUSE = Cause("TEST", "tests/1", datetime(2026, 1, 1, tzinfo=UTC))
ACCOUNTS = [Account(UUID(int=owner), kind) for owner in (1, 2) for kind in ("available", "held")]

transfers = st.lists(
    st.tuples(st.sampled_from(ACCOUNTS), st.sampled_from(ACCOUNTS), st.integers(1, 10**12))
    .filter(lambda sides: sides[0] != sides[1])
    .map(lambda sides: Transfer(*sides, CAUSE))
)


@given(transfers)
def test_whatever_is_posted_sums_to_zero(posted: list[Transfer]) -> None:
    moved = changes(posted)
    assert sum(change.amount for change in moved.values()) == 0
    assert sum(change.transfers for change in moved.values()) == 2 * len(posted)


def test_an_account_gains_as_credit_and_loses_as_debit() -> None:
    left, right = ACCOUNTS[:2]
    posted = [Transfer(left, right, 30, CAUSE), Transfer(right, left, 10, CAUSE)]
    assert changes(posted) == {left: Change(-20, 2), right: Change(20, 2)}


@pytest.mark.parametrize(("credit", "amount"), [(ACCOUNTS[1], 0), (ACCOUNTS[1], -1), (ACCOUNTS[0], 1)])
def test_a_transfer_moves_more_than_nothing_between_two_accounts(credit: Account, amount: int) -> None:
    with pytest.raises(ValueError, match="more than nothing"):
        Transfer(ACCOUNTS[0], credit, amount, CAUSE)


@given(st.integers(0, 10**15), st.lists(st.integers(0, 10**15), max_size=5))
def test_a_draw_gives_the_amount_exactly_and_no_source_more_than_it_has(amount: int, limits: list[int]) -> None:
    *parts, rest = draw(amount, limits)
    assert sum(parts) + rest == amount
    assert all(0 <= part <= limit for part, limit in zip(parts, limits, strict=True))
    assert rest == 0 or parts == limits


def test_a_draw_empties_the_first_source_first() -> None:
    assert draw(70, [50, 30]) == [50, 20, 0]
    assert draw(90, [50, 30]) == [50, 30, 10]
