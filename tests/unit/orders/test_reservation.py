"""Reservations take the steps of their table, once, and no other."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from uuid import UUID

import pytest

from kit.errors import Fault
from kit.names import new_id
from services.orders.domain.reservation import TRANSITIONS, Reservation, ReservationState, ReservationStep
from services.orders.domain.stock import Place
from tests.support.builders.orders import NOW

_ENDS = {state: step for (_, step), state in TRANSITIONS.items()}


def held(*items: tuple[UUID, int]) -> Reservation:
    return Reservation.hold(
        new_id(),
        location="main",
        items=items or [(new_id(), 1)],
        source="cart",
        now=NOW,
        expire_time=NOW + timedelta(minutes=5),
    )


def in_state(state: ReservationState) -> Reservation:
    ended = held().end(_ENDS[state], NOW) if state in _ENDS else held()
    assert ended is not None
    return ended


@pytest.mark.parametrize(("state", "step"), list(product(ReservationState, ReservationStep)))
def test_no_step_but_those_of_the_table_changes_anything(state: ReservationState, step: ReservationStep) -> None:
    before = in_state(state)
    if (state, step) in TRANSITIONS:
        after = before.end(step, NOW)
        assert after is not None
        assert (after.state, after.end_time, after.version) == (TRANSITIONS[state, step], NOW, 2)
    elif _ENDS[state] is step:
        assert before.end(step, NOW) is None
    else:
        with pytest.raises(Fault) as caught:
            before.end(step, NOW)
        assert caught.value.metadata["state"] == state.value


def test_one_product_in_several_items_is_counted_together() -> None:
    tea, pot = new_id(), new_id()
    assert held((pot, 1), (tea, 2), (pot, 3)).demand() == {Place(tea): 2, Place(pot): 4}
