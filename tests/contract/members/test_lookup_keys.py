"""The key of the hashes that members are found by is replaced while they come and go: each is found at every moment,
and nobody gets a second member for the same phone."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from kit.db import Database
from kit.errors import Fault
from kit.idempotency import Raced
from kit.vault import Keyring, Vault
from services.members import commands, publish
from services.members.domain.audit import Author
from services.members.domain.member import Identifier, Identity, Profile
from services.members.storage.unit import MembersUnit
from services.members.usecases import erasure, member, merge
from services.members.usecases.erasure import EraseMember
from services.members.usecases.member import Enroll, UpdateMember
from services.members.usecases.merge import MergeMembers
from tests.contract.members.conftest import World
from tests.support.keyring import KEYRING

ADA = Author("ada", "tests")
OLD = KEYRING
BOTH = OLD.looked_up_anew("2")
NEW = BOTH.without_lookup("1")
STEPS = [OLD, BOTH, NEW]


def person(number: int) -> Profile:
    return Profile(
        display_name=f"Person {number}",
        phone=f"+86138{number:08}",
        email=f"{number}@example.com",
        card_number=f"CARD-{number}",
        identities=(Identity("wechat", f"open-id-{number}"),),
        birthday="1990-02-28",
    )


def enroll(world: World, number: int) -> UUID:
    id_: UUID = world.do(member.enroll, Enroll(uuid4(), person(number))).member.id
    return id_


def owners(world: World, number: int) -> set[UUID]:
    """Whom everything that belongs to a person leads to."""
    return {world.do(member.lookup, each).member.id for each in person(number).identifiers()}


def rehash(world: World, keyring: Keyring, tmp_path: Path, *, batch: int = 3) -> int:
    path = tmp_path / f"{uuid4()}.json"
    path.write_text(keyring.dump())
    return commands.rehash(world.url, str(path), batch=batch)


def hashes(world: World, keyring: Keyring, number: int) -> int:
    """How many rows there are for a person by the keys of a keyring."""
    told = [each for found in person(number).identifiers() for each in Vault(keyring).hashes(*found)]
    ((count,),) = world.rows("select count(*) from identifiers where value = any(:told)", told=told)
    return int(count)


def test_everybody_is_found_at_every_step_and_in_the_end_by_the_new_key_alone(world: World, tmp_path: Path) -> None:
    ids = [enroll(world, number) for number in range(7)]
    for keyring, by_old, by_new in ((BOTH, 4, 4), (NEW, 0, 4)):
        for step in STEPS[STEPS.index(keyring) - 1 :][:2]:  # processes of before and after this step
            world.vault(step)
            assert [owners(world, number) for number in range(7)] == [{id_} for id_ in ids]
            assert set(world.do(lambda unit: unit.members.born_on(["02-28"]))) == set(ids)
        assert rehash(world, keyring, tmp_path) == 7
        assert rehash(world, keyring, tmp_path) == 0
        found = {(hashes(world, OLD, n), hashes(world, NEW, n)) for n in range(7)}
        assert found == {(by_old, by_new)}
    world.vault(NEW)
    assert [owners(world, number) for number in range(7)] == [{id_} for id_ in ids]
    assert world.rows("select distinct lookup_keys from members") == [(["2"],)]


def test_it_can_be_stopped_anywhere_and_goes_on(world: World, tmp_path: Path) -> None:
    for number in range(5):
        enroll(world, number)
    world.do(lambda unit: commands._rehash(unit, Vault(BOTH), None, 2))
    assert sum(hashes(world, NEW, number) == 4 for number in range(5)) == 2
    assert rehash(world, BOTH, tmp_path) == 3


def test_what_a_process_of_before_has_written_since_is_hashed_anew(world: World, tmp_path: Path) -> None:
    id_ = enroll(world, 1)
    assert rehash(world, BOTH, tmp_path) == 1
    moved = replace(person(1), phone=person(2).phone)
    world.do(member.update, UpdateMember(id_, ["phone"], moved))  # by the old key alone
    world.vault(BOTH)
    assert world.do(member.lookup, Identifier("phone", "", person(2).phone)).member.id == id_
    assert rehash(world, BOTH, tmp_path) == 1
    world.vault(NEW)
    assert world.do(member.lookup, Identifier("phone", "", person(2).phone)).member.id == id_


def test_who_gives_a_phone_up_gives_up_all_its_hashes(world: World, tmp_path: Path) -> None:
    one = enroll(world, 1)
    rehash(world, BOTH, tmp_path)
    world.vault(BOTH)
    world.do(member.update, UpdateMember(one, ["phone"], replace(person(1), phone="")))
    other = world.do(member.enroll, Enroll(uuid4(), Profile(phone=person(1).phone))).member.id
    for step in STEPS:
        world.vault(step)
        assert world.do(member.lookup, Identifier("phone", "", person(1).phone)).member.id == other


@pytest.mark.parametrize("step", STEPS)
def test_nothing_leads_to_who_was_erased_whichever_keys_are_known(world: World, tmp_path: Path, step: Keyring) -> None:
    id_ = enroll(world, 1)
    rehash(world, BOTH, tmp_path)
    world.vault(step)
    world.do(erasure.erase, EraseMember(id_, ADA, "asked by letter"))
    assert world.rows("select 1 from identifiers") == []
    rehash(world, NEW, tmp_path)
    assert world.rows("select 1 from identifiers") == []


def test_who_was_merged_is_found_by_both_persons_identifiers(world: World, tmp_path: Path) -> None:
    gone, kept = enroll(world, 1), enroll(world, 2)
    world.do(merge.merge, MergeMembers(uuid4(), gone, kept, ADA, "one person"))
    for keyring in STEPS[1:]:
        rehash(world, keyring, tmp_path)
        world.vault(keyring)
        assert (owners(world, 1), owners(world, 2)) == ({kept}, {kept})


@pytest.fixture
def databases(world: World) -> Iterator[dict[str, Database[MembersUnit]]]:
    """Processes with the keyring of each step."""
    made = {
        name: Database(
            world.url,
            partial(MembersUnit, publish=publish.to_event, vault=Vault(keyring)),
            clock=world.clock,
            pool_size=8,
        )
        for name, keyring in (("old", OLD), ("both", BOTH), ("new", NEW))
    }
    yield made
    for each in made.values():
        each.close()


def joining(number: int, process: Database[MembersUnit]) -> UUID | str:
    """Enrol as a caller of a process does; answers the member or why there is none."""
    while True:
        try:
            return process.write(member.enroll, Enroll(uuid4(), person(number))).member.id
        except Raced:
            continue  # as the edge does: somebody was faster, who is to be told next
        except Fault as fault:
            return fault.reason


@pytest.mark.parametrize(("before", "after", "current"), [("old", "both", BOTH), ("both", "new", NEW)])
def test_nobody_enrols_twice_with_one_phone_while_processes_restart_and_hashes_change(
    world: World,
    tmp_path: Path,
    databases: dict[str, Database[MembersUnit]],
    before: str,
    after: str,
    current: Keyring,
) -> None:
    for number in range(30):
        enroll(world, number)
    if current is NEW:
        rehash(world, BOTH, tmp_path)
    done = Event()

    def again() -> int:
        runs = 0
        while not done.is_set() or not runs:
            rehash(world, current, tmp_path)
            runs += 1
        return runs

    tries = [(number, databases[process]) for number in range(60) for process in (before, after) * 2]
    with ThreadPoolExecutor(9) as pool:
        hashing = pool.submit(again)
        try:
            outcomes = list(pool.map(lambda each: joining(*each), tries))
        finally:
            done.set()
        hashing.result(timeout=60)
    rehash(world, current, tmp_path)
    joined = [each for each in outcomes if isinstance(each, UUID)]
    assert (len(joined), {each for each in outcomes if not isinstance(each, UUID)}) == (30, {"IDENTIFIER_TAKEN"})
    assert world.rows("select count(*) from members") == [(60,)]
    world.vault(current)
    assert {len(owners(world, number)) for number in range(60)} == {1}
    assert {len(hashes_of) for (hashes_of,) in world.rows("select lookup_keys from members")} == {len(current.lookups)}


def test_two_who_had_no_key_in_common_are_told_apart_loudly(world: World, tmp_path: Path) -> None:
    enroll(world, 1)
    world.vault(NEW)  # before anybody knew both
    enroll(world, 1)
    with pytest.raises(Fault) as refusal:
        rehash(world, BOTH, tmp_path)
    assert refusal.value.reason == "CONFLICT"


def test_a_member_enrolled_by_a_release_of_before_is_found_by_the_first_key(world: World, tmp_path: Path) -> None:
    id_ = enroll(world, 1)
    world.do(lambda unit: unit.connection.execute(text("update members set lookup_keys = default")))
    assert (owners(world, 1), rehash(world, OLD, tmp_path)) == ({id_}, 0)
