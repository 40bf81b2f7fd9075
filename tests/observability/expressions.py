"""What a PromQL expression asks for, read without a parser: promtool has parsed it before."""

from __future__ import annotations

import re

_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_SELECTOR = re.compile(r"\{([^}]*)\}")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
_RANGE = re.compile(r"\[[^\]]*\]")
_NAME = re.compile(r"(?<![\w:])[a-zA-Z_:][\w:]*(?!\s*\()(?![\w:])")
_WORDS = frozenset({"and", "or", "unless", "bool", "offset"})


def metrics(expression: str) -> set[str]:
    """The names of the metrics, without what a histogram's parts add."""
    bare = _RANGE.sub("", _GROUPING.sub("", _SELECTOR.sub("", _TEXT.sub("", expression))))
    names = {name for name in _NAME.findall(bare) if name not in _WORDS}
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in names}


def labels(expression: str) -> set[str]:
    """The labels that it selects or groups by."""
    bare = _TEXT.sub("", expression)
    selected = [re.split(r"[=!~]", part)[0].strip() for each in _SELECTOR.findall(bare) for part in each.split(",")]
    grouped = [part.strip() for each in _GROUPING.findall(bare) for part in each.split(",")]
    return {label for label in (*selected, *grouped) if label}
