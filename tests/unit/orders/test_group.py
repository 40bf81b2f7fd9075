"""Groups of group buys without a database: their terms, their table, their prices."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Fault
from services.orders.domain.group import TRANSITIONS, Group, GroupState, GroupStep, SeatState, stepped
from services.orders.domain.group_buy import GroupBuyKind, GroupBuyState, PriceStep
from tests.support.builders.groups import HOUR, LADDER, a_group, a_group_buy, the_terms
from tests.support.builders.orders import NOW

SECOND = timedelta(seconds=1)


def reason(act: Callable[..., object], *args: object) -> str:
    with pytest.raises(Fault) as caught:
        act(*args)
    return caught.value.reason


@pytest.mark.parametrize("state", GroupState)
@pytest.mark.parametrize("step", GroupStep)
@pytest.mark.parametrize("to", GroupState)
def test_a_group_goes_only_where_the_table_says(state: GroupState, step: GroupStep, to: GroupState) -> None:
    group = replace(a_group(), state=state)
    if to in TRANSITIONS.get((state, step), frozenset()):
        assert (stepped(group, step, to, NOW).state, stepped(group, step, to, NOW).version) == (to, 2)
    else:
        assert reason(stepped, group, step, to, NOW) == "GROUP_NOT_RECRUITING"


ACTS: dict[str, Callable[[Group, timedelta], Group]] = {
    "hold": lambda group, after: group.hold(NOW + after),
    "pay": lambda group, after: group.pay(NOW + after)[0] if group.held else group,
    "release": lambda group, after: group.release(NOW + after) if group.held else group,
    "leave": lambda group, after: group.leave(SeatState.PAID, NOW + after) if group.paid else group,
    "fill": lambda group, after: group.fill(1, NOW + after),
    "deadline": lambda group, after: group.after_deadline(NOW + after),
    "finish": lambda group, after: group if group.held + group.paid or group.undecided else group.finish(NOW + after),
}


@given(
    acts=st.lists(st.tuples(st.sampled_from(sorted(ACTS)), st.integers(0, 10)), max_size=30),
    steps=st.sampled_from([(), LADDER[:1], LADDER]),
)
def test_whatever_happens_to_a_group_its_table_allows(
    acts: list[tuple[str, int]], steps: tuple[PriceStep, ...]
) -> None:
    group, clock = a_group(size=4, steps=steps), timedelta()
    for act, minutes in acts:
        clock += minutes * timedelta(minutes=1)
        after = group
        with suppress(Fault):
            after = ACTS[act](group, clock * 2)
        assert reachable(group.state, after.state)
        assert min(after.held, after.paid, after.sponsored, after.free) >= 0
        assert (after.state is GroupState.SUCCEEDED) is (after.final_price is not None)
        if group.state is GroupState.SUCCEEDED:
            assert (after.state, after.paid, after.final_price) == (group.state, group.paid, group.final_price)
        if after.state is GroupState.RECRUITING:
            assert after.paid
            assert after.paid + after.sponsored < after.size
        group = after


def reachable(state: GroupState, to: GroupState) -> bool:
    """By steps of the table; one act may take several."""
    seen, grown = set[GroupState](), {state}
    while grown != seen:
        seen = grown
        grown = seen | {each for (before, _), led in TRANSITIONS.items() if before in seen for each in led}
    return to in seen


def test_the_deadline_counts_from_the_opening_and_decides_by_itself() -> None:
    group = a_group(duration=3 * HOUR, end=NOW + HOUR)
    assert group.deadline == NOW + 3 * HOUR
    recruiting, _ = group.pay(NOW + 2 * HOUR)
    assert recruiting.state is GroupState.RECRUITING
    joined = recruiting.hold(group.deadline - SECOND).hold(group.deadline - SECOND)
    assert reason(recruiting.hold, group.deadline) == "GROUP_NOT_RECRUITING"
    first, seat = joined.pay(group.deadline - SECOND)
    assert (seat, first.pay(group.deadline - SECOND)[0].state) == (SeatState.PAID, GroupState.SUCCEEDED)
    late, seat = first.pay(group.deadline)
    assert (seat, late.state, late.paid) == (SeatState.LATE, GroupState.EXPIRED, 2)


@pytest.mark.parametrize(("members", "price"), [(1, 1000), (2, 900), (3, 800), (4, 500), (9, 500)])
def test_the_price_falls_with_each_step(members: int, price: int) -> None:
    assert a_group(size=9, steps=LADDER).price_for(members) == price


@pytest.mark.parametrize(
    "terms",
    [
        {"size": 1},
        {"price": 0},
        {"end": NOW - HOUR},
        {"duration": timedelta()},
        {"steps": (PriceStep(1, 900),)},
        {"steps": (PriceStep(2, 900), PriceStep(2, 800))},
        {"steps": (PriceStep(2, 900), PriceStep(3, 900))},
        {"steps": (PriceStep(2, 1001),)},
        {"steps": (PriceStep(2, 0),)},
        {"steps": (PriceStep(4, 900),)},
    ],
)
def test_terms_that_make_no_sense_are_refused(terms: dict[str, object]) -> None:
    assert reason(lambda: the_terms(**terms)) == "REQUEST_INVALID"  # type: ignore[arg-type]


def test_a_group_buy_goes_by_the_clock_until_it_is_cancelled() -> None:
    made = a_group_buy(start=NOW, end=NOW + HOUR)
    assert [made.state(NOW + after) for after in (-SECOND, timedelta(), HOUR)] == [
        GroupBuyState.SCHEDULED,
        GroupBuyState.OPEN,
        GroupBuyState.ENDED,
    ]
    cancelled = made.cancel(NOW)
    assert cancelled.cancel(NOW) is cancelled
    assert reason(cancelled.check_open, NOW) == "GROUP_BUY_NOT_OPEN"
    assert reason(cancelled.change, the_terms(size=5), NOW) == "GROUP_BUY_STATE_INVALID"
    assert reason(made.cancel, NOW + HOUR) == "GROUP_BUY_STATE_INVALID"
    assert reason(made.change, replace(made.terms, steps=LADDER[:1]), NOW) == "REQUEST_INVALID"
    assert reason(lambda: a_group_buy(kind=GroupBuyKind.LADDER)) == "REQUEST_INVALID"
