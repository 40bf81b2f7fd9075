"""Facts: what happened to an order, or in the catalogue. Each carries what it is about as it is after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from services.orders.domain.price_list import Entry, PriceList
from services.orders.domain.product import Product
from services.orders.domain.refund import Refund

if TYPE_CHECKING:  # an order answers facts, and facts carry the order
    from services.orders.domain.cart import Cart
    from services.orders.domain.group import Group
    from services.orders.domain.order import Order
    from services.orders.domain.presale_order import PresaleOrder
    from services.orders.domain.shipment import Shipment


@dataclass(frozen=True, slots=True)
class OrderPlaced:
    """The order waits for its payment."""

    order: Order


@dataclass(frozen=True, slots=True)
class OrderPaid:
    """The order is paid in full, here or, if it was imported, where it came from."""

    order: Order


@dataclass(frozen=True, slots=True)
class OrderCancelled:
    """The order was given up; what it held is free."""

    order: Order


@dataclass(frozen=True, slots=True)
class OrderCompleted:
    """The customer has what was bought."""

    order: Order


@dataclass(frozen=True, slots=True)
class OrderRefunded:
    """Some units were given back."""

    order: Order
    refund: Refund


@dataclass(frozen=True, slots=True)
class GroupSucceeded:
    """The group came about: its orders can be carried out."""

    group: Group


@dataclass(frozen=True, slots=True)
class GroupExpired:
    """The group did not come about: its orders are given up and refunded."""

    group: Group


@dataclass(frozen=True, slots=True)
class PresaleDepositPaid:
    """The deposit of an order of a presale has come in."""

    of: PresaleOrder


@dataclass(frozen=True, slots=True)
class PresaleBalanceOpened:
    """The balance of an order of a presale can be paid."""

    of: PresaleOrder


@dataclass(frozen=True, slots=True)
class PresaleBalanceClosing:
    """The balance of an order of a presale soon can no more be paid."""

    of: PresaleOrder


@dataclass(frozen=True, slots=True)
class OrderShipped:
    """Units of the order left, or wait to be picked up."""

    order: Order
    shipment: Shipment


@dataclass(frozen=True, slots=True)
class OrderDelivered:
    """Units of the order are with the customer."""

    order: Order
    shipment: Shipment


Fact = OrderPlaced | OrderPaid | OrderCompleted | OrderCancelled | OrderRefunded


@dataclass(frozen=True, slots=True)
class ProductChanged:
    """A product was put on sale, or is another one now."""

    product: Product


@dataclass(frozen=True, slots=True)
class CartAbandoned:
    """A cart with lines in it was left alone."""

    cart: Cart


@dataclass(frozen=True, slots=True)
class PriceChanged:
    """A price list is another one now, or has other prices: `entries` were set, `removed` (products and quantities) are
    gone."""

    price_list: PriceList
    entries: tuple[Entry, ...] = ()
    removed: tuple[tuple[UUID, int], ...] = ()
