"""What an order earns in a programme, and which rule gave what.

The points follow from the order as it was paid, what refunds have left of it, and the room that the member's caps had
when the order was first heard of. They never grow when less is left, and nothing left earns nothing: so a refund takes
back exactly what is no longer earned, in however many parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor
from typing import NamedTuple

from kit.cel import Context
from services.members.domain import errors
from services.members.domain.basket import Basket, Left, eligible
from services.members.domain.points import MAX_POINTS
from services.members.domain.programme import Programme
from services.members.domain.rule import BASE_RULE, ONCE, Rate, Rounding, Rule, Verdict, judged

WHOLE = ""
"""The key of the room under the programme's own caps."""


class Room(NamedTuple):
    """How many points an order may have of what its member may have in a day and ever; None for any number."""

    day: int | None = None
    member: int | None = None


Rooms = Mapping[str, Room]
"""By rule; those of a rule without such caps are missing."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What one rule gave. `claim` is what it takes of the member's caps: its points before rounding, rounded up."""

    rule: str
    verdict: Verdict
    points: int = 0
    claim: int = 0
    room: Room | None = None


@dataclass(frozen=True, slots=True)
class Earning:
    """The points of an order by a version of a programme, and where they come from; `room` is that of the programme's
    own caps."""

    version: int
    points: int = 0
    grants: tuple[Grant, ...] = ()
    room: Room | None = None

    @property
    def rooms(self) -> dict[str, Room]:
        """The room that each cap had."""
        rooms = {grant.rule: grant.room for grant in self.grants if grant.room}
        return rooms | {WHOLE: self.room} if self.room else rooms

    def claims(self) -> Iterator[tuple[str, int]]:
        """What it takes of each cap that the member's orders share."""
        yield WHOLE, self.points
        for grant in self.grants:
            yield grant.rule, grant.claim


def rooms(programme: Programme, today: Mapping[str, int], ever: Mapping[str, int]) -> dict[str, Room]:
    """The room that a member's other orders leave of the caps, by what they claimed today and ever."""
    caps = {WHOLE: programme.caps} | {rule.id: rule.caps for rule in programme.rules}
    return {
        key: Room(_rest(each.day, today.get(key, 0)), _rest(each.member, ever.get(key, 0)))
        for key, each in caps.items()
        if each.shared
    }


def earn(programme: Programme, basket: Basket, left: Left, context: Context, rooms: Rooms) -> Earning:
    """What an order earns of which so much is left. Raises a Fault for more points than one posting may move."""
    verdicts = list(judged(programme.rules, basket, programme.scope, context))
    own = next((rule.rate for rule, verdict in verdicts if rule.replaces and verdict is Verdict.APPLIED), None)
    programme = replace(programme, earn=own or programme.earn)
    exact = [(Grant(BASE_RULE, Verdict.REPLACED), Fraction(0)) if own else _base(programme, basket, left)]
    for rule, verdict in verdicts:
        room = rooms.get(rule.id)
        if verdict is Verdict.APPLIED:
            exact.append(_granted(programme, rule, basket, left, room))
        else:
            exact.append((Grant(rule.id, verdict, room=room), Fraction(0)))
    total = _rounded(sum((points for _, points in exact), Fraction(0)), programme.rounding)
    most, _ = _least(programme.caps.order, rooms.get(WHOLE))
    points = total if most is None else min(total, most)
    if points > MAX_POINTS:
        raise errors.points_out_of_range(points)
    return Earning(programme.version, points, tuple(_shared_out(exact, total, points)), rooms.get(WHOLE))


def _base(programme: Programme, basket: Basket, left: Left) -> tuple[Grant, Fraction]:
    goods = eligible(basket, left, programme.scope, freight=programme.freight_earns)
    points = _at(programme.earn, goods, programme.rounding)
    return Grant(BASE_RULE, Verdict.APPLIED, claim=ceil(points)), points


def _granted(programme: Programme, rule: Rule, basket: Basket, left: Left, room: Room | None) -> tuple[Grant, Fraction]:
    """What a rule that applies gives, before rounding, up to its caps."""
    goods = eligible(basket, left, programme.scope, rule.scope, freight=False)
    if goods == 0 or goods < rule.least:
        verdict = Verdict.BELOW_MINIMUM if goods else Verdict.NO_GOODS
        return Grant(rule.id, verdict, room=room), Fraction(0)
    most, why = _least(rule.caps.order, room)
    counted = eligible(basket, left, programme.scope, rule.scope, freight=programme.freight_earns)
    points = _effect(programme, rule, counted)
    if most is None or points <= most:
        return Grant(rule.id, Verdict.APPLIED, claim=ceil(points), room=room), points
    return Grant(rule.id, why, claim=most, room=room), Fraction(most)


def _effect(programme: Programme, rule: Rule, goods: int) -> Fraction:
    if rule.rate is not None:
        return _at(rule.rate, goods, programme.rounding)
    if rule.multiplier:
        return _at(programme.earn, goods, programme.rounding) * Fraction(rule.multiplier - ONCE, ONCE)
    return Fraction(rule.bonus)


def _at(rate: Rate, goods: int, rounding: Rounding) -> Fraction:
    if rounding is Rounding.WHOLE_AMOUNTS:
        return Fraction(goods // rate.amount.minor * rate.points)
    return Fraction(goods * rate.points, rate.amount.minor)


def _least(order: int | None, room: Room | None) -> tuple[int | None, Verdict]:
    """The cap that leaves the least, and its name."""
    limits = [(order, Verdict.CAPPED_ORDER)]
    if room:
        limits += [(room.day, Verdict.CAPPED_DAY), (room.member, Verdict.CAPPED_MEMBER)]
    return min(
        ((most, why) for most, why in limits if most is not None),
        key=lambda limit: limit[0],
        default=(None, Verdict.APPLIED),
    )


def _rounded(points: Fraction, rounding: Rounding) -> int:
    match rounding:
        case Rounding.HALF_UP:
            return floor(points + Fraction(1, 2))
        case Rounding.HALF_EVEN:
            return round(points)
        case _:
            return floor(points)


def _shared_out(exact: Sequence[tuple[Grant, Fraction]], total: int, points: int) -> Iterable[Grant]:
    """The grants with whole points that sum to those of the order.

    Largest remainder, ties to the earlier rule: no rule has more than its own points rounded up, so none exceeds its
    caps. What the programme's caps cut off is taken from the last rules.
    """
    shares = [floor(part) for _, part in exact]
    by_remainder = sorted(range(len(exact)), key=lambda at: (shares[at] - exact[at][1], at))
    for at in by_remainder[: total - sum(shares)]:
        shares[at] += 1
    surplus = total - points
    grants = []
    for (grant, _), share in reversed(list(zip(exact, shares, strict=True))):
        cut = min(surplus, share)
        surplus -= cut
        verdict = Verdict.CAPPED_PROGRAMME if cut else grant.verdict
        grants.append(replace(grant, points=share - cut, verdict=verdict))
    return reversed(grants)


def _rest(cap: int | None, used: int) -> int | None:
    return None if cap is None else max(0, cap - used)
