"""The whole ledger of points against a naive model: whatever is done in whatever order, both agree to the lot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kit.errors import Fault
from kit.posting import Cause
from services.members.domain.audit import Author
from services.members.domain.hold import State
from services.members.domain.merge import UNDO_WINDOW
from services.members.domain.points import Terms
from services.members.domain.purchase import Settlement
from services.members.domain.validity import FOR_EVER, Availability, Expiry, Start, Validity
from services.members.usecases import expiry, hold, merge, points, programme, purchase
from services.members.usecases.points import Batch
from services.members.usecases.programme import UpdateProgramme
from tests.contract.members.conftest import World
from tests.contract.members.naive import NaiveLot, NaiveWallet, Parts, divide
from tests.support.builders.members import dollars, settlement
from tests.support.postgres import Databases

pytestmark = pytest.mark.timeout(900)  # thousands of steps on a real database, on whatever machine

ADA = Author("ada", "MergeMembers")
AMOUNTS = st.integers(1, 60)
HOURS = st.integers(1, 200)
WAIT = timedelta(days=1)


@dataclass
class Held:
    """What the model knows of a hold; `spent` are the parts that were paid with in the end."""

    points: int
    expires: datetime
    parts: Parts
    state: State = State.ACTIVE
    spent: Parts = field(default_factory=list)
    returned: int = 0

    @property
    def confirmed(self) -> int:
        return sum(taken for _, taken in self.spent)


@dataclass
class Merged:
    """What the model knows of a merge: who stood for the member before it, the lot that came, and what that paid."""

    id: UUID
    into: UUID
    time: datetime
    lot: NaiveLot
    paid: int


class Points(RuleBasedStateMachine):
    """One member, and everything that may happen to the points."""

    world: World

    holds = Bundle("holds")
    orders = Bundle("orders")
    merges = Bundle("merges")

    def __init__(self) -> None:
        super().__init__()
        self.model = NaiveWallet()
        self.orders_known: dict[UUID, tuple[int, int]] = {}  # version, points earned
        self.completed: dict[UUID, datetime] = {}
        self.held: dict[UUID, Held] = {}

    @initialize(
        days=st.none() | st.integers(1, 5), start=st.sampled_from([Start.IMMEDIATE, Start.DAYS, Start.COMPLETION])
    )
    def enroll(self, days: int | None, start: Start) -> None:
        self.days, self.start = days, start
        validity = FOR_EVER if days is None else Validity(Expiry.DAYS, days)
        rules = {"validity": validity, "availability": Availability(start, WAIT.days)}
        self.world.do(programme.update, UpdateProgramme(rules))
        (self.member,) = self.world.enrolled(available=100)
        self.root = self.member
        self.model.grant(100, "tests/1", self.now, self.now, self.ends(self.now))

    def starts(self, order: Settlement) -> datetime | None:
        """From when the points of an order count."""
        if self.start is Start.COMPLETION:
            return self.completed.get(order.order)
        return order.pay_time + (WAIT if self.start is Start.DAYS else timedelta())

    def ends(self, start: datetime | None) -> datetime | None:
        """Until when points count that do from `start` on."""
        return None if start is None or self.days is None else start + timedelta(days=self.days)

    @property
    def now(self) -> datetime:
        return self.world.clock.now

    @property
    def available(self) -> int:
        return self.model.balances()[1]

    def outcome(self, usecase: Callable[..., Any], command: object) -> Any:
        return self.world.do(usecase, [command])[0]

    @rule(count=AMOUNTS)
    def accrue(self, count: int) -> None:
        self.outcome(points.accrue, points.Accrue(self.member, count, "tests/2"))
        self.model.grant(count, "tests/2", self.now, self.now, self.ends(self.now))

    @rule(count=AMOUNTS, wait=st.integers(0, 50), valid=st.none() | HOURS)
    def grant_on_terms(self, count: int, wait: int, valid: int | None) -> None:
        starts = self.now + timedelta(hours=wait)
        ends = None if valid is None else starts + timedelta(hours=valid)
        source = f"tests/{uuid4()}"
        self.granted(self.member, count, source, Terms(starts, ends))
        self.model.grant(count, source, self.now, starts, ends)

    def granted(self, member: UUID, count: int, source: str, terms: Terms) -> None:
        def earn(unit: Any) -> None:
            batch = Batch(unit, [member])
            batch.earn(batch.wallet(member), count, Cause("ACCRUAL", source, unit.now), terms)
            batch.close()

        self.world.do(earn)

    @rule(target=merges, count=AMOUNTS, wait=st.integers(0, 50), valid=st.none() | HOURS, goes=st.booleans())
    def merge(self, count: int, wait: int, valid: int | None, goes: bool) -> Any:
        """Somebody with one lot turns out to be the same person; the member's own name may be the one that goes."""
        (other,) = self.world.enrolled()
        starts = self.now + timedelta(hours=wait)
        ends = None if valid is None else starts + timedelta(hours=valid)
        source = f"tests/{other}"
        self.granted(other, count, source, Terms(starts, ends))
        gone, kept = (self.root, other) if goes else (other, self.root)
        made = self.world.do(merge.merge, merge.MergeMembers(uuid4(), gone, kept, ADA, "the same person"))
        owed = self.model.debt
        self.model.grant(count, source, self.now, starts, ends)
        self.root = kept
        if goes:
            return multiple()
        return Merged(made.id, kept, self.now, self.model.lots[-1], owed - self.model.debt)

    @rule(merged=consumes(merges))
    def part(self, merged: Merged) -> None:
        """They turn out to be two persons after all; what came from the other goes back."""
        used = any(
            known.state is State.ACTIVE and any(lot is merged.lot for lot, _ in known.parts)
            for known in self.held.values()
        )
        possible = not used and merged.into == self.root and self.now < merged.time + UNDO_WINDOW
        try:
            self.world.do(merge.undo, merge.UndoMerge(merged.id, ADA, "two persons"))
        except Fault:
            assert not possible
        else:
            assert possible
            self.model.part_with(merged.lot, merged.paid)

    @rule(count=AMOUNTS)
    def spend(self, count: int) -> None:
        possible = count <= self.available
        outcome = self.outcome(points.spend, points.Spend(self.member, count, ""))
        assert isinstance(outcome, Fault) != possible
        if possible:
            self.model.take(count)

    @precondition(lambda self: self.available > 0)
    @rule()
    def spend_everything(self) -> None:
        self.spend(self.available)

    @rule(target=holds, count=AMOUNTS, seconds=st.integers(1, 100))
    def place(self, count: int, seconds: int) -> Any:
        possible = count <= self.available
        ttl = timedelta(seconds=seconds)
        outcome = self.outcome(hold.change, hold.PlaceHold(uuid4(), self.member, count, "orders/1", ttl))
        assert isinstance(outcome, Fault) != possible
        if not possible:
            return multiple()
        self.held[outcome.id] = Held(count, self.now + ttl, self.model.hold(count))
        return outcome.id

    @rule(id_=holds, count=st.integers(0, 70))
    def confirm(self, id_: UUID, count: int) -> None:
        known = self.held[id_]
        wanted = count or known.points
        open_ = known.state is State.ACTIVE and self.now < known.expires and wanted <= known.points
        repeat = known.state is State.CONFIRMED and known.confirmed == wanted
        outcome = self.outcome(hold.change, hold.ConfirmHold(self.member, id_, count))
        assert isinstance(outcome, Fault) != (open_ or repeat)
        if open_:
            known.state, known.spent = State.CONFIRMED, self.model.confirm(known.parts, wanted, self.now)

    @rule(id_=holds)
    def release(self, id_: UUID) -> None:
        known = self.held[id_]
        outcome = self.outcome(hold.change, hold.ReleaseHold(self.member, id_))
        assert isinstance(outcome, Fault) == (known.state is State.CONFIRMED)
        if known.state is State.ACTIVE:
            known.state = State.RELEASED
            self.model.release(known.parts, self.now)

    @rule(seconds=st.integers(0, 60) | HOURS.map(lambda hours: hours * 3600))
    def time_goes_by(self, seconds: int) -> None:
        self.world.clock.move(timedelta(seconds=seconds))
        self.world.do(hold.expire)
        self.world.do(expiry.mature)
        self.world.do(expiry.expire)
        for known in self.held.values():
            if known.state is State.ACTIVE and known.expires <= self.now:
                known.state = State.EXPIRED
                self.model.release(known.parts, self.now)
        self.model.mature(self.now)

    @rule(target=orders)
    def order(self) -> Settlement:
        return settlement(self.member, pay_time=self.now)

    @rule(order=orders)
    def complete(self, order: Settlement) -> None:
        version, earned = self.orders_known.get(order.order, (0, 0))
        if not version or order.order in self.completed:
            return
        self.completed[order.order] = self.now
        done = replace(order, version=version, net=dollars(earned), complete_time=self.now)
        self.world.do(purchase.settle, [done])
        if self.start is Start.COMPLETION:
            self.model.complete(f"orders/{order.order}", self.now, self.ends(self.now), self.now)

    @rule(order=orders, news=st.lists(st.tuples(st.integers(1, 9), AMOUNTS), min_size=1, max_size=4))
    def settle(self, order: Settlement, news: list[tuple[int, int]]) -> None:
        told = [replace(order, version=version, net=dollars(net)) for version, net in news]
        self.world.do(purchase.settle, told)
        version, earned = self.orders_known.get(order.order, (0, 0))
        for each in told:
            if each.version > version:
                version, net = each.version, each.net.minor // 100
                self.orders_known[order.order] = (version, net)
        self.earn(order, self.orders_known.get(order.order, (0, 0))[1] - earned)

    @rule(order=orders)
    def refund_everything(self, order: Settlement) -> None:
        version, earned = self.orders_known.get(order.order, (0, 0))
        self.world.do(purchase.settle, [replace(order, version=version + 1, net=dollars(0))])
        self.orders_known[order.order] = (version + 1, 0)
        self.earn(order, -earned)

    def earn(self, order: Settlement, count: int) -> None:
        source = f"orders/{order.order}"
        if count > 0:
            starts = self.starts(order)
            ends = self.ends(starts)
            self.model.grant_late(count, source, order.pay_time, starts, ends, now=self.now)
            if ends and ends <= self.now:  # what comes in too late is gone
                self.world.do(expiry.expire)
                self.model.lapse(self.now)
        elif count < 0:
            self.model.claw_back(-count, source)

    @rule(order=orders, count=AMOUNTS)
    def buy_spend_and_return(self, order: Settlement, count: int) -> None:
        version = self.orders_known.get(order.order, (0, 0))[0]
        self.settle(order, [(version + 1, count)])
        if self.available:
            self.spend_everything()
        self.refund_everything(order)

    @rule(order=orders, id_=holds, returned=st.lists(st.integers(0, 70), max_size=3))
    def pay_with_points(self, order: Settlement, id_: UUID, returned: list[int]) -> None:
        known = self.held[id_]
        most = known.confirmed or known.points
        paid = replace(order, hold=id_, version=0, net=dollars(0))
        told = [replace(paid, order=uuid4(), returned=min(each, most)) for each in (0, *returned)]
        for each in told:
            for _ in range(2):  # the news may come twice
                self.world.do(purchase.settle, [each])
        if known.state is State.ACTIVE:
            known.state, known.spent = State.CONFIRMED, self.model.confirm(known.parts, known.points, self.now)
        elif not known.spent:
            known.spent = self.model.take(known.points)
        for each in told:
            self.give_back(known, each.returned)

    def give_back(self, known: Held, total: int) -> None:
        if total > known.returned:
            still, _ = divide(known.spent, known.confirmed - known.returned)
            _, back = divide(still, known.confirmed - total)
            self.model.give_back(back, "orders/1", self.now)
            known.returned = total

    @invariant()
    def both_agree(self) -> None:
        if not hasattr(self, "member"):
            return
        wallet = self.world.do(points.balances, [self.member])[0]
        assert (wallet.pending, wallet.available, wallet.held, wallet.receivable) == self.model.balances()
        past = self.world.do(points.balance_at, self.member, self.now)
        assert (past.pending, past.available, past.held, past.receivable) == self.model.balances()
        lots = [(lot.expire_time, lot.pending, lot.available, lot.held) for lot in past.lots]
        assert sorted(lots, key=_by_end) == self.model.left()

    def teardown(self) -> None:
        self.world.check()


def _by_end(left: tuple[datetime | None, int, int, int]) -> tuple[object, ...]:
    return left[0] is None, left[0].timestamp() if left[0] else 0, *left[1:]


@pytest.fixture
def worlds(postgres: Databases) -> Iterator[Callable[[], World]]:
    """New worlds on demand: what is checked after every example costs more the more examples there were."""
    made: list[World] = []

    def make() -> World:
        made.append(World(postgres.migrated("members")))
        return made[-1]

    yield make
    for world in made:
        world.database.close()
        postgres.drop(world.url)


def _run(world: World, *, examples: int, steps: int) -> None:
    machine = type("Machine", (Points,), {"world": world})
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


def test_points_do_what_the_naive_model_says(worlds: Callable[[], World]) -> None:
    _run(worlds(), examples=50, steps=40)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_points_do_what_the_naive_model_says_for_a_long_time(worlds: Callable[[], World]) -> None:
    for _ in range(10):
        _run(worlds(), examples=50, steps=100)
