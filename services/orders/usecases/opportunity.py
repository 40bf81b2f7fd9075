"""Won opportunities become orders at the agreed prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from uuid import UUID

from kit.errors import Fault, invalid
from kit.money import Money
from kit.names import join
from services.orders.domain import errors
from services.orders.domain.line import MOST_UNITS, Item
from services.orders.domain.order import Order
from services.orders.domain.order_content import Buyer
from services.orders.domain.product import Product
from services.orders.usecases import holding
from services.orders.usecases import order as orders

CHANNEL = "pipeline"
"""The sales channel of these orders."""


class Orders(orders.Orders, Protocol):
    """The stored orders."""

    def of_opportunities(self, ids: Sequence[UUID]) -> set[UUID]:
        """Which of the opportunities became orders already."""


class Products(Protocol):
    """The stored products."""

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Product]:
        """Those of the products that exist."""


class Work(orders.Work, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def orders(self) -> Orders:
        """The stored orders."""

    @property
    def products(self) -> Products:
        """The stored products."""


@dataclass(frozen=True, slots=True)
class DealLine:
    """What was sold, at the agreed price of one unit."""

    product: UUID
    quantity: int
    unit_price: Money


@dataclass(frozen=True, slots=True)
class Deal:
    """A won opportunity of a part of the organisation; `order_id` is what its order will be called."""

    order_id: UUID
    opportunity: UUID
    account: UUID
    lines: tuple[DealLine, ...]
    org: str = ""


def order_deals(unit: Work, deals: Sequence[Deal]) -> list[Order]:
    """Place the orders of won opportunities, each opportunity once. Raises a Fault for a deal that makes no sense.

    An order whose goods are not all there is placed nevertheless: backordered, and holding none of them. It waits for
    its payment without end.
    """
    known = unit.orders.of_opportunities([deal.opportunity for deal in deals])
    fresh = {deal.opportunity: deal for deal in deals if deal.opportunity not in known}
    if not fresh:
        return []
    products = unit.products.get(sorted({line.product for deal in fresh.values() for line in deal.lines}))
    wanted = [_order(deal, products, unit) for deal in fresh.values()]
    reserved: list[Order | Fault] = list(wanted)
    holding.reserve(unit, reserved)
    placed = [
        order.backorder() if isinstance(outcome, Fault) else outcome
        for order, outcome in zip(wanted, reserved, strict=True)
    ]
    counters = unit.orders.add(placed)
    unit.emit(order.placed() for order in placed)
    return [replace(order, counter=counters[order.id]) for order in placed]


def _order(deal: Deal, products: dict[UUID, Product], unit: Work) -> Order:
    for index, line in enumerate(deal.lines):
        if not 1 <= line.quantity <= MOST_UNITS:
            raise invalid(f"lines[{index}].quantity", f"must be 1 to {MOST_UNITS}")
        if line.unit_price.minor < 0:
            raise invalid(f"lines[{index}].unit_price", "must not be negative")
    currencies = {line.unit_price.currency for line in deal.lines}
    if len(currencies) != 1:
        raise errors.currency_mixed(currencies)
    return Order.place(
        deal.order_id,
        buyer=Buyer(account=deal.account, opportunity=deal.opportunity),
        channel=CHANNEL,
        currency=currencies.pop(),
        items=[_item(line, products.get(line.product)) for line in deal.lines],
        now=unit.now,
        expire_time=None,
        org=deal.org,
    )


def _item(line: DealLine, product: Product | None) -> Item:
    return Item(
        product=line.product,
        sku=product.sku if product else "",
        title=product.title if product else join("products", line.product),
        quantity=line.quantity,
        unit_price=line.unit_price.minor,
        category=product.category if product else "",
        components=product.components if product else (),
    )
