"""Holds end once, in one way, and the same command once more changes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kit.errors import Fault
from kit.money import Money
from services.members.domain.hold import Hold, State
from tests.support.builders.members import MEMBER, NOW, hold, programme, wallet

LATE = NOW + timedelta(minutes=1)


def test_placing_sets_points_aside() -> None:
    placed, after, transfers = Hold.place(
        hold().id, wallet(available=70), 50, programme=programme(), source="orders/1", now=NOW, ttl=timedelta(minutes=1)
    )
    assert (after.available, after.held, len(transfers)) == (20, 50, 1)
    assert (placed.state, placed.member, placed.expire_time) == (State.ACTIVE, MEMBER, LATE)
    assert (placed.value, placed.programme) == (Money(50, "USD"), "default")


def test_confirming_a_part_releases_the_rest() -> None:
    ended, after, transfers = hold(50).confirm(wallet(held=50), 20, NOW)
    assert (ended.state, ended.confirmed, ended.end_time) == (State.CONFIRMED, 20, NOW)
    assert (after.available, after.held) == (30, 0)
    assert [transfer.cause.kind for transfer in transfers] == ["CONFIRM", "RELEASE"]


@pytest.mark.parametrize("points", [0, 50])
def test_confirming_nothing_in_particular_confirms_all(points: int) -> None:
    ended, after, _ = hold(50).confirm(wallet(held=50), points, NOW)
    assert (ended.confirmed, after.available, after.held) == (50, 0, 0)


def test_the_same_command_once_more_changes_nothing() -> None:
    confirmed = hold(50, state=State.CONFIRMED, confirmed=20)
    assert confirmed.confirm(wallet(), 20, LATE) == (confirmed, wallet(), [])
    for state in (State.RELEASED, State.EXPIRED):
        ended = hold(50, state=state)
        assert ended.release(wallet(), LATE) == (ended, wallet(), [])
        assert ended.expire(wallet(), LATE) == (ended, wallet(), [])


@pytest.mark.parametrize(
    ("ended", "points", "reason"),
    [
        (hold(50, state=State.CONFIRMED, confirmed=20), 21, "HOLD_ENDED"),
        (hold(50, state=State.RELEASED), 0, "HOLD_ENDED"),
        (hold(50, state=State.EXPIRED), 0, "HOLD_EXPIRED"),
        (hold(50), 51, "HOLD_EXCEEDED"),
    ],
)
def test_what_cannot_be_confirmed_is_refused(ended: Hold, points: int, reason: str) -> None:
    with pytest.raises(Fault) as refusal:
        ended.confirm(wallet(held=50), points, NOW)
    assert refusal.value.reason == reason


def test_a_hold_can_be_confirmed_until_its_time_is_over_and_not_after() -> None:
    hold(50).confirm(wallet(held=50), 0, LATE - timedelta(microseconds=1))
    with pytest.raises(Fault) as refusal:
        hold(50).confirm(wallet(held=50), 0, LATE)
    assert refusal.value.reason == "HOLD_EXPIRED"


def test_spent_points_cannot_be_released() -> None:
    with pytest.raises(Fault) as refusal:
        hold(50, state=State.CONFIRMED, confirmed=50).release(wallet(), NOW)
    assert refusal.value.reason == "HOLD_ENDED"
    assert refusal.value.metadata["state"] == "CONFIRMED"


def test_releasing_makes_the_points_available_again() -> None:
    ended, after, _ = hold(50).release(wallet(available=1, held=50), NOW)
    assert (ended.state, after.available, after.held) == (State.RELEASED, 51, 0)


def test_a_hold_expires_at_its_instant_and_not_before() -> None:
    early = hold(50)
    assert early.expire(wallet(held=50), LATE - timedelta(microseconds=1)) == (early, wallet(held=50), [])
    ended, after, transfers = early.expire(wallet(held=50), LATE)
    assert (ended.state, after.available, transfers[0].cause.kind) == (State.EXPIRED, 50, "EXPIRE")


def test_what_was_paid_for_is_spent_even_when_the_news_comes_late() -> None:
    ended, after, _ = hold(50).settle(wallet(held=50), LATE)
    assert (ended.state, ended.confirmed, after.held, after.available) == (State.CONFIRMED, 50, 0, 0)


@pytest.mark.parametrize("state", [State.EXPIRED, State.RELEASED])
def test_points_given_back_before_the_news_of_the_payment_are_charged_once(state: State) -> None:
    charged, after, _ = hold(50, state=state).settle(wallet(available=20), LATE)
    assert (charged.state, charged.confirmed) == (state, 50)
    assert (after.available, after.receivable) == (0, 30)
    assert charged.settle(after, LATE) == (charged, after, [])
