from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Fault
from kit.page import DEFAULT_SIZE, MAX_SIZE, Page, Tokens

TOKENS = Tokens("a key")


@given(st.lists(st.text(max_size=30), max_size=4), st.text(max_size=20))
def test_a_token_gives_back_its_position(after: list[str], query: str) -> None:
    token = TOKENS.next(tuple(after), query)
    assert TOKENS.read(10, token, query) == Page(10, tuple(after))


@given(st.text(min_size=1))
def test_any_other_text_is_no_token(text: str) -> None:
    with pytest.raises(Fault) as caught:
        TOKENS.read(10, text, "query")
    assert caught.value.reason == "PAGE_TOKEN_INVALID"


def test_a_token_belongs_to_its_query_and_its_key() -> None:
    token = TOKENS.next(("1",), "state=PAID")
    for tokens, query in ((TOKENS, "state=CANCELLED"), (Tokens("another key"), "state=PAID")):
        with pytest.raises(Fault):
            tokens.read(10, token, query)


def test_sizes_have_a_default_and_a_cap_and_are_not_negative() -> None:
    assert TOKENS.read(0, "", "").size == DEFAULT_SIZE
    assert TOKENS.read(10_000, "", "").size == MAX_SIZE
    assert TOKENS.read(7, "", "").fetch == 8
    with pytest.raises(Fault):
        TOKENS.read(-1, "", "")
