"""What is read off the calls of a run."""

from __future__ import annotations

from faults.record import Attempt, Record


def record(*attempts: Attempt) -> Record:
    made = Record("x")
    made.attempts += attempts
    return made


def test_recovery_is_the_time_until_the_last_call_failed() -> None:
    seen = record(Attempt(0, 1, "UNAVAILABLE"), Attempt(10, 12.5, "UNAVAILABLE"), Attempt(12, 13, "OK"))
    assert seen.recovery(healed=10) == 2.5


def test_calls_that_failed_before_the_end_of_the_fault_do_not_count() -> None:
    assert record(Attempt(0, 1, "UNAVAILABLE"), Attempt(11, 12, "OK")).recovery(healed=10) == 0


def test_refusals_are_what_no_fault_explains() -> None:
    seen = record(Attempt(0, 1, "UNAVAILABLE"), Attempt(0, 1, "INTERNAL", "orders"), Attempt(0, 1, "OK"))
    assert seen.refusals() == {"INTERNAL orders": 1}
    assert seen.failed() == {"UNAVAILABLE": 1, "INTERNAL": 1}
