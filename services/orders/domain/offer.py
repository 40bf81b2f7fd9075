"""An offer: a product at a buyer's price, or why the buyer can't have it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kit.errors import Fault
from kit.money import LIMIT, Money
from services.orders.domain import errors
from services.orders.domain.errors import catalogue
from services.orders.domain.price_list import Candidate, Shopper, choose
from services.orders.domain.product import Product


@dataclass(frozen=True, slots=True)
class Asked:
    """Units of products that a shopper asks for, summed over the lines of a basket."""

    shopper: Shopper
    quantities: Mapping[UUID, int]


@dataclass(frozen=True, slots=True)
class Offer:
    """A product at the price of one unit for a buyer, and the list that it is from (None: the product's own price).
    `refusal` says why it can't be sold in that quantity; None when it can. `grams` is what one unit weighs."""

    product: Product
    unit_price: Money
    price_list: UUID | None = None
    refusal: Fault | None = None
    grams: int = 0


Known = Mapping[UUID, Product]
"""The products of an offer and, for bundles, their components."""
Candidates = Mapping[UUID, list[Candidate]]
"""Of each product, the entries of the lists that apply to the buyer."""


def offer(product: Product, asked: Asked, known: Known, candidates: Candidates, now: datetime) -> Offer:
    """What the shopper gets: a pure function of what is stored."""
    quantity = asked.quantities[product.id]
    refusal = _refusal(product, quantity, asked.shopper.channel, known, now)
    weight = grams(product, known)
    price = choose(candidates.get(product.id, ()), product.price, quantity)
    if not product.summed or price.price_list is not None:
        return Offer(product, price.amount, price.price_list, refusal, weight)
    total = _sum_of_components(product, quantity, known, candidates)
    if total is None:
        return Offer(product, product.price, refusal=refusal or catalogue.price_missing(product.id), grams=weight)
    return Offer(product, total, refusal=refusal, grams=weight)


def _refusal(product: Product, quantity: int, channel: str, known: Known, now: datetime) -> Fault | None:
    if fault := product.unsellable(channel, now):
        return fault
    if 0 < product.purchase_limit < quantity:
        return catalogue.purchase_limit_exceeded(product.id, requested=quantity, limit=product.purchase_limit)
    archived = (part.product for part in product.components if not known[part.product].active)
    return next(map(errors.product_archived, archived), None)


def grams(product: Product, known: Known) -> int:
    """What one unit weighs. A bundle that has no weight of its own weighs what its components do."""
    return product.weight_grams or sum(known[part.product].weight_grams * part.quantity for part in product.components)


def _sum_of_components(product: Product, quantity: int, known: Known, candidates: Candidates) -> Money | None:
    """None when the components have prices in several currencies, or are worth more than any amount may be."""
    total, currencies = 0, set()
    for part in product.components:
        own = known[part.product].price
        price = choose(candidates.get(part.product, ()), own, quantity * part.quantity)
        currencies.add(price.amount.currency)
        total += price.amount.minor * part.quantity
    return Money(total, currencies.pop()) if len(currencies) == 1 and total <= LIMIT else None
