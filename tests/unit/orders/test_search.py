"""What a search finds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.domain.search import query_terms, terms


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("绿茶", True),
        ("龙", True),
        ("茶龙", False),
        ("龙井 绿茶", True),
        ("tea-1", True),
        ("TEA", True),
        ("ea", False),
        ("t", True),
        ("spring", True),
        ("pri", True),
        ("ＴＥＡ", True),
        ("coffee", False),
        ("спр", False),
    ],
)
def test_all_words_of_a_query_must_be_there(query: str, found: bool) -> None:
    assert (query_terms(query) <= terms("TEA-1", "龙井绿茶", "Spring harvest")) is found


def test_a_query_without_letters_has_no_terms() -> None:
    assert query_terms(" -% ") == set()


@given(st.text(max_size=40), st.integers(0, 40), st.integers(1, 40))
def test_any_word_of_a_text_finds_it(text: str, start: int, size: int) -> None:
    words = text.split()
    for word in words[start : start + size]:
        assert query_terms(word) <= terms(text)
