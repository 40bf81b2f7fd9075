"""Checkouts on a real database: shared while open, ended once, taken up by one replica, read back as they were."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from kit.db import Database
from kit.errors import Fault
from kit.money import Money
from kit.names import new_id
from kit.page import Page
from services.orders.domain.checkout import QUIET_FOR, SHARED_FOR, Attempt, CheckoutState, Held, Release, StepState
from services.orders.domain.order import Order
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.checkout import GiveUp, GoOn, Open, Released, give_up, go_on, open_attempt, released
from services.orders.usecases.checkout_recovery import census, take_up
from services.orders.usecases.checkout_view import explain, page
from services.orders.usecases.order import place_orders
from tests.contract.orders.shelves import on_sale
from tests.support.builders.checkouts import MEMBER, a_basket
from tests.support.builders.orders import MINUTES, NOW, a_placement, an_item

STEPS = a_basket().steps()


def begin(database: Database[OrdersUnit], key: str, order_id: UUID | None = None) -> Attempt:
    return database.write(open_attempt, Open(key, order_id or new_id(), member=MEMBER, steps=STEPS, pay_within=MINUTES))


@contextmanager
def later(database: Database[OrdersUnit], by: timedelta) -> Iterator[Database[OrdersUnit]]:
    """The same database, some time later."""
    url = database._engine.url.render_as_string(hide_password=False).replace("+psycopg2", "")
    moved = Database(url, database._unit, clock=lambda: NOW + by)
    yield moved
    moved.close()


def test_repeats_share_the_open_attempt_and_others_do_not(database: Database[OrdersUnit]) -> None:
    first = begin(database, "a")
    assert begin(database, "a") == first
    assert begin(database, "b").order_id != first.order_id


def test_what_is_written_down_is_read_back(database: Database[OrdersUnit]) -> None:
    attempt = begin(database, "a")
    database.write(go_on, GoOn(attempt.order_id, asking=1))
    database.write(go_on, GoOn(attempt.order_id, answered=1, asking=2))
    database.write(go_on, GoOn(attempt.order_id, answered=2, held=Held("holds/1", Money(3, "CNY")), asking=3))
    after = database.write(go_on, GoOn(attempt.order_id, refused=3, reason="NO"))
    assert database.read(explain, attempt.order_id) == after
    assert [step.state for step in after.steps] == [
        StepState.DONE,
        StepState.DONE,
        StepState.REFUSED,
        StepState.PLANNED,
        StepState.PLANNED,
    ]
    assert (after.steps[1].hold, after.steps[1].amount) == ("holds/1", Money(3, "CNY"))


def test_an_attempt_is_given_up_once_and_released_when_every_step_is(database: Database[OrdersUnit]) -> None:
    attempt = begin(database, "a")
    database.write(go_on, GoOn(attempt.order_id, asking=1))
    database.write(go_on, GoOn(attempt.order_id, answered=1, asking=2))
    given_up = database.write(give_up, GiveUp(attempt.order_id, "OUT_OF_STOCK"))
    assert given_up is not None
    assert [step.position for step in given_up.to_release()] == [1, 2]
    lost = Released(attempt.order_id, (Release(1), Release(2, found=False)))
    halfway = database.write(released, lost)
    assert halfway is not None
    assert (halfway.state, [step.state for step in halfway.steps[:2]]) == (
        CheckoutState.ABANDONED,
        [StepState.COMPENSATED, StepState.COMPENSATING],
    )
    with later(database, timedelta(seconds=20)) as moved:
        (taken,) = moved.write(take_up)
        assert taken.order_id == attempt.order_id
        end = moved.write(released, Released(attempt.order_id, (Release(2),)))
    assert end is not None
    assert (end.state, end.reason, end.drive_time) == (CheckoutState.RELEASED, "OUT_OF_STOCK", None)
    assert begin(database, "a").order_id != attempt.order_id


def test_a_stale_attempt_is_given_up(database: Database[OrdersUnit]) -> None:
    first = begin(database, "a")
    with later(database, SHARED_FOR) as moved:
        second = begin(moved, "a")
    assert second.order_id != first.order_id
    assert database.write(lambda unit: unit.checkouts.lock_open([first.order_id, second.order_id])) == {second.order_id}


def test_either_the_order_is_placed_or_its_attempt_given_up(database: Database[OrdersUnit]) -> None:
    (product,) = on_sale(database, stock=10)
    placed = a_placement(an_item(product=product.id), held=True)
    begin(database, "a", placed.order_id)
    assert isinstance(database.write(place_orders, [placed])[0], Order)
    kept = database.write(give_up, GiveUp(placed.order_id, "CANCELLED"))
    assert kept is not None
    assert (kept.state, kept.reason, kept.end_time) == (CheckoutState.PLACED, "", NOW)

    given_up = a_placement(an_item(product=product.id), held=True)
    begin(database, "b", given_up.order_id)
    database.write(give_up, GiveUp(given_up.order_id, "CANCELLED"))
    (outcome,) = database.write(place_orders, [given_up])
    assert isinstance(outcome, Fault)
    assert outcome.reason == "CHECKOUT_ABANDONED"


def test_replicas_take_up_each_attempt_once_and_only_when_nobody_goes_on_with_it(
    database: Database[OrdersUnit],
) -> None:
    for key in range(40):
        attempt = begin(database, str(key))
        database.write(go_on, GoOn(attempt.order_id, asking=1))
    assert database.write(take_up) == []
    with later(database, QUIET_FOR) as moved:
        assert moved.read(census)[CheckoutState.OPEN] == (40, QUIET_FOR.total_seconds())
        taken: list[UUID] = []
        at_once([lambda: taken.extend(each.order_id for each in moved.write(take_up, 10))] * 4)
        assert (len(taken), len(set(taken))) == (40, 40)
        assert moved.write(take_up) == []
        assert moved.read(census)[CheckoutState.ABANDONED][0] == 40


def at_once(acts: list[Callable[[], object]]) -> None:
    threads = [threading.Thread(target=act) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_checkouts_are_listed_by_state_the_latest_first(database: Database[OrdersUnit]) -> None:
    attempts = [begin(database, str(key)) for key in range(3)]
    database.write(give_up, GiveUp(attempts[1].order_id, "NO"))
    newest = [each.order_id for each in sorted(attempts, key=lambda each: each.order_id, reverse=True)]
    everything = database.read(page, None, Page(2, None))
    assert [each.order_id for each in everything] == newest
    rest = database.read(page, None, Page(2, (NOW.isoformat(), str(newest[1]))))
    assert [each.order_id for each in rest] == newest[2:]
    (ended,) = database.read(page, CheckoutState.RELEASED, Page(2, None))
    assert ended.order_id == attempts[1].order_id


def test_only_what_has_ended_is_forgotten(database: Database[OrdersUnit]) -> None:
    ended, open_one = begin(database, "a"), begin(database, "b")
    database.write(give_up, GiveUp(ended.order_id, "NO"))
    database.write(lambda unit: unit.checkouts.prune(_soon(), 10))
    assert database.read(lambda unit: unit.checkouts.get(ended.order_id)) is None
    assert database.read(lambda unit: unit.checkouts.get(open_one.order_id)) == open_one


def _soon() -> datetime:
    return NOW + timedelta(seconds=1)
