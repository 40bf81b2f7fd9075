"""Who enters and who leaves."""

from __future__ import annotations

import uuid

import pytest

from kit.errors import Fault
from services.campaigns.domain.events import EntryCause, SegmentEntered, SegmentLeft
from services.campaigns.domain.profile import Profile, Spending
from services.campaigns.domain.segment import Judgement, Segment, judge
from tests.support.builders.campaigns import DAY, NOW, asleep_for, bought_at_least, segment

MEMBER = uuid.uuid4()


def profile(orders: int) -> Profile:
    return Profile(MEMBER, {"USD": Spending(MEMBER, "USD", orders, 0, (NOW - DAY, NOW - DAY))}, version=7)


def judged(*segments: Segment, orders: int = 2, inside: set[uuid.UUID] | None = None) -> Judgement:
    return judge(
        [profile(orders)],
        segments,
        inside={MEMBER: inside} if inside else {},
        causes={MEMBER: EntryCause.PURCHASE},
        now=NOW,
    )


def test_a_member_who_satisfies_the_rule_enters_once() -> None:
    twice = segment(rule_version=3)
    assert judged(twice).entered == [SegmentEntered(twice.id, MEMBER, NOW, 3, 7, EntryCause.PURCHASE)]
    assert judged(twice, inside={twice.id}) == Judgement([], [], {MEMBER: None})


def test_a_member_who_no_longer_satisfies_the_rule_leaves_once() -> None:
    twice = segment()
    assert judged(twice, orders=1, inside={twice.id}).left == [SegmentLeft(twice.id, MEMBER, NOW, 1, 7)]
    assert judged(twice, orders=1) == Judgement([], [], {MEMBER: None})


def test_a_judgement_tells_who_moved() -> None:
    assert judged(segment()).moved == {MEMBER}
    assert judged(segment(bought_at_least(5))).moved == set()


def test_a_member_is_judged_again_at_the_first_instant_that_any_segment_needs() -> None:
    assert judged(segment(asleep_for(9)), segment(asleep_for(5)), segment()).due_times == {MEMBER: NOW + 4 * DAY}


@pytest.mark.parametrize(
    ("cause", "automated"),
    [
        (EntryCause.PURCHASE, True),
        (EntryCause.TIME, True),
        (EntryCause.RULE, False),
        (EntryCause.IMPORT, False),
        (EntryCause.MERGE, False),
    ],
)
def test_automations_act_on_what_happens_to_members_today(cause: EntryCause, automated: bool) -> None:
    assert cause.automated is automated


def test_only_another_rule_gets_another_version() -> None:
    built = segment(built_version=1)
    renamed = built.changed(display_name="New", rule=built.rule, now=NOW + DAY)
    assert (renamed.rule_version, renamed.version, renamed.building) == (1, 2, False)
    ruled = built.changed(display_name="Old", rule=bought_at_least(3), now=NOW + DAY)
    assert (ruled.rule_version, ruled.version, ruled.building, ruled.update_time) == (2, 2, True, NOW + DAY)


def test_a_segment_has_a_name() -> None:
    with pytest.raises(Fault, match="display_name"):
        segment(display_name="\t").checked()
