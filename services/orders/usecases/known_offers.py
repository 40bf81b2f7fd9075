"""Offers out of the memory of a process: what is sold most is asked for thousands of times a second.

Products are remembered for a second, as long as there are no price lists; where there are, a price depends on who asks,
and the database is asked each time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from kit.clock import Clock
from services.orders.domain.offer import Asked, Offer, offer
from services.orders.domain.product import Product
from services.orders.usecases.offer import Work, with_components

FRESH_SECONDS = 1.0
"""A product that another process has changed is sold as it was for so long."""

_MOST = 20_000


@dataclass(frozen=True, slots=True)
class Goods:
    """The products that were asked for, those that they consist of, and whether there are price lists."""

    products: Mapping[UUID, Product]
    listed: bool


def read_goods(unit: Work, batch: Sequence[frozenset[UUID]]) -> list[Goods]:
    """What there is of the products that many ask for, in one statement; one more if there are bundles among them."""
    known, listed = with_components(unit, set().union(*batch))
    goods = Goods(known, listed)
    return [goods] * len(batch)


@dataclass(frozen=True, slots=True)
class _Remembered:
    """A product with its components, and until when that is believed."""

    product: Product
    parts: Mapping[UUID, Product]
    until: float


class KnownOffers:
    """What those who ask get. `read` and `find` reach the database; `seconds` is a clock that never goes back."""

    def __init__(
        self,
        *,
        read: Callable[[frozenset[UUID]], Awaitable[Goods]],
        find: Callable[[Asked], Awaitable[Mapping[UUID, Offer]]],
        seconds: Callable[[], float],
        clock: Clock,
    ) -> None:
        self._read = read
        self._find = find
        self._seconds = seconds
        self._clock = clock
        self._remembered: dict[UUID, _Remembered] = {}
        self._listed_until = float("-inf")
        self._generation = 0

    async def __call__(self, asked: Asked) -> Mapping[UUID, Offer]:
        """What the shopper gets; products that do not exist are missing."""
        if self._seconds() < self._listed_until:
            return await self._find(asked)
        known = self._fresh(asked)
        missing = frozenset(asked.quantities.keys() - known.keys())
        if missing:
            generation = self._generation
            goods = await self._read(missing)
            if goods.listed:
                self._listed_until = self._seconds() + FRESH_SECONDS
                return await self._find(asked)
            if generation == self._generation:
                self._remember(goods.products, missing)
            known.update(goods.products)
        now = self._clock()
        return {each: offer(known[each], asked, known, {}, now) for each in asked.quantities if each in known}

    def forget(self) -> None:
        """Read anew what is asked for next: something has just been changed."""
        self._remembered.clear()
        self._listed_until = float("-inf")
        self._generation += 1

    def _fresh(self, asked: Asked) -> dict[UUID, Product]:
        now = self._seconds()
        known: dict[UUID, Product] = {}
        for each in asked.quantities:
            remembered = self._remembered.get(each)
            if remembered is not None and now < remembered.until:
                known[each] = remembered.product
                known.update(remembered.parts)
        return known

    def _remember(self, products: Mapping[UUID, Product], asked: frozenset[UUID]) -> None:
        if len(self._remembered) + len(asked) > _MOST:
            self._remembered.clear()
        until = self._seconds() + FRESH_SECONDS
        for each in asked & products.keys():
            product = products[each]
            parts = {part.product: products[part.product] for part in product.components}
            self._remembered[each] = _Remembered(product, parts, until)
