from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from kit import errors, groupcommit
from kit.errors import Fault
from kit.groupcommit import Crowd, GroupCommit


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


def _be_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute: who waits for it has not been woken."""
    monkeypatch.setattr(groupcommit, "_TAKES", 1e9)
    monkeypatch.setattr(groupcommit, "_LONGEST_SECONDS", 60.0)


async def _turns() -> None:
    """Let every task go on as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_calls_that_wait_together_are_committed_together() -> None:
    run = Recorder()
    lane = GroupCommit(run, lane="test")
    answers = await asyncio.gather(*(lane(number) for number in range(10)))
    assert answers == [number * 2 for number in range(10)]
    assert len(run.batches) == 1
    await lane.close()


async def test_who_comes_first_after_a_pause_waits_for_the_others_of_before(monkeypatch: pytest.MonkeyPatch) -> None:
    _be_patient(monkeypatch)
    run = Recorder()
    lane = GroupCommit(run, lane="test")
    await asyncio.gather(*(lane(number) for number in range(3)))
    first = asyncio.ensure_future(lane(1))
    await _turns()
    await asyncio.gather(first, lane(2), lane(3))  # the third completes the crowd, and nobody waits any longer
    assert [len(batch) for batch in run.batches] == [3, 3]
    await lane.close()


async def test_who_waits_for_others_that_do_not_come_is_answered_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groupcommit, "_LONGEST_SECONDS", 0.001)
    run = Recorder()
    lane = GroupCommit(run, lane="test")
    await asyncio.gather(*(lane(number) for number in range(3)))
    assert await lane(1) == 2
    assert [len(batch) for batch in run.batches] == [3, 1]
    await lane.close()


async def test_who_calls_alone_waits_for_nobody() -> None:
    run = Recorder()
    lane = GroupCommit(run, lane="test")
    await lane(1)
    calling = asyncio.ensure_future(lane(2))
    await _turns()
    assert calling.done()
    await lane.close()


async def test_closing_does_not_wait_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    _be_patient(monkeypatch)
    run = Recorder()
    lane = GroupCommit(run, lane="test")
    await asyncio.gather(*(lane(number) for number in range(3)))
    calling = asyncio.ensure_future(lane(1))
    await _turns()
    closing = asyncio.ensure_future(lane.close())
    await _turns()
    assert calling.done()
    await closing


def test_a_crowd_grows_at_once_and_shrinks_soon() -> None:
    crowd = Crowd()
    crowd.seen(8, took=0.001)
    assert crowd.size == 8
    crowd.seen(2, took=0.001)
    assert crowd.size == 4
    for _ in range(20):
        crowd.seen(1, took=0.001)
    assert crowd.size == 1


def test_patience_grows_with_what_a_batch_takes_and_ends() -> None:
    crowd = Crowd()
    crowd.seen(2, took=0.002)
    assert crowd.patience == pytest.approx(0.008)
    crowd.seen(2, took=3.0)
    assert crowd.patience == pytest.approx(0.04)


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
