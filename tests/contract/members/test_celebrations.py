"""Birthdays, complete profiles and badges on a real database: each gives what it gives once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from kit.errors import Fault
from kit.page import Page
from services.members.domain.badge import Badge, Metric
from services.members.domain.celebration import BirthdayRules, LeapDay, ProfileField, ProfileRules
from services.members.domain.daily_limit import Origin
from services.members.domain.member import Profile
from services.members.usecases import badge, celebration, check_in, engagement, member, points, purchase, referral
from services.members.usecases.badge import CreateBadge
from services.members.usecases.engagement import UpdateEngagementPolicy
from services.members.usecases.member import Enroll, UpdateMember
from services.members.usecases.points import Accrue
from tests.contract.members.conftest import World
from tests.contract.members.test_races import at_once
from tests.support.builders.engagement import check_in_rules, order_told
from tests.support.builders.members import dollars, settlement


def rule(world: World, **rules: Any) -> None:
    world.do(engagement.update, UpdateEngagementPolicy(rules))


def born(world: World, birthday: str, **fields: Any) -> UUID:
    of: UUID = world.do(member.enroll, Enroll(uuid4(), Profile(birthday=birthday, **fields))).member.id
    return of


def until(world: World, year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> None:
    world.clock.now = datetime(year, month, day, hour, minute, tzinfo=UTC)


def swept(world: World) -> int:
    done: int = world.do(celebration.congratulate)
    return done


def test_a_birthday_gives_points_once_a_year(world: World) -> None:
    rule(world, birthdays=BirthdayRules(100))
    of, other = born(world, "1990-05-20"), born(world, "1990-05-21")
    until(world, 2026, 5, 19, 23, 59)
    assert swept(world) == 0
    until(world, 2026, 5, 20)
    assert (swept(world), swept(world)) == (1, 0)
    assert (world.wallet(of)[0], world.wallet(other)[0]) == (100, 0)
    assert world.rows("select source from ledger_entries") == [(f"members/{of}/birthdays/2026",)]
    until(world, 2027, 5, 20, 12)
    assert swept(world) == 1
    assert world.wallet(of)[0] == 200


def test_three_sweeps_at_once_congratulate_everybody_once(world: World) -> None:
    rule(world, birthdays=BirthdayRules(100))
    many = [born(world, "0000-03-01") for _ in range(60)]
    done = at_once([lambda: swept(world)] * 3)
    while sum(done) < len(many):  # a sweep passes over those whom another one has locked
        done.append(swept(world))
    assert sum(done) == len(many)
    assert {world.wallet(of)[0] for of in many} == {100}


def test_a_birthday_that_is_changed_gives_nothing_more_in_the_same_year(world: World) -> None:
    rule(world, birthdays=BirthdayRules(100))
    of = born(world, "0000-03-01")
    swept(world)
    world.do(member.update, UpdateMember(of, ["birthday"], Profile(birthday="0000-03-02")))
    world.clock.move(timedelta(days=1))
    assert swept(world) == 0


def test_who_was_born_on_the_leap_day_celebrates_every_year(world: World) -> None:
    rule(world, birthdays=BirthdayRules(100, LeapDay.MARCH_1))
    of = born(world, "2000-02-29")
    assert swept(world) == 1  # it is the first of March 2026
    until(world, 2028, 2, 29, 12)
    assert swept(world) == 1
    assert world.wallet(of)[0] == 200


def test_birthdays_of_the_days_when_no_worker_ran_are_made_up_for(world: World) -> None:
    rule(world, birthdays=BirthdayRules(100))
    of, late = born(world, "0000-12-31"), born(world, "0000-12-25")
    until(world, 2027, 1, 2)
    assert swept(world) == 1
    assert (world.wallet(of)[0], world.wallet(late)[0]) == (100, 0)
    assert world.rows("select year from birthday_rewards") == [(2026,)]


def test_without_rules_nobody_is_congratulated(world: World) -> None:
    born(world, "0000-03-01")
    assert swept(world) == 0


def test_a_profile_gives_points_once_when_its_last_field_is_filled(world: World) -> None:
    rule(world, profiles=ProfileRules(50, (ProfileField.EMAIL, ProfileField.HOME_STORE)))
    of = born(world, "", email="fang@example.com")
    assert world.wallet(of)[0] == 0
    for store in ("tea-1", "", "tea-2"):
        world.do(member.update, UpdateMember(of, ["home_store"], Profile(home_store=store)))
    assert world.wallet(of)[0] == 50
    assert world.rows("select source from ledger_entries") == [(f"members/{of}/profile",)]
    whole = born(world, "", email="li@example.com", home_store="tea-1")
    assert world.wallet(whole)[0] == 50


def made(world: World, metric: Metric, threshold: int) -> Badge:
    done: Badge = world.do(badge.create, CreateBadge(uuid4(), "A badge", metric, threshold))
    return done


def has(world: World, of: UUID) -> list[UUID]:
    return [award.badge.id for award in world.do(engagement.badges, of, Page(10))]


def test_badges_for_check_ins_come_with_the_check_in_and_once(world: World) -> None:
    rule(world, check_in=check_in_rules())
    twice, once = made(world, Metric.CHECK_INS, 2), made(world, Metric.CHECK_INS, 1)
    (of,) = world.enrolled()
    at_once([lambda: world.do(check_in.check_in, Origin(of))] * 10)
    assert has(world, of) == [once.id]
    for _ in range(2):
        world.clock.move(timedelta(days=1))
        world.do(check_in.check_in, Origin(of))
    assert set(has(world, of)) == {once.id, twice.id}
    subjects = [subject for subject, _, _ in world.published("BadgeAwarded")]
    assert subjects == [f"members/{of}/badgeAwards/{each.id}" for each in (once, twice)]


def test_badges_for_orders_count_those_that_are_paid_and_not_refunded_and_stay(world: World) -> None:
    three = made(world, Metric.ORDERS, 3)
    (of,) = world.enrolled()
    news = [order_told(member=of, paid=50) for _ in range(3)]
    gone = replace(news[0], paid=None, net=0, version=2)
    world.do(referral.settle, [gone, *news])
    assert has(world, of) == []
    world.do(referral.settle, [order_told(member=of, paid=10)])
    assert has(world, of) == [three.id]
    world.do(referral.settle, [replace(news[1], paid=None, net=0, version=2)])
    assert has(world, of) == [three.id]


def test_badges_for_points_count_what_was_earned_and_not_taken_back(world: World) -> None:
    hundred = made(world, Metric.POINTS_EARNED, 100)
    (of,) = world.enrolled()
    paid = settlement(of, net=90)
    world.do(purchase.settle, [paid])
    world.do(purchase.settle, [replace(paid, net=dollars(60), version=2)])
    world.do(points.accrue, [Accrue(of, 39, "surveys/1")])
    world.do(points.spend, [points.Spend(of, 99, "rewards/1")])
    award(world, of)
    assert has(world, of) == []
    world.do(points.accrue, [Accrue(of, 1, "surveys/2")])
    at_once([lambda: award(world, of)] * 10)
    assert has(world, of) == [hundred.id]
    assert len(world.published("BadgeAwarded")) == 1


def award(world: World, of: UUID) -> None:
    world.do(badge.award, {of}, Metric.POINTS_EARNED)


def test_a_retired_badge_is_kept_by_who_has_it_and_given_to_nobody(world: World) -> None:
    rule(world, check_in=check_in_rules())
    first = made(world, Metric.CHECK_INS, 1)
    early, late = world.enrolled(2)
    world.do(check_in.check_in, Origin(early))
    retired = world.do(badge.retire, first.id)
    assert retired.retire_time == world.clock.now
    world.clock.move(timedelta(days=1))
    assert world.do(badge.retire, first.id) == retired == world.do(badge.get, first.id)
    world.do(check_in.check_in, Origin(late))
    assert (has(world, early), has(world, late)) == ([first.id], [])


def test_what_is_unknown_is_told_so(world: World) -> None:
    for ask in (badge.get, badge.retire, lambda unit, of: engagement.badges(unit, of, Page(1))):
        with pytest.raises(Fault) as caught:
            world.do(ask, uuid4())
        assert caught.value.kind == "NOT_FOUND"
