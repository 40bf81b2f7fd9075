"""Wait for what a test expects to happen: as short as possible, and never longer than the deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")

_INTERVAL = 0.02


def until(condition: Callable[[], T], *, within: float = 30.0, every: float = _INTERVAL, what: str = "") -> T:
    """The first true answer of `condition`. Fails the test if there is none `within` so many seconds."""
    answer = condition()
    for _ in _ticks(within):
        if answer:
            return answer
        time.sleep(every)
        answer = condition()
    raise AssertionError(f"{what or condition} did not come true within {within} s; the last answer was {answer!r}")


async def until_async(condition: Callable[[], T], *, within: float = 30.0, what: str = "") -> T:
    """The same in a coroutine."""
    answer = condition()
    for _ in _ticks(within):
        if answer:
            return answer
        await asyncio.sleep(_INTERVAL)
        answer = condition()
    raise AssertionError(f"{what or condition} did not come true within {within} s; the last answer was {answer!r}")


def _ticks(within: float) -> Iterator[None]:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        yield
