"""A line of an order: a product, how many units, and what each of them costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from services.orders.domain import allocation, errors
from services.orders.domain.allocation import NOTHING, Part, Share
from services.orders.domain.product import Component
from services.orders.domain.tax import Rounding, divided

MOST_UNITS = 1_000_000
"""Most units of one line."""


@dataclass(frozen=True, slots=True)
class OrderLine:
    """`quantity` units at the order's currency. `unit_price` is before discounts, None where it is not known (imports).
    `amount` is what they cost after discounts; `tax` of it is tax, of which `added_tax` came on top of the prices.

    `shares` fix what each unit costs; the first `refunded_quantity` units were refunded. What was given back by amount
    is `ahead` of the units: so much less is left for them. `category` and, for a bundle, `components` are what the
    product had when it was bought.
    """

    position: int
    product: UUID | None
    sku: str
    title: str
    quantity: int
    unit_price: int | None
    amount: int
    shares: tuple[Share, ...]
    refunded_quantity: int = 0
    category: str = ""
    tax: int = 0
    added_tax: int = 0
    ahead: Part = NOTHING
    components: tuple[Component, ...] = ()

    @property
    def discount(self) -> int:
        """What discounts take off the line, in minor units."""
        return self.unit_price * self.quantity + self.added_tax - self.amount if self.unit_price is not None else 0

    @property
    def whole(self) -> Part:
        """What all units cost, and how it is paid."""
        return allocation.part(self.shares)

    @property
    def left(self) -> Part:
        """What refunds have left of the whole."""
        return allocation.part(self.shares, start=self.refunded_quantity) - self.ahead

    @property
    def points_value(self) -> int:
        """The part of the amount that is paid with points, in minor units."""
        return self.whole.points_value

    @property
    def paid(self) -> int:
        """The part of the amount that is paid in money."""
        return self.whole.money

    @property
    def net(self) -> int:
        """What refunds have left of the money."""
        return self.left.money

    @property
    def refundable(self) -> int:
        """Units that are not refunded yet."""
        return self.quantity - self.refunded_quantity

    @property
    def settled(self) -> bool:
        """Whether all was given back: every unit, or every cent and point that was paid."""
        return not self.refundable or (bool(self.amount) and self.left == NOTHING)

    def with_tax(self, minor: int, rounding: Rounding) -> int:
        """What a part of the line's price is together with the tax that came on top of it."""
        return minor + (divided(self.added_tax * minor, self.amount - self.added_tax, rounding) if minor else 0)

    def refund(self, quantity: int) -> tuple[OrderLine, Part]:
        """Give back the next units: what they cost, or what is left of that. Raises a Fault when fewer are left."""
        if quantity > self.refundable:
            raise errors.refund_exceeds_line(self.position, requested=quantity, refundable=self.refundable)
        share = allocation.part(self.shares, start=self.refunded_quantity, units=quantity)
        return self._given(self.left.limited(share), self.refunded_quantity + quantity)

    def refund_amount(self, amount: int) -> tuple[OrderLine, Part]:
        """Give back an amount, whatever units it is for. Raises a Fault when less is left."""
        if amount > self.left.amount:
            raise errors.refund_exceeds_amount(f"line {self.position}", requested=amount, refundable=self.left.amount)
        return self._given(self.left.of(amount), self.refunded_quantity)

    def _given(self, part: Part, refunded_quantity: int) -> tuple[OrderLine, Part]:
        ahead = allocation.part(self.shares, start=refunded_quantity) - (self.left - part)
        return replace(self, refunded_quantity=refunded_quantity, ahead=ahead), part


@dataclass(frozen=True, slots=True)
class Item:
    """A line as it is bought: the product as it is now, its price, and the discount on all units, in minor units.

    `tax` is the tax within what is paid for all units; `added_tax` is what of it comes on top of the prices (0 where
    prices include their tax)."""

    product: UUID | None
    sku: str
    title: str
    quantity: int
    unit_price: int
    discount: int = 0
    category: str = ""
    tax: int = 0
    added_tax: int = 0
    components: tuple[Component, ...] = ()

    @property
    def amount(self) -> int:
        """What is paid for all units."""
        return self.unit_price * self.quantity - self.discount + self.added_tax


def lines_of(items: Sequence[Item]) -> tuple[OrderLine, ...]:
    """The lines of a new order."""
    return tuple(
        OrderLine(
            position=position,
            product=item.product,
            sku=item.sku,
            title=item.title,
            quantity=item.quantity,
            unit_price=item.unit_price,
            amount=item.amount,
            shares=allocation.priced(item.unit_price, item.quantity, item.discount, item.added_tax),
            category=item.category,
            tax=item.tax,
            added_tax=item.added_tax,
            components=item.components,
        )
        for position, item in enumerate(items, 1)
    )


def paid_with_points(lines: Sequence[OrderLine], *, points: int, value: int) -> tuple[OrderLine, ...]:
    """The lines when points pay a part of the order; what they are worth beyond the lines pays its freight."""
    beyond = max(0, value - sum(line.amount for line in lines))
    costs = [*(line.shares for line in lines), (Share(1, beyond),)]
    *shares, _ = allocation.with_points(costs, points=points, value=value)
    return tuple(replace(line, shares=each) for line, each in zip(lines, shares, strict=True))
