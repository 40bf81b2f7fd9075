"""Flash sales for tests: sensible as they are, and each detail can be said."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from kit.money import Money
from kit.names import new_id
from services.orders.domain.flash_sale import FlashSale, Terms
from services.orders.domain.stock import Place
from services.orders.usecases.flash_sale import CreateFlashSale
from services.orders.usecases.flash_sale_purchase import BuyFlashSale
from tests.support.builders.orders import NOW

HOUR = timedelta(hours=1)


def the_terms(
    *, price: int = 500, quota: int = 10, start: datetime = NOW - HOUR, end: datetime = NOW + HOUR, **others: Any
) -> Terms:
    """Terms of a sale that is open at NOW."""
    return Terms("Rush", Money(price, "CNY"), quota, start, end, **others)


def a_flash_sale(*, now: datetime = NOW, buckets: int = 0, **terms: Any) -> FlashSale:
    """A sale that nobody stored."""
    return FlashSale.schedule(new_id(), Place(new_id()), the_terms(**terms), buckets=buckets, now=now)


def a_creation(product: UUID, *, buckets: int = 0, **terms: Any) -> CreateFlashSale:
    """The command to make a sale of a product."""
    return CreateFlashSale(new_id(), Place(product), the_terms(**terms), buckets)


def a_purchase(sale: FlashSale, *, member: UUID | None = None, quantity: int = 1, channel: str = "web") -> BuyFlashSale:
    """The command to buy in a sale."""
    return BuyFlashSale(sale.id, new_id(), member or new_id(), quantity, channel)
