"""Waiting for something to become so."""

from __future__ import annotations

import time
from collections.abc import Callable

_LOOK_SECONDS = 0.1


class NotInTime(Exception):
    """It did not become so."""


def until(holds: Callable[[], bool], *, within: float, what: str) -> float:
    """Look until it holds; the seconds that took. Raises NotInTime."""
    begin = time.monotonic()
    while not holds():
        if time.monotonic() - begin > within:
            raise NotInTime(f"{what}: not within {within:.0f} s")
        time.sleep(_LOOK_SECONDS)
    return time.monotonic() - begin


def again_and_again(act: Callable[[], None], *, seconds: float, pause: float = 0.0) -> int:
    """Do something until the time is over; how often."""
    end, times = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        act()
        times += 1
        time.sleep(pause)
    return times
