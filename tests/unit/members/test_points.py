"""Wallets: points move only in the ways that the domain knows, and never from nowhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Fault
from kit.posting import Lot, Transfer, changes
from services.members.domain.hold import divided
from services.members.domain.points import AVAILABLE, HELD, HOUSE, RECEIVABLE, Part, Terms, Wallet
from tests.support.builders.members import CAUSE, MEMBER, NOW, wallet

Balances = tuple[int, int, int]
LOT = UUID(int=99)


def parts_held(of: Wallet) -> list[Part]:
    """All that is held, by lot."""
    return [Part(lot.id, lot.held) for lot in of.lots if lot.held]


def balances(of: Wallet) -> Balances:
    return of.available, of.held, of.receivable


@pytest.mark.parametrize(
    ("before", "points", "after"),
    [((10, 0, 0), 5, (15, 0, 0)), ((0, 0, 5), 3, (0, 0, 2)), ((0, 0, 5), 5, (0, 0, 0)), ((0, 7, 5), 8, (3, 7, 0))],
)
def test_what_comes_in_pays_the_debt_first(before: Balances, points: int, after: Balances) -> None:
    assert balances(Wallet(MEMBER, *before).accrue(points, CAUSE, lot=LOT)[0]) == after
    parts = [Part(None, points)]
    assert balances(Wallet(MEMBER, *before).give_back(parts, CAUSE, lot=LOT, terms=None, now=NOW)[0]) == after


@pytest.mark.parametrize(
    ("before", "points", "after"),
    [((10, 0, 0), 5, (5, 0, 0)), ((3, 0, 0), 5, (0, 0, 2)), ((0, 9, 1), 5, (0, 9, 6))],
)
def test_what_is_taken_back_comes_from_the_available_first_and_never_from_holds(
    before: Balances, points: int, after: Balances
) -> None:
    available, held, receivable = before
    filled = wallet(available=available, held=held, receivable=receivable)
    assert balances(filled.claw_back(points, CAUSE)[0]) == after
    assert balances(filled.charge(points, CAUSE)[0]) == after


def test_released_points_pay_the_debt_first() -> None:
    held = wallet(held=10, receivable=4)
    assert balances(held.release(parts_held(held), CAUSE, NOW)[0]) == (6, 0, 0)


@pytest.mark.parametrize("act", [Wallet.spend, Wallet.hold])
def test_nobody_spends_or_holds_more_than_is_available(act: Callable[..., object]) -> None:
    with pytest.raises(Fault) as refusal:
        act(wallet(available=9, held=100), 10, CAUSE)
    assert refusal.value.reason == "POINTS_INSUFFICIENT"
    assert refusal.value.metadata == {"asked": "10", "available": "9"}


def test_the_last_point_can_be_spent() -> None:
    assert balances(wallet(available=9).spend(9, CAUSE)[0]) == (0, 0, 0)


def test_moving_nothing_posts_nothing() -> None:
    held = wallet(held=5)
    assert held.release([], CAUSE, NOW) == (held, [])


def lot(number: int, *, days: int | None = None, **balances: Any) -> Lot:
    """A lot that was granted on the day of its number and expires after some days."""
    granted = NOW + timedelta(days=number)
    ends = None if days is None else granted + timedelta(days=days)
    left = sum(balances.values())
    return Lot(UUID(int=number), MEMBER, f"orders/{number}", left, granted, granted, ends, **balances)


def owning(*lots: Lot) -> Wallet:
    """A wallet that consists of these lots."""
    return Wallet(
        MEMBER,
        sum(each.available for each in lots),
        sum(each.held for each in lots),
        pending=sum(each.pending for each in lots),
    ).knowing(lots)


def drawn(transfers: Sequence[Transfer]) -> list[tuple[int, int]]:
    """The lots that transfers name, by their numbers, and how much each of them moves."""
    return [(transfer.lot.int if transfer.lot else 0, transfer.amount) for transfer in transfers]


def test_points_are_spent_from_what_expires_first_then_from_what_was_granted_first() -> None:
    lots = [lot(1, available=10), lot(2, available=10), lot(4, days=5, available=10), lot(3, days=90, available=10)]
    _, transfers = owning(*lots).spend(35, CAUSE)
    assert drawn(transfers) == [(4, 10), (3, 10), (1, 10), (2, 5)]


def test_points_that_wait_can_be_neither_spent_nor_used_to_pay_a_debt() -> None:
    debtor = Wallet(MEMBER, receivable=5)
    waiting, transfers = debtor.accrue(8, CAUSE, lot=LOT, terms=Terms(NOW + timedelta(days=1)), now=NOW)
    assert (waiting.pending, waiting.available, waiting.receivable) == (8, 0, 5)
    assert [(transfer.credit.kind, transfer.lot) for transfer in transfers] == [("pending", LOT)]
    ready, _ = waiting.mature(waiting.lots[0], CAUSE)
    assert (ready.pending, ready.available, ready.receivable) == (0, 3, 0)
    assert ready.lots[0].available == 3


def test_what_is_taken_back_comes_from_its_own_lot_first_then_from_the_others_then_as_a_debt() -> None:
    own = replace(lot(3, available=4), source=CAUSE.source)
    wallet, transfers = owning(lot(2, days=1, available=5), own).claw_back(12, CAUSE)
    assert drawn(transfers) == [(3, 4), (2, 5), (0, 3)]
    assert wallet.receivable == 3


def test_what_has_expired_of_its_own_lot_is_taken_back_before_anything_else_of_the_member() -> None:
    own = replace(lot(3, days=1, available=4), source=CAUSE.source)
    other = lot(2, days=90, available=5)
    expired, _ = owning(own, other).lapse(NOW + timedelta(days=30))
    assert [each.lapsed for each in expired.lots] == [4, 0]
    after, transfers = expired.claw_back(6, CAUSE)
    assert [(move.debit.kind, move.credit.kind, move.amount) for move in transfers] == [
        ("breakage", "available", 4),
        ("available", "expense", 4),
        ("available", "expense", 2),
    ]
    assert (after.available, after.receivable, [each.lapsed for each in after.lots]) == (3, 0, [0, 0])


def test_what_is_taken_back_while_it_waits_is_taken_from_what_waits() -> None:
    own = replace(lot(3, pending=4), source=CAUSE.source)
    wallet, _ = owning(lot(2, available=5), own).claw_back(4, CAUSE)
    assert (wallet.pending, wallet.available) == (0, 5)


def test_lots_lapse_at_their_instant_but_not_what_is_held_of_them() -> None:
    wallet = owning(lot(1, days=1, available=6, held=4), lot(2, days=5, available=7))
    end = NOW + timedelta(days=2)
    assert wallet.lapse(end - timedelta(microseconds=1)) == (wallet, [])
    lapsed, transfers = wallet.lapse(end)
    assert (lapsed.available, lapsed.held, drawn(transfers)) == (7, 4, [(1, 6)])


def test_released_points_of_a_lot_whose_time_is_over_are_gone_at_once() -> None:
    wallet = owning(lot(1, days=1, held=4), lot(2, held=3))
    after, transfers = wallet.release([Part(UUID(int=1), 4), Part(UUID(int=2), 3)], CAUSE, NOW + timedelta(days=9))
    assert (after.available, after.held) == (3, 0)
    assert [transfer.cause.kind for transfer in transfers].count("LAPSE") == 1


def test_spent_points_come_back_to_their_lots_and_keep_the_date_at_which_they_expire() -> None:
    wallet = owning(lot(1, days=9), lot(2, days=5))
    after, _ = wallet.give_back(
        [Part(UUID(int=1), 4), Part(UUID(int=2), 3)], CAUSE, lot=LOT, terms=None, now=NOW + timedelta(days=3)
    )
    assert {each.id.int: each.available for each in after.lots} == {1: 4, 2: 3}


@pytest.mark.parametrize(("grace", "left"), [(None, 0), (Terms(NOW, NOW + timedelta(days=40)), 4)])
def test_points_that_come_back_too_late_are_gone_or_get_days_of_grace(grace: Terms | None, left: int) -> None:
    late = NOW + timedelta(days=30)
    after, transfers = owning(lot(1, days=9)).give_back([Part(UUID(int=1), 4)], CAUSE, lot=LOT, terms=grace, now=late)
    assert after.available == left
    assert transfers[-1].credit.kind == ("available" if grace else "breakage")
    assert [each.expire_time for each in after.lots if each.id == LOT] == ([grace.expire_time] if grace else [])


def perform(wallet: Wallet, act: str, points: int) -> tuple[Wallet, list[Transfer]]:
    """What a method of the wallet answers, however it is called."""
    held, _ = divided(parts_held(wallet), points)
    match act:
        case "accrue":
            return wallet.accrue(points, CAUSE, lot=uuid4())
        case "give_back":
            return wallet.give_back([Part(None, points)], CAUSE, lot=uuid4(), terms=None, now=NOW)
        case "confirm":
            return wallet.confirm(held, CAUSE)
        case "release":
            return wallet.release(held, CAUSE, NOW)
        case _:
            moved: tuple[Wallet, list[Transfer]] = getattr(wallet, act)(points, CAUSE)
            return moved


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
    now, posted = Wallet(MEMBER), list[Transfer]()
    for act, asked in acts:
        points = min(asked, now.held) if act in ("confirm", "release") else asked
        try:
            now, transfers = perform(now, act, points)
        except Fault:
            continue
        posted += transfers
    moved = {account.kind: change for account, change in changes(posted).items() if account.owner != HOUSE}
    amounts = {kind: change.amount for kind, change in moved.items()}
    assert (amounts.get(AVAILABLE, 0), amounts.get(HELD, 0), -amounts.get(RECEIVABLE, 0)) == balances(now)
    assert now.version == sum(moved[kind].transfers for kind in (AVAILABLE, RECEIVABLE) if kind in moved)
    assert min(balances(now)) >= 0
    assert not (now.available and now.receivable)
    assert sum(each.available for each in now.lots) == now.available
    assert sum(each.held for each in now.lots) == now.held
