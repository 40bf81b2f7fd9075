"""What every single unit of an order costs, and with which tender it is paid: fixed when the order is placed.

Units that share alike are kept as one run, so a line of 10,000 units costs what a line of one does. A refund returns
the shares of the next units of a line, from the first on: whatever the sequence of refunds, they sum to the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Share:
    """Each of `units` units in a row costs `amount` minor units after discounts; of that, `points_value` is paid with
    `points` points and the rest in money."""

    units: int
    amount: int
    points_value: int = 0
    points: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """What some units cost together, in minor units; of that, `points_value` paid with `points` points."""

    amount: int
    points_value: int
    points: int

    @property
    def money(self) -> int:
        """The part that is paid in money."""
        return self.amount - self.points_value

    def __add__(self, other: Part) -> Part:
        return Part(self.amount + other.amount, self.points_value + other.points_value, self.points + other.points)

    def __sub__(self, other: Part) -> Part:
        return Part(self.amount - other.amount, self.points_value - other.points_value, self.points - other.points)

    def of(self, amount: int) -> Part:
        """A part of this one that is worth `amount`, at most the whole: points and money as they are in it."""
        value = amount * self.points_value // self.amount if self.amount else 0
        return Part(amount, value, self._points(value, self.points * value // max(self.points_value, 1)))

    def limited(self, other: Part) -> Part:
        """The other part, as far as this one has enough for it, in money and in points."""
        value = min(self.points_value, other.points_value)
        money = min(self.money, other.money)
        return Part(money + value, value, self._points(value, min(self.points, other.points)))

    def _points(self, value: int, points: int) -> int:
        """Points go with what they are worth: nothing of them stays when that is used up."""
        return self.points if value == self.points_value else points


NOTHING = Part(0, 0, 0)

Run = tuple[int, int]
"""So many units in a row, and what each of them has."""


def spread(total: int, weights: Sequence[Run]) -> list[list[Run]]:
    """Divide `total` over all units by their weights, by largest remainder, ties to the earlier unit.

    Answers, for each run of `weights`, its units again in one or two runs with their shares. The result is that of
    `kit.money.allocate` over the single units; no share exceeds its unit's weight as long as `total` does not exceed
    the sum of the weights.
    """
    whole = sum(units * weight for units, weight in weights)
    if whole == 0:
        weights = [(units, 1) for units, _ in weights]
        whole = sum(units for units, _ in weights)
    floors = [divmod(total * weight, whole) for _, weight in weights]
    left = total - sum(units * share for (units, _), (share, _) in zip(weights, floors, strict=True))
    extra = [0] * len(weights)
    for position in sorted(range(len(weights)), key=lambda position: -floors[position][1]):
        extra[position] = min(left, weights[position][0])
        left -= extra[position]
    return [
        [run for run in ((more, share + 1), (units - more, share)) if run[0]]
        for (units, _), (share, _), more in zip(weights, floors, extra, strict=True)
    ]


def priced(unit_price: int, quantity: int, discount: int, added: int = 0) -> tuple[Share, ...]:
    """The shares of a line whose discount, and the tax `added` to its price, are spread evenly over its units."""
    if added:
        return even(unit_price * quantity - discount + added, quantity)
    (runs,) = spread(discount, [(quantity, 1)])
    return tuple(Share(units, unit_price - off) for units, off in runs)


def even(amount: int, quantity: int) -> tuple[Share, ...]:
    """The shares of a line of which only its amount is known."""
    each, more = divmod(amount, quantity)
    return tuple(Share(*run) for run in ((more, each + 1), (quantity - more, each)) if run[0])


def with_points(lines: Sequence[tuple[Share, ...]], *, points: int, value: int) -> list[tuple[Share, ...]]:
    """The lines of an order when `points` worth `value` pay a part of it: every unit in proportion to its amount."""
    flat = [(index, share) for index, shares in enumerate(lines) for share in shares]
    valued: list[tuple[int, Share]] = []
    costs = [(share.units, share.amount) for _, share in flat]
    for (index, share), runs in zip(flat, spread(value, costs), strict=True):
        valued += [(index, Share(units, share.amount, part)) for units, part in runs]
    result: list[list[Share]] = [[] for _ in lines]
    for (index, share), runs in zip(
        valued, spread(points, [(s.units, s.points_value) for _, s in valued]), strict=True
    ):
        result[index] += [Share(units, share.amount, share.points_value, part) for units, part in runs]
    return [tuple(shares) for shares in result]


def part(shares: Sequence[Share], *, start: int = 0, units: int | None = None) -> Part:
    """What the units from `start` on cost together: `units` of them, or all that follow."""
    amount = value = points = 0
    left = sum(share.units for share in shares) if units is None else units
    for share in shares:
        skipped = min(start, share.units)
        taken = min(left, share.units - skipped)
        start -= skipped
        left -= taken
        amount += taken * share.amount
        value += taken * share.points_value
        points += taken * share.points
    return Part(amount, value, points)
