"""What goes over HTTP here, and what it can suffer on the way."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


@dataclass
class Told:
    """An answer before it goes out."""

    status: int
    headers: dict[str, str]
    body: bytes


SILENCE = Told(0, {}, b"")
"""No answer: whoever waits for it waits in vain."""


@dataclass(frozen=True)
class Post:
    """A notice, signed and ready to be delivered as often as anybody likes."""

    url: str
    headers: Mapping[str, str]
    body: bytes


FAULTS = (
    "error",  # status 500, and nothing is done
    "lost",  # it is done, but the connection breaks before the answer
    "silent",  # nothing is done, and no answer comes
    "unsigned",  # an answer without a signature
    "forged",  # an answer that somebody else signed
    "stale",  # an answer signed an hour ago (WeChat Pay only)
    "busy",  # the protocol's own "system error"
)


@dataclass
class Mischief:
    """Faults that wait for the next calls, by the name of the call."""

    _waiting: dict[str, deque[str]] = field(default_factory=lambda: defaultdict(deque))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def expect(self, call: str, fault: str, times: int = 1) -> None:
        """Let the next so many calls of this name suffer a fault."""
        if fault not in FAULTS:
            raise ValueError(f"a fault is one of {', '.join(FAULTS)}")
        with self._lock:
            self._waiting[call].extend([fault] * times)

    def next(self, call: str) -> str:
        """The fault of this call, or nothing."""
        with self._lock:
            waiting = self._waiting[call]
            return waiting.popleft() if waiting else ""

    def forget(self) -> None:
        """Behave."""
        with self._lock:
            self._waiting.clear()
