"""Merges as pure moves between accounts: nothing is made or lost, a debt is paid, and the way back is the way there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Fault
from kit.posting import Cause, Lot, Transfer
from services.members.domain.merge import (
    DEBT,
    UNDO_WINDOW,
    Dated,
    Drawn,
    Estate,
    Merge,
    MergeState,
    check_holds,
    document,
    paid,
    restored,
)
from tests.support.builders.members import NOW

GONE, KEPT = UUID(int=1), UUID(int=2)
CAUSE = Cause("MERGE", "merges/1", NOW)
AMOUNTS = st.integers(0, 200)


def lot(owner: UUID, *, pending: int = 0, available: int = 0, held: int = 0, day: int = 1) -> Lot:
    granted = pending + available + held + 1
    return Lot(uuid4(), owner, "orders/1", granted, NOW, NOW, NOW + timedelta(days=day), pending, available, held)


def estate(owner: UUID, lots: list[tuple[int, int, int]], debt: int) -> Estate:
    found = tuple(lot(owner, pending=p, available=a, held=h, day=n) for n, (p, a, h) in enumerate(lots, 1))
    balances = {kind: sum(getattr(each, kind) for each in found) for kind in ("pending", "available", "held")}
    return Estate("points", owner, {**balances, DEBT: -debt}, found)


ESTATES = st.lists(st.tuples(AMOUNTS, AMOUNTS, AMOUNTS), max_size=4)


def balances(transfers: Iterable[Transfer], *before: Estate) -> Counter[tuple[UUID, str]]:
    after: Counter[tuple[UUID, str]] = Counter()
    for each in before:
        for kind, amount in each.balances.items():
            after[each.owner, kind] += amount
    for transfer in transfers:
        after[transfer.debit] -= transfer.amount
        after[transfer.credit] += transfer.amount
    return Counter({account: amount for account, amount in after.items() if amount})


@given(ESTATES, ESTATES, AMOUNTS, AMOUNTS)
def test_everything_goes_over_and_comes_back(
    one: list[tuple[int, int, int]], two: list[tuple[int, int, int]], first: int, second: int
) -> None:
    gone, kept = estate(GONE, one, first if not any(a for _, a, _ in one) else 0), estate(KEPT, two, second)
    kept = kept if not kept.balances["available"] else replace(kept, balances={**kept.balances, DEBT: 0})
    before = balances([], gone, kept)
    given = gone.handed_over(KEPT, CAUSE)
    settled = kept.joined(gone).settled(CAUSE)
    after = balances([*given, *settled], gone, kept)
    assert {owner for owner, _ in after} <= {KEPT}
    assert sum(after.values()) == sum(before.values())
    assert not (after[KEPT, "available"] and after[KEPT, DEBT])
    loose = {kind: amount for kind, amount in gone.loose().items() if amount}
    merge = Merge(uuid4(), GONE, KEPT, "", NOW, loose={"points": loose}, paid=tuple(paid("points", settled)))
    merge = restored(merge, document(merge))
    taken = Counter({each.lot: each.amount for each in merge.paid})
    lots = tuple(replace(each, available=each.available - taken[each.id]) for each in kept.joined(gone).lots)
    now = Estate("points", KEPT, {kind: after[KEPT, kind] for kind in gone.balances}, lots)
    back, left, returned = merge.returned(now, {each.id for each in gone.lots}, CAUSE)
    assert balances([*given, *settled, *back], gone, kept) == before
    assert balances([], left, returned) == before
    assert (left.settled(CAUSE), returned.settled(CAUSE)) == ([], [])


def test_what_counts_by_its_time_keeps_it() -> None:
    growth = Estate("growth", GONE, {"value": 70, DEBT: 0})
    log = [Dated(NOW - timedelta(days=9), 100), Dated(NOW, -30)]
    transfers = growth.dated(KEPT, log, CAUSE)
    assert [(each.amount, each.debit.owner, each.cause.time) for each in transfers] == [
        (100, GONE, NOW - timedelta(days=9)),
        (30, KEPT, NOW),
    ]
    assert balances(transfers, growth) == {(KEPT, "value"): 70}


def test_what_is_spent_beside_lots_can_not_be_told_apart() -> None:
    merge = Merge(uuid4(), GONE, KEPT, "", NOW, loose={"stored/CNY": {"principal": 50}})
    with pytest.raises(Fault) as refusal:
        merge.returned(Estate("stored/CNY", KEPT, {"principal": 49}), set(), CAUSE)
    assert refusal.value.reason == "UNMERGE_BLOCKED"
    transfers, kept, gone = merge.returned(Estate("stored/CNY", KEPT, {"principal": 60}), set(), CAUSE)
    assert balances(transfers, Estate("stored/CNY", KEPT, {"principal": 60})) == balances([], kept, gone)


def test_a_debt_that_was_paid_since_is_not_owed_again() -> None:
    merge = Merge(uuid4(), GONE, KEPT, "", NOW, loose={"points": {DEBT: -50}})
    _, kept, gone = merge.returned(Estate("points", KEPT, {"available": 0, DEBT: -20}), set(), CAUSE)
    assert (kept.balances[DEBT], gone.balances[DEBT]) == (0, -20)


def test_a_merge_can_be_undone_for_thirty_days() -> None:
    merge = Merge(uuid4(), GONE, KEPT, "", NOW)
    undone = merge.undone(NOW + UNDO_WINDOW - timedelta(seconds=1))
    assert undone.state is MergeState.UNDONE
    assert undone.undone(NOW + 2 * UNDO_WINDOW) is undone
    with pytest.raises(Fault) as refusal:
        merge.undone(NOW + UNDO_WINDOW)
    assert refusal.value.reason == "UNMERGE_EXPIRED"


@pytest.mark.parametrize(
    ("moved", "drawn", "stands"), [(True, "mm", False), (True, "mk", True), (False, "k", False), (False, "km", True)]
)
def test_a_hold_goes_where_its_lots_go(moved: bool, drawn: str, stands: bool) -> None:
    lots = {"m": uuid4(), "k": uuid4()}
    hold = Drawn(moved, [*(lots[each] for each in drawn), None])
    if stands:
        with pytest.raises(Fault):
            check_holds([hold], {lots["m"]})
    else:
        check_holds([hold], {lots["m"]})
