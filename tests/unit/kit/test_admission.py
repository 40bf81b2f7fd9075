"""How many calls at once a process takes on, by a model of one that answers so many a second."""

from __future__ import annotations

from collections import deque

from kit.rpc.admission import Admission


class Process:
    """Answers one call after the other, `rate` a second."""

    def __init__(self, rate: float, most: int = 512) -> None:
        self.admission = Admission(most)
        self.rate = rate
        self.refused = 0
        self.taken: list[float] = []
        self._now = 0.0
        self._busy = 0.0
        self._queue: deque[float] = deque()

    def offer(self, rate: float, seconds: float) -> None:
        """Calls that come evenly."""
        for _ in range(int(rate * seconds)):
            self._now += 1 / rate
            self._answer(self._now)
            if self.admission.enter():
                self._queue.append(self._now)
            else:
                self.refused += 1
        self._answer(self._now + 60)

    def _answer(self, until: float) -> None:
        while self._queue and max(self._busy, self._queue[0]) + 1 / self.rate <= until:
            began = self._queue.popleft()
            self._busy = max(self._busy, began) + 1 / self.rate
            self.taken.append(self._busy - began)
            self.admission.leave(began=began, now=self._busy)


def test_a_process_that_keeps_up_refuses_nobody() -> None:
    process = Process(rate=100)
    process.offer(90, seconds=20)
    assert process.refused == 0
    assert process.admission.limit == 512


def test_what_a_slow_process_takes_on_under_overload_is_answered_soon() -> None:
    process = Process(rate=50)
    process.offer(250, seconds=60)
    assert max(process.taken[-1000:]) < 2.0
    assert len(process.taken) >= 0.95 * 50 * 60


def test_the_limit_is_back_soon_after_an_overload() -> None:
    process = Process(rate=50)
    process.offer(250, seconds=20)
    process.offer(25, seconds=2)
    process.refused = 0
    process.offer(25, seconds=30)
    assert process.refused == 0
    assert process.admission.limit > 256


def test_no_more_than_the_most_are_under_way() -> None:
    admission = Admission(3)
    assert [admission.enter() for _ in range(4)] == [True, True, True, False]


def test_calls_that_are_meant_to_be_long_tell_nothing() -> None:
    admission = Admission(512)
    for now in range(100):
        admission.enter()
        admission.leave(began=now - 20.0, now=float(now), telling=False)
    assert admission.limit == 512


def test_a_few_calls_are_let_in_however_late_all_are() -> None:
    admission = Admission(512)
    for now in range(100):
        assert admission.enter()
        admission.leave(began=now - 20.0, now=float(now))
    assert admission.limit == 32


def test_a_moment_in_which_all_are_late_refuses_nobody() -> None:
    admission = Admission(512)
    for now in range(1, 100, 2):
        for began in (now - 2.0, now + 0.9):
            assert admission.enter()
            admission.leave(began=began, now=began + (2.0 if began < now else 0.1))
    assert admission.limit == 512
