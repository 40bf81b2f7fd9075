"""gRPC with prepared requests at their times: an open loop that costs next to nothing, with deadlines like a real
client's, and with what the refused were told."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter

from bench.http2 import status
from bench.prepared import Connection

_TICK_SECONDS = 0.002
_OK = "0"
LOST = "lost"
"""What became of a call that had no answer by its deadline."""


@dataclass
class Told:
    """What the calls were told, by gRPC's code: for each call the second it was due and how long it took from then."""

    by_code: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def add(self, code: str, due: float, seconds: float) -> None:
        """Note one."""
        self.by_code.setdefault(code, []).append((due, seconds))

    def merge(self, other: Told) -> None:
        """Take in what another connection was told."""
        for code, calls in other.by_code.items():
            self.by_code.setdefault(code, []).extend(calls)

    def good(self) -> list[tuple[float, float]]:
        """The calls that were answered in time."""
        return self.by_code.get(_OK, [])

    def seconds(self, code: str) -> list[float]:
        """How long the calls took that were told a code."""
        return [seconds for _, seconds in self.by_code.get(code, [])]

    def counts(self) -> Counter[str]:
        """How many were told what."""
        return Counter({code: len(calls) for code, calls in self.by_code.items()})


async def call_at(
    address: str,
    path: str,
    bearer: str,
    requests: Sequence[bytes],
    *,
    rate: float,
    deadline: float,
    connections: int = 8,
) -> Told:
    """Send the requests, so many a second, dealt out to a few connections."""
    start = perf_counter() + 0.1
    loop = asyncio.get_running_loop()
    host, port = address.split(":")
    opened = []
    for index in range(connections):
        times = [start + number / rate for number in range(index, len(requests), connections)]
        made = Paced(address, path, bearer, requests[index::connections], times=times, deadline=deadline, start=start)
        await loop.create_connection(partial(_itself, made), host, int(port))
        opened.append(made)
    for each in opened:
        each.begin()
    await asyncio.gather(*(each.done for each in opened))
    told = Told()
    for each in opened:
        each.hang_up()
        told.merge(each.told)
    return told


def _itself(made: Paced) -> Paced:
    return made


class Paced(Connection):
    """A connection that sends each request when it is due, and gives up on those without an answer."""

    def __init__(
        self,
        address: str,
        path: str,
        bearer: str,
        requests: Sequence[bytes],
        *,
        times: Sequence[float],
        deadline: float,
        start: float,
    ) -> None:
        super().__init__(address, path, bearer, requests, 1 << 30)
        self.told = Told()
        self._times = times
        self._deadline = deadline
        self._start = start

    def begin(self) -> None:
        """Send what is due, again and again until everything is answered or given up."""
        now = perf_counter()
        self._transport.write(self._fill())
        self._give_up(now - self._deadline)
        if self._sent == len(self._requests) and not self._under_way:
            if not self.done.done():
                self.done.set_result(None)
        else:
            asyncio.get_running_loop().call_later(_TICK_SECONDS, self.begin)

    def hang_up(self) -> None:
        """Close the connection."""
        self._transport.close()

    def _due(self) -> bool:
        return self._times[self._sent] <= perf_counter()

    def _began(self) -> float:
        return self._times[self._sent]

    def _ended(self, began: float, *, answered: bool, block: bytes) -> None:
        seconds = perf_counter() - began
        self.told.add(_OK if answered else status(block), began - self._start, seconds)

    def _give_up(self, before: float) -> None:
        """Calls that were due before then, and are still without an answer, have failed. Streams are in their order."""
        cancelled = b""
        for stream, (due, _) in list(self._under_way.items()):
            if due > before:
                break
            cancelled += self._cancel(stream)
            self.told.add(LOST, due - self._start, self._deadline)
        self._transport.write(cancelled)
        while self._sent < len(self._requests) and self._times[self._sent] <= before:
            self.told.add(LOST, self._times[self._sent] - self._start, self._deadline)
            self._pass_over()
