"""Turns: the twins of a request (many clicks on one button) wait for each other within a process."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary


class Turns:
    """A lock for each key that somebody has just now. Whoever comes next finds what the one before has left, instead of
    doing the same work at the same time; between processes the database decides, as it does without this."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, key: str) -> asyncio.Lock:
        """The lock of a key; it lasts as long as somebody has it."""
        return self._locks.setdefault(key, asyncio.Lock())
