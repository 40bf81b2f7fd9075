"""Whatever tiers go by: a naive walk from day to day says the same, and the order of the news does not matter."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Fault
from kit.money import Money
from services.members.domain.programme import Programme, Rate, Tier
from services.members.domain.tier import Gain, Standing, overridden, tier_at, tier_history
from services.members.domain.tier_override import TierOverride
from services.members.domain.tier_scheme import Benefits, Downgrade, Metric, TierScheme, Window
from services.members.domain.tier_status import Log, status_at
from tests.support.builders.members import MEMBER, NOW, day, dollars, programme
from tests.support.builders.tiers import LEVELS, ladder, override

NAMES = ["base", *LEVELS]
JOINED = day(59) + timedelta(hours=15)  # 29 February 2024
LAST = 3200

schemes = st.builds(
    TierScheme,
    metric=st.just(Metric.GROWTH),
    window=st.sampled_from(Window),
    downgrade=st.sampled_from(Downgrade),
    grace_days=st.sampled_from([0, 0, 1, 45, 180]),
)
amounts = st.sampled_from([-250, -100, -30, 1, 30, 60, 100, 250, 500])
logs = st.lists(st.builds(Gain, st.integers(0, 1500).map(day), amounts), max_size=10)


def level(total: int) -> int:
    return sum(total >= threshold for threshold in LEVELS.values())


def begins(scheme: TierScheme, date: datetime) -> bool:
    """Whether a period begins on a day, in UTC."""
    if scheme.window is Window.ANNIVERSARY:
        leap = date.year % 4 == 0
        return (date.month, date.day) == (2, 29 if leap else 28)
    return (date.month, date.day) == (1, 1)


def by_the_day(log: list[Gain], scheme: TierScheme) -> Iterator[int]:
    """The level of each day, by going through them one after the other."""
    gains = {number: [gain.amount for gain in log if gain.time == day(number)] for number in range(LAST)}
    walk = rolling if scheme.window is Window.ROLLING else periodic
    return walk(gains, scheme)


def periodic(gains: dict[int, list[int]], scheme: TierScheme) -> Iterator[int]:
    total, current, ends, target = 0, 0, -1, 0
    for number in range(LAST):
        if number == ends:
            current, ends = max(target, level(total)), -1
        if begins(scheme, day(number)):
            reached = level(total)
            if reached < current and scheme.downgrade is not Downgrade.KEEP:
                target = max(reached, current - 1) if scheme.downgrade is Downgrade.ONE_DOWN else reached
                current, ends = (current, number + scheme.grace_days) if scheme.grace_days else (target, -1)
            total = total if scheme.window is Window.LIFETIME else 0
        total += sum(gains[number])
        if gains[number] and level(total) >= current:
            current, ends = level(total), -1
        yield current


def rolling(gains: dict[int, list[int]], scheme: TierScheme) -> Iterator[int]:
    keep = 365 + scheme.grace_days
    reached: dict[int, int] = {}  # by level, the last day on which it, or a higher one, was reached
    for number in range(LAST):
        held = [each for each, since in reached.items() if number - since < keep]
        gone = [each for each, since in reached.items() if number - since == keep]
        if scheme.downgrade is Downgrade.KEEP:
            held = list(reached)
        elif scheme.downgrade is Downgrade.ONE_DOWN and gone and max(gone) > max(held, default=0):
            held.append(max(gone) - 1)
            reached |= dict.fromkeys(range(1, max(gone)), number)
        left = gains.get(number - 365, [])
        if any(amount > 0 for amount in gains[number]) or any(amount < 0 for amount in left):
            window = sum(sum(gains.get(each, [])) for each in range(number - 364, number + 1))
            held.append(level(window))
            reached |= dict.fromkeys(range(1, level(window) + 1), number)
        yield max(held, default=0)


@given(logs, schemes)
def test_a_naive_walk_from_day_to_day_says_the_same(log: list[Gain], scheme: TierScheme) -> None:
    history = tier_history(log, ladder(scheme), JOINED)
    expected = [(number, NAMES[after]) for number, before, after in steps(by_the_day(log, scheme))]
    assert [((change.time - day(0)).days, change.to_tier) for change in history] == expected


def steps(levels: Iterator[int]) -> Iterator[tuple[int, int, int]]:
    """The days on which the level is another than the day before."""
    before = 0
    for number, after in enumerate(levels):
        if after != before:
            yield number, before, after
        before = after


@given(logs, schemes, st.randoms())
def test_the_order_in_which_gains_are_told_does_not_matter(
    log: list[Gain], scheme: TierScheme, chance: random.Random
) -> None:
    shuffled = list(log)
    chance.shuffle(shuffled)
    assert tier_history(shuffled, ladder(scheme), JOINED) == tier_history(log, ladder(scheme), JOINED)


@given(logs, schemes)
def test_a_history_is_a_chain_of_instants_that_rise(log: list[Gain], scheme: TierScheme) -> None:
    history = tier_history(log, ladder(scheme), JOINED)
    tiers = ["base", *(change.to_tier for change in history)]
    assert [change.from_tier for change in history] == tiers[:-1]
    assert all(a.time < b.time for a, b in pairwise(history))
    assert all(change.upgrade == (NAMES.index(change.to_tier) > NAMES.index(change.from_tier)) for change in history)
    assert len(history) == 0 or scheme.downgrade is not Downgrade.KEEP or all(change.upgrade for change in history)


@given(logs, schemes, st.integers(0, 1600).map(day))
def test_what_comes_after_a_moment_does_not_change_the_tier_of_that_moment(
    log: list[Gain], scheme: TierScheme, time: datetime
) -> None:
    rules = ladder(scheme)
    known = Log(MEMBER, log, joined=JOINED)
    assert status_at(known, rules, time).tier == tier_at(known.history(rules), time)


def moves(log: list[Gain], overrides: list[TierOverride], rules: Programme) -> list[tuple[int, str, bool]]:
    history = overridden(tier_history(log, rules), overrides, rules)
    return [((change.time - day(0)).days, change.to_tier, change.manual) for change in history]


SILVER = (10, "silver", False)
BASE = (375, "base", False)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        # The purchase reaches silver on day 10 and keeps it until day 375.
        ([], [SILVER, BASE]),
        ([override(20, "gold", 30)], [SILVER, (20, "gold", True), (30, "silver", True), BASE]),
        # It holds against what is reached and what lapses meanwhile.
        ([override(5, "base", 20)], [(20, "silver", True), BASE]),
        ([override(300, "gold", 400)], [SILVER, (300, "gold", True), (400, "base", True)]),
        # The next act ends the one before; one without a tier only ends it.
        (
            [override(0, "gold", 500), override(20, "platinum", 25)],
            [(0, "gold", True), (20, "platinum", True), (25, "silver", True), BASE],
        ),
        ([override(0, "gold", 500), override(20)], [(0, "gold", True), (20, "silver", True), BASE]),
        # The same tier as without it: nothing changes but when it ends.
        ([override(20, "silver", 400)], [SILVER, (400, "base", True)]),
        # A tier that the programme no longer has.
        ([override(20, "diamond", 400)], [SILVER, BASE]),
    ],
)
def test_an_override_has_its_way_until_it_ends(
    overrides: list[TierOverride], expected: list[tuple[int, str, bool]]
) -> None:
    assert moves([Gain(day(10), 100_00)], overrides, programme()) == expected


def test_the_end_of_an_override_is_announced_by_the_clock() -> None:
    standing = Standing(MEMBER, "base", None, rules=1, version=0, overrides=[override(0, "gold", 30)])
    gold, facts = standing.judged([], programme(), day(1))
    assert [(fact.to_tier, fact.expire) for fact in facts] == [("gold", day(30))]
    assert gold.next_change == day(30)
    _, facts = gold.advanced(day(30))
    assert [(fact.to_tier, fact.time, fact.expire) for fact in facts] == [("base", day(30), None)]


def status_of(log: list[Gain], number: int, scheme: TierScheme, **fields: object) -> tuple[object, ...]:
    known = status_at(Log(MEMBER, log, joined=JOINED), ladder(scheme, **fields), day(number))
    following = known.next_tier.id if known.next_tier else None
    return known.tier, known.value, following, known.missing, known.evaluation, known.projected


CALENDAR = TierScheme(Metric.GROWTH, Window.CALENDAR_YEAR, Downgrade.ONE_DOWN)


@pytest.mark.parametrize(
    ("number", "scheme", "expected"),
    [
        # 260 on day 10 of 2024, 40 on day 400, in 2025.
        (9, CALENDAR, ("base", 0, "silver", 100, day(366), "base")),
        (10, CALENDAR, ("gold", 260, "platinum", 240, day(366), "gold")),
        (366, CALENDAR, ("gold", 0, "platinum", 500, day(731), "silver")),
        (400, CALENDAR, ("gold", 40, "platinum", 460, day(731), "silver")),
        (400, replace(CALENDAR, grace_days=30), ("gold", 40, "platinum", 460, day(731), "silver")),
        (731, replace(CALENDAR, grace_days=30), ("gold", 0, "platinum", 500, day(1096), "base")),
        (400, replace(CALENDAR, downgrade=Downgrade.KEEP), ("gold", 40, "platinum", 460, None, "gold")),
        (400, replace(CALENDAR, window=Window.LIFETIME), ("gold", 300, "platinum", 200, day(731), "gold")),
        (400, replace(CALENDAR, window=Window.ANNIVERSARY), ("gold", 40, "platinum", 460, day(424), "silver")),
        (10, replace(CALENDAR, window=Window.ROLLING), ("gold", 260, "platinum", 240, day(375), "silver")),
        (400, replace(CALENDAR, window=Window.ROLLING), ("silver", 40, "gold", 210, day(740), "base")),
        (5, replace(CALENDAR, window=Window.ROLLING), ("base", 0, "silver", 100, None, "base")),
    ],
)
def test_the_status_tells_what_is_missing_and_what_will_be(
    number: int, scheme: TierScheme, expected: tuple[object, ...]
) -> None:
    assert status_of([Gain(day(10), 260), Gain(day(400), 40)], number, scheme) == expected


@pytest.mark.parametrize(
    ("number", "scheme", "missing"),
    [
        (10, CALENDAR, 0),
        (400, CALENDAR, 210),
        (400, replace(CALENDAR, downgrade=Downgrade.KEEP), 0),
        (400, replace(CALENDAR, window=Window.LIFETIME), 0),
        (10, replace(CALENDAR, window=Window.ROLLING), 0),
    ],
)
def test_the_status_tells_what_is_missing_to_keep_the_tier(number: int, scheme: TierScheme, missing: int) -> None:
    log = Log(MEMBER, [Gain(day(10), 260), Gain(day(400), 40)])
    assert status_at(log, ladder(scheme), day(number)).missing_to_keep == missing
    given = replace(log, overrides=[override(0, "platinum", 900)])
    assert status_at(given, ladder(scheme), day(number)).missing_to_keep == 0


def test_at_the_top_nothing_is_missing() -> None:
    assert status_of([Gain(day(0), 600)], 1, CALENDAR)[2:4] == (None, 0)


def test_the_status_knows_since_when_and_the_override_in_force() -> None:
    log = Log(MEMBER, [Gain(day(10), 100_00)], [override(20, "gold", 30)])
    before, during, after = (status_at(log, programme(), day(number)) for number in (19, 20, 30))
    assert (before.tier, before.since, before.expire, before.override) == ("silver", day(10), day(375), None)
    assert (during.tier, during.since, during.expire, during.override) == ("gold", day(20), day(30), log.overrides[0])
    assert (after.tier, after.since, after.expire, after.override) == ("silver", day(30), day(375), None)


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ({"scheme": TierScheme(grace_days=181)}, "tier_scheme.grace_days"),
        ({"scheme": TierScheme(Metric.EARNED)}, "tiers[0].points"),
        ({"scheme": TierScheme(Metric.GROWTH), "tiers": (Tier("silver", 5), Tier("gold", 5))}, "tiers[1].points"),
        ({"tiers": (Tier("silver", 5),)}, "tiers[0].threshold"),
        ({"tiers": (Tier("gold", dollars(1), Benefits(extras=(("a", "1"), ("a", "2")))),)}, "tiers[0].benefits.extras"),
        ({"growth": Rate(1, Money(5, "EUR"))}, "growth.amount"),
    ],
)
def test_schemes_that_contradict_the_tiers_are_refused(rules: dict[str, object], field: str) -> None:
    current = programme()
    with pytest.raises(Fault) as refusal:
        current.changed(replace(current, **rules), NOW)  # type: ignore[arg-type]
    assert refusal.value.violations[0].field == f"programme.{field}"


def test_growth_value_is_earned_for_whole_amounts_of_the_programmes_currency() -> None:
    rules = replace(programme(), growth=programme().earn)
    assert (rules.grown(Money(299, "USD")), rules.grown(Money(299, "EUR")), programme().grown(dollars(9))) == (2, 0, 0)


def test_a_tier_is_good_for_what_the_programme_says() -> None:
    gold = Benefits(multiplier=15_000, free_shipping=True, extras=(("lounge", "yes"),))
    rules = replace(programme(), tiers=(Tier("gold", dollars(1), gold),))
    assert (rules.benefits("gold"), rules.benefits("base")) == (gold, Benefits())
