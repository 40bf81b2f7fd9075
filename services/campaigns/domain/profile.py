"""What a member bought, summed up; kept by adding what changed, never by reading all purchases again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from services.campaigns.domain.purchase import Change, Purchase

Key = tuple[UUID, str]
"""A member and a currency."""

Bounds = tuple[datetime, datetime]
"""When the first and the last purchase were paid."""


@dataclass(frozen=True, slots=True)
class Spending:
    """A member's purchases in one currency. `total` is in minor units; `bounds` is None when none counts."""

    member: UUID
    currency: str
    order_count: int = 0
    total: int = 0
    bounds: Bounds | None = None

    def plus(self, purchase: Purchase) -> Spending:
        """With one purchase more."""
        if not purchase.counts:
            return replace(self, total=self.total + purchase.net)
        first, last = self.bounds or (purchase.pay_time, purchase.pay_time)
        bounds = min(first, purchase.pay_time), max(last, purchase.pay_time)
        return replace(self, order_count=self.order_count + 1, total=self.total + purchase.net, bounds=bounds)

    def minus(self, purchase: Purchase) -> Spending:
        """With one purchase less. Its bounds stay; see `unbounded`."""
        count = self.order_count - purchase.counts
        return replace(self, order_count=count, total=self.total - purchase.net)


@dataclass(frozen=True, slots=True)
class Profile:
    """A member's spendings by currency. `version` grows with every change of the profile or of a membership.

    `due_time` is the next instant at which a segment's rule may judge the member otherwise because time passed. Who is
    `gone` is in no segment: the member was erased, or all purchases went to another one by a merge.
    """

    member: UUID
    spendings: Mapping[str, Spending] = field(default_factory=dict)
    version: int = 1
    due_time: datetime | None = None
    update_time: datetime | None = None
    gone: bool = False

    @property
    def order_count(self) -> int:
        """Purchases in all currencies."""
        return sum(spending.order_count for spending in self.spendings.values())

    @property
    def first_purchase(self) -> datetime | None:
        """When the first purchase was paid, in any currency."""
        return min((spending.bounds[0] for spending in self.spendings.values() if spending.bounds), default=None)

    @property
    def last_purchase(self) -> datetime | None:
        """When the last purchase was paid, in any currency."""
        return max((spending.bounds[1] for spending in self.spendings.values() if spending.bounds), default=None)


def apply(spendings: Mapping[Key, Spending], changes: Iterable[Change]) -> dict[Key, Spending]:
    """The spendings that the changes touch, after them. Those of `unbounded(changes)` need new bounds."""
    after: dict[Key, Spending] = {}
    for change in changes:
        if change.before is not None:
            key = _key(change.before)
            after[key] = _at(key, after, spendings).minus(change.before)
        key = _key(change.after)
        after[key] = _at(key, after, spendings).plus(change.after)
    return after


def unbounded(changes: Iterable[Change]) -> set[Key]:
    """Where a purchase no longer counts that did before, so that the first or last one has to be looked up."""
    return {
        _key(change.before)
        for change in changes
        if change.before is not None and change.before.counts and not _still_there(change)
    }


def rebound(
    spendings: Mapping[Key, Spending], keys: Iterable[Key], bounds: Mapping[Key, Bounds]
) -> dict[Key, Spending]:
    """The spendings with the looked-up bounds of `keys`; without any purchase left there are none."""
    return {**spendings, **{key: replace(spendings[key], bounds=bounds.get(key)) for key in keys}}


def _still_there(change: Change) -> bool:
    before, after = change.before, change.after
    return before is not None and after.counts and before.pay_time == after.pay_time and _key(before) == _key(after)


def _key(purchase: Purchase) -> Key:
    return purchase.member, purchase.currency


def _at(key: Key, *places: Mapping[Key, Spending]) -> Spending:
    return next((place[key] for place in places if key in place), None) or Spending(*key)
