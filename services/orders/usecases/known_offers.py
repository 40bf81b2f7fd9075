"""Offers out of the memory of a process: what is sold most is asked for thousands of times a second.

What is remembered is believed for a second; then one statement asks which of it has changed. So it is as long as there
are no price lists; where there are, a price depends on who asks, and the database is asked each time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol
from uuid import UUID

from kit.clock import Clock
from services.orders.domain.offer import Asked, Offer, offer
from services.orders.domain.product import Product
from services.orders.usecases.offer import Reading, with_parts

FRESH_SECONDS = 1.0
"""A product that another process has changed is sold as it was for so long."""

MOST = 4_096
"""Products that are remembered; those that nobody has asked for the longest make room."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Which of the products that a process knows are not as it knows them, and whether there are price lists."""

    products: frozenset[UUID]
    listed: bool


class Products(Reading, Protocol):
    """The stored products."""

    def changes(self, versions: Mapping[UUID, int]) -> tuple[frozenset[UUID], bool]:
        """Those of the products that have another version or none, and whether any price list is active."""


class Work(Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def products(self) -> Products:
        """The stored products."""


def read_goods(unit: Work, batch: Sequence[frozenset[UUID]]) -> list[Mapping[UUID, Product]]:
    """Those of the products that many ask for that exist, and what they consist of: one statement, or two if there are
    bundles among them."""
    products = unit.products.get(sorted(set().union(*batch)))
    return [with_parts(unit.products, products)] * len(batch)


def read_changes(unit: Work, versions: Mapping[UUID, int]) -> Changes:
    """What has changed of what is known, in one statement."""
    return Changes(*unit.products.changes(versions))


@dataclass(frozen=True, slots=True)
class _Remembered:
    """A product with its components."""

    product: Product
    parts: Mapping[UUID, Product]

    def versions(self) -> dict[UUID, int]:
        return {each.id: each.version for each in (self.product, *self.parts.values())}


class KnownOffers:
    """What those who ask get. `read`, `changes` and `find` reach the database; `seconds` is a clock that never goes
    back."""

    def __init__(
        self,
        *,
        read: Callable[[frozenset[UUID]], Awaitable[Mapping[UUID, Product]]],
        changes: Callable[[Mapping[UUID, int]], Awaitable[Changes]],
        find: Callable[[Asked], Awaitable[Mapping[UUID, Offer]]],
        seconds: Callable[[], float],
        clock: Clock,
    ) -> None:
        self._read = read
        self._changes = changes
        self._find = find
        self._seconds = seconds
        self._clock = clock
        self._remembered: dict[UUID, _Remembered] = {}
        self._listed = False
        self._until = float("-inf")
        self._generation = 0
        self._confirming = asyncio.Lock()

    async def __call__(self, asked: Asked) -> Mapping[UUID, Offer]:
        """What the shopper gets; products that do not exist are missing."""
        if self._seconds() >= self._until:
            await self._confirm()
        if self._listed:
            return await self._find(asked)
        known = self._known(asked)
        missing = frozenset(asked.quantities.keys() - known.keys())
        if missing:
            generation = self._generation
            found = await self._read(missing)
            if generation == self._generation:
                self._remember(found, missing)
            known.update(found)
        now = self._clock()
        return {each: offer(known[each], asked, known, {}, now) for each in asked.quantities if each in known}

    def forget(self) -> None:
        """Read anew what is asked for next: something has just been changed."""
        self._remembered.clear()
        self._until = float("-inf")
        self._generation += 1

    async def _confirm(self) -> None:
        """Drop what has changed and believe the rest for a while. Who comes meanwhile waits for the same answer."""
        async with self._confirming:
            began, generation = self._seconds(), self._generation
            if began < self._until:
                return
            versions: dict[UUID, int] = {}
            for each in self._remembered.values():
                versions |= each.versions()
            changes = await self._changes(versions)
            self._listed = changes.listed
            if changes.products:
                self._drop(changes.products)
            if generation == self._generation:
                self._until = began + FRESH_SECONDS

    def _drop(self, changed: frozenset[UUID]) -> None:
        self._remembered = {
            name: each for name, each in self._remembered.items() if changed.isdisjoint(each.versions())
        }

    def _known(self, asked: Asked) -> dict[UUID, Product]:
        known: dict[UUID, Product] = {}
        for each in asked.quantities:
            remembered = self._remembered.pop(each, None)
            if remembered is not None:
                self._remembered[each] = remembered  # at the end: it is the latest that was asked for
                known[each] = remembered.product
                known.update(remembered.parts)
        return known

    def _remember(self, products: Mapping[UUID, Product], asked: frozenset[UUID]) -> None:
        for each in asked & products.keys():
            product = products[each]
            parts = {part.product: products[part.product] for part in product.components}
            self._remembered[each] = _Remembered(product, parts)
        for each in list(islice(self._remembered, max(0, len(self._remembered) - MOST))):
            del self._remembered[each]
