"""Stored value against a naive model: whatever is done in whatever order, both agree to the cent.

The model knows fractions, and rounds only where the rules do: what was paid in takes the greater part of an odd cent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from math import floor
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
    precondition,
    rule,
    run_state_machine_as_test,
)

from kit.errors import Fault
from services.members.domain.stored_value import DrawOrder
from services.members.usecases import stored_payment, stored_value, top_up
from tests.contract.members.conftest import World
from tests.contract.members.purses import check_stored_value, free_and_held
from tests.support.builders.stored_value import end, give_back, pay, pay_in, update_rules
from tests.support.postgres import Databases

pytestmark = pytest.mark.timeout(900)  # thousands of steps on a real database, on whatever machine

AMOUNTS = st.integers(1, 500)
TIERS = ((100, 7), (300, 50))
STORES = st.sampled_from(["east", "west"])


@dataclass
class Paid:
    """What the model knows of a payment: its parts, and how much of all was given back."""

    principal: int
    bonus: int
    expires: Any = None
    state: str = "PAID"
    back: int = 0


@dataclass
class ToppedUp:
    """What the model knows of a top-up, and what went back of it."""

    principal: int
    bonus: int
    back: int = 0
    bonus_back: int = 0


def share(principal: int, bonus: int, amount: int) -> tuple[int, int]:
    """The amount in the ratio of both parts; half a cent goes to what was paid in."""
    exact = Fraction(amount * principal, principal + bonus)
    mine = floor(exact + Fraction(1, 2))
    return mine, amount - mine


class Stored(RuleBasedStateMachine):
    """One member: the model is two numbers and a list of what was paid."""

    world: World

    payments = Bundle("payments")
    top_ups = Bundle("top_ups")

    def __init__(self) -> None:
        super().__init__()
        self.principal = self.bonus = 0
        self.order = DrawOrder.PROPORTIONAL
        self.paid: dict[UUID, Paid] = {}
        self.topped: dict[UUID, ToppedUp] = {}

    @initialize()
    def enroll(self) -> None:
        (self.member,) = self.world.enrolled()
        self.world.do(stored_value.update_rules, update_rules(*TIERS, order=self.order))

    def drawn(self, amount: int) -> tuple[int, int]:
        if self.order is DrawOrder.PROPORTIONAL:
            return share(self.principal, self.bonus, amount)
        first = min(amount, self.principal if self.order is DrawOrder.PRINCIPAL_FIRST else self.bonus)
        return (first, amount - first) if self.order is DrawOrder.PRINCIPAL_FIRST else (amount - first, first)

    def move(self, principal: int, bonus: int) -> None:
        self.principal, self.bonus = self.principal + principal, self.bonus + bonus

    @rule(order=st.sampled_from(DrawOrder))
    def change_the_rules(self, order: DrawOrder) -> None:
        self.order = order
        self.world.do(stored_value.update_rules, update_rules(*TIERS, order=order))

    @rule(target=top_ups, amount=AMOUNTS, store=STORES)
    def pay_in(self, amount: int, store: str) -> UUID:
        made = self.world.do(top_up.top_up, [pay_in(self.member, amount, store=store)])[0]
        known = ToppedUp(amount, 50 if amount >= 300 else 7 if amount >= 100 else 0)
        self.topped[made.id] = known
        self.move(known.principal, known.bonus)
        found: UUID = made.id
        return found

    @rule(target=payments, amount=AMOUNTS, ttl=st.none() | st.integers(1, 100), store=STORES)
    def spend(self, amount: int, ttl: int | None, store: str) -> Any:
        possible = amount <= self.principal + self.bonus
        outcome = self.world.do(stored_payment.pay, [pay(self.member, amount, ttl=ttl, store=store)])[0]
        assert isinstance(outcome, Fault) != possible
        if not possible:
            return multiple()
        principal, bonus = self.drawn(amount)
        self.move(-principal, -bonus)
        expires = None if ttl is None else self.world.clock.now + timedelta(seconds=ttl)
        self.paid[outcome.id] = Paid(principal, bonus, expires, "PAID" if ttl is None else "HELD")
        return outcome.id

    @precondition(lambda self: self.principal + self.bonus > 0)
    @rule(target=payments)
    def spend_everything(self) -> Any:
        return self.spend(self.principal + self.bonus, None, "east")

    @rule(id_=payments, amount=AMOUNTS)
    def confirm(self, id_: UUID, amount: int) -> None:
        known = self.paid[id_]
        total = known.principal + known.bonus
        repeat = known.state == "PAID" and known.expires is not None and amount == total
        open_ = known.state == "HELD" and self.world.clock.now < known.expires and amount <= total
        outcome = self.world.do(stored_payment.confirm, [end(id_, amount)])[0]
        assert isinstance(outcome, Fault) != (open_ or repeat)
        if open_:
            principal, bonus = share(known.principal, known.bonus, amount)
            self.move(known.principal - principal, known.bonus - bonus)
            known.state, known.principal, known.bonus = "PAID", principal, bonus

    @rule(id_=payments)
    def release(self, id_: UUID) -> None:
        known = self.paid[id_]
        outcome = self.world.do(stored_payment.release, [end(id_)])[0]
        assert isinstance(outcome, Fault) == (known.state == "PAID")
        if known.state == "HELD":
            known.state = "RELEASED"
            self.move(known.principal, known.bonus)

    @rule(seconds=st.integers(0, 60))
    def time_goes_by(self, seconds: int) -> None:
        self.world.clock.move(timedelta(seconds=seconds))
        self.world.do(stored_payment.expire)
        for known in self.paid.values():
            if known.state == "HELD" and known.expires <= self.world.clock.now:
                known.state = "EXPIRED"
                self.move(known.principal, known.bonus)

    @rule(id_=payments, amount=AMOUNTS, store=STORES)
    def refund(self, id_: UUID, amount: int, store: str) -> None:
        known = self.paid[id_]
        if known.state == "PAID" and amount <= known.principal + known.bonus - known.back:
            made = self.world.do(stored_payment.refund, give_back(id_, amount, store=store))
            before = share(known.principal, known.bonus, known.back)
            known.back += amount
            after = share(known.principal, known.bonus, known.back)
            assert made.parts == (after[0] - before[0], after[1] - before[1])
            self.move(*made.parts)
        else:
            with pytest.raises(Fault):
                self.world.do(stored_payment.refund, give_back(id_, amount))

    @rule(id_=payments)
    def refund_what_is_left(self, id_: UUID) -> None:
        known = self.paid[id_]
        left = known.principal + known.bonus - known.back
        if known.state == "PAID" and left:
            self.refund(id_, left, "west")

    @rule(id_=top_ups, amount=AMOUNTS)
    def pay_back(self, id_: UUID, amount: int) -> None:
        known = self.topped[id_]
        if amount > min(known.principal - known.back, self.principal):
            with pytest.raises(Fault):
                self.world.do(top_up.refund, give_back(id_, amount))
            return
        self.world.do(top_up.refund, give_back(id_, amount))
        known.back += amount
        due = known.bonus * known.back // known.principal - known.bonus_back
        taken = min(due, self.bonus)
        known.bonus_back += taken
        self.move(-amount, -taken)

    @invariant()
    def both_agree(self) -> None:
        if hasattr(self, "member"):
            held = [known for known in self.paid.values() if known.state == "HELD"]
            aside = (sum(known.principal for known in held), sum(known.bonus for known in held))
            assert free_and_held(self.world, self.member) == ((self.principal, self.bonus), aside)

    def teardown(self) -> None:
        check_stored_value(self.world)


@pytest.fixture(scope="module")
def shared(postgres: Databases) -> Iterator[World]:
    world = World(postgres.migrated("members"))
    yield world
    world.database.close()
    postgres.drop(world.url)


def _run(shared: World, *, examples: int, steps: int) -> None:
    machine = type("Machine", (Stored,), {"world": shared})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_stored_value_does_what_the_naive_model_says(shared: World) -> None:
    _run(shared, examples=50, steps=40)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_stored_value_does_what_the_naive_model_says_for_a_long_time(shared: World) -> None:
    _run(shared, examples=1_000, steps=100)
