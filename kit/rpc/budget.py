"""A budget of retries: where nearly every call fails, asking again only keeps the other service down."""

from __future__ import annotations

_EARNED = 0.1
"""What each call adds: in the long run, one retry for ten calls."""
_MOST = 5.0
"""What is there at first, and never more: a few failures by chance are all repeated."""


class Budget:
    """Retries that may still be made. Calls fill it slowly, each retry takes one."""

    def __init__(self) -> None:
        self._left = _MOST

    def earn(self) -> None:
        """A call begins."""
        self._left = min(_MOST, self._left + _EARNED)

    def spend(self) -> bool:
        """Whether a retry may be made; then it is taken from what is left."""
        if self._left < 1:
            return False
        self._left -= 1
        return True
