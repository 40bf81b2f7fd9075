"""A line of an order: a product, how many units, and what each of them costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from services.orders.domain import allocation, errors
from services.orders.domain.allocation import Part, Share

MOST_UNITS = 1_000_000
"""Most units of one line."""


@dataclass(frozen=True, slots=True)
class OrderLine:
    """`quantity` units at the order's currency. `unit_price` is before discounts, None where it is not known (imports).
    `shares` fix what each unit costs; the first `refunded_quantity` units were refunded. `category` is what the product
    had when it was bought."""

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

    @property
    def discount(self) -> int:
        """What discounts take off the line, in minor units."""
        return self.unit_price * self.quantity - self.amount if self.unit_price is not None else 0

    @property
    def points_value(self) -> int:
        """The part of the amount that is paid with points, in minor units."""
        return allocation.part(self.shares).points_value

    @property
    def paid(self) -> int:
        """The part of the amount that is paid in money."""
        return allocation.part(self.shares).money

    @property
    def net(self) -> int:
        """What refunds have left of the money."""
        return allocation.part(self.shares, start=self.refunded_quantity).money

    @property
    def refundable(self) -> int:
        """Units that are not refunded yet."""
        return self.quantity - self.refunded_quantity

    def refund(self, quantity: int) -> tuple[OrderLine, Part]:
        """Give back the next units. Raises a Fault when fewer are left."""
        if quantity > self.refundable:
            raise errors.refund_exceeds_line(self.position, requested=quantity, refundable=self.refundable)
        part = allocation.part(self.shares, start=self.refunded_quantity, units=quantity)
        return replace(self, refunded_quantity=self.refunded_quantity + quantity), part


@dataclass(frozen=True, slots=True)
class Item:
    """A line as it is bought: the product as it is now, its price, and the discount on all units, in minor units."""

    product: UUID | None
    sku: str
    title: str
    quantity: int
    unit_price: int
    discount: int = 0
    category: str = ""


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
            amount=item.unit_price * item.quantity - item.discount,
            shares=allocation.priced(item.unit_price, item.quantity, item.discount),
            category=item.category,
        )
        for position, item in enumerate(items, 1)
    )


def paid_with_points(lines: Sequence[OrderLine], *, points: int, value: int) -> tuple[OrderLine, ...]:
    """The lines when points pay a part of the order."""
    shares = allocation.with_points([line.shares for line in lines], points=points, value=value)
    return tuple(replace(line, shares=each) for line, each in zip(lines, shares, strict=True))
