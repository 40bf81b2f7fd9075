"""Many who do everything at once, by chance."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from kit.errors import Fault

HARMFUL = frozenset({"CONFLICT", "INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED"})
"""Reasons that no act may be refused with."""


class Crowd(Protocol):
    """Acts are its methods; which of them come, its `chance` decides."""

    chance: random.Random


def let_loose(crowd: Crowd, names: Sequence[str], acts: int, *, actors: int, nothing: type[Exception]) -> Counter[str]:
    """Let so many act at once; answers how many acts were DONE, found NOTHING THERE, or were refused for a reason."""
    told = Counter[str]()

    def act(name: str) -> None:
        try:
            getattr(crowd, name)()
            told["DONE"] += 1
        except nothing:
            told["NOTHING THERE"] += 1
        except Fault as fault:
            told[fault.reason] += 1

    with ThreadPoolExecutor(actors) as pool:
        for future in [pool.submit(act, crowd.chance.choice(names)) for _ in range(acts)]:
            future.result()
    return told
