"""What chaos does is drawn from its seed."""

from __future__ import annotations

from itertools import islice

from faults.schedule import steps

NAMES = ["relay-killed", "serve-killed", "broker-killed", "poison"]


def test_the_same_seed_gives_the_same_steps_whatever_the_order_of_the_names() -> None:
    assert list(islice(steps(7, NAMES), 30)) == list(islice(steps(7, NAMES[::-1]), 30))


def test_another_seed_gives_other_steps() -> None:
    assert list(islice(steps(7, NAMES), 30)) != list(islice(steps(8, NAMES), 30))


def test_every_fault_has_its_turn_before_any_comes_again() -> None:
    chosen = [step.fault for step in islice(steps(3, NAMES), 3 * len(NAMES))]
    for round_ in range(3):
        assert sorted(chosen[round_ * len(NAMES) : (round_ + 1) * len(NAMES)]) == sorted(NAMES)


def test_faults_have_a_length_and_a_pause_before_them() -> None:
    for step in islice(steps(1, NAMES), 100):
        assert 2 <= step.seconds <= 8
        assert 1 <= step.pause <= 5
