"""The whole of points against a naive model: whatever is done in whatever order, both agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kit.errors import Fault
from services.members.domain.hold import State
from services.members.domain.purchase import Settlement
from services.members.usecases import hold, points, purchase
from tests.contract.members.conftest import World
from tests.support.builders.members import dollars, settlement
from tests.support.postgres import Databases

AMOUNTS = st.integers(1, 60)


@dataclass
class Held:
    """What the model knows of a hold."""

    points: int
    expires: Any
    state: State = State.ACTIVE
    spent: int = 0


class Points(RuleBasedStateMachine):
    """One member: the model is a few numbers, and says what must come out."""

    world: World

    holds = Bundle("holds")
    orders = Bundle("orders")

    def __init__(self) -> None:
        super().__init__()
        self.net = 0  # accrued and spent, without orders and holds
        self.orders_known: dict[UUID, tuple[int, int]] = {}  # version, points earned
        self.held: dict[UUID, Held] = {}

    @initialize()
    def enroll(self) -> None:
        (self.member,) = self.world.enrolled(available=100)
        self.net = 100

    def expected(self) -> tuple[int, int, int]:
        held = sum(each.points for each in self.held.values() if each.state is State.ACTIVE)
        spent = sum(each.spent for each in self.held.values())
        left = self.net + sum(earned for _, earned in self.orders_known.values()) - held - spent
        return max(left, 0), held, max(-left, 0)

    def outcome(self, usecase: Callable[..., Any], command: object) -> Any:
        return self.world.do(usecase, [command])[0]

    @rule(count=AMOUNTS)
    def accrue(self, count: int) -> None:
        self.outcome(points.accrue, points.Accrue(self.member, count, ""))
        self.net += count

    @rule(count=AMOUNTS)
    def spend(self, count: int) -> None:
        possible = count <= self.expected()[0]
        outcome = self.outcome(points.spend, points.Spend(self.member, count, ""))
        assert isinstance(outcome, Fault) != possible
        self.net -= count if possible else 0

    @precondition(lambda self: self.expected()[0] > 0)
    @rule()
    def spend_everything(self) -> None:
        self.spend(self.expected()[0])

    @rule(target=holds, count=AMOUNTS, seconds=st.integers(1, 100))
    def place(self, count: int, seconds: int) -> Any:
        possible = count <= self.expected()[0]
        ttl = timedelta(seconds=seconds)
        outcome = self.outcome(hold.place, hold.PlaceHold(uuid4(), self.member, count, "", ttl))
        assert isinstance(outcome, Fault) != possible
        if not possible:
            return multiple()
        self.held[outcome.id] = Held(count, self.world.clock.now + ttl)
        return outcome.id

    @rule(id_=holds, count=st.integers(0, 70))
    def confirm(self, id_: UUID, count: int) -> None:
        known = self.held[id_]
        wanted = count or known.points
        open_ = known.state is State.ACTIVE and self.world.clock.now < known.expires and wanted <= known.points
        repeat = known.state is State.CONFIRMED and known.spent == wanted
        outcome = self.outcome(hold.confirm, hold.EndHold(self.member, id_, count))
        assert isinstance(outcome, Fault) != (open_ or repeat)
        if open_:
            known.state, known.spent = State.CONFIRMED, wanted

    @rule(id_=holds)
    def release(self, id_: UUID) -> None:
        known = self.held[id_]
        outcome = self.outcome(hold.release, hold.EndHold(self.member, id_))
        assert isinstance(outcome, Fault) == (known.state is State.CONFIRMED)
        if known.state is State.ACTIVE:
            known.state = State.RELEASED

    @rule(seconds=st.integers(0, 60))
    def time_goes_by(self, seconds: int) -> None:
        self.world.clock.move(timedelta(seconds=seconds))
        self.world.do(hold.expire)
        for known in self.held.values():
            if known.state is State.ACTIVE and known.expires <= self.world.clock.now:
                known.state = State.EXPIRED

    @rule(target=orders)
    def order(self) -> Settlement:
        return settlement(self.member)

    @rule(order=orders, news=st.lists(st.tuples(st.integers(1, 9), AMOUNTS), min_size=1, max_size=4))
    def settle(self, order: Settlement, news: list[tuple[int, int]]) -> None:
        told = [replace(order, version=version, net=dollars(net)) for version, net in news]
        self.world.do(purchase.settle, told)
        for each in told:
            if each.version > self.orders_known.get(order.order, (0, 0))[0]:
                self.orders_known[order.order] = (each.version, each.net.minor // 100)

    @rule(order=orders)
    def refund_everything(self, order: Settlement) -> None:
        version, _ = self.orders_known.get(order.order, (0, 0))
        told = replace(order, version=version + 1, net=dollars(0))
        self.world.do(purchase.settle, [told])
        self.orders_known[order.order] = (version + 1, 0)

    @rule(order=orders, count=AMOUNTS)
    def buy_spend_and_return(self, order: Settlement, count: int) -> None:
        version = self.orders_known.get(order.order, (0, 0))[0]
        self.settle(order, [(version + 1, count)])
        if self.expected()[0]:
            self.spend_everything()
        self.refund_everything(order)

    @rule(order=orders, id_=holds)
    def pay_with_points(self, order: Settlement, id_: UUID) -> None:
        for _ in range(2):  # the news may come twice
            self.world.do(purchase.settle, [replace(order, hold=id_, version=0, net=dollars(0))])
        self.orders_known.setdefault(order.order, (0, 0))
        known = self.held[id_]
        if known.state is State.ACTIVE:
            known.state = State.CONFIRMED
        known.spent = known.spent or known.points

    @invariant()
    def both_agree(self) -> None:
        if hasattr(self, "member"):
            assert self.world.wallet(self.member) == self.expected()

    def teardown(self) -> None:
        self.world.check()


@pytest.fixture(scope="module")
def shared(postgres: Databases) -> Iterator[World]:
    world = World(postgres.migrated("members"))
    yield world
    world.database.close()
    postgres.drop(world.url)


def test_points_do_what_the_naive_model_says(shared: World) -> None:
    machine = type("Machine", (Points,), {"world": shared})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=50, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
