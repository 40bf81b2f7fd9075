"""Points by hand on a real database: every row is judged alone, is posted once for ever, and leaves its trail."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from kit.errors import Fault
from kit.idempotency import Raced
from services.members.domain.adjustment import Adjustment
from services.members.usecases.adjustment import AdjustPoints, adjust
from tests.contract.members.conftest import World
from tests.support.builders.proof import AUTHOR


def row(member: UUID, points: int, row_id: str = "", reason: str = "goodwill") -> Adjustment:
    return Adjustment(row_id or str(uuid4()), member, points, reason)


def send(world: World, *rows: Adjustment | Fault) -> list[str]:
    """What became of each row: its state, or the reason of its Fault."""
    outcomes = world.do(adjust, AdjustPoints(AUTHOR, rows))
    return [outcome.reason if isinstance(outcome, Fault) else str(outcome.state) for outcome in outcomes]


def test_rows_are_posted_in_their_order(world: World) -> None:
    (member,) = world.enrolled()
    assert send(world, row(member, 10), row(member, -4), row(member, -6)) == ["POSTED"] * 3
    assert world.wallet(member) == (0, 0, 0)
    kinds = world.rows("select kind, amount from ledger_entries order by id")
    assert [tuple(each) for each in kinds] == [("ADJUST", 10), ("ADJUST", 4), ("ADJUST", 6)]


def test_a_bad_row_harms_no_neighbour(world: World) -> None:
    member, other = world.enrolled(2)
    rows = [
        row(member, 10),
        row(member, -11),
        row(uuid4(), 1),
        row(member, 0),
        row(member, 10**9 + 1),
        row(member, 1, row_id=" "),
        row(member, 1, row_id="x" * 101),
        row(member, 1, reason=""),
        row(member, 1, reason="a\nb"),
        row(other, 5),
    ]
    invalid = ["ADJUSTMENT_INVALID"] * 6
    assert send(world, *rows) == ["POSTED", "POINTS_INSUFFICIENT", "MEMBER_NOT_FOUND", *invalid, "POSTED"]
    assert (world.wallet(member), world.wallet(other)) == ((10, 0, 0), (5, 0, 0))


def test_a_row_is_posted_once_for_ever(world: World) -> None:
    (member,) = world.enrolled()
    assert send(world, row(member, 10, "claim-1"), row(member, 10, "claim-1")) == ["POSTED", "UNCHANGED"]
    assert send(world, row(member, 10, "claim-1", "the same in other words")) == ["UNCHANGED"]
    assert send(world, row(member, 11, "claim-1")) == ["ADJUSTMENT_ROW_REUSED"]
    assert world.wallet(member) == (10, 0, 0)


def test_a_refused_row_may_come_again_under_its_id(world: World) -> None:
    (member,) = world.enrolled()
    assert send(world, row(member, -10, "claim-1")) == ["POINTS_INSUFFICIENT"]
    send(world, row(member, 10))
    assert send(world, row(member, -10, "claim-1")) == ["POSTED"]


def test_points_given_pay_what_is_owed_first(world: World) -> None:
    (member,) = world.enrolled()
    world.do(_owe, member, 7)
    assert send(world, row(member, 10)) == ["POSTED"]
    assert world.wallet(member) == (3, 0, 0)


def _owe(unit: Any, member: UUID, points: int) -> None:
    from kit.posting import Cause
    from services.members.usecases.points import Batch

    batch = Batch(unit, {member})
    batch.earn(batch.wallet(member), -points, Cause("CLAWBACK", "orders/1", unit.now))
    batch.close()


def test_every_posted_row_leaves_who_why_before_and_after(world: World) -> None:
    (member,) = world.enrolled(available=5)
    send(world, row(member, 10, "claim-1"), row(member, -99))
    (act,) = world.do(lambda unit: list(unit.audit.walk()))
    assert (act.actor, act.subject, act.reason) == ("tester", f"members/{member}", "goodwill")
    assert (json.loads(act.before)["available"], json.loads(act.after)["available"]) == (5, 15)
    assert json.loads(act.after)["source"] == "adjustments/claim-1"


def test_the_same_rows_sent_by_many_at_once_are_posted_once(world: World) -> None:
    members = world.enrolled(20)
    rows = [row(member, 10, f"claim-{number}") for number, member in enumerate(members)]

    def repeat(order: int) -> list[str]:
        for _ in range(5):
            try:
                return send(world, *(rows if order % 2 else reversed(rows)))
            except Raced:
                continue
        raise AssertionError("raced too often")

    with ThreadPoolExecutor(8) as pool:
        outcomes = [state for each in pool.map(repeat, range(16)) for state in each]
    assert outcomes.count("POSTED") == 20
    assert {world.wallet(member) for member in members} == {(10, 0, 0)}


def test_one_id_for_two_members_at_once_is_posted_for_one(world: World) -> None:
    members = world.enrolled(2)

    def attempt(member: UUID) -> str:
        for _ in range(5):
            try:
                return send(world, row(member, 10, "claim-1"))[0]
            except Raced:
                continue
        raise AssertionError("raced too often")

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(attempt, members)) == ["ADJUSTMENT_ROW_REUSED", "POSTED"]


@pytest.mark.parametrize("statement", ["update adjustments set points = 1", "delete from adjustments"])
def test_what_was_posted_is_never_changed(world: World, statement: str) -> None:
    (member,) = world.enrolled()
    send(world, row(member, 10))
    with pytest.raises(Fault) as refusal:
        world.do(lambda unit: unit.connection.execute(text(statement)))
    assert "adjustments" in str(refusal.value.__cause__)
