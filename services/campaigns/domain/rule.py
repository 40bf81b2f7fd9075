"""The rules of segments: typed conditions on a profile, and when time alone may change their answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from kit.errors import invalid
from services.campaigns.domain import errors
from services.campaigns.domain.profile import Profile

MAX_DEPTH = 5
MAX_CRITERIA = 50
MAX_DAYS = 36_500
DAY = timedelta(days=1)


class Metric(StrEnum):
    """What is measured of a profile."""

    RECENCY_DAYS = "RECENCY_DAYS"
    TENURE_DAYS = "TENURE_DAYS"
    ORDER_COUNT = "ORDER_COUNT"
    TOTAL_SPENT = "TOTAL_SPENT"
    AVERAGE_ORDER = "AVERAGE_ORDER"

    @property
    def of_money(self) -> bool:
        """Whether its value is an amount."""
        return self in {Metric.TOTAL_SPENT, Metric.AVERAGE_ORDER}

    @property
    def of_days(self) -> bool:
        """Whether its value grows as time passes."""
        return self in {Metric.RECENCY_DAYS, Metric.TENURE_DAYS}


class Comparison(StrEnum):
    """How a metric is compared with the value."""

    LESS_THAN = "LESS_THAN"
    AT_MOST = "AT_MOST"
    EQUAL = "EQUAL"
    AT_LEAST = "AT_LEAST"
    MORE_THAN = "MORE_THAN"

    def holds(self, left: int, right: int) -> bool:
        """Whether `left` compares so with `right`."""
        match self:
            case Comparison.LESS_THAN:
                return left < right
            case Comparison.AT_MOST:
                return left <= right
            case Comparison.EQUAL:
                return left == right
            case Comparison.AT_LEAST:
                return left >= right
            case Comparison.MORE_THAN:
                return left > right


@dataclass(frozen=True, slots=True)
class Criterion:
    """One comparison. An amount is in minor units of `currency`, which is empty for days and counts."""

    metric: Metric
    comparison: Comparison
    value: int
    currency: str = ""

    def matches(self, profile: Profile, now: datetime) -> bool:
        """Whether the profile satisfies it. A metric that the profile has not satisfies nothing."""
        match self.metric:
            case Metric.ORDER_COUNT:
                return self.comparison.holds(profile.order_count, self.value)
            case Metric.TOTAL_SPENT | Metric.AVERAGE_ORDER:
                return self._matches_spending(profile)
            case Metric.RECENCY_DAYS | Metric.TENURE_DAYS:
                start = self._start(profile)
                return start is not None and self.comparison.holds(max(now - start, timedelta()) // DAY, self.value)

    def changes(self, profile: Profile) -> Iterator[datetime]:
        """The instants at which its answer may change as time passes."""
        start = self._start(profile)
        if start is not None:
            yield start + self.value * DAY
            yield start + (self.value + 1) * DAY

    def _matches_spending(self, profile: Profile) -> bool:
        spending = profile.spendings.get(self.currency)
        total, count = (spending.total, spending.order_count) if spending else (0, 0)
        if self.metric is Metric.TOTAL_SPENT:
            return self.comparison.holds(total, self.value)
        # Both sides times the count: no rounding decides.
        return count > 0 and self.comparison.holds(total, self.value * count)

    def _start(self, profile: Profile) -> datetime | None:
        """From when the metric counts days, if it does."""
        if not self.metric.of_days:
            return None
        return profile.last_purchase if self.metric is Metric.RECENCY_DAYS else profile.first_purchase


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every rule holds."""

    rules: Sequence[Rule]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one rule holds."""

    rules: Sequence[Rule]


Rule = Criterion | AllOf | AnyOf


def matches(rule: Rule, profile: Profile, now: datetime) -> bool:
    """Whether the profile satisfies the rule now."""
    match rule:
        case Criterion():
            return rule.matches(profile, now)
        case AllOf(rules):
            return all(matches(part, profile, now) for part in rules)
        case AnyOf(rules):
            return any(matches(part, profile, now) for part in rules)


def next_change(rule: Rule, profile: Profile, now: datetime) -> datetime | None:
    """The next instant at which the rule may judge the profile otherwise though nothing is bought or refunded."""
    instants = (instant for part in criteria(rule) for instant in part.changes(profile))
    return min((instant for instant in instants if instant > now), default=None)


def criteria(rule: Rule) -> Iterator[Criterion]:
    """All criteria of the rule."""
    if isinstance(rule, Criterion):
        yield rule
    else:
        for part in rule.rules:
            yield from criteria(part)


def checked(rule: Rule) -> Rule:
    """The rule itself, when its values fit its metrics and it is not too large. Raises a Fault."""
    if _depth(rule) > MAX_DEPTH:
        raise errors.rule_too_large(f"must not nest deeper than {MAX_DEPTH}")
    parts = list(criteria(rule))
    if len(parts) > MAX_CRITERIA:
        raise errors.rule_too_large(f"must not have more than {MAX_CRITERIA} criteria")
    for part in parts:
        _check(part)
    return rule


def _check(criterion: Criterion) -> None:
    if criterion.metric.of_money and not criterion.currency:
        raise invalid("rule.criterion.amount", f"must be set for {criterion.metric}")
    if not criterion.metric.of_money and criterion.currency:
        raise invalid("rule.criterion.number", f"must be set for {criterion.metric}")
    if criterion.metric.of_days and criterion.value > MAX_DAYS:
        raise invalid("rule.criterion.number", f"must not be more than {MAX_DAYS} days")


def _depth(rule: Rule) -> int:
    return 1 if isinstance(rule, Criterion) else 1 + max(_depth(part) for part in rule.rules)
