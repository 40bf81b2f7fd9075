"""Rules of segments as JSON, and as a condition of SQL."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, not_, or_

from services.campaigns.domain.rule import DAY, AllOf, AnyOf, Comparison, Criterion, Metric, Rule
from services.campaigns.storage.tables import spendings

_COUNT = func.sum(spendings.c.order_count)


def to_json(rule: Rule) -> dict[str, Any]:
    """The rule as it is stored."""
    match rule:
        case Criterion():
            return {
                "metric": rule.metric.value,
                "comparison": rule.comparison.value,
                "value": rule.value,
                "currency": rule.currency,
            }
        case AllOf(rules):
            return {"all_of": [to_json(part) for part in rules]}
        case AnyOf(rules):
            return {"any_of": [to_json(part) for part in rules]}


def from_json(stored: dict[str, Any]) -> Rule:
    """The rule that was stored."""
    if "all_of" in stored:
        return AllOf(tuple(from_json(part) for part in stored["all_of"]))
    if "any_of" in stored:
        return AnyOf(tuple(from_json(part) for part in stored["any_of"]))
    metric, comparison = Metric(stored["metric"]), Comparison(stored["comparison"])
    return Criterion(metric, comparison, stored["value"], stored["currency"])


def to_sql(rule: Rule, now: datetime) -> ColumnElement[bool]:
    """The rule as a condition on a member's group of spendings, to count members without reading them.

    It says the same as `domain.rule.matches`; a test compares the two.
    """
    match rule:
        case Criterion():
            return _criterion(rule, now)
        case AllOf(rules):
            return and_(*(to_sql(part, now) for part in rules))
        case AnyOf(rules):
            return or_(*(to_sql(part, now) for part in rules))


def _criterion(criterion: Criterion, now: datetime) -> ColumnElement[bool]:
    match criterion.metric:
        case Metric.ORDER_COUNT:
            return _compare(_COUNT, criterion.comparison, literal(criterion.value))
        case Metric.TOTAL_SPENT:
            return _compare(_of(criterion, spendings.c.total), criterion.comparison, literal(criterion.value))
        case Metric.AVERAGE_ORDER:
            count = _of(criterion, spendings.c.order_count)
            total = _of(criterion, spendings.c.total)
            return and_(count > 0, _compare(total, criterion.comparison, count * criterion.value))
        case Metric.RECENCY_DAYS:
            return _days(func.max(spendings.c.last_purchase), criterion, now)
        case Metric.TENURE_DAYS:
            return _days(func.min(spendings.c.first_purchase), criterion, now)


def _of(criterion: Criterion, column: ColumnElement[int]) -> ColumnElement[int]:
    """The sum of a column in the criterion's currency: at most one row of the group has it."""
    return func.coalesce(func.sum(column).filter(spendings.c.currency == criterion.currency), 0)


def _compare(left: ColumnElement[int], comparison: Comparison, right: ColumnElement[int]) -> ColumnElement[bool]:
    match comparison:
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


def _days(start: ColumnElement[datetime], criterion: Criterion, now: datetime) -> ColumnElement[bool]:
    """At least n full days have passed just when the start is not after now less n days."""
    past = func.least(start, literal(now))
    reached, passed = past <= now - criterion.value * DAY, past <= now - (criterion.value + 1) * DAY
    outcomes = {
        Comparison.LESS_THAN: not_(reached),
        Comparison.AT_MOST: not_(passed),
        Comparison.EQUAL: and_(reached, not_(passed)),
        Comparison.AT_LEAST: reached,
        Comparison.MORE_THAN: passed,
    }
    # `least` passes over a start that is missing, so that is asked apart.
    return and_(start.is_not(None), outcomes[criterion.comparison])
