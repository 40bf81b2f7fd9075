"""One comparison of what must be with what is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was compared, what had to be, what is, and some of the differences."""

    title: str
    expected: str
    found: str
    differences: tuple[str, ...] = ()
    lost: int = 0
    """Events or effects that are missing."""
    duplicated: int = 0
    """Effects that are there more often than their cause."""

    @property
    def holds(self) -> bool:
        """Whether it is as it must be."""
        return not self.differences


def compare(title: str, expected: object, found: object) -> Comparison:
    """Compare two values."""
    differences = () if expected == found else (f"{found} is not {expected}",)
    return Comparison(title, _shown(expected), _shown(found), differences)


def compare_each(title: str, expected: Mapping[str, Any], found: Mapping[str, Any]) -> Comparison:
    """Compare key by key; a missing key differs."""
    wrong = sorted(key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key))
    shown = tuple(f"{key}: {found.get(key)} is not {expected.get(key)}" for key in wrong[:_SHOWN])
    more = (f"and {len(wrong) - _SHOWN} more",) if len(wrong) > _SHOWN else ()
    return Comparison(title, f"{len(expected):,} alike", f"{len(expected) - len(wrong):,} alike", (*shown, *more))


def none_of(title: str, wrong: Mapping[str, str], *, lost: bool = False, duplicated: bool = False) -> Comparison:
    """Nothing of this kind may be there; `wrong` says what is, and why it is wrong."""
    shown = tuple(f"{key}: {why}" for key, why in sorted(wrong.items())[:_SHOWN])
    count = len(wrong)
    return Comparison(title, "0", f"{count:,}", shown, lost=count if lost else 0, duplicated=count if duplicated else 0)


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
