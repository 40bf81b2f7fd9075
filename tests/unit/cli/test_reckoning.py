"""What must follow from a purchase log, and how differences are told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cli.demo.history import cdnow_file
from cli.demo.latency import Latency, histogram
from cli.demo.reckoning import compare, compare_each, none_of
from cli.demo.reconcile import Reckoning
from cli.demo.reconcile_file import Purchase, Spending, Upgrade, expect, scores, upgrades
from cli.demo.reconcile_history import History

DAY = timedelta(days=1)
START = datetime(1997, 1, 1, tzinfo=UTC)


def log(*purchases: tuple[int, int]) -> list[Purchase]:
    return [Purchase(START + day * DAY, 1, net) for day, net in purchases]


def reached(*purchases: tuple[int, int]) -> list[tuple[int, str]]:
    return [((upgrade.time - START) // DAY, upgrade.tier) for upgrade in upgrades(log(*purchases))]


def test_the_file_says_what_everybody_knows_of_it() -> None:
    expected = expect(cdnow_file())
    assert (len(expected.purchases), expected.orders, expected.items) == (23_570, 69_659, 167_881)
    assert expected.revenue == 250_031_563
    assert sum(expected.points.values()) == 2_453_159
    assert sum(map(len, expected.upgrades.values())) == 8_252


@pytest.mark.parametrize(
    ("purchases", "wanted"),
    [
        ([(0, 9_999)], []),
        ([(0, 10_000)], [(0, "silver")]),
        ([(0, 50_000)], [(0, "platinum")]),
        ([(0, 6_000), (364, 4_000)], [(364, "silver")]),
        ([(0, 6_000), (365, 4_000)], []),
        ([(5, 6_000), (5, 4_000)], [(5, "silver")]),
        ([(0, 10_000), (10, 15_000)], [(0, "silver"), (10, "gold")]),
        # Gold of day 0 ends on day 365, where what is bought is enough for silver only.
        ([(0, 25_000), (365, 10_000), (400, 20_000)], [(0, "gold"), (400, "gold")]),
        ([(0, 10_000), (365, 10_000)], [(0, "silver")]),
        ([(0, 10_000), (366, 10_000)], [(0, "silver"), (366, "silver")]),
    ],
)
def test_tiers_follow_the_rolling_spend(purchases: list[tuple[int, int]], wanted: list[tuple[int, str]]) -> None:
    assert reached(*purchases) == wanted


def test_an_upgrade_has_its_instant_and_its_tier() -> None:
    assert upgrades(log((3, 26_000))) == [Upgrade(START + 3 * DAY, "gold")]


def test_scores_count_those_with_strictly_lower_values() -> None:
    spendings = [Spending(orders, 100, START, START) for orders in (1, 1, 1, 2, 9)]
    assert scores(spendings) == {(1, 1, 1): 3, (1, 4, 1): 1, (1, 5, 1): 1}


def test_a_difference_is_told_with_the_key_it_is_of() -> None:
    made = compare_each("points", {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}, {"a": 1, "b": 3})
    assert not made.holds
    assert made.differences == ("b: 3 is not 2", "c: None is not 3", "d: None is not 4", "and 1 more")
    assert compare_each("points", {"a": 1}, {"a": 1}).holds


def reckoning(*comparisons: object) -> Reckoning:
    return Reckoning(History(2, 3, 4, 1_205, 11, 1), list(comparisons))  # type: ignore[arg-type]


def test_the_line_says_reconciled_only_when_everything_holds() -> None:
    fine = reckoning(compare("orders", 3, 3), none_of("lost", {}, lost=True))
    assert fine.line == (
        "RECONCILED customers=2 orders=3 items=4 revenue=12.05 points=11 tiers=1 events_lost=0 effects_duplicated=0"
    )
    wrong = reckoning(compare("orders", 3, 3), none_of("lost", {"event": "was never taken in"}, lost=True))
    assert wrong.line == "NOT RECONCILED"
    assert wrong.comparisons[1].lost == 1


def test_quantiles_are_values_that_were_seen() -> None:
    latency = Latency("members", tuple(n / 100 for n in range(1, 101)))
    assert (latency.quantile(0.5), latency.quantile(0.99), latency.quantile(1)) == (0.5, 0.99, 1.0)
    assert Latency("members", ()).quantile(0.5) == 0


def test_a_histogram_counts_every_value_once() -> None:
    edges, counts = histogram([0.0, 0.5, 0.99, 1.0], bins=2)
    assert edges == [0.0, 0.5]
    assert counts == [1, 3]
    assert histogram([], bins=5) == ([], [])
