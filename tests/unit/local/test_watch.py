from pathlib import Path

import pytest

from deploy.local.problem import Problem
from deploy.local.watch import deaths

LOGS = Path("/logs")


def test_a_killed_process_is_reported_with_its_log() -> None:
    line = "2026-11-21 22:10:00,123 WARN exited: orders-serve (terminated by SIGKILL; not expected)"

    assert list(deaths([line], LOGS)) == [
        "orders-serve died (terminated by SIGKILL) and is started again; its log is /logs/orders-serve.log."
    ]


def test_a_process_that_ends_by_itself_has_died_too() -> None:
    line = "2026-11-21 22:10:00,123 INFO exited: orders-relay (exit status 0; expected)"

    assert list(deaths([line], LOGS)) == [
        "orders-relay died (exit status 0) and is started again; its log is /logs/orders-relay.log."
    ]


def test_what_happens_as_it_should_is_no_news() -> None:
    lines = [
        "2026-11-21 22:10:00,123 INFO spawned: 'orders-serve' with pid 7",
        "2026-11-21 22:10:09,123 INFO success: orders-serve entered RUNNING state, process has stayed up",
        "2026-11-21 22:10:10,123 INFO stopped: orders-serve (exit status 0)",
    ]

    assert list(deaths(lines, LOGS)) == []


def test_a_process_that_is_given_up_ends_the_suite_and_names_its_log() -> None:
    line = "2026-11-21 22:10:00,123 INFO gave up: orders-serve entered FATAL state, too many start retries too quickly"

    with pytest.raises(Problem, match=r"orders-serve dies as often as it is started; .+ /logs/orders-serve\.log"):
        list(deaths([line], LOGS))
