"""The mall against a naive model: whatever is done in whatever order, stock, limits and points add up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from kit.errors import Fault
from services.members.domain.redemption import Delivery, State
from services.members.usecases import fulfilment, hold, points, redemption, reward
from services.members.usecases.fulfilment import Fulfil
from services.members.usecases.redemption import Cancel, Refund
from services.members.usecases.reward import UpdateReward
from tests.contract.members.conftest import World
from tests.contract.members.test_mall import check_mall, on_sale, stock
from tests.support.builders.mall import pay, redeem
from tests.support.builders.members import dollars
from tests.support.postgres import Databases

pytestmark = pytest.mark.timeout(900)  # thousands of steps on a real database, on whatever machine

MEMBERS = st.integers(0, 1)
TAKEN = (State.HELD, State.CONFIRMED, State.FULFILLED)
PRICE = {"cup": 10, "pen": 7}
PER_MEMBER = {"cup": 6, "pen": 4}
PER_DAY = {"cup": 3, "pen": 2}


@dataclass
class Known:
    """What the model knows of a redemption."""

    id: UUID
    who: int
    what: str
    quantity: int
    day: Any
    expires: datetime | None
    state: State
    restocked: bool = False

    @property
    def points(self) -> int:
        return PRICE[self.what] * self.quantity


class Mall(RuleBasedStateMachine):
    """Two members and two rewards: a cup for points, a pen for points and cash, both with limits."""

    world: World

    asked = Bundle("asked")

    def __init__(self) -> None:
        super().__init__()
        self.granted = [0, 0]
        self.all: list[Known] = []

    @initialize()
    def open_the_mall(self) -> None:
        # Each example begins at the same time of day, for limits count by days: a replay must see the same.
        self.world.clock.now = (self.now + timedelta(days=2)).replace(hour=12, minute=0)
        self.members = self.world.enrolled(2)
        self.rewards = {
            what: on_sale(
                self.world,
                points=PRICE[what],
                stock=8,
                per_member=PER_MEMBER[what],
                per_day=PER_DAY[what],
                cash=dollars(1) if what == "pen" else None,
            )
            for what in PRICE
        }
        self.stock = dict.fromkeys(PRICE, 8)
        for who in (0, 1):
            self.earn(who, 60)

    @property
    def now(self) -> datetime:
        return self.world.clock.now

    def having(self, what: str, states: Sequence[State], *, who: int | None = None, day: Any = None) -> int:
        return sum(
            each.quantity
            for each in self.all
            if each.what == what and each.state in states and who in (None, each.who) and day in (None, each.day)
        )

    def given_away(self, what: str) -> int:
        lost = (each for each in self.all if each.state is State.REFUNDED and not each.restocked)
        return self.having(what, (State.CONFIRMED, State.FULFILLED)) + sum(
            each.quantity for each in lost if each.what == what
        )

    def left(self, what: str) -> int:
        return self.stock[what] - self.having(what, (State.HELD,)) - self.given_away(what)

    def wallet(self, who: int) -> tuple[int, int, int]:
        held = sum(each.points for each in self.all if each.who == who and each.state is State.HELD)
        spent = sum(
            each.points for each in self.all if each.who == who and each.state in (State.CONFIRMED, State.FULFILLED)
        )
        return self.granted[who] - held - spent, held, 0

    def possible(self, who: int, what: str, quantity: int, day: Any) -> bool:
        within = (
            self.having(what, TAKEN, who=who) + quantity <= PER_MEMBER[what]
            and self.having(what, TAKEN, who=who, day=day) + quantity <= PER_DAY[what]
        )
        return within and quantity <= self.left(what) and PRICE[what] * quantity <= self.wallet(who)[0]

    def one(self, usecase: Callable[..., Any], command: object) -> Any:
        return self.world.do(usecase, [command])[0]

    @rule(who=MEMBERS, count=st.integers(1, 40))
    def earn(self, who: int, count: int) -> None:
        self.one(points.accrue, points.Accrue(self.members[who], count, ""))
        self.granted[who] += count

    @rule(target=asked, who=MEMBERS, what=st.sampled_from(["cup", "pen"]), quantity=st.integers(1, 4))
    def redeem(self, who: int, what: str, quantity: int) -> Any:
        possible = self.possible(who, what, quantity, self.now.date())
        outcome = self.one(
            redemption.redeem, redeem(self.members[who], self.rewards[what], quantity=quantity, ttl=3600)
        )
        assert isinstance(outcome, Fault) != possible
        if not possible:
            return multiple()
        expires = self.now + timedelta(hours=1) if what == "pen" else None
        state = State.HELD if what == "pen" else State.CONFIRMED
        self.all.append(Known(outcome.id, who, what, quantity, self.now.date(), expires, state))
        return len(self.all) - 1

    @rule(quantities=st.lists(st.tuples(MEMBERS, st.integers(1, 3)), min_size=2, max_size=6))
    def redeem_together(self, quantities: list[tuple[int, int]]) -> None:
        commands = [redeem(self.members[who], self.rewards["cup"], quantity=n) for who, n in quantities]
        for (who, quantity), outcome in zip(quantities, self.world.do(redemption.redeem, commands), strict=True):
            possible = self.possible(who, "cup", quantity, self.now.date())
            assert isinstance(outcome, Fault) != possible
            if possible:
                day = self.now.date()
                self.all.append(Known(outcome.id, who, "cup", quantity, day, None, State.CONFIRMED))

    @rule(number=asked)
    def pay(self, number: int) -> None:
        known = self.all[number]
        found = self.world.do(redemption.get, self.members[known.who], known.id)
        late = known.state is State.EXPIRED or (known.expires is not None and known.expires <= self.now)
        if known.state is State.HELD and late:
            known.state = State.EXPIRED
        open_ = known.state is State.HELD or (
            known.state is State.EXPIRED and self.possible(known.who, known.what, known.quantity, known.day)
        )
        outcome = self.one(redemption.confirm, pay(found))
        assert isinstance(outcome, Fault) != open_
        if open_:
            known.state = State.CONFIRMED

    @rule(number=asked, quantity=st.integers(1, 4))
    def ask_again_and_pay_late(self, number: int, quantity: int) -> None:
        known = self.all[number]
        if known.state is State.HELD:
            self.time_goes_by(60, "r")
        self.redeem(known.who, known.what, quantity)
        self.pay(number)

    @rule(number=asked)
    def cancel(self, number: int) -> None:
        known = self.all[number]
        outcome = self.one(redemption.cancel, Cancel(self.members[known.who], known.id))
        assert isinstance(outcome, Fault) == (known.state in (State.CONFIRMED, State.FULFILLED, State.REFUNDED))
        if known.state is State.HELD:
            known.state = State.CANCELLED

    @rule(number=asked)
    def deliver(self, number: int) -> None:
        known = self.all[number]
        command = Fulfil(self.members[known.who], known.id, Delivery(tracking_number=str(known.id)))
        if known.state in (State.CONFIRMED, State.FULFILLED):
            self.world.do(fulfilment.fulfil, command)
            known.state = State.FULFILLED
        else:
            with pytest.raises(Fault):
                self.world.do(fulfilment.fulfil, command)

    @rule(number=asked, restock=st.booleans())
    def refund(self, number: int, restock: bool) -> None:
        known = self.all[number]
        payment = f"refunds/{known.id}" if known.what == "pen" else ""
        outcome = self.one(redemption.refund, Refund(self.members[known.who], known.id, payment, restock))
        repeat = known.state is State.REFUNDED and known.restocked == restock
        open_ = known.state in (State.CONFIRMED, State.FULFILLED)
        assert isinstance(outcome, Fault) != (open_ or repeat)
        if open_:
            known.state, known.restocked = State.REFUNDED, restock

    @rule(what=st.sampled_from(["cup", "pen"]), more=st.integers(-3, 5))
    def restock(self, what: str, more: int) -> None:
        wanted = self.stock[what] + more
        possible = wanted >= max(self.stock[what] - self.left(what), 0)
        command = UpdateReward(self.rewards[what], {"stock": wanted})
        if possible:
            self.world.do(reward.update, command)
            self.stock[what] = wanted
        else:
            with pytest.raises(Fault):
                self.world.do(reward.update, command)

    @rule(minutes=st.sampled_from([1, 30, 60, 1440]), sweeps=st.sampled_from(["", "h", "r", "hr", "rh"]))
    def time_goes_by(self, minutes: int, sweeps: str) -> None:
        self.world.clock.move(timedelta(minutes=minutes))
        for sweep in [*sweeps, "h", "r"]:  # in the end, for the model knows of no time between
            self.world.do({"h": hold.expire, "r": redemption.expire}[sweep])
        for known in self.all:
            if known.state is State.HELD and known.expires is not None and known.expires <= self.now:
                known.state = State.EXPIRED

    @invariant()
    def both_agree(self) -> None:
        if not hasattr(self, "rewards"):
            return
        for who, member in enumerate(self.members):
            assert self.world.wallet(member) == self.wallet(who)
        for what, id_ in self.rewards.items():
            held, given = self.having(what, (State.HELD,)), self.given_away(what)
            assert stock(self.world, id_) == (self.left(what), held, given)
            assert self.left(what) + held + given == self.stock[what]

    def teardown(self) -> None:
        check_mall(self.world)
        self.world.check()


@pytest.fixture(scope="module")
def shared(postgres: Databases) -> Iterator[World]:
    world = World(postgres.migrated("members"))
    yield world
    world.database.close()
    postgres.drop(world.url)


def _run(shared: World, *, examples: int, steps: int) -> None:
    machine = type("Machine", (Mall,), {"world": shared})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_mall_does_what_the_naive_model_says(shared: World) -> None:
    _run(shared, examples=30, steps=40)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_the_mall_does_what_the_naive_model_says_for_a_long_time(shared: World) -> None:
    _run(shared, examples=1_000, steps=100)
