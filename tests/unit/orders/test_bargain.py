"""Bargains without a database: their cuts, their table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Fault
from kit.names import new_id
from services.orders.domain.bargain import TRANSITIONS, Haggle, HaggleState, HaggleStep
from tests.support.builders.bargains import HOUR, a_bargain
from tests.support.builders.orders import NOW


def reason(act: Callable[..., object], *args: object) -> str:
    with pytest.raises(Fault) as caught:
        act(*args)
    return caught.value.reason


def a_haggle(**terms: int) -> Haggle:
    return Haggle.begin(new_id(), a_bargain(**terms), new_id(), NOW)


@given(data=st.data())
def test_the_cuts_sum_to_what_lies_between_price_and_floor_whoever_comes(data: st.DataObject) -> None:
    price = data.draw(st.integers(2, 10**12))
    floor = data.draw(st.integers(1, price - 1))
    helpers = data.draw(st.integers(1, min(500, price - floor)))
    haggle = a_haggle(price=price, floor=floor, helpers=helpers)
    assert (sum(haggle.cuts), min(haggle.cuts) >= 1) == (price - floor, True)
    last = price
    while haggle.left:
        haggle, amount = haggle.cut(NOW)
        assert haggle.reached.minor == last - amount
        last = haggle.reached.minor
    assert last == floor
    assert reason(haggle.cut, NOW) == "HAGGLE_STATE_INVALID"


@pytest.mark.parametrize("state", HaggleState)
@pytest.mark.parametrize("step", HaggleStep)
def test_a_haggle_goes_only_where_the_table_says(state: HaggleState, step: HaggleStep) -> None:
    haggle = replace(a_haggle(), state=state, order=None if state is HaggleState.CUTTING else new_id())
    steps: dict[HaggleStep, Callable[[], Haggle]] = {
        HaggleStep.CUT: lambda: haggle.cut(NOW)[0],
        HaggleStep.BUY: lambda: haggle.buy(new_id(), NOW),
        HaggleStep.PAY: lambda: haggle.pay(NOW),
        HaggleStep.CANCEL: lambda: haggle.cancel(NOW),
    }
    to = TRANSITIONS.get((state, step))
    if to is None:
        assert reason(steps[step]) == "HAGGLE_STATE_INVALID"
        return
    after = steps[step]()
    assert after.state is to
    assert (after.order is None) is (to is HaggleState.CUTTING)


def test_a_haggle_ends_at_its_deadline_and_a_bargain_by_the_clock() -> None:
    haggle, bargain = a_haggle(), a_bargain()
    assert haggle.deadline == NOW + 2 * HOUR
    assert (
        reason(haggle.cut, haggle.deadline) == reason(haggle.buy, new_id(), haggle.deadline) == "HAGGLE_STATE_INVALID"
    )
    assert [bargain.state(NOW + after) for after in (-HOUR, timedelta(), HOUR)] == ["SCHEDULED", "OPEN", "ENDED"]
    assert reason(bargain.cancel(NOW).check_open, NOW) == reason(bargain.cancel, NOW + HOUR) == "BARGAIN_NOT_OPEN"
    for terms in ({"floor": 0}, {"floor": 1000}, {"helpers": 901}, {"helpers": 0}):
        assert reason(lambda terms=terms: a_bargain(**terms)) == "REQUEST_INVALID"
