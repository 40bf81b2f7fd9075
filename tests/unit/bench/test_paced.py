"""What an answer's header fields say, and when a rush is over."""

from __future__ import annotations

import pytest

from bench.cases.overload import goodput, recovered
from bench.http2 import status
from bench.paced import LOST, Told


def test_the_status_is_read_from_a_block_of_fields() -> None:
    assert status(b"\x00\x0bgrpc-status\x018\x00\x0cgrpc-message\x04busy") == "8"
    assert status(b"\x00\x0bgrpc-status\x0214") == "14"
    assert status(b"\x00\x04name\x05value") == "?"


def test_the_status_is_read_where_its_name_is_shortened() -> None:
    assert status(b"\x00\x88" + bytes.fromhex("9acac8b21234da8f") + b"\x018") == "8"


def test_what_connections_were_told_is_put_together() -> None:
    one, other = Told(), Told()
    one.add("0", 0.0, 0.1)
    other.add("0", 0.5, 0.2)
    other.add(LOST, 0.6, 5.0)
    one.merge(other)
    assert one.counts() == {"0": 2, LOST: 1}
    assert one.seconds("0") == [0.1, 0.2]
    assert one.good() == [(0.0, 0.1), (0.5, 0.2)]


def test_good_is_what_was_answered_while_calls_came_but_not_while_the_queue_filled() -> None:
    told = Told({"0": [(0.1, 0.2), (0.5, 0.7), (1.5, 0.5), (2.9, 0.3)], "8": [(1.0, 0.01)]})
    assert goodput(told, 3.0) == 1.0


@pytest.mark.parametrize(
    ("calls", "second"),
    [
        ([(0.2, 0.01), (1.2, 0.01)], 0),
        ([(0.2, 0.50), (1.2, 0.01)], 1),
        ([(0.2, 0.01), (1.2, 0.50), (2.2, 0.01)], 2),
    ],
)
def test_it_is_normal_again_after_the_last_bad_second(calls: list[tuple[float, float]], second: int) -> None:
    told = Told({"0": calls})
    assert recovered(told, normal=0.1) == second


def test_a_second_with_a_refused_call_in_a_hundred_is_bad() -> None:
    told = Told({"0": [(0.1, 0.01)] * 50, "8": [(0.2, 0.01)]})
    assert recovered(told, normal=0.1) == 1
