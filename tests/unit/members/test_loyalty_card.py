"""Cards: numbered as they come, never taken for another's, good until they are blocked or replaced."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kit.errors import Fault
from services.members.domain.loyalty_card import MAX_CARDS, CardState
from services.members.domain.member import MAX_TAGS, Identifier, Member
from tests.support.builders.members import NOW, member, profile

LATER = NOW + timedelta(days=1)


def numbers(known: Member) -> list[tuple[int, str, str]]:
    return [(card.ordinal, card.number, card.state.value) for card in known.cards]


def test_the_first_good_card_is_the_one_that_the_profile_shows() -> None:
    known = member(card_number="A").given("B", LATER)
    assert (known.profile.card_number, numbers(known)) == ("A", [(1, "A", "ACTIVE"), (2, "B", "ACTIVE")])
    blocked = known.without(1, CardState.BLOCKED, LATER)
    assert (blocked.profile.card_number, blocked.card(1).end_time) == ("B", LATER)
    assert blocked.without(1, CardState.BLOCKED, LATER + timedelta(days=1)) is blocked
    assert blocked.without(2, CardState.REPLACED, LATER).profile.card_number == ""


def test_the_number_of_a_lost_card_stays_taken_and_leads_to_nobody() -> None:
    blocked = member(card_number="A").without(1, CardState.BLOCKED, LATER)
    assert Identifier("card", "", "A") in blocked.identifiers()
    assert not blocked.leads_to(Identifier("card", "", "A"))
    assert blocked.leads_to(Identifier("external", "A", "A"))


def test_a_number_written_over_the_first_one_frees_it() -> None:
    known = member(card_number="A").given("B", LATER)
    changed = known.changed(profile(card_number="C"), LATER)
    assert numbers(changed) == [(3, "C", "ACTIVE"), (2, "B", "ACTIVE")]
    assert Identifier("card", "", "A") not in changed.identifiers()
    assert numbers(known.changed(profile(card_number="B"), LATER)) == [(2, "B", "ACTIVE")]
    assert numbers(known.changed(profile(card_number=""), LATER)) == [(2, "B", "ACTIVE")]


def test_a_card_that_is_no_longer_good_is_not_written_into_the_profile() -> None:
    blocked = member(card_number="A").given("B", LATER).without(1, CardState.BLOCKED, LATER)
    with pytest.raises(Fault) as refusal:
        blocked.changed(profile(card_number="A"), LATER)
    assert refusal.value.reason == "LOYALTY_CARD_ENDED"


def test_another_system_that_tells_of_an_old_card_tells_nothing_new() -> None:
    blocked = member(card_number="A").given("B", LATER).without(1, CardState.BLOCKED, LATER)
    assert blocked.completed(profile(card_number="A")) == blocked.profile
    assert blocked.completed(profile(card_number="C")).card_number == "C"


def test_there_are_only_so_many_cards_and_tags() -> None:
    known = member()
    for number in range(MAX_CARDS):
        known = known.given(str(number), NOW)
    with pytest.raises(Fault) as cards:
        known.given("more", NOW)
    with pytest.raises(Fault) as tags:
        known.tagged([str(number) for number in range(MAX_TAGS + 1)], [], NOW)
    assert (cards.value.reason, tags.value.reason) == ("LIMIT_EXCEEDED", "LIMIT_EXCEEDED")


def test_tags_that_are_there_already_change_nothing() -> None:
    known = member().tagged(["b", "a"], [], NOW)
    assert (known.tags, known.version) == (("a", "b"), 2)
    assert known.tagged(["a"], ["c"], NOW) is known
    assert known.tagged(["c"], ["c", "a"], NOW).tags == ("b",)


def test_who_was_erased_has_nothing_left_and_gets_nothing_more() -> None:
    erased, facts = member(card_number="A", phone="+8613800138000").tagged(["a"], [], NOW).erased(LATER)
    assert (erased.cards, erased.tags, erased.identifiers(), erased.erase_time) == ((), (), frozenset(), LATER)
    assert [(fact.member, fact.version) for fact in facts] == [(erased.id, erased.version)]
    assert erased.erased(LATER) == (erased, [])
    with pytest.raises(Fault) as given:
        erased.given("B", LATER)
    with pytest.raises(Fault) as changed:
        erased.changed(profile(), LATER)
    assert (given.value.reason, changed.value.reason) == ("MEMBER_ERASED", "MEMBER_ERASED")
