"""The audit trail on a real database: one chain, whoever writes at the same time, that only grows."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from kit.errors import Fault, invalid
from kit.page import Page
from services.members.domain.audit import Act, AuditEntry, Author, faults
from services.members.storage.unit import MembersUnit
from services.members.usecases.audit import Query, entries
from tests.contract.members.conftest import World
from tests.support.builders.proof import act


def record(unit: MembersUnit, *acts: Act) -> None:
    unit.audit.record(*acts)


def walk(unit: MembersUnit) -> list[AuditEntry]:
    return list(unit.audit.walk())


def page(world: World, size: int = 50, after: int | None = None, **query: object) -> list[int]:
    rows = world.do(entries, Query(**query), Page(size, (str(after),) if after else None))  # type: ignore[arg-type]
    return [entry.sequence for entry in rows]


def test_what_is_recorded_is_kept_when_the_transaction_commits_and_only_then(world: World) -> None:
    def fail(unit: MembersUnit) -> None:
        unit.audit.record(act())
        raise invalid("anything", "is wrong")

    world.do(record, act("members/1"), act("members/2"))
    with pytest.raises(Fault):
        world.do(fail)
    trail = world.do(walk)
    assert [entry.subject for entry in trail] == ["members/1", "members/2"]
    assert faults(trail) == []


def test_many_writers_at_once_make_one_chain_without_gaps(world: World) -> None:
    with ThreadPoolExecutor(16) as pool:
        for done in [pool.submit(world.do, record, act(), act()) for _ in range(100)]:
            done.result()
    trail = world.do(walk)
    assert [entry.sequence for entry in trail] == list(range(1, 201))
    assert faults(trail) == []


def test_the_trail_is_shown_newest_first_in_pages(world: World) -> None:
    world.do(record, *(act() for _ in range(5)))
    assert page(world, 2)[:2] == [5, 4]
    assert page(world, 2, after=4)[:2] == [3, 2]
    assert page(world, 2, after=2) == [1]


def test_the_trail_is_searched_by_subject_actor_method_and_time(world: World) -> None:
    start = world.clock.now
    world.do(record, act("members/1"))
    world.clock.move(timedelta(hours=1))
    world.do(record, act("members/2", author=Author("li", "another")))
    assert page(world, subject="members/1") == [1]
    assert page(world, actor="li") == [2]
    assert page(world, method="another") == [2]
    assert page(world, start_time=start + timedelta(hours=1)) == [2]
    assert page(world, end_time=start + timedelta(hours=1)) == [1]


@pytest.mark.parametrize(
    "statement", ["update audit_entries set reason = 'x'", "delete from audit_entries", "truncate audit_entries"]
)
def test_no_entry_is_ever_changed(world: World, statement: str) -> None:
    world.do(record, act())
    with pytest.raises(Fault) as refusal:
        world.do(lambda unit: unit.connection.execute(text(statement)))
    assert "audit_entries" in str(refusal.value.__cause__)


def test_a_change_made_by_force_is_found(migrated: Callable[[str], str]) -> None:
    world = World(migrated("members"))
    world.do(record, *(act() for _ in range(3)))

    def forge(unit: MembersUnit) -> None:
        unit.connection.execute(text("alter table audit_entries disable trigger proof_append_only"))
        unit.connection.execute(text("update audit_entries set reason = 'none' where sequence = 2"))

    world.do(forge)
    assert faults(world.do(walk)) == ["auditEntries/2 is not what was written"]
    world.database.close()
