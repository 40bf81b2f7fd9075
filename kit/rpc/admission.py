"""How many calls a process takes on at once: a fixed most, and less while even the fastest of them wait too long.

A fixed number alone is a queue of (number / answers per second) seconds. Where that is longer than the deadline, every
call is answered too late, and none of the work counts. So what is looked at is the fastest call of a short while, as
CoDel does with packets (RFC 8289): if even that one was late, and again in the next while, the queue stands, and fewer
calls are let in.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_LATE_SECONDS = 1.0
"""A process that keeps up answers its fastest calls long before: they take some milliseconds."""

_INTERVAL_SECONDS = 1.0
_LEAST = 32
"""So many are always let in: a few slow calls, such as the first of a process, are no queue."""

_SHRINK = 0.6
_GROW = 1.25


@dataclass(slots=True)
class Admission:
    """Counts the calls under way; `most` is never passed. Times are of one monotonic clock, in seconds."""

    most: int
    active: int = 0
    limit: float = field(init=False)
    _fastest: float = field(init=False, default=float("inf"))
    _until: float = field(init=False, default=0.0)
    _late: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self.limit = float(self.most)

    def enter(self) -> bool:
        """Whether one more call may begin; if so, it is counted until it leaves."""
        if self.active >= int(self.limit):
            return False
        self.active += 1
        return True

    def leave(self, *, began: float, now: float, telling: bool = True) -> None:
        """A call that was let in is over. Unless it is `telling`, its duration says nothing: it is meant to be long."""
        self.active -= 1
        if telling:
            self._fastest = min(self._fastest, now - began)
        if now >= self._until:
            self._adapt()
            self._fastest, self._until = float("inf"), now + _INTERVAL_SECONDS

    def _adapt(self) -> None:
        if self._fastest == float("inf"):
            return
        least = min(_LEAST, self.most)
        before, self._late = self._late, self._fastest > _LATE_SECONDS
        if not self._late:
            self.limit = min(self.most, self.limit * _GROW + 1)
        elif before:
            self.limit = max(least, min(self.limit, self.active + 1) * _SHRINK)
