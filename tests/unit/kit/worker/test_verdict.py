from __future__ import annotations

import os
from datetime import timedelta

import pytest

from kit import errors
from kit.broker import Retries, headers
from kit.errors import Fault, Kind
from kit.worker.events import Delivery
from kit.worker.verdict import dead, judge, places_of, reason_of

RETRIES = Retries(attempts=4, delays=(timedelta(seconds=5), timedelta(seconds=60)))


def delivery(attempts: int = 0) -> Delivery:
    return Delivery(1, b"{}", "application/json", {headers.ATTEMPT: attempts})


@pytest.mark.parametrize(("before", "seconds"), [(0, 5), (1, 60), (2, 60), (3, None)])
def test_the_wait_grows_until_the_last_attempt(before: int, seconds: int | None) -> None:
    failure = judge(delivery(before), KeyError("secret"), RETRIES)
    assert failure.delay == (None if seconds is None else timedelta(seconds=seconds))
    assert failure.attempts == before + 1
    assert failure.outcome == ("dead" if seconds is None else "retry")


def test_a_fault_that_may_pass_is_tried_again() -> None:
    assert judge(delivery(), errors.conflict(), RETRIES).delay == timedelta(seconds=5)


def test_a_refusal_is_final() -> None:
    refusal = Fault(Kind.FAILED_PRECONDITION, "ORDER_CLOSED", "the order is closed")
    failure = judge(delivery(), refusal, RETRIES)
    assert (failure.delay, failure.reason) == (None, "ORDER_CLOSED")


@pytest.mark.parametrize("fault", [errors.unavailable("the database"), errors.overloaded()])
def test_the_database_s_trouble_costs_the_event_no_attempt(fault: Fault) -> None:
    failure = judge(delivery(3), fault, RETRIES)
    assert failure.delay == timedelta(seconds=5)
    assert failure.attempts == 3


def test_what_is_unreadable_is_dead_with_its_reason() -> None:
    assert dead(delivery(), "BODY_UNREADABLE").outcome == "dead"


def test_the_text_of_an_exception_is_not_told() -> None:
    with pytest.raises(KeyError) as raised:
        os.environ["+8613800138000"]
    assert reason_of(raised.value) == "KeyError"
    assert any("test_the_text_of_an_exception_is_not_told" in place for place in places_of(raised.value))
    assert "+86" not in str(places_of(raised.value))
