"""Tiers by the rules of their day: at every moment the version that was in force then has its say."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.members.domain.programme import BASE, Programme, Tier, in_force
from services.members.domain.tier import TierChange, tier_at
from services.members.domain.tier_eras import by_the_day, eras
from services.members.domain.tier_override import TierOverride
from services.members.domain.tier_scheme import Downgrade, Metric, TierScheme, Window
from services.members.domain.tier_status import Log
from tests.support.builders.members import MEMBER, day, dollars, spend
from tests.support.builders.tiers import LEVELS, ladder, override

SCHEMES = st.builds(
    TierScheme, st.just(Metric.SPENT), st.sampled_from(Window), st.sampled_from(Downgrade), st.sampled_from([0, 30])
)


def told(versions: dict[int, Programme], log: Log) -> list[TierChange]:
    return by_the_day([(era, log.history(era.programme)) for era in eras(versions)])


@st.composite
def programmes(draw: st.DrawFn) -> dict[int, Programme]:
    """Versions of a programme, made on some days; a replica's clock may have been ahead."""
    days = draw(st.lists(st.integers(0, 900), min_size=1, max_size=4))
    made = {}
    for number, date in enumerate(days, start=1):
        rules = ladder(draw(SCHEMES), version=number, update_time=day(date))
        names = draw(st.sets(st.sampled_from(sorted(LEVELS)), min_size=1))
        least = draw(st.integers(50, 200))
        steps = [name for name in LEVELS if name in names]
        tiers = [
            replace(each, threshold=dollars(LEVELS[each.id] * least // 100)) for each in rules.tiers if each.id in steps
        ]
        made[number] = replace(rules, tiers=tuple(tiers))
    return made


@st.composite
def logs(draw: st.DrawFn) -> Log:
    """What counts, and what was given by hand."""
    gains = draw(st.lists(st.builds(spend, st.integers(0, 900), st.integers(1, 400)), max_size=12))
    acts: list[TierOverride] = []
    for number, length in draw(st.lists(st.tuples(st.integers(0, 800), st.integers(1, 200)), max_size=2)):
        start = max([number, *((act.time - day(0)).days for act in acts)])
        acts.append(override(start, draw(st.sampled_from(sorted(LEVELS))), start + length))
    return Log(MEMBER, sorted(gains), acts, day(-40))


def moments(versions: dict[int, Programme], changes: list[TierChange]) -> list[datetime]:
    edges = [each.update_time for each in versions.values()] + [each.time for each in changes]
    return [
        edge + timedelta(microseconds=step) for edge in [*edges, *map(day, range(-10, 1300, 97))] for step in (-1, 0, 1)
    ]


@given(programmes(), logs())
def test_the_tier_of_any_moment_is_that_of_the_version_in_force(versions: dict[int, Programme], log: Log) -> None:
    changes = told(versions, log)
    for moment in moments(versions, changes):
        rules = in_force(versions, moment)
        assert tier_at(changes, moment) == tier_at(log.history(rules), moment)


@given(programmes(), logs())
def test_each_change_begins_where_the_one_before_ended(versions: dict[int, Programme], log: Log) -> None:
    changes = told(versions, log)
    tiers = [BASE, *(change.to_tier for change in changes)]
    assert [change.from_tier for change in changes] == tiers[:-1]
    assert all(before != after for before, after in pairwise(tiers))
    assert sorted(changes, key=lambda change: change.time) == changes


def test_a_tier_that_new_rules_do_not_know_was_where_the_old_ones_had_it() -> None:
    old = ladder(TierScheme(), update_time=day(0))
    new = replace(old, version=2, update_time=day(50), tiers=(Tier("platinum", old.tiers[0].threshold),))
    log = Log(MEMBER, [spend(10, 250)])
    assert [(each.time, each.from_tier, each.to_tier, each.upgrade) for each in told({1: old, 2: new}, log)][:2] == [
        (day(10), "base", "gold", True),
        (day(50), "gold", "platinum", False),
    ]


def test_versions_that_judge_tiers_alike_are_one_era() -> None:
    one = ladder(TierScheme(), update_time=day(0))
    same = replace(one, version=2, update_time=day(5), expiry_notice_days=1)
    assert [era.programme.version for era in eras({1: one, 2: same})] == [1]
