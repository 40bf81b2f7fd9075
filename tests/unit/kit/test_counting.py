"""Counting facts, and labels that callers choose."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from kit.telemetry import Bounded, counting


@dataclass
class Work:
    facts: list[object] = field(default_factory=list)


def test_facts_are_counted_by_their_type_and_others_passed_over() -> None:
    seen: list[object] = []
    counting({int: seen.append})(Work([1, "one", True, 2]))
    assert seen == [1, 2]


def test_the_first_values_of_a_label_are_told_apart_and_the_rest_are_one() -> None:
    label = Bounded(most=2)
    assert [label(value) for value in ("web", "pos", "app", "web")] == ["web", "pos", "other", "web"]


@pytest.mark.parametrize(
    "value", ["", "zhang san", "13800138000", "a13800138000", "王芳", "a" * 33, "Wang@example.com"]
)
def test_a_label_never_holds_what_may_name_somebody(value: str) -> None:
    assert Bounded()(value) == "other"
