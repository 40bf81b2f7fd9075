"""Offers: products at the prices of those who ask, read at once for all who ask together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.orders.domain import errors
from services.orders.domain.offer import Asked, Offer, offer
from services.orders.domain.price_list import NOBODY, Candidate, Condition, Entry, PriceList, Shopper, Standing
from services.orders.domain.product import Product


class Reading(Protocol):
    """Reads stored products."""

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Product]:
        """Those of the products that exist."""


class Products(Reading, Protocol):
    """The stored products."""

    def find(self, ids: Sequence[UUID]) -> tuple[dict[UUID, Product], bool]:
        """As `get`, and whether there is any price list that is active."""


class PriceLists(Protocol):
    """The stored price lists."""

    def candidates(self, asked: Sequence[tuple[Shopper, UUID]], now: datetime) -> list[list[Candidate]]:
        """For each shopper and product, the entries of lists that apply; in one statement."""

    def of_product(self, product_id: UUID) -> list[tuple[PriceList, list[Entry]]]:
        """All lists that have a price of the product, and their entries of it."""


class Buyers(Protocol):
    """What is known of members."""

    def standing(self, member: UUID) -> Standing:
        """What is known of a member; NOBODY if nothing."""


class Work(Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def products(self) -> Products:
        """The stored products."""

    @property
    def price_lists(self) -> PriceLists:
        """The stored price lists."""

    @property
    def buyers(self) -> Buyers:
        """What is known of members."""


@dataclass(frozen=True, slots=True)
class Considered:
    """A price list that has a price of the product, the entry that the quantity reaches, and what keeps it from
    applying (None: nothing)."""

    price_list: PriceList
    entry: Entry | None
    unmet: Condition | None


@dataclass(frozen=True, slots=True)
class Explained:
    """An offer, and every list that was considered for it, the highest priority first."""

    offer: Offer
    considered: tuple[Considered, ...]


def find_offers(unit: Work, batch: Sequence[Asked]) -> list[dict[UUID, Offer]]:
    """What each of those who ask gets; products that do not exist are missing.

    One statement as long as there are no price lists; one more if there are, and one more if bundles are asked for.
    """
    known, listed = with_components(unit, {product for asked in batch for product in asked.quantities})
    candidates = _candidates(unit, batch, known) if listed else [{}] * len(batch)
    return [
        {
            each: offer(known[each], asked, known, candidates[index], unit.now)
            for each in asked.quantities
            if each in known
        }
        for index, asked in enumerate(batch)
    ]


def with_components(unit: Work, products: AbstractSet[UUID]) -> tuple[Mapping[UUID, Product], bool]:
    """Those of the products that exist and what they consist of, and whether there is any price list that is active."""
    found, listed = unit.products.find(sorted(products))
    return with_parts(unit.products, found), listed


def with_parts(products: Reading, found: Mapping[UUID, Product]) -> Mapping[UUID, Product]:
    """The products that were found and those that they consist of: one statement if there are bundles, else none."""
    parts = {part.product for product in found.values() for part in product.components} - found.keys()
    return {**found, **products.get(sorted(parts))} if parts else found


def explain_price(unit: Work, shopper: Shopper, product_id: UUID, quantity: int) -> Explained:
    """What a product costs, and why."""
    asked = Asked(shopper, {product_id: quantity})
    found = find_offers(unit, [asked])[0].get(product_id)
    if found is None:
        raise errors.product_not_found(product_id)
    standing = unit.buyers.standing(shopper.member) if shopper.member else NOBODY
    lists = unit.price_lists.of_product(product_id)
    considered = [_considered(each, entries, shopper, standing, quantity, unit.now) for each, entries in lists]
    return Explained(found, tuple(sorted(considered, key=lambda each: (-each.price_list.priority, each.price_list.id))))


def _candidates(unit: Work, batch: Sequence[Asked], known: Mapping[UUID, Product]) -> list[dict[UUID, list[Candidate]]]:
    lines: list[tuple[int, Shopper, UUID]] = []
    for index, asked in enumerate(batch):
        lines += [(index, asked.shopper, product) for product in _priced(asked, known)]
    merged: list[dict[UUID, list[Candidate]]] = [{} for _ in batch]
    found = unit.price_lists.candidates([(shopper, product) for _, shopper, product in lines], unit.now)
    for (index, _, product), entries in zip(lines, found, strict=True):
        merged[index][product] = entries
    return merged


def _priced(asked: Asked, known: Mapping[UUID, Product]) -> set[UUID]:
    """What needs a price: what is asked for, and what makes up the price of a bundle."""
    direct = [known[each] for each in asked.quantities if each in known]
    parts = {part.product for product in direct if product.summed for part in product.components}
    return {product.id for product in direct} | parts


def _considered(
    price_list: PriceList,
    entries: Sequence[Entry],
    shopper: Shopper,
    standing: Standing,
    quantity: int,
    now: datetime,
) -> Considered:
    reachable = [each for each in entries if each.min_quantity <= quantity]
    reached = max(reachable, key=lambda each: each.min_quantity, default=None)
    unmet = price_list.unmet(shopper, standing, now) or (Condition.QUANTITY if reached is None else None)
    return Considered(price_list, reached, unmet)
