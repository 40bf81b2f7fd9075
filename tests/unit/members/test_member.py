"""Members: profiles in one form, identifiers that lead to one person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Fault, Kind
from services.members.domain.member import (
    Identifier,
    Identity,
    Member,
    Profile,
    external,
    parse_email,
)
from services.members.usecases.points import attempt
from tests.support.builders.members import MEMBER, NOW, member, profile


@pytest.mark.parametrize("text", ["Fang@Example.COM", " fang@example.com "])
def test_an_address_is_kept_in_lower_case(text: str) -> None:
    assert parse_email(text) == "fang@example.com"


@pytest.mark.parametrize(
    "text", ["fang", "fang@", "@example.com", "a b@example.com", "fang@example", "a@b.c\x00", "a" * 300]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(Fault) as refusal:
        parse_email(text)
    assert refusal.value.reason == "EMAIL_INVALID"


@given(st.text(max_size=300))
def test_no_text_breaks_the_normalisation(text: str) -> None:
    for field in ("display_name", "phone", "email", "card_number", "home_store"):
        fields: dict[str, Any] = {field: text}
        normal = attempt(Profile(**fields).normalised)
        if isinstance(normal, Fault):
            assert normal.kind is Kind.INVALID_ARGUMENT
        else:
            assert normal.normalised() == normal
            assert "\0" not in getattr(normal, field)


@pytest.mark.parametrize(
    ("given_profile", "reason", "field"),
    [
        (profile(display_name="x" * 201), "TEXT_INVALID", "display_name"),
        (profile(display_name="a\nb"), "TEXT_INVALID", "display_name"),
        (profile(card_number="\x7f"), "TEXT_INVALID", "card_number"),
        (profile(identities=(Identity("", "1"),)), "IDENTITY_MISSING", "channel"),
        (profile(identities=(Identity("pos", ""),)), "IDENTITY_MISSING", "external_id"),
        (profile(identities=(Identity("p" * 65, "1"),)), "TEXT_INVALID", "channel"),
        (profile(identities=(Identity("pos", "1"), Identity("pos", "2"))), "REQUEST_INVALID", "identities"),
    ],
)
def test_a_bad_field_is_named(given_profile: Profile, reason: str, field: str) -> None:
    with pytest.raises(Fault) as refusal:
        given_profile.normalised()
    assert (refusal.value.reason, refusal.value.violations[0].field) == (reason, field)


def test_rare_characters_are_welcome() -> None:
    name = "王芳\u2028🀄️"
    assert profile(display_name=name).normalised().display_name == name


def test_a_profile_is_completed_by_what_is_newly_known() -> None:
    known = profile(phone="+8613800138000", identities=(Identity("pos", "1"), Identity("wechat", "a")))
    told = Profile(email="fang@example.com", identities=(Identity("pos", "2"),))
    completed = known.completed(told)
    assert (completed.display_name, completed.phone, completed.email) == (
        "Wang Fang",
        "+8613800138000",
        "fang@example.com",
    )
    assert completed.identities == (Identity("pos", "2"), Identity("wechat", "a"))


def test_identifiers_are_all_that_leads_to_a_person() -> None:
    known = profile(phone="+1", email="e", card_number="c", identities=(Identity("pos", "1"),))
    assert known.identifiers() == {
        Identifier("phone", "", "+1"),
        Identifier("email", "", "e"),
        Identifier("card", "", "c"),
        external(Identity("pos", "1")),
    }


def test_nothing_personal_is_in_a_representation() -> None:
    known = member(phone="+8613800138000", email="fang@example.com", card_number="C-1")
    shown = repr(known) + repr(sorted(known.profile.identifiers()))
    assert not any(secret in shown for secret in ("138", "fang", "Fang", "C-1"))


def test_who_joined_before_keeps_the_date() -> None:
    joined = NOW - timedelta(days=9000)
    enrolled, fact = Member.enroll(MEMBER, profile(home_store="stores/1"), enroll_time=joined, now=NOW)
    assert (enrolled.enroll_time, enrolled.create_time) == (joined, NOW)
    assert (fact.member, fact.enroll_time, fact.home_store, fact.version) == (MEMBER, joined, "stores/1", 1)


def test_a_change_counts_only_if_something_differs() -> None:
    known = member()
    assert known.changed(known.profile, NOW + timedelta(days=1)) is known
    changed = known.changed(profile(home_store="stores/2"), NOW + timedelta(days=1))
    assert (changed.version, changed.update_time) == (2, NOW + timedelta(days=1))
