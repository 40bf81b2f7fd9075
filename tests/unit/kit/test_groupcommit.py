from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from kit import errors, groupcommit
from kit.errors import Fault
from kit.groupcommit import GroupCommit


class Recorder:
    """A transaction that doubles numbers; it refuses 13, and fails as a whole on 666 or when `down`."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.down: Exception | None = None
        self.began = asyncio.Event()

    async def __call__(self, commands: Sequence[int]) -> Sequence[int | Fault]:
        self.batches.append(list(commands))
        self.began.set()
        await asyncio.sleep(0)
        if self.down:
            raise self.down
        if 666 in commands:
            raise RuntimeError("broken")
        return [errors.invalid("number", "must not be 13") if each == 13 else each * 2 for each in commands]


async def test_calls_that_wait_together_are_committed_together() -> None:
    run = Recorder()
    lane = GroupCommit(run, lane="test")
    answers = await asyncio.gather(*(lane(number) for number in range(10)))
    assert answers == [number * 2 for number in range(10)]
    assert len(run.batches) == 1
    await lane.close()


async def test_who_comes_first_after_a_pause_waits_for_the_company_of_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groupcommit, "_LINGER", 0.3)
    monkeypatch.setattr(groupcommit, "_LONGEST", 0.3)  # a busy machine may stand still for longer than the real one
    run = Recorder()
    lane = GroupCommit(run, lane="test")
    await asyncio.gather(*(lane(number) for number in range(10)))
    first = asyncio.ensure_future(lane(1))
    for _ in range(10):
        await asyncio.sleep(0)
    await asyncio.gather(first, lane(2))
    assert [len(batch) for batch in run.batches] == [10, 2]
    await lane.close()


async def test_who_calls_alone_waits_for_nobody() -> None:
    run = Recorder()
    lane = GroupCommit(run, lane="test")
    await lane(1)
    calling = asyncio.ensure_future(lane(2))
    for _ in range(10):
        await asyncio.sleep(0)
    assert calling.done()
    await lane.close()


async def test_a_batch_has_no_more_than_the_cap() -> None:
    run = Recorder()
    lane = GroupCommit(run, lane="test", cap=4)
    await asyncio.gather(*(lane(number) for number in range(10)))
    assert [len(batch) for batch in run.batches] == [4, 4, 2]
    await lane.close()


async def test_a_refused_or_broken_command_leaves_its_neighbours_alone() -> None:
    run = Recorder()
    lane = GroupCommit(run, lane="test")
    outcomes = await asyncio.gather(*(lane(number) for number in (1, 13, 666, 2)), return_exceptions=True)
    assert outcomes[0] == 2
    assert isinstance(outcomes[1], Fault)
    assert outcomes[1].reason == "REQUEST_INVALID"
    assert isinstance(outcomes[2], Fault)
    assert outcomes[2].reason == "INTERNAL"
    assert outcomes[3] == 4
    await lane.close()


async def test_when_the_database_is_away_the_batch_is_not_tried_one_by_one() -> None:
    run = Recorder()
    run.down = errors.unavailable("the database")
    lane = GroupCommit(run, lane="test")
    outcomes = await asyncio.gather(*(lane(number) for number in range(5)), return_exceptions=True)
    assert {outcome.reason for outcome in outcomes if isinstance(outcome, Fault)} == {"UNAVAILABLE"}
    assert len(run.batches) == 1
    await lane.close()


async def test_a_call_that_was_given_up_before_its_turn_is_not_run() -> None:
    run = Recorder()
    lane = GroupCommit(run, lane="test")
    given_up = asyncio.ensure_future(lane(1))
    await asyncio.sleep(0)
    given_up.cancel()
    assert await lane(2) == 4
    assert run.batches == [[2]]
    await lane.close()


async def test_a_call_that_was_given_up_while_its_batch_failed_is_not_run_alone() -> None:
    run = Recorder()
    lane = GroupCommit(run, lane="test")
    broken, given_up = asyncio.create_task(lane(666)), asyncio.create_task(lane(7))
    await run.began.wait()
    given_up.cancel()
    with pytest.raises(Fault):
        await broken
    await lane.close()
    assert run.batches == [[666, 7], [666]]


async def test_more_waiting_calls_than_allowed_are_refused() -> None:
    lane = GroupCommit(Recorder(), lane="test", waiting=2)
    outcomes = await asyncio.gather(*(lane(number) for number in range(3)), return_exceptions=True)
    assert [isinstance(outcome, Fault) for outcome in outcomes] == [False, False, True]
    await lane.close()


async def test_closing_commits_what_waits_and_refuses_what_comes() -> None:
    run = Recorder()
    lane = GroupCommit(run, lane="test")
    waiting = asyncio.ensure_future(lane(1))
    await asyncio.sleep(0)
    await lane.close()
    assert await waiting == 2
    with pytest.raises(Fault):
        await lane(2)


async def test_a_lane_that_was_never_used_closes() -> None:
    await GroupCommit(Recorder(), lane="test").close()
