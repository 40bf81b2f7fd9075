"""Tiers that were given by hand, when their holders turn out to be one person, and two after all."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from kit.page import Page
from services.members.usecases import tier
from tests.contract.members.conftest import World
from tests.contract.members.test_merge import joined, paid, undone
from tests.support.builders.tiers import override_of

UNTIL = timedelta(days=60)


def give_tier(world: World, of: UUID, name: str, until: timedelta = UNTIL) -> None:
    world.do(tier.override, override_of(of, name, world.clock.now + until))


def tier_of(world: World, of: UUID) -> str:
    found: str = world.do(tier.status, of, None).status.tier
    return found


def test_a_tier_that_was_given_by_hand_goes_with_its_holder_and_comes_back(world: World) -> None:
    gone, kept = world.enrolled(2)
    give_tier(world, gone, "gold")
    give_tier(world, kept, "silver", 2 * UNTIL)
    made = joined(world, gone, kept)
    assert (tier_of(world, kept), tier_of(world, gone)) == ("gold", "gold")
    assert world.do(tier.overrides, kept, Page(1))[0].end_time == world.clock.now + UNTIL
    undone(world, made)
    assert (tier_of(world, kept), tier_of(world, gone)) == ("silver", "gold")
    world.clock.move(UNTIL)
    assert (tier_of(world, kept), tier_of(world, gone)) == ("silver", "base")


def test_an_inherited_tier_ends_when_it_would_have_ended(world: World) -> None:
    gone, kept = world.enrolled(2)
    give_tier(world, gone, "gold")
    joined(world, gone, kept)
    world.clock.move(UNTIL)
    world.do(tier.advance)
    assert tier_of(world, kept) == "base"


def test_a_tier_that_was_given_by_hand_is_not_inherited_by_who_has_a_higher_one_together(world: World) -> None:
    gone, kept = world.enrolled(2)
    give_tier(world, gone, "gold")
    for of in (gone, kept):
        paid(world, of, 250)
    made = joined(world, gone, kept)
    assert tier_of(world, kept) == "platinum"
    assert world.do(tier.overrides, kept, Page(1)) == []
    undone(world, made)
    assert (tier_of(world, kept), tier_of(world, gone)) == ("gold", "gold")


def test_what_is_given_by_hand_after_a_merge_stays_when_it_is_undone(world: World) -> None:
    gone, kept = world.enrolled(2)
    give_tier(world, gone, "gold")
    made = joined(world, gone, kept)
    give_tier(world, kept, "platinum")
    undone(world, made)
    assert (tier_of(world, kept), tier_of(world, gone)) == ("platinum", "gold")
