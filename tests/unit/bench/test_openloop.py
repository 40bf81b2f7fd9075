"""Calls that begin at their time."""

from __future__ import annotations

import asyncio

import pytest

from bench.openloop import Call, Calls, drive


async def test_a_stall_counts_for_every_call_that_was_due_meanwhile() -> None:
    gate = asyncio.Event()

    async def stalled(number: int) -> str:
        if number == 9:
            gate.set()
        await gate.wait()
        return "call"

    made = await drive(stalled, rate=100, seconds=0.1)
    assert len(made.good()) == 10
    first = next(call for call in made.calls if call.due == 0)
    assert first.seconds >= 0.09


async def test_a_call_that_fails_is_counted_with_its_reason() -> None:
    async def sometimes(number: int) -> str:
        if number % 2:
            raise RuntimeError("busy")
        return "call"

    made = await drive(sometimes, rate=1_000, seconds=0.01)
    assert made.troubles() == {"busy": 5}
    assert len(made.good("call")) == 5


def test_only_what_was_answered_within_the_time_makes_the_rate() -> None:
    calls = Calls([Call(0.0, 0.5, "a"), Call(0.9, 0.5, "a"), Call(0.1, 0.1, "a", "refused")])
    assert calls.rate(1.0) == 1


def test_latency_is_of_the_calls_that_went_well() -> None:
    calls = Calls([Call(0.0, 0.1, "a"), Call(1.0, 0.2, "b"), Call(2.0, 9.0, "a", "refused")])
    assert calls.milliseconds(1.0) == pytest.approx(200)
    assert calls.milliseconds(1.0, "a") == pytest.approx(100)
    assert calls.milliseconds(1.0, since=2.0) == 0
    assert calls.kinds() == ["a", "b"]
