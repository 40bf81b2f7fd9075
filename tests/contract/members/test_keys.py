"""What is personal is sealed at rest: sealed anew after a rotation, carried over from before, found by hashes alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import psycopg2
import pytest
from sqlalchemy import text

from kit.vault import Keyring, Unreadable, load
from services.members import commands
from services.members.domain.audit import Author
from services.members.domain.member import Identifier, Identity, Profile
from services.members.storage.unit import MembersUnit
from services.members.usecases import erasure, member
from services.members.usecases.erasure import EraseMember
from services.members.usecases.member import Enroll, UpdateMember
from tests.contract.members.conftest import World
from tests.support.builders.members import row
from tests.support.keyring import KEYRING, VAULT

ROOT = Path(__file__).parents[3]
SECRETS = ("+8613800138000", "13800138000", "王芳", "fang@example.com", "CARD-4711", "wechat-open-id-1", "1990-02-28")
PERSON = Profile(
    display_name="王芳",
    phone=SECRETS[0],
    email="fang@example.com",
    card_number="CARD-4711",
    identities=(Identity("wechat", "wechat-open-id-1"),),
    birthday="1990-02-28",
    home_store="stores/1",
)


def everything(world: World) -> bytes:
    """Every value of every table, as the database has it, and in the forms in which bytes may hide a text."""
    found = []
    with psycopg2.connect(world.url) as connection, connection.cursor() as cursor:
        cursor.execute("select table_name from information_schema.tables where table_schema = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'select t::text from "{table}" t')
            found += [line for (line,) in cursor.fetchall()]
    connection.close()
    told = "\n".join(found)
    hexed = [bytes.fromhex(part.split('"')[0].split(",")[0].split(")")[0]) for part in told.split("\\x")[1:]]
    return told.encode() + b"\n".join(hexed)


def told(world: World) -> list[str]:
    found = everything(world)
    return [secret for secret in SECRETS if secret.encode() in found or secret.encode().hex().encode() in found]


def test_nothing_personal_is_readable_in_the_database(world: World) -> None:
    known = world.do(member.enroll, Enroll(uuid4(), PERSON)).member
    world.do(member.batch_enroll, [row("wechat-open-id-1", channel="wechat", display_name="王芳芳")])
    world.do(member.update, UpdateMember(known.id, ["display_name"], PERSON))
    assert told(world) == []
    assert world.do(member.get, known.id, None).member.profile == PERSON
    # The search would have found it.
    world.do(lambda unit: unit.connection.execute(text("update members set home_store = '王芳'")))
    assert told(world) == ["王芳"]


def test_each_identifier_leads_to_its_member_by_its_hash(world: World) -> None:
    known = world.do(member.enroll, Enroll(uuid4(), PERSON)).member
    world.enrolled(5)
    for identifier in PERSON.identifiers():
        assert world.do(member.lookup, identifier).member == known
    assert world.do(lambda unit: unit.members.born_on(["02-28", "03-01"])) == [known.id]
    assert world.do(lambda unit: unit.members.born_on(["02-27"])) == []


def test_what_was_stored_for_one_member_is_no_use_to_another(world: World) -> None:
    one, two = world.enrolled(2)
    swap = "update member_keys set wrapped = (select wrapped from member_keys where member = :two) where member = :one"
    world.do(lambda unit: unit.connection.execute(text(swap), {"one": one, "two": two}))
    with pytest.raises(Unreadable):
        world.do(member.get, one, None)


@pytest.fixture
def keyring_file(tmp_path: Path) -> str:
    """A keyring with a new primary key beside that of the tests."""
    path = tmp_path / "keyring.json"
    path.write_text(KEYRING.rotated("next").dump())
    return str(path)


def wrapped_by(world: World) -> dict[str, int]:
    return dict(world.rows("select key_id, count(*) from member_keys group by key_id"))


def test_a_rotation_wraps_every_key_anew_and_can_be_stopped_anywhere(world: World, keyring_file: str) -> None:
    ids = world.enrolled(25)

    def stop(unit: MembersUnit) -> list[UUID]:
        return commands._rewrap(unit, load(keyring_file), None, 10)

    assert len(world.do(stop)) == 10
    assert wrapped_by(world) == {"next": 10, "tests": 15}
    assert commands.rotate(world.url, keyring_file, batch=4) == 15
    assert wrapped_by(world) == {"next": 25}
    assert commands.rotate(world.url, keyring_file) == 0
    after = Keyring.load(keyring_file)
    world.vault(replace(after, keys={"next": after.keys["next"]}))
    assert set(world.do(lambda unit: unit.members.read(ids))) == set(ids)


def test_a_rotation_is_a_command_of_the_service(world: World, keyring_file: str) -> None:
    world.enrolled(3)
    environment = {**os.environ, "KEHU_DATABASE_URL": world.url, "KEHU_KEYRING_FILE": keyring_file}

    def run(command: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-W", "ignore", "-m", "services.members", command]
        return subprocess.run(line, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)

    done = run("rotate-keys")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["members"] == 3
    assert wrapped_by(world) == {"next": 3}
    assert "rotate-keys" in run("sing").stderr


def test_a_rotation_without_the_old_key_changes_nothing(world: World, tmp_path: Path) -> None:
    world.enrolled(3)
    (tmp_path / "other.json").write_text(Keyring.fresh("other").dump())
    with pytest.raises(Unreadable):
        commands.rotate(world.url, str(tmp_path / "other.json"))
    assert wrapped_by(world) == {"tests": 3}


PLAIN = """
    insert into members (id, display_name, home_store, enroll_time, create_time, update_time, version)
    values (:id, '王芳', 'stores/1', now(), now(), now(), 1)
"""
KNOWN_BY = "insert into identifiers values (:kind, :channel, :value, :id)"


def test_members_of_before_are_carried_over(world: World, tmp_path: Path) -> None:
    ids = [uuid4() for _ in range(7)]
    path = tmp_path / "keyring.json"
    path.write_text(KEYRING.dump())
    found = [("phone", "", "+861380013800{}"), ("card", "", "CARD-471{}"), ("external", "wechat", "id-{}")]
    for n, id_ in enumerate(ids):
        world.do(lambda unit, id_=id_: unit.connection.execute(text(PLAIN), {"id": id_}))
        for kind, channel, value in found:
            given = {"kind": kind, "channel": channel, "value": value.format(n), "id": id_}
            world.do(lambda unit, given=given: unit.connection.execute(text(KNOWN_BY), given))
    assert commands.seal(world.url, str(path), batch=3) == 7
    assert commands.seal(world.url, str(path)) == 0
    assert told(world) == []
    for n, id_ in enumerate(ids):
        profile = world.do(member.lookup, Identifier("phone", "", f"+861380013800{n}")).member.profile
        assert (profile.display_name, profile.card_number, profile.home_store) == ("王芳", f"CARD-471{n}", "stores/1")
        assert profile.identities == (Identity("wechat", f"id-{n}"),)
        assert world.do(lambda unit, id_=id_: unit.members.read([id_]))[id_].cards[0].ordinal == 1


def test_the_hash_of_the_tests_is_the_vaults(world: World) -> None:
    world.do(member.enroll, Enroll(uuid4(), PERSON))
    (stored,) = world.rows("select value from identifiers where kind = 'phone'")
    assert stored[0] == VAULT.digest("phone", "", "+8613800138000")


def test_an_erasure_leaves_nothing_that_a_key_could_open(world: World) -> None:
    known = world.do(member.enroll, Enroll(uuid4(), PERSON)).member
    (other,) = world.enrolled()
    erase = EraseMember(known.id, Author("ada", "EraseMember"), "asked by letter")
    erased = world.do(erasure.erase, erase)
    assert world.do(erasure.erase, erase) == erased
    for table in ("member_keys", "identifiers"):
        assert world.rows(f"select 1 from {table} where member = :id", id=known.id) == []
    (stored,) = world.rows(
        "select sealed, birth_digest, home_store, org, tags from members where id = :id", id=known.id
    )
    assert tuple(stored) == (None, None, "", "", [])
    assert told(world) == []
    assert VAULT.digest("phone", "", PERSON.phone).encode() not in everything(world)
    ((subject, version, payload),) = world.published("MemberErased")
    assert (subject, version) == (f"members/{known.id}", 2)
    assert str(known.id) in payload
    assert world.do(member.get, other, None).member.profile.identities
    assert len(world.rows("select 1 from audit_entries where subject = :name", name=f"members/{known.id}")) == 1
