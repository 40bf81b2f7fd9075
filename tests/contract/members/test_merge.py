"""Merges: everything of the one belongs to the other, under both names, and goes back when the merge is undone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.errors import Fault
from kit.page import Page
from services.members.domain.audit import Author
from services.members.domain.member import Identifier, Identity, Profile
from services.members.domain.merge import Merge, MergeState
from services.members.usecases import (
    erasure,
    hold,
    loyalty_card,
    member,
    merge,
    points,
    purchase,
    tag,
    tier,
)
from services.members.usecases.erasure import EraseMember
from services.members.usecases.hold import ConfirmHold, PlaceHold, ReleaseHold
from services.members.usecases.loyalty_card import BlockCard
from services.members.usecases.member import Enroll, UpdateMember
from services.members.usecases.merge import MergeMembers, UndoMerge
from services.members.usecases.points import Accrue, Spend
from services.members.usecases.tag import ModifyTags
from tests.contract.members.conftest import World
from tests.support.builders.members import dollars, row, settlement

ADA = Author("ada", "MergeMembers")
PHONE = "+8613800138000"


def joined(world: World, gone: UUID, kept: UUID) -> Merge:
    made: Merge = world.do(merge.merge, MergeMembers(uuid4(), gone, kept, ADA, "the same person"))
    return made


def undone(world: World, made: Merge) -> Merge:
    back: Merge = world.do(merge.undo, UndoMerge(made.id, ADA, "two persons"))
    return back


def enrolled(world: World, **fields: Any) -> UUID:
    id_: UUID = world.do(member.enroll, Enroll(uuid4(), Profile(**fields))).member.id
    return id_


def earned(world: World, of: UUID, amount: int) -> None:
    (outcome,) = world.do(points.accrue, [Accrue(of, amount, f"gifts/{of}")])
    assert not isinstance(outcome, Fault)


def placed(world: World, of: UUID, amount: int) -> UUID:
    (outcome,) = world.do(hold.change, [PlaceHold(uuid4(), of, amount, "carts/1", timedelta(minutes=30))])
    assert not isinstance(outcome, Fault), outcome
    id_: UUID = outcome.id
    return id_


def paid(world: World, of: UUID, net: int, **fields: Any) -> Any:
    news = settlement(of, net=net, **fields)
    world.do(purchase.settle, [news])
    return news


def reason(outcome: Any) -> str:
    assert isinstance(outcome, Fault)
    return outcome.reason


def refused(act: Callable[..., Any], *args: Any) -> str:
    with pytest.raises(Fault) as refusal:
        act(*args)
    return refusal.value.reason


def state(world: World, *members: UUID) -> list[Any]:
    """Everything that a merge may change of members, but for what is not theirs: versions and times of change."""
    found = []
    for of in members:
        known = world.do(member.get, of, None)
        found.append(
            (
                replace(known.member, version=0, update_time=world.clock.now, merged=()),
                known.tier,
                known.tier_expire_time,
                world.wallet(of),
                sorted(world.do(points.lots, points.LotsAsked(of)), key=lambda lot: lot.id),
                sorted(world.do(lambda unit, of=of: unit.purchases.of([of])), key=lambda each: each.order),
                world.do(lambda unit, of=of: unit.tiers.read([of]))[of].history,
                world.rows("select id, points, state from holds where member = :of order by id", of=of),
            )
        )
    return found


def test_the_old_name_stands_for_the_new_one_everywhere(world: World) -> None:
    gone = enrolled(world, phone=PHONE, card_number="A", identities=(Identity("wechat", "1"),))
    kept = enrolled(world, phone="+8613800138001", card_number="B", identities=(Identity("wechat", "2"),))
    earned(world, gone, 70)
    earned(world, kept, 30)
    made = joined(world, gone, kept)
    assert joined(world, gone, kept) == made
    for name in (gone, kept):
        shown = world.do(member.get, name, None).member
        assert (shown.id, [each.id for each in shown.merged]) == (kept, [gone])
        assert world.wallet(name) == (100, 0, 0)
    for name in (gone, kept):
        earned(world, name, 1)
    assert world.wallet(gone) == (102, 0, 0)
    for kind, channel, value in (("phone", "", PHONE), ("card", "", "A"), ("external", "wechat", "1")):
        assert world.do(member.lookup, Identifier(kind, channel, value)).member.id == kept
    listed = world.do(member.page, Page(9))
    assert [(shown.member.id, shown.member.merged[0].profile.phone) for shown in listed] == [(kept, PHONE)]
    (spent,) = world.do(points.spend, [Spend(gone, 2, "gifts/2")])
    assert spent.available == 100
    world.do(member.update, UpdateMember(gone, ["home_store"], Profile(home_store="stores/2")))
    assert world.do(member.get, kept, None).member.profile.home_store == "stores/2"
    assert [subject for subject, _, _ in world.published("MemberMerged")] == [f"members/{gone}"]
    assert len(world.rows("select 1 from audit_entries where subject = :name", name=f"members/{gone}")) == 1


def test_every_lot_keeps_its_expiry_and_its_source(world: World) -> None:
    gone, kept = world.enrolled(2, available=10)
    earned(world, gone, 5)
    before = {
        lot.id: (lot.source, lot.expire_time, lot.available) for lot in world.do(points.lots, points.LotsAsked(gone))
    }
    joined(world, gone, kept)
    lots = world.do(points.lots, points.LotsAsked(kept))
    after = {lot.id: (lot.source, lot.expire_time, lot.available) for lot in lots}
    assert before.items() <= after.items()
    assert {lot.owner for lot in lots} == {kept}


def test_a_hold_ends_under_either_name(world: World) -> None:
    gone, kept = world.enrolled(2, available=100)
    first, second, third = (placed(world, gone, 30) for _ in range(3))
    joined(world, gone, kept)
    assert world.wallet(kept) == (110, 90, 0)
    (confirmed,) = world.do(hold.change, [ConfirmHold(gone, first)])
    (released,) = world.do(hold.change, [ReleaseHold(kept, second)])
    assert (confirmed.confirmed, released.state) == (30, "RELEASED")
    world.clock.move(timedelta(hours=1))
    assert world.do(hold.expire) == 1
    assert world.wallet(kept) == (170, 0, 0)
    assert world.rows("select state from holds where id = :id", id=third)[0][0] == "EXPIRED"


def test_orders_of_both_count_together_for_the_tier(world: World) -> None:
    gone, kept = world.enrolled(2)
    paid(world, gone, 60)
    paid(world, kept, 60)
    assert world.do(member.get, kept, None).tier == "base"
    joined(world, gone, kept)
    assert [world.do(member.get, of, None).tier for of in (gone, kept)] == ["silver", "silver"]
    assert world.do(tier.requalify) == 0


def test_news_of_an_order_settle_on_the_other_whichever_name_they_bear(world: World) -> None:
    gone, kept = world.enrolled(2)
    news = paid(world, gone, 80)
    made = joined(world, gone, kept)
    world.do(purchase.settle, [news, replace(news, version=2, net=dollars(50))])
    assert world.wallet(kept) == (50, 0, 0)
    later = paid(world, gone, 20)
    assert world.wallet(kept) == (70, 0, 0)
    undone(world, made)
    assert (world.wallet(gone), world.wallet(kept)) == ((70, 0, 0), (0, 0, 0))
    world.do(
        purchase.settle, [later, replace(later, version=2, net=dollars(0)), replace(news, version=3, net=dollars(0))]
    )
    assert (world.wallet(gone), world.wallet(kept)) == ((0, 0, 0), (0, 0, 0))


def test_a_debt_is_paid_by_what_the_other_has_and_owed_again_afterwards(world: World) -> None:
    gone, kept = world.enrolled(2)
    news = paid(world, gone, 100)
    world.do(points.spend, [Spend(gone, 100, "gifts/1")])
    world.do(purchase.settle, [replace(news, version=2, net=dollars(40))])
    earned(world, kept, 90)
    before = state(world, gone, kept)
    assert world.wallet(gone) == (0, 0, 60)
    made = joined(world, gone, kept)
    assert world.wallet(kept) == (30, 0, 0)
    undone(world, made)
    assert state(world, gone, kept) == before


def test_what_was_spent_since_does_not_come_back(world: World) -> None:
    gone, kept = world.enrolled(2, available=50)
    made = joined(world, gone, kept)
    world.do(points.spend, [Spend(kept, 70, "gifts/1")])
    undone(world, made)
    left = [world.wallet(gone)[0], world.wallet(kept)[0]]
    assert (sum(left), sorted(left)) == (30, [0, 30])


def test_a_merge_is_undone_once_and_in_time(world: World) -> None:
    gone, kept = world.enrolled(2, available=50)
    made = joined(world, gone, kept)
    world.clock.move(timedelta(days=29, hours=23))
    back = undone(world, made)
    assert (back.state, undone(world, made)) == (MergeState.UNDONE, back)
    again = joined(world, gone, kept)
    world.clock.move(timedelta(days=30))
    assert refused(undone, world, again) == "UNMERGE_EXPIRED"
    assert refused(undone, world, replace(made, id=uuid4())) == "MERGE_NOT_FOUND"
    assert [subject for subject, _, _ in world.published("MemberUnmerged")] == [f"members/{gone}"]


def test_what_can_not_be_merged_is_refused(world: World) -> None:
    one, two, three = world.enrolled(3)
    assert refused(joined, world, one, one) == "MERGE_INVALID"
    assert refused(joined, world, one, uuid4()) == "MEMBER_NOT_FOUND"
    joined(world, one, two)
    assert refused(joined, world, one, three) == "MERGE_INVALID"
    assert refused(joined, world, two, one) == "MERGE_INVALID"
    world.do(erasure.erase, EraseMember(three, ADA, "asked by letter"))
    assert refused(joined, world, two, three) == "MEMBER_ERASED"


def test_a_hold_on_points_that_would_go_back_stands_in_the_way(world: World) -> None:
    gone, kept = world.enrolled(2, available=50)
    made = joined(world, gone, kept)
    placed_since = placed(world, kept, 80)
    assert refused(undone, world, made) == "UNMERGE_BLOCKED"
    world.do(hold.change, [ReleaseHold(kept, placed_since)])
    undone(world, made)
    assert (world.wallet(gone), world.wallet(kept)) == ((50, 0, 0), (50, 0, 0))


def test_merges_form_chains_that_come_apart_from_the_end(world: World) -> None:
    one, two, three = world.enrolled(3, available=10)
    before = state(world, one, two, three)
    first, second = joined(world, one, two), joined(world, two, three)
    earned(world, one, 1)
    assert [world.wallet(of) for of in (one, two, three)] == [(31, 0, 0)] * 3
    assert {each.id for each in world.do(member.get, one, None).member.merged} == {one, two}
    assert refused(undone, world, first) == "UNMERGE_BLOCKED"
    world.do(points.spend, [Spend(one, 1, "gifts/1")])
    undone(world, second)
    assert [world.do(member.get, of, None).member.id for of in (one, two, three)] == [two, two, three]
    undone(world, first)
    assert sum(world.wallet(of)[0] for of in (one, two, three)) == 30
    assert [known[0] for known in state(world, one, two, three)] == [known[0] for known in before]


def test_another_system_that_knows_the_old_member_tells_the_new_one(world: World) -> None:
    rows = [row("1", phone=PHONE), row("2", phone="+8613800138001")]
    gone, kept = (outcome.member for outcome in world.do(member.batch_enroll, rows))
    joined(world, gone, kept)
    again = world.do(member.batch_enroll, [row("1", phone=PHONE), row("2"), row("1", email="fang@example.com")])
    assert [(outcome.state, outcome.member) for outcome in again] == [
        ("UNCHANGED", kept),
        ("UNCHANGED", kept),
        ("UPDATED", kept),
    ]
    profile = world.do(member.get, kept, None).member.profile
    assert (profile.phone, profile.email) == ("+8613800138001", "fang@example.com")


def test_cards_and_tags_of_both_are_kept(world: World) -> None:
    gone, kept = enrolled(world, card_number="A"), enrolled(world, card_number="B")
    world.do(tag.modify, ModifyTags(gone, ["tea", "vip"], []))
    world.do(tag.modify, ModifyTags(kept, ["vip"], []))
    made = joined(world, gone, kept)
    assert world.do(member.get, gone, None).member.tags == ("tea", "vip")
    blocked = world.do(loyalty_card.block, BlockCard(gone, 1, ADA, "lost"))
    assert (blocked.member, blocked.card.number) == (gone, "A")
    assert refused(world.do, member.lookup, Identifier("card", "", "A")) == "LOYALTY_CARD_ENDED"
    assert world.do(member.lookup, Identifier("card", "", "B")).member.id == kept
    undone(world, made)
    assert [world.do(member.get, of, None).member.tags for of in (gone, kept)] == [("tea", "vip"), ("vip",)]


def test_whoever_is_erased_is_erased_under_every_name(world: World) -> None:
    gone, kept = enrolled(world, phone=PHONE), enrolled(world, phone="+8613800138001")
    made = joined(world, gone, kept)
    world.do(erasure.erase, EraseMember(gone, ADA, "asked by letter"))
    assert world.rows("select 1 from member_keys") == []
    assert world.rows("select 1 from identifiers") == []
    assert {subject for subject, _, _ in world.published("MemberErased")} == {f"members/{gone}", f"members/{kept}"}
    assert refused(undone, world, made) == "MEMBER_ERASED"


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["earn", "spend", "hold", "pay", "refund", "confirm"]), st.booleans(), st.integers(1, 150)
    ),
    max_size=12,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(acts=ACTS)
def test_a_merge_keeps_every_sum_and_its_undoing_is_identity(world: World, acts: list[tuple[str, bool, int]]) -> None:
    gone, kept = world.enrolled(2)
    holds: dict[UUID, list[UUID]] = {gone: [], kept: []}
    orders: dict[UUID, list[Any]] = {gone: [], kept: []}
    for act, first, amount in acts:
        of = gone if first else kept
        if act == "earn":
            earned(world, of, amount)
        if act == "spend":
            world.do(points.spend, [Spend(of, amount, "gifts/1")])
        if act == "hold":
            (outcome,) = world.do(hold.change, [PlaceHold(uuid4(), of, amount, "carts/1", timedelta(minutes=30))])
            holds[of] += [] if isinstance(outcome, Fault) else [outcome.id]
        if act == "pay":
            orders[of].append(paid(world, of, amount))
        if act == "refund" and orders[of]:
            news = orders[of].pop()
            world.do(purchase.settle, [replace(news, version=2, net=dollars(0))])
        if act == "confirm" and holds[of]:
            world.do(hold.change, [ConfirmHold(of, holds[of].pop())])
    before = state(world, gone, kept)
    wallets = [world.wallet(of) for of in (gone, kept)]
    made = joined(world, gone, kept)
    net = [available - receivable for available, _, receivable in [*wallets, world.wallet(kept)]]
    assert net[0] + net[1] == net[2]
    assert world.wallet(kept)[1] == wallets[0][1] + wallets[1][1]
    world.check()
    undone(world, made)
    assert state(world, gone, kept) == before
    world.check()
