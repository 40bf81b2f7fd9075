"""State machines of orders: a world that lasts for all runs of a machine, and the run itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Protocol, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from kit.db import Database
from services.orders import publish
from services.orders.storage.unit import CONSTRAINTS, OrdersUnit
from tests.support.builders.orders import NOW
from tests.support.postgres import Databases


class Clocked(Protocol):
    """A world that says what time it is."""

    now: datetime


W = TypeVar("W", bound=Clocked)


@contextmanager
def lasting(postgres: Databases, world: Callable[[Database[OrdersUnit]], W]) -> Iterator[W]:
    """A world with a database for all runs, which keeps to the world's time."""
    url, clock = postgres.migrated("orders"), list[W]()
    database = Database(
        url,
        partial(OrdersUnit, publish=publish.to_event),
        constraints=CONSTRAINTS,
        clock=lambda: clock[0].now if clock else NOW,
    )
    clock.append(world(database))
    yield clock[0]
    database.close()
    postgres.drop(url)


def check(machine: type[RuleBasedStateMachine], world: object, *, examples: int, steps: int) -> None:
    """Run a machine in a world."""
    run_state_machine_as_test(
        type(machine.__name__, (machine,), {"world": world}),
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
