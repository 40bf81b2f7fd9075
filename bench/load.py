"""Load: closed loops find the ceiling, an open loop the latency at a given rate.

In a closed loop each of so many callers has one call under way. In an open loop calls begin at their time whatever
became of those before, and latency counts from that time, so that a stall is not hidden by the calls it kept away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeVar

from kehu.members.v1.members_pb2_grpc import MembersServiceStub

from bench.thin import Channel

Call = Callable[[int], Awaitable[object]]
"""One call, or one pair of calls; the number tells calls apart."""

Metadata = tuple[tuple[str, str], ...]
S = TypeVar("S")
_DRAIN_SECONDS = 20.0
_CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Load:
    """What came out: calls per second, and the latency in milliseconds that half and 99 % of them stayed under."""

    rate: float
    p50: float
    p99: float

    @classmethod
    def of(cls, latencies: list[float], seconds: float) -> Load:
        """Sum up calls that took so many seconds each. Raises RuntimeError if there were none."""
        if not latencies:
            raise RuntimeError(f"no call was answered in {seconds:g} s: the machine is too busy to measure")
        latencies.sort()
        number = len(latencies)
        return cls(number / seconds, latencies[number // 2] * 1000, latencies[number * 99 // 100] * 1000)


def measure(
    address: str | Sequence[str],
    bearer: str,
    make: Callable[[Any, Metadata], Call],
    *,
    callers: int,
    seconds: float,
    stub: Callable[[Channel], object] = MembersServiceStub,
) -> Load:
    """Call gRPC for a while and count, after a while that does not count. Callers are dealt out to the addresses, and
    have a few connections to each."""
    addresses = [address] if isinstance(address, str) else address

    async def run() -> Load:
        async with AsyncExitStack() as channels:
            opened = [
                await channels.enter_async_context(Channel(each, bearer))
                for each in addresses
                for _ in range(_CONNECTIONS // len(addresses))
            ]
            calls = [make(stub(channel), ()) for channel in opened]
            return await closed(calls, callers=callers, seconds=seconds)

    return asyncio.run(run())


async def closed(calls: Sequence[Call], *, callers: int, seconds: float) -> Load:
    """So many callers, dealt out to `calls`, each with one call under way."""
    begin = perf_counter() + seconds / 4
    end = begin + seconds
    latencies: list[float] = []
    numbers = iter(range(10**12))

    async def caller(call: Call) -> None:
        while (started := perf_counter()) < end:
            await call(next(numbers))
            finished = perf_counter()
            if begin <= finished < end:
                latencies.append(finished - started)

    await asyncio.gather(*(caller(calls[index % len(calls)]) for index in range(callers)))
    return Load.of(latencies, seconds)


async def opened(call: Call, *, rate: float, seconds: float) -> Load:
    """Calls that begin at their time, `rate` per second; those of the first quarter don't count."""
    latencies: list[float] = []
    start = perf_counter()
    begin = start + seconds / 4

    async def one(number: int, due: float) -> None:
        await call(number)
        if due >= begin:
            latencies.append(perf_counter() - due)

    async with asyncio.timeout(seconds * 1.25 + _DRAIN_SECONDS), asyncio.TaskGroup() as tasks:
        for number in range(int(rate * seconds * 1.25)):
            due = start + number / rate
            if (early := due - perf_counter()) > 0:
                await asyncio.sleep(early)
            tasks.create_task(one(number, due))
    return Load.of(latencies, seconds)
