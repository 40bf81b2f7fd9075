"""Wallets: points move only in the ways that the domain knows, and never from nowhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Fault
from kit.posting import Transfer, changes
from services.members.domain.points import AVAILABLE, HELD, HOUSE, RECEIVABLE, Wallet
from tests.support.builders.members import CAUSE, MEMBER, wallet

Balances = tuple[int, int, int]


def balances(of: Wallet) -> Balances:
    return of.available, of.held, of.receivable


@pytest.mark.parametrize(
    ("before", "points", "after"),
    [((10, 0, 0), 5, (15, 0, 0)), ((0, 0, 5), 3, (0, 0, 2)), ((0, 0, 5), 5, (0, 0, 0)), ((0, 7, 5), 8, (3, 7, 0))],
)
def test_what_comes_in_pays_the_debt_first(before: Balances, points: int, after: Balances) -> None:
    assert balances(Wallet(MEMBER, *before).accrue(points, CAUSE)[0]) == after
    assert balances(Wallet(MEMBER, *before).give_back(points, CAUSE)[0]) == after


@pytest.mark.parametrize(
    ("before", "points", "after"),
    [((10, 0, 0), 5, (5, 0, 0)), ((3, 0, 0), 5, (0, 0, 2)), ((0, 9, 1), 5, (0, 9, 6))],
)
def test_what_is_taken_back_comes_from_the_available_first_and_never_from_holds(
    before: Balances, points: int, after: Balances
) -> None:
    assert balances(Wallet(MEMBER, *before).claw_back(points, CAUSE)[0]) == after
    assert balances(Wallet(MEMBER, *before).charge(points, CAUSE)[0]) == after


def test_released_points_pay_the_debt_first() -> None:
    assert balances(wallet(held=10, receivable=4).release(10, CAUSE)[0]) == (6, 0, 0)


@pytest.mark.parametrize("act", [Wallet.spend, Wallet.hold])
def test_nobody_spends_or_holds_more_than_is_available(act: Callable[..., object]) -> None:
    with pytest.raises(Fault) as refusal:
        act(wallet(available=9, held=100), 10, CAUSE)
    assert refusal.value.reason == "POINTS_INSUFFICIENT"
    assert refusal.value.metadata == {"asked": "10", "available": "9"}


def test_the_last_point_can_be_spent() -> None:
    assert balances(wallet(available=9).spend(9, CAUSE)[0]) == (0, 0, 0)


def test_moving_nothing_posts_nothing() -> None:
    assert wallet(held=5).release(0, CAUSE) == (wallet(held=5), [])


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["accrue", "claw_back", "give_back", "charge", "spend", "hold", "confirm", "release"]),
            st.integers(1, 100),
        ),
        max_size=30,
    )
)
def test_balances_are_what_the_transfers_say_and_nobody_has_points_and_debt_at_once(
    acts: list[tuple[str, int]],
) -> None:
    now, posted = wallet(), list[Transfer]()
    for act, asked in acts:
        points = min(asked, now.held) if act in ("confirm", "release") else asked
        try:
            now, transfers = getattr(now, act)(points, CAUSE)
        except Fault:
            continue
        posted += transfers
    moved = {account.kind: change for account, change in changes(posted).items() if account.owner != HOUSE}
    amounts = {kind: change.amount for kind, change in moved.items()}
    assert (amounts.get(AVAILABLE, 0), amounts.get(HELD, 0), -amounts.get(RECEIVABLE, 0)) == balances(now)
    assert now.version == sum(moved[kind].transfers for kind in (AVAILABLE, RECEIVABLE) if kind in moved)
    assert min(balances(now)) >= 0
    assert not (now.available and now.receivable)
