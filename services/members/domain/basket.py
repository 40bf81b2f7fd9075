"""What rules may know of an order: frozen when it is first heard of, and what refunds leave of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """Goods of an order, in minor units: `amount` is their cost after discounts, `net` what was paid of it in money."""

    product: str
    category: str
    quantity: int
    amount: int
    net: int


@dataclass(frozen=True, slots=True)
class Basket:
    """An order as it was paid: `paid` in money, `freight` of it for the delivery. Without `lines` the goods are not
    known. `org` is the part of the organisation that its store belonged to."""

    paid: int
    freight: int = 0
    channel: str = ""
    store: str = ""
    lines: tuple[Line, ...] = ()
    org: str = ""


@dataclass(frozen=True, slots=True)
class Left:
    """What refunds have left of the money: in all, and by line and of the freight if that is known."""

    net: int
    lines: tuple[int, ...] | None = None
    freight: int | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Which goods count: with `products` or `categories` only those, and never the excluded ones."""

    products: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    excluded_products: frozenset[str] = frozenset()
    excluded_categories: frozenset[str] = frozenset()

    @property
    def everything(self) -> bool:
        """Whether all goods count."""
        return self == EVERYTHING

    @property
    def chosen(self) -> bool:
        """Whether only some named goods count."""
        return bool(self.products or self.categories)

    def covers(self, line: Line) -> bool:
        """Whether these goods count."""
        if line.product in self.excluded_products or line.category in self.excluded_categories:
            return False
        return not self.chosen or line.product in self.products or line.category in self.categories


EVERYTHING = Scope()


def eligible(basket: Basket, left: Left, *scopes: Scope, freight: bool) -> int:
    """What is left of the money for goods that all scopes cover, in minor units.

    Where refunds don't say which lines they took, a group of lines keeps its part of what is left, rounded down. So
    with every refund each group's part shrinks or stays, and a full refund leaves nothing.
    """
    if not basket.freight and all(scope.everything for scope in scopes):
        return left.net
    counted = freight and not any(scope.chosen for scope in scopes)
    if left.lines is not None and left.freight is not None and len(left.lines) == len(basket.lines):
        covered = sum(
            net
            for line, net in zip(basket.lines, left.lines, strict=True)
            if all(scope.covers(line) for scope in scopes)
        )
        return min(covered + (left.freight if counted else 0), left.net)
    if left.freight is not None and not basket.lines:
        chosen = any(scope.chosen for scope in scopes)
        return 0 if chosen else left.net - (0 if counted else min(left.freight, left.net))
    goods = [line.net for line in basket.lines if all(scope.covers(line) for scope in scopes)]
    whole = sum(line.net for line in basket.lines) + basket.freight
    if not basket.lines:
        whole = basket.paid
        goods = [] if any(scope.chosen for scope in scopes) else [basket.paid - basket.freight]
    weight = sum(goods) + (basket.freight if counted else 0)
    return left.net * weight // whole if whole else 0
