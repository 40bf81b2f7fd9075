"""Offers, price lists and groups of variants for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kit.names import new_id
from services.orders.domain.offer import Asked, Offer, offer
from services.orders.domain.price_list import PriceList, Shopper
from services.orders.domain.product import Product, ProductState
from services.orders.domain.product_group import Option, ProductGroup
from tests.support.builders.orders import NOW

WEB = Shopper("web")


def an_offer(product: Product, *, quantity: int = 1, channel: str = "web", known: Sequence[Product] = ()) -> Offer:
    """The product at its own price, as it is offered to a guest."""
    asked = Asked(Shopper(channel), {product.id: quantity})
    return offer(product, asked, {each.id: each for each in (product, *known)}, {}, NOW)


def a_price_list(**terms: Any) -> PriceList:
    """A price list that is for everybody, unless its terms say otherwise."""
    given = {"title": "Spring", "currency": "CNY", "id": new_id(), "state": ProductState.ACTIVE, "version": 1}
    return PriceList(**{**given, "create_time": NOW, "update_time": NOW, **terms})


def a_group(options: Mapping[str, Sequence[str]] | None = None) -> ProductGroup:
    """A group whose variants differ by colour and size."""
    said = options or {"colour": ("red", "blue"), "size": ("S", "M")}
    listed = tuple(Option(name, tuple(values)) for name, values in said.items())
    return ProductGroup(new_id(), "Shirt", listed, 1, NOW, NOW)
