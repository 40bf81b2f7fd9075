"""How fast each member may call: a token bucket per member in each process, kept as one instant (GCRA)."""

from __future__ import annotations

import time
from datetime import timedelta

from kit import errors
from kit.errors import Fault
from kit.rpc.call import Identity

_MEMBER = "members/"
_REMEMBERED = 50_000
_BURST_SECONDS = 2.0


class Pace:
    """Refuses what a member calls beyond a rate; `per_second` is 0 for no limit. Nobody else is asked.

    After a quiet time a burst of two seconds' calls may come at once.
    """

    def __init__(self, per_second: float) -> None:
        self._gap = 1 / per_second if per_second else 0.0
        self._full: dict[str, float] = {}
        """When each member's bucket will be full again."""

    def keep(self, identity: Identity) -> None:
        """Count a call. Raises a Fault if it comes too early."""
        subject = identity.subject
        if not self._gap or not subject.startswith(_MEMBER):
            return
        now = time.monotonic()
        full = max(now, self._full.get(subject, now))
        if full - now > _BURST_SECONDS:
            raise _too_fast(full - now - _BURST_SECONDS)
        if len(self._full) >= _REMEMBERED:
            self._full = {each: instant for each, instant in self._full.items() if instant > now}
        self._full[subject] = full + self._gap


def _too_fast(seconds: float) -> Fault:
    fault = errors.overloaded()
    return Fault(
        fault.kind, fault.reason, "the member calls too often; try again", retry_after=timedelta(seconds=seconds)
    )
