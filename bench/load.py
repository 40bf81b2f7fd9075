"""Closed-loop load on a gRPC method: so many callers, each with one call under way, for so many seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter

import grpc
from kehu.members.v1.members_pb2_grpc import MembersServiceStub

Call = Callable[[int], Awaitable[object]]
"""One call, or one pair of calls; the number tells calls apart."""

Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Load:
    """What came out: calls per second, and the latency in milliseconds that half and 99 % of them stayed under."""

    rate: float
    p50: float
    p99: float


def measure(
    address: str, bearer: str, make: Callable[[MembersServiceStub, Metadata], Call], *, callers: int, seconds: float
) -> Load:
    """Call for a while and count, after a while that does not count."""
    return asyncio.run(_measure(address, bearer, make, callers=callers, seconds=seconds))


async def _measure(
    address: str, bearer: str, make: Callable[[MembersServiceStub, Metadata], Call], *, callers: int, seconds: float
) -> Load:
    async with grpc.aio.insecure_channel(address) as channel:
        call = make(MembersServiceStub(channel), (("authorization", bearer),))
        begin = perf_counter() + seconds / 4
        end = begin + seconds
        latencies: list[float] = []
        numbers = iter(range(10**12))

        async def caller() -> None:
            while (started := perf_counter()) < end:
                await call(next(numbers))
                finished = perf_counter()
                if begin <= finished < end:
                    latencies.append(finished - started)

        await asyncio.gather(*(caller() for _ in range(callers)))
    latencies.sort()
    return Load(
        len(latencies) / seconds,
        latencies[len(latencies) // 2] * 1000,
        latencies[len(latencies) * 99 // 100] * 1000,
    )
