"""Many at once, on real threads and a real database: nobody gets what is not there, and nobody loses anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from kit.errors import Fault
from kit.idempotency import Raced
from kit.posting import Cause
from services.members.domain.member import Profile
from services.members.domain.points import Terms
from services.members.usecases import expiry, hold, member, points, purchase
from services.members.usecases.hold import ConfirmHold, PlaceHold, ReleaseHold
from services.members.usecases.points import Accrue, Batch
from tests.contract.members.conftest import World
from tests.support.builders.members import dollars, row, settlement

THREADS = 16


def at_once(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each act answers, or the exception that it raised."""

    def run(act: Callable[[], Any]) -> Any:
        try:
            return act()
        except (Fault, Raced) as error:
            return error

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, acts))


def place(world: World, of: UUID, count: int) -> Any:
    return world.do(hold.change, [PlaceHold(uuid4(), of, count, "orders/1", timedelta(minutes=1))])[0]


def test_two_hundred_holds_of_ten_against_a_thousand_points_give_exactly_a_hundred(world: World) -> None:
    (of,) = world.enrolled(available=1000)
    outcomes = at_once([lambda: place(world, of, 10)] * 200)
    refused = [outcome.reason for outcome in outcomes if isinstance(outcome, Fault)]
    assert refused == ["POINTS_INSUFFICIENT"] * 100
    assert world.wallet(of) == (0, 1000, 0)


def test_a_hold_that_many_want_to_end_ends_once(world: World) -> None:
    (of,) = world.enrolled(available=100)
    id_ = place(world, of, 100).id
    ends = [ConfirmHold(of, id_), ReleaseHold(of, id_)]
    acts = [partial(lambda end: world.do(hold.change, [end])[0], end) for end in ends]
    outcomes = at_once(acts * 20)
    states = Counter(outcome.state for outcome in outcomes if not isinstance(outcome, Fault))
    assert sum(states.values()) == 20
    assert len(states) == 1
    assert world.wallet(of) in ((0, 0, 0), (100, 0, 0))


def test_three_sweeps_at_once_expire_each_hold_once(world: World) -> None:
    ids = world.enrolled(50, available=10)
    world.do(hold.change, [PlaceHold(uuid4(), of, 10, "orders/1", timedelta(minutes=1)) for of in ids])
    world.clock.move(timedelta(minutes=1))
    swept = at_once([lambda: world.do(hold.expire)] * 3)
    while sum(swept) < len(ids):  # a sweep passes over those whom another one has locked
        swept.append(world.do(hold.expire))
    assert sum(swept) == len(ids)
    assert len(world.rows("select 1 from ledger_entries where kind = 'EXPIRE'")) == len(ids)
    assert {world.wallet(of) for of in ids} == {(10, 0, 0)}


def test_earnings_and_settlements_of_one_member_all_land_once(world: World) -> None:
    (of,) = world.enrolled()
    paid = [settlement(of, net=10) for _ in range(40)]
    acts = [lambda: world.do(points.accrue, [Accrue(of, 1, "")])] * 40
    acts += [lambda each=each: world.do(purchase.settle, [each]) for each in paid * 2]  # type: ignore[misc]
    acts += [lambda each=each: world.do(purchase.settle, [replace(each, version=2, net=dollars(4))]) for each in paid]  # type: ignore[misc]
    failed = [outcome for outcome in at_once(acts) if isinstance(outcome, Exception)]
    assert failed == []
    assert world.wallet(of) == (40 + 40 * 4, 0, 0)


def test_batches_that_share_members_do_not_lock_each_other_out(world: World) -> None:
    ids = world.enrolled(12)
    batches = [[settlement(of, net=3) for of in (ids if n % 2 else reversed(ids))] for n in range(20)]
    failed = [
        outcome
        for outcome in at_once([lambda each=each: world.do(purchase.settle, each) for each in batches])  # type: ignore[misc]
        if isinstance(outcome, Exception)
    ]
    assert failed == []
    assert {world.wallet(of) for of in ids} == {(60, 0, 0)}


def test_a_phone_that_many_enrol_with_at_once_belongs_to_one(world: World) -> None:
    def enroll() -> Any:
        return world.do(member.enroll, member.Enroll(uuid4(), Profile(phone="+8613800138000")))

    outcomes = at_once([enroll] * 20)
    refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert len(refused) == 19
    assert {getattr(error, "reason", "raced") for error in refused} <= {"IDENTIFIER_TAKEN", "raced"}
    assert len(world.rows("select 1 from members")) == 1


def test_the_same_rows_sent_at_once_enrol_each_member_once(world: World) -> None:
    def import_rows() -> Any:
        rows = [row(str(number)) for number in range(100)]
        while True:
            try:
                return [outcome.member for outcome in world.do(member.batch_enroll, rows)]
            except Raced:  # the edge runs the transaction again, as here
                continue

    first, *others = at_once([import_rows] * 6)
    assert all(other == first for other in others)
    assert len(world.rows("select 1 from members")) == 100


def test_three_sweeps_at_once_let_each_lot_expire_once(world: World) -> None:
    ids = world.enrolled(40)
    end = world.clock.now + timedelta(days=1)
    for of in ids:
        grant(world, of, 10, Terms(world.clock.now, end))
        grant(world, of, 5, Terms(world.clock.now, end + timedelta(days=1)))
    world.clock.move(timedelta(days=1))
    swept = at_once([lambda: world.do(expiry.expire)] * 3)
    while sum(swept) < len(ids):
        swept.append(world.do(expiry.expire))
    assert sum(swept) == len(ids)
    assert world.rows("select count(*), sum(amount) from ledger_entries where kind = 'LAPSE'") == [(40, 400)]
    assert {world.wallet(of) for of in ids} == {(5, 0, 0)}


def test_points_that_expire_while_they_are_wanted_are_spent_or_gone_but_never_both(world: World) -> None:
    ids = world.enrolled(20)
    end = world.clock.now + timedelta(days=1)
    for of in ids:
        grant(world, of, 10, Terms(world.clock.now, end))
    world.clock.move(timedelta(days=1))
    acts = [lambda of=of: world.do(points.spend, [points.Spend(of, 10, "")])[0] for of in ids]
    outcomes = at_once([*acts, *([lambda: world.do(expiry.expire)] * 5)])
    assert [each.reason for each in outcomes if isinstance(each, Fault)] == ["POINTS_INSUFFICIENT"] * 20
    assert {world.wallet(of) for of in ids} == {(0, 0, 0)}
    while world.do(expiry.expire):
        pass
    assert world.rows("select sum(amount) from ledger_entries where kind = 'LAPSE'") == [(200,)]


def grant(world: World, of: UUID, count: int, terms: Terms) -> None:
    """Points on terms of their own."""

    def earn(unit: Any) -> None:
        batch = Batch(unit, [of])
        batch.earn(batch.wallet(of), count, Cause("ACCRUAL", f"tests/{uuid4()}", unit.now), terms)
        batch.close()

    world.do(earn)
