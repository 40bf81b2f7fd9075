"""Prices in the rows of an import: set in lists that are there, or in the one of a channel's imported prices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.errors import invalid
from kit.names import join
from services.orders.domain.errors import catalogue
from services.orders.domain.events import PriceChanged
from services.orders.domain.price_list import Entry, PriceList
from services.orders.domain.product import ProductState
from services.orders.domain.product_import import ProductRow, RowPrice


class PriceLists(Protocol):
    """The stored price lists."""

    def lock_all(self, ids: Sequence[UUID]) -> dict[UUID, PriceList]:
        """Those of the lists that exist, which nobody else changes until the transaction ends."""

    def put(self, lists: Sequence[PriceList]) -> None:
        """Store lists, new ones and locked ones whose prices changed."""

    def entries_of(self, lists: Sequence[UUID], products: Sequence[UUID]) -> dict[tuple[UUID, UUID, int], int]:
        """The prices of products in lists: by list, product and quantity."""

    def set_all(self, entries: Sequence[tuple[UUID, Entry]]) -> None:
        """Store entries of lists over those that are there."""


class Work(Protocol):
    """What this needs of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def price_lists(self) -> PriceLists:
        """The stored price lists."""

    def emit(self, facts: Iterable[object]) -> None:
        """Publish facts with the transaction."""


@dataclass(frozen=True, slots=True)
class Prices:
    """The lists that rows name, locked, and the prices that are in them."""

    lists: Mapping[UUID, PriceList]
    entries: Mapping[tuple[UUID, UUID, int], int]

    @classmethod
    def of(cls, unit: Work, rows: Sequence[ProductRow], products: Sequence[UUID]) -> Prices:
        """What the rows may touch, of products that are there."""
        wanted = sorted({price.price_list for row in rows for price in row.prices})
        if not wanted:
            return cls({}, {})
        return cls(unit.price_lists.lock_all(wanted), unit.price_lists.entries_of(wanted, products))

    def check(self, row: ProductRow) -> None:
        """Raise a Fault unless the lists are there, or can begin, and have the currency of the row's prices."""
        for price in row.prices:
            known = self.lists.get(price.price_list)
            if known is None and not price.channel:
                raise catalogue.resource_not_found(join("priceLists", price.price_list))
            if known is not None and known.currency != price.price.currency:
                raise invalid("prices", f"must be in {known.currency}, the currency of the list")

    def store(self, unit: Work, rows: Mapping[UUID, ProductRow]) -> set[UUID]:
        """Store what is new in the rows, by their products; answers of which products."""
        news = [
            (price, Entry(product, price.min_quantity, price.price.minor))
            for product, row in rows.items()
            for price in row.prices
            if self.entries.get((price.price_list, product, price.min_quantity)) != price.price.minor
        ]
        if not news:
            return set()
        of_list: dict[UUID, list[Entry]] = defaultdict(list)
        first: dict[UUID, RowPrice] = {}
        for price, entry in news:
            of_list[price.price_list].append(entry)
            first.setdefault(price.price_list, price)
        lists = [self._touched(first[key], unit.now) for key in sorted(of_list)]
        unit.price_lists.put(lists)
        unit.price_lists.set_all([(price.price_list, entry) for price, entry in news])
        unit.emit([PriceChanged(each, tuple(of_list[each.id])) for each in lists])
        return {entry.product for _, entry in news}

    def _touched(self, price: RowPrice, now: datetime) -> PriceList:
        known = self.lists.get(price.price_list)
        if known is not None:
            return known.touched(now)
        return PriceList(
            title=price.channel,
            currency=price.price.currency,
            channel=price.channel,
            id=price.price_list,
            state=ProductState.ACTIVE,
            version=1,
            create_time=now,
            update_time=now,
        )
