"""Tiers follow from the purchases alone: golden vectors, and the same history however the purchases are told."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.members.domain.tier import Gain, Standing, tier_at, tier_history
from tests.support.builders.members import MEMBER, day, programme, spend

NAMES = ["base", "silver", "gold", "platinum"]


def moves(*spends: Gain) -> list[tuple[int, str]]:
    """The day of each change, counted from the first of January 2024, and the tier from then on."""
    return [((change.time - day(0)).days, change.to_tier) for change in tier_history(spends, programme())]


@pytest.mark.parametrize(
    ("spends", "expected"),
    [
        ([], []),
        ([spend(0, 99)], []),
        # Reached at once, kept for 365 days after the last purchase that reached it; 2024 has 366.
        ([spend(0, 100)], [(0, "silver"), (365, "base")]),
        ([spend(0, 60), spend(10, 40)], [(10, "silver"), (375, "base")]),
        ([spend(0, 100), spend(10, 150)], [(0, "silver"), (10, "gold"), (375, "base")]),
        # Two tiers at once.
        ([spend(0, 500)], [(0, "platinum"), (365, "base")]),
        # A small purchase within the window prolongs; its own window still holds the large one.
        ([spend(0, 100), spend(364, 1)], [(0, "silver"), (729, "base")]),
        # A day later the large one no longer counts, and the tier runs out as it would have.
        ([spend(0, 100), spend(365, 1)], [(0, "silver"), (365, "base")]),
        # The last purchase that reached gold was on day 10; silver is reached until day 370.
        ([spend(0, 100), spend(10, 150), spend(370, 1)], [(0, "silver"), (10, "gold"), (375, "silver"), (735, "base")]),
        # What ran out can be reached again.
        ([spend(0, 100), spend(500, 100)], [(0, "silver"), (365, "base"), (500, "silver"), (865, "base")]),
        # At the very instant of running out, reaching it again is no change.
        ([spend(0, 100), spend(365, 100)], [(0, "silver"), (730, "base")]),
        # Purchases of one instant count together, and what was refunded in full was no purchase.
        ([spend(0, 60), spend(0, 40)], [(0, "silver"), (365, "base")]),
        ([spend(0, 100), spend(100, 0)], [(0, "silver"), (365, "base")]),
    ],
)
def test_the_golden_vectors_hold(spends: list[Gain], expected: list[tuple[int, str]]) -> None:
    assert moves(*spends) == expected


def test_a_window_is_a_number_of_days_whatever_the_calendar_does() -> None:
    leap = datetime(2024, 2, 29, 6, 30, tzinfo=UTC)
    history = tier_history([Gain(leap, 100_00)], programme())
    assert [change.time for change in history] == [leap, datetime(2025, 2, 28, 6, 30, tzinfo=UTC)]


def test_without_tiers_everybody_stays_at_base() -> None:
    assert tier_history([spend(0, 1000)], programme(tiers={})) == []


def test_a_refund_counts_at_the_date_of_its_purchase() -> None:
    assert moves(spend(0, 250), spend(10, 10)) == [(0, "gold"), (375, "base")]
    assert moves(spend(0, 90), spend(10, 10)) == [(10, "silver"), (375, "base")]


spends = st.lists(st.builds(spend, st.integers(0, 1500), st.sampled_from([0, 1, 30, 60, 100, 250, 500])), max_size=12)


def by_definition(log: list[Gain], time: datetime) -> str:
    """tier(t) = highest level(rolling spend at p) over purchases p with p <= t < p + 365 days."""
    window = timedelta(days=365)

    def level(at: datetime) -> int:
        rolling = sum(each.amount for each in log if at - window < each.time <= at)
        return sum(rolling >= threshold for threshold in (100_00, 250_00, 500_00))

    reached = [level(each.time) for each in log if each.amount > 0 and each.time <= time < each.time + window]
    return NAMES[max(reached, default=0)]


@given(spends, st.integers(-1, 2000))
def test_the_history_says_at_every_instant_what_the_definition_says(log: list[Gain], number: int) -> None:
    history = tier_history(log, programme())
    edges = [change.time + timedelta(days=shift) for change in history for shift in (-1, 0)]
    for time in [day(number), *edges]:
        assert tier_at(history, time) == by_definition(log, time)


@given(spends, st.randoms())
def test_the_order_in_which_purchases_are_told_does_not_matter(log: list[Gain], chance: random.Random) -> None:
    shuffled = list(log)
    chance.shuffle(shuffled)
    assert tier_history(shuffled, programme()) == tier_history(log, programme())


@given(spends)
def test_a_history_is_a_chain_that_begins_and_ends_at_base(log: list[Gain]) -> None:
    history = tier_history(log, programme())
    tiers = ["base", *(change.to_tier for change in history)]
    assert [change.from_tier for change in history] == tiers[:-1]
    assert tiers[-1] == "base"
    assert all(a.time < b.time for a, b in pairwise(history))
    assert all(change.upgrade == (NAMES.index(change.to_tier) > NAMES.index(change.from_tier)) for change in history)


STANDING = Standing(MEMBER, "base", None, rules=1, version=0)
SILVER = [spend(0, 100)]


def test_the_present_tier_is_announced_once() -> None:
    standing, facts = STANDING.judged(SILVER, programme(), day(10))
    assert [(fact.from_tier, fact.to_tier, fact.time, fact.version) for fact in facts] == [
        ("base", "silver", day(0), 1)
    ]
    assert (standing.tier, standing.next_change) == ("silver", day(365))
    assert standing.judged(SILVER, programme(), day(11)) == (standing, [])


def test_a_tier_that_runs_out_is_announced_when_its_time_has_come() -> None:
    silver, _ = STANDING.judged(SILVER, programme(), day(10))
    assert silver.advanced(day(364)) == (silver, [])
    base, facts = silver.advanced(day(365))
    assert (base.tier, base.next_change, base.version) == ("base", None, 2)
    assert [(fact.from_tier, fact.to_tier, fact.time) for fact in facts] == [("silver", "base", day(365))]


def test_history_that_is_over_is_not_announced() -> None:
    standing, facts = STANDING.judged(SILVER, programme(), day(400))
    assert facts == []
    assert standing == replace(STANDING, history=tier_history(SILVER, programme()))


def test_a_tier_that_was_refunded_away_is_announced_as_of_now() -> None:
    silver, _ = STANDING.judged(SILVER, programme(), day(10))
    _, facts = silver.judged([], programme(), day(20))
    assert [(fact.from_tier, fact.to_tier, fact.time, fact.version) for fact in facts] == [
        ("silver", "base", day(20), 2)
    ]


def test_the_next_change_moves_with_a_purchase_that_prolongs() -> None:
    silver, _ = STANDING.judged(SILVER, programme(), day(10))
    prolonged, facts = silver.judged([*SILVER, spend(20, 1)], programme(), day(20))
    assert (prolonged.next_change, facts) == (day(385), [])


def test_other_rules_are_remembered_even_if_nothing_changes() -> None:
    standing, facts = STANDING.judged([], replace(programme(), version=2), day(0))
    assert (standing, facts) == (replace(STANDING, rules=2), [])
