"""What a search finds a product by: short pieces of its words.

A word of letters and digits is known by its beginning and by every three characters in a row; writing without spaces
(Chinese, Japanese, Korean) by every character and every two in a row, since its words are mostly that short. A query
finds what has all pieces of all its words, whatever their order. This is independent of the database's locale.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_MOST_CHARACTERS = 2_000
"""How much of a text is searched."""
_DENSE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_RUNS = re.compile(rf"[{_DENSE}]+|[^\W_{_DENSE}]+")
_IS_DENSE = re.compile(rf"[{_DENSE}]").match
_START = "^"
"""Marks a beginning, so that `^te` is told from the `te` within a word."""


def terms(*texts: str) -> set[str]:
    """The pieces that the texts are found by."""
    return {piece for text in texts for run in _runs(text[:_MOST_CHARACTERS]) for piece in _pieces(run)}


def query_terms(query: str) -> set[str]:
    """The pieces that something must have to answer a query; none if the query has no letters and digits."""
    return {piece for run in _runs(query) for piece in _needed(run)}


def _runs(text: str) -> Iterator[str]:
    return (run.group() for run in _RUNS.finditer(unicodedata.normalize("NFKC", text).casefold()))


def _pieces(run: str) -> Iterator[str]:
    if _IS_DENSE(run):
        yield from run
        yield from _grams(run, 2)
        return
    yield _START + run[0]
    yield _START + run[:2]
    yield from _grams(run, 3)


def _needed(run: str) -> Iterator[str]:
    size = 2 if _IS_DENSE(run) else 3
    if len(run) >= size:
        yield from _grams(run, size)
    else:
        yield run if size == 2 else _START + run


def _grams(run: str, size: int) -> Iterator[str]:
    return (run[start : start + size] for start in range(len(run) - size + 1))
