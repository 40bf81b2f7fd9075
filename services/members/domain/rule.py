"""Earn rules: on what condition which goods earn how much more, and how much at most."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kit import org
from kit.cel import Context, Mistake
from kit.money import Money
from services.members.domain import errors
from services.members.domain.basket import EVERYTHING, Basket, Left, Scope, eligible
from services.members.domain.condition import compiled
from services.members.domain.errors.rules import condition_invalid

BASE_RULE = "base"
"""What the programme's own rate is called where earnings are explained."""

ONCE = 10_000
"""A multiplier, in basis points, that changes nothing."""

_STORES = "stores/"
_STORE = 100
_PLACE = re.compile(rf"({_STORES}[^/\s\x00-\x1f\x7f-\x9f]{{1,200}})?")
_TIER = re.compile(r"\bmember\s*\.\s*tier\b")


class Rounding(StrEnum):
    """How the points of an order become whole: once, after all its rules."""

    WHOLE_AMOUNTS = "WHOLE_AMOUNTS"
    """Every rate counts whole amounts only: 3 points for 10.00 are 6 for 29.99. What multipliers add is cut."""
    FLOOR = "FLOOR"
    HALF_UP = "HALF_UP"
    HALF_EVEN = "HALF_EVEN"


@dataclass(frozen=True, slots=True)
class Rate:
    """So many points for so much money."""

    points: int
    amount: Money


@dataclass(frozen=True, slots=True)
class Caps:
    """The most points: of one order, of a member within a day of the programme's calendar, of a member ever."""

    order: int | None = None
    day: int | None = None
    member: int | None = None

    @property
    def shared(self) -> bool:
        """Whether a member's orders share a cap."""
        return self.day is not None or self.member is not None


NO_CAPS = Caps()


@dataclass(frozen=True, slots=True)
class Rule:
    """What an order earns beside the programme's rate, if `condition` holds (empty: always) and the goods in `scope`
    cost `minimum` or more. Its effect is one of three: `rate` more points, the programme's own points times
    `multiplier` basis points, or `bonus` points. After an exclusive rule that applies, no later one does. The rate of a
    rule that `replaces` stands in for the programme's own; of several that apply, the one of the smallest `place`, the
    first of them if there are more.

    `place` limits a rule to the orders of a store (`stores/east-1`), or of the stores in a part of the organisation
    (`/cn/east`); empty: to none.
    """

    id: str
    title: str = ""
    condition: str = ""
    rate: Rate | None = None
    multiplier: int = 0
    bonus: int = 0
    scope: Scope = EVERYTHING
    minimum: Money | None = None
    exclusive: bool = False
    caps: Caps = NO_CAPS
    replaces: bool = False
    place: str = ""

    @property
    def smallness(self) -> int:
        """The more, the smaller the place: a store is smaller than any part, the whole is the largest."""
        return _STORE if self.place.startswith(_STORES) else self.place.count("/")

    @property
    def least(self) -> int:
        """What the goods must cost, in minor units."""
        return self.minimum.minor if self.minimum else 0

    @property
    def asks_for_tier(self) -> bool:
        """Whether the condition speaks of the member's tier."""
        return bool(_TIER.search(self.condition))

    def is_about(self, basket: Basket) -> bool:
        """Whether an order was bought where the rule is about."""
        if self.place.startswith(_STORES):
            return basket.store in (self.place, self.place.removeprefix(_STORES))
        return org.within(basket.org, self.place)

    def holds(self, context: Context) -> bool:
        """Whether the condition is true of an order."""
        return not self.condition or compiled(self.condition).holds(context)

    def check(self, field: str, currency: str) -> None:
        """Raise a Fault unless the rule makes sense in a programme of the currency."""
        if (self.rate is not None) + (self.multiplier != 0) + (self.bonus != 0) != 1:
            raise errors.programme_invalid(field, "must have one of rate, multiplier and bonus")
        if self.multiplier and self.multiplier <= ONCE:
            raise errors.programme_invalid(f"{field}.multiplier", f"must be more than {ONCE}, which is once")
        if self.rate and (self.rate.amount.currency != currency or self.rate.amount.minor <= 0):
            raise errors.programme_invalid(f"{field}.rate.amount", f"must be more than nothing, in {currency}")
        self._check_replacing(field)
        self._check_place(field)
        if self.minimum and (self.minimum.currency != currency or self.minimum.minor < 0):
            raise errors.programme_invalid(f"{field}.minimum_spend", f"must not be below nothing, in {currency}")
        try:
            if self.condition:
                compiled(self.condition)
        except Mistake as mistake:
            raise condition_invalid(f"{field}.condition", mistake.position, mistake.message) from None

    def _check_place(self, field: str) -> None:
        if not _PLACE.fullmatch(self.place) and not org.known(self.place):
            raise errors.programme_invalid(
                f"{field}.place", "must be a store such as stores/east-1, or a path such as /cn/east"
            )

    def _check_replacing(self, field: str) -> None:
        if self.rate and self.rate.points <= 0 and not self.replaces:
            raise errors.programme_invalid(f"{field}.rate.points", "must be more than none")
        if self.replaces and (
            self.rate is None or self.scope != EVERYTHING or self.minimum is not None or self.caps != NO_CAPS
        ):
            raise errors.programme_invalid(
                f"{field}.replaces_rate", "goes with a rate for all goods, without a minimum and caps"
            )


class Verdict(StrEnum):
    """What became of a rule at an order."""

    APPLIED = "APPLIED"
    CONDITION_FALSE = "CONDITION_FALSE"
    """Or the order was bought elsewhere than in its place."""
    NO_GOODS = "NO_GOODS"
    """Nothing in the order is in its scope."""
    BELOW_MINIMUM = "BELOW_MINIMUM"
    EXCLUDED = "EXCLUDED"
    """An exclusive rule before it applied, or another one that replaces the rate, there or in a smaller place."""
    CAPPED_ORDER = "CAPPED_ORDER"
    CAPPED_DAY = "CAPPED_DAY"
    CAPPED_MEMBER = "CAPPED_MEMBER"
    CAPPED_PROGRAMME = "CAPPED_PROGRAMME"
    """The programme's own caps took something of it."""
    REPLACED = "REPLACED"
    """The programme's own rate, in the place of which there is a rule's."""


def judged(rules: Sequence[Rule], basket: Basket, scope: Scope, context: Context) -> Iterator[tuple[Rule, Verdict]]:
    """Which rules apply to an order as it was paid.

    Refunds don't change it: a rule that applied and falls below its minimum gives nothing, but what it excluded stays
    excluded. Or else a refund could bring points.
    """
    alone = [(rule, _alone(rule, basket, scope, context)) for rule in rules]
    chosen = _replacing(alone)
    stopped = replaced = False
    for rule, verdict in alone:
        if stopped or (rule.replaces and (replaced or (verdict is Verdict.APPLIED and rule is not chosen))):
            yield rule, Verdict.EXCLUDED
            continue
        yield rule, verdict
        if verdict is Verdict.APPLIED:
            stopped, replaced = rule.exclusive, replaced or rule.replaces


def _alone(rule: Rule, basket: Basket, scope: Scope, context: Context) -> Verdict:
    """What would become of a rule if there were no other one."""
    whole = Left(basket.paid, tuple(line.net for line in basket.lines), basket.freight)
    goods = eligible(basket, whole, scope, rule.scope, freight=False)
    if goods == 0:
        return Verdict.NO_GOODS
    if goods < rule.least:
        return Verdict.BELOW_MINIMUM
    return Verdict.APPLIED if rule.is_about(basket) and rule.holds(context) else Verdict.CONDITION_FALSE


def _replacing(alone: Sequence[tuple[Rule, Verdict]]) -> Rule | None:
    """The rule whose rate stands in for the programme's: of the smallest place, the first of these.

    One that an exclusive rule shuts out is none. That another of them is exclusive does not matter: it doesn't apply.
    """
    chosen: Rule | None = None
    for rule, verdict in alone:
        if verdict is not Verdict.APPLIED:
            continue
        if rule.replaces and (chosen is None or rule.smallness > chosen.smallness):
            chosen = rule
        if rule.exclusive and not rule.replaces:
            break
    return chosen
