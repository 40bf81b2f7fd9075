"""Everything that may happen to coupons, profiles and segments, at once and by chance, on many connections: nothing
fails but for a reason that is told, and whatever came of it adds up."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from kit import names
from kit.money import Money
from services.campaigns.consumer import subscriptions, take_members
from services.campaigns.domain import rule as rules
from services.campaigns.domain.coupon_template import DaysAfterIssue, Limits, Returns
from services.campaigns.storage.unit import CampaignsUnit
from services.campaigns.usecases import automation, coupon_template
from tests.contract.campaigns.conftest import World
from tests.contract.campaigns.crowd import Crowd, Customers, House, NothingThere
from tests.contract.campaigns.segments import built
from tests.contract.campaigns.test_profiles import KEPT, RECOMPUTED
from tests.support.builders import campaigns as build
from tests.support.builders.campaigns import asleep_for, bought_at_least
from tests.support.builders.merges import Story, merged
from tests.support.crowds import HARMFUL, let_loose

ACTORS, PER_MEMBER = 12, 3
DAY = timedelta(days=1)


class Everybody(Customers, House):
    """All of them."""


OFTEN = ["issue_many", "check_out", "check_out", "check_out", "pay", "pay", "buy", "sweep", "hear_of_orders", "unlock"]
ACTS = [
    name for kind in (Customers, House) for name in vars(kind) if callable(getattr(kind, name)) and name[0] != "_"
] + 4 * OFTEN


@pytest.fixture
def crowd(world: World) -> Everybody:
    """Some people, one of them with two names, with offers of every kind, and segments by which they get some."""
    twins = (uuid4(), uuid4())
    crowd = Everybody(world, twins, story=Story([uuid4() for _ in range(6)]))
    world.do(take_members, [merged(*twins)])
    scarce, few = Limits(issue=40, budget=Money(12_000, "USD")), Limits(per_member=PER_MEMBER)
    fixed = [
        _offer(crowd, few, DaysAfterIssue(300)),
        _offer(crowd, Limits(), DaysAfterIssue(300)),
        _offer(crowd, scarce, DaysAfterIssue(2), Returns(extension_days=1)),
    ]
    crowd.changing = [_offer(crowd, scarce), _offer(crowd, Limits(60, 2), DaysAfterIssue(1), Returns(False))]
    crowd.templates = [*fixed, *crowd.changing]
    crowd.segments = [built(world, rule).id for rule in (bought_at_least(1), bought_at_least(3), asleep_for(3))]
    for place, kept in enumerate(crowd.segments):
        command = automation.Create(names.new_id(), "Thanks", kept, crowd.templates[place])
        crowd.automations.append(world.do(automation.create, command).id)
    return crowd


def _offer(crowd: Crowd, limits: Limits, validity: Any = DaysAfterIssue(30), returns: Returns = Returns()) -> UUID:  # noqa: B008 - frozen
    terms = build.terms(stackable=True)
    made = coupon_template.Create(uuid4(), "Welcome back", terms, validity, limits, returns=returns)
    return crowd.world.do(coupon_template.create, made).id  # type: ignore[no-any-return]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("acts", [800, pytest.param(8_000, marks=pytest.mark.long)])
def test_everything_at_once_adds_up(crowd: Everybody, acts: int) -> None:
    crowd.chance = random.Random(acts)
    told = let_loose(crowd, ACTS, acts, actors=ACTORS, nothing=NothingThere)
    assert told["DONE"] > acts // 2, told
    assert not told.keys() & HARMFUL, told
    _end(crowd)
    _check(crowd)


def _end(crowd: Everybody) -> None:
    """Whatever happened is told to everybody, time passes, and all sweeps run until nothing is left."""
    crowd.hear_everything()
    for _ in range(6):
        crowd.world.now += 10 * DAY
        for timer in subscriptions.timers:
            crowd.world.do(timer.chore)


def _check(crowd: Everybody) -> None:
    world = crowd.world
    assert crowd.refused == []
    found = {name: world.rows(query, now=world.now)[:5] for name, query in _CHECKS.items()}
    assert {name: rows for name, rows in found.items() if rows} == {}
    assert world.rows(KEPT) == world.rows(RECOMPUTED)
    assert world.do(_misjudged) == []
    of_twins = "select count(*) from coupons where template_id = :of and member_id = :root and state <> 'VOID'"
    ((theirs,),) = world.rows(of_twins, of=crowd.templates[0], root=crowd.twins[1])
    assert theirs <= PER_MEMBER
    for table in ("coupons", "purchases", "automation_runs"):
        owners = world.rows(f"select distinct coalesce(origin_id, member_id), member_id, origin_id from {table}")
        roots = {(came, crowd.twins[1] if came in crowd.twins else crowd.story.root(came)) for came, _, _ in owners}
        assert (table, {(came, owner) for came, owner, _ in owners}) == (table, roots)


def _misjudged(unit: CampaignsUnit) -> list[Any]:
    """Whoever is in a segment without satisfying its rule, or the other way round."""
    profiles = unit.profiles.lock_after(None, 1000)
    inside = unit.segments.inside([each.member for each in profiles])
    return [
        (segment_.rule, each)
        for segment_ in unit.segments.all()
        for each in profiles
        if (not each.gone and rules.matches(segment_.rule, each, unit.now))
        != (segment_.id in inside.get(each.member, set()))
    ]


_CHECKS = {
    "templates count their coupons": """
        select t.id, t.issued_count, t.expired_count from coupon_templates t left join coupons c on c.template_id = t.id
        group by t.id having t.issued_count <> count(c.id) filter (where c.state <> 'VOID')
                          or t.expired_count <> count(c.id) filter (where c.state = 'EXPIRED')
    """,
    "nothing is beyond a limit or a budget": """
        select id from coupon_templates
        where issued_count > issue_limit or (issued_count - expired_count) * amount > budget
    """,
    "nobody got more under a name than one may have": """
        select template_id, coalesce(origin_id, member_id) from coupons join coupon_templates t on t.id = template_id
        where state <> 'VOID' and t.per_member_limit = 3 and t.version = 1 group by 1, 2 having count(*) > 3
    """,
    "nothing is held any more, and nothing open that is over": """
        select id, state from coupons where state = 'LOCKED' or state = 'ISSUED' and expire_time <= :now
    """,
    "what is used was told last to be used by that order, and what no longer is was returned": """
        select c.id, c.state, e.type from coupons c left join lateral (
            select type, payload from outbox where aggregateid = 'coupons/' || c.id order by sequence desc limit 1
        ) e on true
        where c.state = 'USED' and (e.type <> 'CouponUsed' or e.payload::jsonb ->> 'order' <> 'orders/' || c.order_id)
           or c.state <> 'USED' and e.type = 'CouponUsed' and not exists (
               select from returned_orders r where e.payload::jsonb ->> 'order' = 'orders/' || r.order_id)
    """,
    "nothing is used twice": """
        select * from (
            select aggregateid, type, subject_version as version, lag(type) over following as before,
                   lag(subject_version) over following as version_before
            from outbox where aggregateid like 'coupons/%'
            window following as (partition by aggregateid order by sequence)
        ) e where version <= version_before or type = coalesce(before, '')
               or type = 'CouponIssued' and before is not null or type = 'CouponReturned' and before <> 'CouponUsed'
    """,
    "an order that was returned uses nothing that comes back": """
        select c.id from coupons c join returned_orders r using (order_id) join coupon_templates t on t.id = template_id
        where t.version = 1 and t.return_on_full_refund
    """,
    "nobody who is forgotten has an open coupon, or a cause that somebody wrote": """
        select c.id, c.state, c.cause from coupons c join members m on m.member_id = coalesce(c.origin_id, c.member_id)
        where m.erase_time is not null
          and (c.state in ('ISSUED', 'LOCKED') or c.cause in ('birthday', 'sorry, Ms Li'))
    """,
    "redemptions have ended": "select redemption_id from redemptions where state = 'REVOKING'",
    "of what was taken back nothing is left open": """
        select c.id, c.state, r.state from redemptions r join redemption_coupons using (redemption_id)
        join coupons c on c.id = coupon_id
        where r.state = 'REVOKED' and c.state = 'ISSUED' or r.state = 'REFUSED'
    """,
    "what came of a redemption is told once": """
        select aggregateid from outbox where type in ('RewardDelivered', 'RewardRefused')
        group by aggregateid having count(*) > 1
    """,
    "what is delivered has its coupons": """
        select redemption_id from redemptions left join redemption_coupons using (redemption_id)
        where state = 'DELIVERED' and coupon_id is null
    """,
    "who is gone was forgotten or has nothing": """
        select p.member_id, p.gone from profiles p left join members m using (member_id)
        where p.gone <> (m.erase_time is not null
                         or not exists (select from purchases b where b.member_id = p.member_id))
    """,
    "entering and leaving take turns, and end as it is": """
        select * from (
            select aggregateid, type, subject_version as version, lag(type) over following as before,
                   lag(subject_version) over following as version_before,
                   lead(type) over following is null as last
            from outbox where aggregateid like 'segments/%'
            window following as (partition by aggregateid order by sequence)
        ) e
        where type = coalesce(before, 'SegmentLeft') or version <= version_before
           or last and (type = 'SegmentEntered') <> exists (
               select from segment_members m
               where aggregateid = 'segments/' || m.segment_id || '/members/' || m.member_id)
    """,
    "an automation grants once": """
        select automation_id, coalesce(origin_id, member_id) from automation_runs
        where coupon_id is not null group by 1, 2 having count(*) > 1
    """,
    "all rules are built": "select id from segments where built_version < rule_version",
}
