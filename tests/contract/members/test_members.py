"""Members in batches from other systems: created, completed, left as they are, or rejected alone."""

from __future__ import annotations

import time
from typing import Any

from kit.errors import Fault
from kit.page import Page
from services.members.domain.member import Identifier, Identity, Profile
from services.members.usecases import member
from services.members.usecases.member import Enroll
from tests.contract.members.conftest import World
from tests.support.builders.members import day, row

PHONE = "+8613800138000"


def states(outcomes: list[Any]) -> list[str]:
    return [outcome.reason if isinstance(outcome, Fault) else outcome.state.value for outcome in outcomes]


def enroll(world: World, *rows: Enroll) -> list[str]:
    return states(world.do(member.batch_enroll, rows))


def test_the_same_rows_again_change_nothing(world: World) -> None:
    rows = [row(str(number), phone=f"+861380013800{number}", display_name="名") for number in range(5)]
    first = world.do(member.batch_enroll, rows)
    again = world.do(member.batch_enroll, [row(str(number), phone=f"+86 138 0013 800{number}") for number in range(5)])
    assert states(first) == ["CREATED"] * 5
    assert states(again) == ["UNCHANGED"] * 5
    assert [outcome.member for outcome in again] == [outcome.member for outcome in first]
    assert len(world.published("MemberEnrolled")) == 5


def test_a_row_completes_what_is_known_and_empties_nothing(world: World) -> None:
    enroll(world, row("1", display_name="Fang", phone=PHONE))
    assert enroll(world, row("1", email="fang@example.com")) == ["UPDATED"]
    (shown,) = world.do(member.page, Page(5))
    profile = shown.member.profile
    assert (profile.display_name, profile.phone, profile.email) == ("Fang", PHONE, "fang@example.com")


def test_a_bad_row_is_rejected_alone(world: World) -> None:
    outcomes = enroll(
        world,
        row("1"),
        row(""),
        row("2", channel=""),
        row("3", phone="12"),
        row("4", email="nobody"),
        row("5\0"),
        row("6", display_name="x" * 201),
        row("7"),
    )
    assert outcomes == [
        "CREATED",
        "IDENTITY_MISSING",
        "IDENTITY_MISSING",
        "PHONE_INVALID",
        "EMAIL_INVALID",
        "TEXT_INVALID",
        "TEXT_INVALID",
        "CREATED",
    ]
    assert len(world.rows("select 1 from members")) == 2


def test_rows_about_the_same_person_are_taken_in_order(world: World) -> None:
    outcomes = world.do(
        member.batch_enroll, [row("1", display_name="a"), row("1", display_name="b"), row("1", display_name="b")]
    )
    assert states(outcomes) == ["CREATED", "UPDATED", "UNCHANGED"]
    assert len({outcome.member for outcome in outcomes}) == 1
    (shown,) = world.do(member.page, Page(5))
    assert shown.member.profile.display_name == "b"


def test_an_identifier_that_belongs_to_another_is_rejected_within_and_across_batches(world: World) -> None:
    assert enroll(world, row("1", phone=PHONE), row("2", phone=PHONE)) == ["CREATED", "IDENTIFIER_TAKEN"]
    assert enroll(world, row("3", phone=PHONE), row("4")) == ["IDENTIFIER_TAKEN", "CREATED"]
    assert enroll(world, row("4", phone=PHONE)) == ["IDENTIFIER_TAKEN"]


def test_an_identifier_that_one_row_gives_up_is_free_for_the_next(world: World) -> None:
    enroll(world, row("1", phone=PHONE))
    assert enroll(world, row("1", phone="+8613800138001"), row("2", phone=PHONE)) == ["UPDATED", "CREATED"]
    assert world.do(member.lookup, Identifier("phone", "", PHONE)).member.profile.identities == (Identity("pos", "2"),)


def test_two_members_can_exchange_their_cards(world: World) -> None:
    enroll(world, row("1", card_number="A"), row("2", card_number="B"), row("3", card_number="C"))
    assert (
        enroll(world, row("1", card_number="X"), row("2", card_number="A"), row("1", card_number="B"))
        == ["UPDATED"] * 3
    )
    found = {card: world.do(member.lookup, Identifier("card", "", card)).member for card in "ABC"}
    assert [found[card].profile.identities[0].external_id for card in "ABC"] == ["2", "1", "3"]


def test_who_joined_before_keeps_the_date(world: World) -> None:
    first = row("1")
    world.do(member.batch_enroll, [Enroll(first.member, first.profile, day(0))])
    world.do(member.batch_enroll, [Enroll(row("1").member, first.profile, day(9))])
    (shown,) = world.do(member.page, Page(5))
    assert (shown.member.enroll_time, shown.member.create_time) == (day(0), world.clock.now)


def test_the_order_of_channels_is_no_change(world: World) -> None:
    identities = tuple(Identity(channel, "1") for channel in ("b", "B", "a_", "a-", "ä", "微"))
    shown = world.do(member.enroll, Enroll(row("").member, Profile(identities=identities)))
    again = world.do(member.get, shown.member.id, None)
    assert again.member.profile == shown.member.profile


def test_a_thousand_rows_are_quick(world: World) -> None:
    rows = [row(str(number), phone=f"+86138{number:08d}", email=f"a{number}@example.com") for number in range(1000)]
    started = time.process_time()
    assert set(enroll(world, *rows)) == {"CREATED"}
    # The bound is generous, for it is of the processor's time on a busy machine; in quiet it is a tenth of a second.
    assert time.process_time() - started < 1.0


def test_every_new_member_has_accounts_and_a_standing(world: World) -> None:
    ids = world.enrolled(3)
    assert all(world.wallet(of) == (0, 0, 0) for of in ids)
    assert len(world.rows("select 1 from standings where tier = 'base'")) == 3
