"""What happens to members in the very moment in which they are merged, or parted."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from kit.idempotency import Raced
from kit.page import Page
from services.members.domain.merge import Merge
from services.members.domain.programme import Rate
from services.members.domain.validity import Expiry, Validity
from services.members.usecases import (
    expiry,
    member,
    merge,
    points,
    programme,
    purchase_view,
)
from services.members.usecases.merge import MergeMembers
from services.members.usecases.points import Accrue
from services.members.usecases.programme import UpdateProgramme
from tests.contract.members.conftest import World
from tests.contract.members.test_expiry import grant
from tests.contract.members.test_merge import ADA, earned, joined, paid, undone
from tests.contract.members.test_races import at_once
from tests.support.builders.members import dollars, row
from tests.support.builders.members import programme as default_programme
from tests.support.waiting import until


def test_a_thousand_earnings_during_a_merge_all_land_once(world: World) -> None:
    gone, kept = world.enrolled(2, available=100)

    def earn(of: UUID) -> Any:
        (outcome,) = world.do(points.accrue, [Accrue(of, 1, f"gifts/{of}")])
        return outcome

    acts: list[Callable[[], Any]] = [lambda of=of: earn(of) for of in [gone, kept] * 500]  # type: ignore[misc]
    acts.insert(300, lambda: joined(world, gone, kept))
    outcomes = at_once(acts)
    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    assert world.wallet(gone) == world.wallet(kept) == (1200, 0, 0)
    assert world.rows("select count(*), sum(amount)::bigint from ledger_entries where kind = 'ACCRUAL'") == [
        (1002, 1200)
    ]
    assert world.rows("select balance from ledger_accounts where owner = :of and kind = 'available'", of=gone) == [(0,)]


@pytest.mark.parametrize("merges", [1, 2])
def test_batches_of_who_was_merged_and_of_the_heir_do_not_lock_each_other_out(world: World, merges: int) -> None:
    kept, between, other, gone = world.enrolled(4)
    if merges == 1:
        joined(world, gone, kept)
    else:
        joined(world, gone, between)
        joined(world, between, kept)
    before = deadlocks()
    pairs = [(gone, other), (kept, other)] * 60
    acts = [partial(world.do, points.accrue, [Accrue(of, 1, "gifts/1") for of in pair]) for pair in pairs]
    assert [outcome for outcome in at_once(acts) if isinstance(outcome, Exception)] == []
    assert deadlocks() == before
    assert (world.wallet(kept), world.wallet(other)) == ((120, 0, 0), (120, 0, 0))


def deadlocks() -> float:
    return REGISTRY.get_sample_value("db_transaction_retries_total", {"sqlstate": "40P01"}) or 0.0


def test_earnings_while_a_merge_is_undone_all_land_once(world: World) -> None:
    gone, kept = world.enrolled(2, available=100)
    made = joined(world, gone, kept)
    acts: list[Callable[[], Any]] = [lambda of=of: earned(world, of, 1) for of in [gone, kept] * 100]  # type: ignore[misc]
    acts.insert(60, lambda: undone(world, made))
    assert [outcome for outcome in at_once(acts) if isinstance(outcome, Exception)] == []
    assert world.wallet(gone)[0] + world.wallet(kept)[0] == 400
    assert world.wallet(gone)[0] >= 100


def test_rows_that_come_during_a_merge_find_whoever_has_the_identity(world: World) -> None:
    first = [row(str(number), phone=f"+861380013800{number}") for number in range(8)]
    ids = [outcome.member for outcome in world.do(member.batch_enroll, first)]
    again = [row(str(number), email=f"m{number}@example.com") for number in range(8)]
    acts: list[Callable[[], Any]] = [lambda: world.do(member.batch_enroll, again)] * 6
    acts += [lambda pair=pair: joined(world, *pair) for pair in zip(ids[::2], ids[1::2], strict=True)]  # type: ignore[misc]
    outcomes = at_once(acts)
    assert {type(outcome) for outcome in outcomes} <= {list, Merge, Raced}
    states = {str(getattr(each, "state", each)) for rows in outcomes if isinstance(rows, list) for each in rows}
    assert states <= {"UPDATED", "UNCHANGED"}


def test_two_who_merge_the_same_members_at_once_make_one_merge(world: World) -> None:
    gone, kept = world.enrolled(2, available=10)
    outcomes = at_once([lambda: joined(world, gone, kept), lambda: joined(world, kept, gone)] * 6)
    made = {outcome.id for outcome in outcomes if isinstance(outcome, Merge)}
    refusals = {getattr(outcome, "reason", type(outcome)) for outcome in outcomes if not isinstance(outcome, Merge)}
    assert len(made) == 1
    assert refusals <= {"MERGE_INVALID", Raced}
    assert world.wallet(gone) == world.wallet(kept) == (20, 0, 0)


def test_points_of_who_is_merged_while_a_sweep_is_at_others_expire_in_the_next_one(world: World) -> None:
    world.do(programme.update, UpdateProgramme({"validity": Validity(Expiry.DAYS, 1)}))
    kept, *members = world.enrolled(17)
    held_up, others = members[:8], members[8:]
    for of in members:
        grant(world, of, 10, world.clock.now + timedelta(days=1))
    world.clock.move(timedelta(days=2))
    with ThreadPoolExecutor(1) as pool:

        def in_the_middle(unit: Any) -> Future[int]:
            unit.connection.execute(_LOCK_LOTS, {"of": held_up})
            sweep = pool.submit(world.do, expiry.expire)
            until(lambda: bool(world.rows(_SOMEONE_WAITS)), what="the sweep at a lot")
            joined(world, world.rows(_FREE, of=others)[0].owner, kept)
            return sweep

        swept = world.do(in_the_middle).result()
    assert 8 <= swept < 16
    assert swept + world.do(expiry.expire) == 16
    assert {world.wallet(of) for of in (kept, *members)} == {(0, 0, 0)}


_LOCK_LOTS = text("select from ledger_lots where owner = any(:of) for update")
_SOMEONE_WAITS = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
_FREE = "select owner from ledger_accounts where owner = any(:of) and kind = 'available' for update skip locked"


def test_nobody_moves_points_of_another_programme_that_a_merge_has_looked_at(world: World) -> None:
    world.do(programme.create, replace(default_programme(earn=Rate(2, dollars(1))), id="stars", tiers=()))
    change = UpdateProgramme({"validity": Validity(Expiry.DAYS, 1)}, programme="stars")
    world.do(programme.update, change)
    gone, kept = world.enrolled(2)
    paid(world, gone, 10)
    world.clock.move(timedelta(days=2))

    def merged(unit: Any) -> int:
        merge.merge(unit, MergeMembers(uuid4(), gone, kept, ADA, "the same person"))
        return int(world.do(expiry.expire))

    def looked_at(unit: Any) -> int:
        unit.merges.estates(gone, kept)
        return int(world.do(expiry.expire))

    assert (world.do(looked_at), world.do(expiry.expire)) == (0, 1)
    paid(world, kept, 10)
    assert (world.do(merged), world.do(expiry.expire)) == (0, 1)
    balances = world.do(purchase_view.balances, kept, Page(9))
    assert {each.id: wallet.available for each, wallet in balances} == {"default": 20, "stars": 0}
