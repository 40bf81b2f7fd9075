"""Comparing what was promised with what is there."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from faults.comparing import Counts, Fact, compare, total

FACTS = st.tuples(st.sampled_from(["order", "paid"]), st.sampled_from("abcdef"))


def test_what_was_promised_and_is_not_there_is_lost() -> None:
    counts = compare(promised=[("order", "a"), ("order", "b")], asked=[], found={("order", "a"): 1})
    assert (counts.lost, counts.duplicated, counts.unexpected, counts.recovered) == (1, 0, 0, 0)
    assert counts.named == ("lost: order b",)
    assert not counts.clean


def test_what_is_there_twice_is_duplicated_once() -> None:
    counts = compare(promised=[("paid", "a")], asked=[], found={("paid", "a"): 2})
    assert (counts.lost, counts.duplicated) == (0, 1)
    assert not counts.clean


def test_what_was_asked_for_and_never_acknowledged_may_be_there() -> None:
    counts = compare(promised=[], asked=[("order", "a")], found={("order", "a"): 1})
    assert counts.recovered == 1
    assert counts.clean


def test_what_was_asked_for_and_never_acknowledged_may_not_be_there_twice() -> None:
    assert compare(promised=[], asked=[("order", "a")], found={("order", "a"): 3}).duplicated == 2


def test_what_nobody_asked_for_is_unexpected() -> None:
    counts = compare(promised=[], asked=[], found={("order", "z"): 1})
    assert counts.unexpected == 1
    assert not counts.clean


@given(st.sets(FACTS), st.sets(FACTS), st.lists(FACTS))
def test_every_fact_is_counted_in_one_place(promised: set[Fact], asked: set[Fact], there: list[Fact]) -> None:
    found = Counter(there)
    counts = compare(promised=promised, asked=asked, found=found)
    kept = len(promised & found.keys())
    assert counts.lost == len(promised) - kept
    assert kept + counts.recovered + counts.unexpected == len(found)
    doubled = sum(times - 1 for fact, times in found.items() if fact in promised | asked)
    assert counts.duplicated == doubled


def test_counts_of_several_sets_add_up() -> None:
    assert total([Counts(1, 2, 3, 4, ("x",)), Counts(1, 0, 0, 1, ("y",))]) == Counts(2, 2, 3, 5, ("x", "y"))
