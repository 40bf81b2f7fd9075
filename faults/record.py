"""What the clients of one run asked for, what they were promised, and how each of their calls ended."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from faults.comparing import Fact

PASSING = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "CANCELLED"})
"""Codes after which a good client repeats the call with the same request id. The last, where no caller cancels, is what
gRPC says of calls that waited for their turn in a process that went."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call: seconds of the monotonic clock, and the code it ended with."""

    begin: float
    end: float
    code: str
    method: str = ""
    again: bool = False
    """Whether it repeats a call that failed."""


@dataclass
class Record:
    """Of one run, under a name that its rows carry. Written by the thread of the writers, read when they are done."""

    name: str
    asked: set[Fact] = field(default_factory=set)
    promised: set[Fact] = field(default_factory=set)
    attempts: list[Attempt] = field(default_factory=list)
    given_up: int = 0
    """Wishes whose client had to give up without an answer."""

    def refusals(self) -> Counter[str]:
        """The codes that no fault explains, and how often each was seen."""
        wrong = (each for each in self.attempts if each.code not in PASSING and each.code != "OK")
        return Counter(f"{each.code} {each.method}" for each in wrong)

    def failed(self) -> Counter[str]:
        """How the calls ended that did not succeed, and how many each way."""
        return Counter(each.code for each in self.attempts if each.code != "OK")

    def recovery(self, healed: float) -> float:
        """Seconds from the end of the fault to the end of the last call that failed; 0 if none did."""
        return max(
            (each.end - healed for each in self.attempts if each.code != "OK" and each.end > healed), default=0.0
        )
