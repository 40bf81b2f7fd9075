"""What can be had, by whom, when, and how many."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kit.errors import Fault
from kit.money import Money
from services.members.domain.reward import Pieces, State, Taken
from tests.support.builders.mall import offer, reward
from tests.support.builders.members import NOW, dollars

TIERS = ["silver", "gold"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"display_name": " "}, "display_name"),
        ({"points": 0}, "points"),
        ({"cash": dollars(0)}, "cash"),
        ({"cash": Money(10**12, "USD")}, "cash"),
        ({"start": NOW, "end": NOW}, "end_time"),
        ({"tier": "diamond"}, "tier"),
    ],
)
def test_an_offer_that_makes_no_sense_is_refused(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(Fault) as caught:
        offer(**fields).check(TIERS)
    assert caught.value.reason == "REWARD_INVALID"
    assert [each.field for each in caught.value.violations] == [f"reward.{field}"]


def test_a_change_makes_a_version_and_none_makes_none() -> None:
    known = reward()
    assert known.changed(known.offer, TIERS, NOW) is known
    changed = known.changed(replace(known.offer, stock=11), TIERS, NOW + timedelta(days=1))
    assert (changed.version, changed.left, changed.update_time) == (2, 11, NOW + timedelta(days=1))


def test_the_stock_is_never_below_what_is_given_away() -> None:
    known = reward(held=2, redeemed=3)
    assert known.changed(replace(known.offer, stock=5), TIERS, NOW).left == 0
    with pytest.raises(Fault, match="at least 5"):
        known.changed(replace(known.offer, stock=4), TIERS, NOW)


def test_on_sale_is_from_the_start_up_to_without_the_end() -> None:
    start, end, tick = NOW, NOW + timedelta(days=1), timedelta(microseconds=1)
    known = reward(start=start, end=end)
    for moment in (start, end - tick):
        known.check_open(moment)
    for moment, why in ((start - tick, "not yet"), (end, "no longer")):
        with pytest.raises(Fault) as caught:
            known.check_open(moment)
        assert (caught.value.reason, caught.value.metadata["why"]) == ("REWARD_NOT_ON_SALE", why)


@pytest.mark.parametrize("state", [State.DRAFT, State.OFF_SALE])
def test_what_is_not_on_sale_cannot_be_had(state: State) -> None:
    with pytest.raises(Fault, match="not on sale"):
        reward(state=state).check_open(NOW)


def test_turning_it_twice_is_turning_it_once() -> None:
    draft = reward(state=State.DRAFT)
    published = draft.turned(State.ON_SALE, NOW)
    assert published.turned(State.ON_SALE, NOW) is published
    assert published.turned(State.OFF_SALE, NOW).version == 3


def test_who_has_not_reached_the_tier_is_refused() -> None:
    reward().check_member((), ())
    reward(tier="silver").check_member(["silver", "gold"], ())
    with pytest.raises(Fault, match="gold"):
        reward(tier="gold").check_member(["silver"], ())


def test_who_has_not_the_tag_is_refused() -> None:
    reward(tag="friend").check_member((), ["friend", "staff"])
    with pytest.raises(Fault, match="friend"):
        reward(tag="friend").check_member(["gold"], ["staff"])


def test_limits_count_what_a_member_has() -> None:
    known = reward(per_member=3, per_day=2)
    known.check_limits(1, Taken(2, 1))
    known.check_limits(2, Taken(1, 0))
    for quantity, taken in ((2, Taken(2, 0)), (2, Taken(1, 1)), (1, Taken(0, 2))):
        with pytest.raises(Fault) as caught:
            known.check_limits(quantity, taken)
        assert caught.value.reason == "REWARD_LIMIT_REACHED"


def test_the_last_pieces_can_be_had_and_no_more() -> None:
    known = reward(stock=5, held=1, redeemed=1)
    assert known.counted(Pieces(held=3)).left == 0
    with pytest.raises(Fault) as caught:
        known.counted(Pieces(held=4))
    assert (caught.value.reason, caught.value.metadata["left"]) == ("REWARD_SOLD_OUT", "3")


def test_giving_away_what_was_set_aside_needs_no_stock() -> None:
    known = reward(stock=1, held=1).counted(Pieces(held=-1, redeemed=1))
    assert (known.held, known.redeemed, known.left) == (0, 1, 0)
