"""What the report shows, read from the four databases."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from cli.demo.databases import Databases, pairs
from cli.demo.reconcile_file import TIERS, Spending, scores
from cli.demo.reconcile_history import CHANNEL

POINTS_EDGES = (0, 1, 10, 25, 50, 100, 200, 500, 1_000)
"""Left edges of the bins of the points distribution."""
STAGES = ("QUALIFY", "DEVELOP", "PROPOSE", "NEGOTIATE", "WON")
_TIER_NAMES = ("base", *(name for name, _ in TIERS))
_AGES = 18
"""Months after the first purchase that the retention shows."""


@dataclass(frozen=True, slots=True)
class Weeks:
    """Orders and revenue (whole currency units) by week."""

    days: list[date]
    orders: list[int]
    revenue: list[float]


@dataclass(frozen=True, slots=True)
class Cohorts:
    """Of the customers who first bought in a month, the share that bought again n months later."""

    months: list[str]
    sizes: list[int]
    shares: list[list[float | None]]


@dataclass(frozen=True, slots=True)
class Flow:
    """Rows per second of the import: orders committed, effects in members and campaigns."""

    seconds: list[int]
    orders: list[int]
    members: list[int]
    campaigns: list[int]


@dataclass(frozen=True, slots=True)
class Data:
    """Everything the charts need."""

    weeks: Weeks
    rfm: dict[tuple[int, int, int], int]
    tiers: dict[str, list[int]]
    tier_months: list[date]
    points: list[int]
    cohorts: Cohorts
    funnel: list[tuple[str, int]]
    flow: Flow


def collect(found: Databases) -> Data:
    """Read everything."""
    members = {row[0] for row in found.rows("members", "select member from identifiers where channel = %s", CHANNEL)}
    months, tiers = _tiers(found, members)
    return Data(
        weeks=_weeks(found),
        rfm=_rfm(found, members),
        tiers=tiers,
        tier_months=months,
        points=_points(found, members),
        cohorts=_cohorts(found),
        funnel=_funnel(found),
        flow=_flow(found),
    )


def _weeks(found: Databases) -> Weeks:
    sql = """
        select cast(date_trunc('week', pay_time, 'UTC') as date), count(*), sum(total)::bigint from orders
        where channel = %s group by 1 order by 1
    """
    rows = found.rows("orders", sql, CHANNEL)
    return Weeks([row[0] for row in rows], [row[1] for row in rows], [row[2] / 100 for row in rows])


def _rfm(found: Databases, members: set[Any]) -> dict[tuple[int, int, int], int]:
    sql = """
        select member_id, order_count, total, first_purchase, last_purchase from spendings
        where currency = 'USD' and order_count > 0
    """
    return scores(Spending(*row[1:]) for row in found.rows("campaigns", sql) if row[0] in members)


def _tiers(found: Databases, members: set[Any]) -> tuple[list[date], dict[str, list[int]]]:
    """Members of each tier at the beginning of each month of the history and of its aftermath."""
    rows = found.rows("members", "select member, time, from_tier, to_tier from tier_changes order by time")
    changes = [row[1:] for row in rows if row[0] in members]
    if not changes:
        return [], {name: [] for name in _TIER_NAMES[1:]}
    months = _months(changes[0][0], changes[-1][0])
    counts: Counter[str] = Counter()
    series: dict[str, list[int]] = {name: [] for name in _TIER_NAMES[1:]}
    place = 0
    for month in months:
        while place < len(changes) and changes[place][0].date() <= month:
            counts[changes[place][1]] -= 1
            counts[changes[place][2]] += 1
            place += 1
        for name, values in series.items():
            values.append(counts[name])
    return months, series


def _months(first: datetime, last: datetime) -> list[date]:
    months: list[date] = []
    month = first.astimezone(UTC).date().replace(day=1)
    while not months or months[-1] < last.date():
        months.append(month)
        month = (month + timedelta(days=31)).replace(day=1)
    return months


def _points(found: Databases, members: set[Any]) -> list[int]:
    """How many members have a balance in each bin."""
    sql = "select owner, balance from ledger_accounts where unit = 'points' and kind = 'available'"
    bins = Counter(
        bisect_right(POINTS_EDGES, balance) - 1 for owner, balance in found.rows("members", sql) if owner in members
    )
    return [bins[index] for index in range(len(POINTS_EDGES))]


def _cohorts(found: Databases) -> Cohorts:
    sql = """
        select distinct member_id, (extract(year from pay_time at time zone 'UTC') * 12
               + extract(month from pay_time at time zone 'UTC') - 1)::int
        from orders where channel = %s and member_id is not null
    """
    bought: dict[Any, set[int]] = defaultdict(set)
    for member, month in found.rows("orders", sql, CHANNEL):
        bought[member].add(month)
    sizes = Counter(min(months) for months in bought.values())
    active = Counter((min(months), month) for months in bought.values() for month in months)
    end = max((month for months in bought.values() for month in months), default=0)
    firsts = sorted(sizes)
    shares = [
        [active[first, first + age] / sizes[first] if first + age <= end else None for age in range(_AGES)]
        for first in firsts
    ]
    return Cohorts(
        [f"{first // 12}-{first % 12 + 1:02}" for first in firsts], [sizes[first] for first in firsts], shares
    )


def _funnel(found: Databases) -> list[tuple[str, int]]:
    """Leads, and the opportunities that reached each stage or a later one."""
    leads = found.one("pipeline", "select count(*) from leads")
    reached = pairs(
        found.rows("pipeline", "select to_stage, count(distinct opportunity) from stage_changes group by 1")
    )
    return [("LEADS", leads), *((stage, reached.get(stage, 0)) for stage in STAGES)]


def _flow(found: Databases) -> Flow:
    sql = """
        select id, extract(epoch from b.created_at)::bigint
        from outbox b where type = 'OrderPaid'
          and exists (select from orders o where o.channel = %s and o.id = substr(b.aggregateid, 8)::uuid)
    """
    written = pairs(found.rows("orders", sql, CHANNEL))
    taken = "select event_id, extract(epoch from received_at)::bigint from inbox where consumer = %s"
    series = [
        Counter(written.values()),
        Counter(at for event, at in found.rows("members", taken, "members.settlement") if event in written),
        Counter(at for event, at in found.rows("campaigns", taken, "campaigns.orders") if event in written),
    ]
    every = sorted({second for counts in series for second in counts})
    if not every:
        return Flow([], [], [], [])
    seconds = list(range(int(every[0]), int(every[-1]) + 1))
    orders, members, campaigns = ([counts[second] for second in seconds] for counts in series)
    return Flow([second - seconds[0] for second in seconds], orders, members, campaigns)
