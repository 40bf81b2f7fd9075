"""What a failure means to an event: try it again later, or lay it aside for a human."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from traceback import extract_tb

from kit.broker import Retries
from kit.errors import Fault, overloaded, unavailable
from kit.worker.events import Delivery

_LAST_FRAMES = 3
_INFRASTRUCTURE = frozenset({unavailable("").reason, overloaded().reason})


@dataclass(frozen=True, slots=True)
class Failure:
    """An event that was not handled, and what is to become of it.

    `delay` is the time until the next try; None: there is none, it is dead. `attempts` is how often it has been tried
    alone and failed by its own fault.
    """

    delivery: Delivery
    reason: str
    delay: timedelta | None
    attempts: int

    @property
    def outcome(self) -> str:
        """As the metrics call it."""
        return "dead" if self.delay is None else "retry"


def is_infrastructure(error: Exception) -> bool:
    """Whether the error speaks of the database's state and not of the event."""
    return isinstance(error, Fault) and error.reason in _INFRASTRUCTURE


def judge(delivery: Delivery, error: Exception, retries: Retries) -> Failure:
    """What becomes of an event that failed alone."""
    attempts = delivery.attempts + 1
    if is_infrastructure(error):
        # It did nothing wrong and keeps its attempts: an outage of an hour must not fill the dead queue.
        return Failure(delivery, reason_of(error), retries.delays[0], delivery.attempts)
    if isinstance(error, Fault) and not error.transient:
        return Failure(delivery, reason_of(error), None, attempts)
    return Failure(delivery, reason_of(error), retries.delay_after(attempts), attempts)


def dead(delivery: Delivery, reason: str) -> Failure:
    """An event that no further try can mend."""
    return Failure(delivery, reason, None, delivery.attempts)


def reason_of(error: Exception) -> str:
    """A Fault's reason, or the kind of the exception. Never its text, which may quote the event."""
    return error.reason if isinstance(error, Fault) else type(error).__name__


def places_of(error: Exception) -> Sequence[str]:
    """Where it was raised, innermost last; what a traceback tells without the text."""
    frames = extract_tb(error.__traceback__)[-_LAST_FRAMES:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
