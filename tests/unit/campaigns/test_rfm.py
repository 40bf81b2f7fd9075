"""Scores."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from services.campaigns.domain.rfm import Cell, Score, Standing, Table


def score(below: int, count: int) -> int:
    return Standing(count, below, below, below).score().recency


def test_five_members_of_five_values_have_five_scores() -> None:
    assert [score(below, 5) for below in range(5)] == [1, 2, 3, 4, 5]


def test_the_only_member_has_the_lowest_score() -> None:
    assert Standing(1, 0, 0, 0).score() == Score(1, 1, 1)


@given(st.integers(1, 1000).flatmap(lambda count: st.tuples(st.integers(0, count - 1), st.just(count))))
def test_a_score_is_between_one_and_five(standing: tuple[int, int]) -> None:
    assert 1 <= score(*standing) <= 5


def test_a_table_knows_its_members() -> None:
    cells = [Cell(Score(1, 1, 1), 3, 4, 500), Cell(Score(2, 1, 1), 2, 2, 10)]
    assert Table("USD", datetime(2026, 1, 1, tzinfo=UTC), cells).members == 5
