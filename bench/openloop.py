"""Calls that begin at their time whatever became of those before, and what became of each.

Latency counts from the time a call was due, so that a stall is not hidden by the calls it kept away.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from time import perf_counter

from bench import stats

Journey = Callable[[int], Awaitable[str]]
"""One call, or a few in a row; answers what kind it was. The number tells calls apart."""

_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Call:
    """One call: the second it was due, how long it took from then on, and why it failed, if it did."""

    due: float
    seconds: float
    kind: str
    trouble: str = ""


@dataclass
class Calls:
    """All calls of a run."""

    calls: list[Call] = field(default_factory=list)

    def good(self, kind: str = "", *, since: float = 0.0) -> list[Call]:
        """Those that went well."""
        return [call for call in self.calls if not call.trouble and call.due >= since and kind in ("", call.kind)]

    def milliseconds(self, share: float, kind: str = "", *, since: float = 0.0) -> float:
        """The latency that a share of the calls kept within."""
        return stats.quantile([call.seconds for call in self.good(kind, since=since)], share) * 1000

    def troubles(self) -> Counter[str]:
        """Why calls failed, and how often."""
        return Counter(call.trouble for call in self.calls if call.trouble)

    def rate(self, seconds: float) -> float:
        """Calls per second that went well within the first so many seconds, by the time they were answered."""
        return sum(1 for call in self.good() if call.due + call.seconds <= seconds) / seconds

    def kinds(self) -> list[str]:
        """The kinds of calls there were."""
        return sorted({call.kind for call in self.calls})


async def drive(journey: Journey, *, rate: float, seconds: float) -> Calls:
    """Begin `rate` calls per second for so many seconds; wait for the last."""
    return await drive_at(journey, (number / rate for number in range(int(rate * seconds))))


async def drive_at(journey: Journey, times: Iterable[float]) -> Calls:
    """Begin a call at each of these seconds; wait for the last."""
    made = Calls()
    start = perf_counter()

    async def one(number: int, due: float) -> None:
        kind, trouble = "", ""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                kind = await journey(number)
        except Exception as error:  # noqa: BLE001 - a failed call is counted, whatever it failed of
            trouble = str(error)[:160] or type(error).__name__
        made.calls.append(Call(due, perf_counter() - start - due, kind, trouble))

    async with asyncio.TaskGroup() as tasks:
        for number, due in enumerate(times):
            if (early := start + due - perf_counter()) > 0:
                await asyncio.sleep(early)
            tasks.create_task(one(number, due))
    return made
