"""What members earn every day when two of them turn out to be one person."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from kit.errors import Fault
from kit.page import Page
from services.members.domain.audit import Author
from services.members.domain.daily_limit import Origin
from services.members.usecases import check_in, engagement, merge, receipt, referral
from services.members.usecases.check_in import Month
from services.members.usecases.engagement import UpdateEngagementPolicy
from services.members.usecases.merge import MergeMembers, UndoMerge
from services.members.usecases.receipt import Claim
from services.members.usecases.referral import Attach
from tests.contract.members.conftest import World
from tests.support.builders import engagement as builders
from tests.support.builders.engagement import check_in_rules, order_told, receipt_rules, referral_rules

AUTHOR = Author("clerk", "kehu.members.v1.IdentityService/MergeMembers")


@pytest.fixture
def pair(world: World) -> tuple[UUID, UUID]:
    """The member who will be gone, and the one who will be kept."""
    rules = {"check_in": check_in_rules(), "receipts": receipt_rules(), "referrals": referral_rules()}
    world.do(engagement.update, UpdateEngagementPolicy(rules))
    gone, kept = world.enrolled(2)
    return gone, kept


def merged(world: World, gone: UUID, kept: UUID) -> UUID:
    made: UUID = world.do(merge.merge, MergeMembers(uuid4(), gone, kept, AUTHOR, "one person")).id
    return made


def test_the_days_of_both_make_one_streak_and_a_day_counts_once_under_either_name(
    world: World, pair: tuple[UUID, UUID]
) -> None:
    gone, kept = pair
    for of in (gone, kept, gone):
        assert world.do(check_in.check_in, Origin(of)).streak == 1
        world.clock.move(timedelta(days=1))
    made = merged(world, gone, kept)
    assert world.do(check_in.calendar, Month(kept, None)).streak == 3
    assert world.do(check_in.calendar, Month(gone, None)) == world.do(check_in.calendar, Month(kept, None))
    today = [world.do(check_in.check_in, Origin(of)) for of in (gone, kept)]
    assert [(each.member, each.streak) for each in today] == [(kept, 4)] * 2
    assert world.wallet(kept)[0] == 4
    world.do(merge.undo, UndoMerge(made, AUTHOR, "two after all"))
    assert len(world.do(check_in.calendar, Month(gone, None)).check_ins) == 2


def test_who_turns_out_to_have_brought_themself_gets_no_reward_for_it(world: World, pair: tuple[UUID, UUID]) -> None:
    gone, kept = pair
    _, code = world.do(referral.create_code, kept)
    world.do(referral.attach, Attach(gone, code))
    _, other = world.do(referral.create_code, gone)
    merged(world, gone, kept)
    world.do(referral.settle, [order_told(member=gone, paid=50)])
    assert world.wallet(kept)[0] == 100
    with pytest.raises(Fault) as caught:
        world.do(referral.attach, Attach(kept, other))
    assert caught.value.reason == "REFERRAL_SELF"


def test_the_rewards_of_before_a_merge_are_taken_back_in_full_when_the_order_is_refunded_after_it(
    world: World, pair: tuple[UUID, UUID]
) -> None:
    gone, kept = pair
    _, code = world.do(referral.create_code, kept)
    world.do(referral.attach, Attach(gone, code))
    paid = order_told(member=gone, paid=50)
    world.do(referral.settle, [paid])
    merged(world, gone, kept)
    assert world.wallet(kept)[0] == 300
    world.do(referral.settle, [replace(paid, paid=None, net=0, version=2)])
    assert world.wallet(kept) == (0, 0, 0)


def test_a_receipt_that_is_claimed_under_the_old_name_goes_to_who_is_kept(
    world: World, pair: tuple[UUID, UUID]
) -> None:
    gone, kept = pair
    merged(world, gone, kept)
    (code,) = world.do(receipt.issue, [builders.receipt()])
    claim = world.do(receipt.claim, Claim(uuid4(), gone, code))
    assert claim.member == kept
    assert world.do(receipt.claims, gone, Page(10)) == [claim]
    assert world.wallet(kept)[0] == 18
