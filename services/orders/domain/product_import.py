"""Rows of an import of products: an upsert by SKU, judged row by row."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from kit.errors import Fault, invalid
from kit.money import Money, exponent
from services.orders.domain.product import Content, Image, Product
from services.orders.domain.product_group import MOST_OPTIONS

MOST_PRICE = 1_000_000_000
"""Units of the currency."""
MOST_IMAGES, MOST_ATTRIBUTES = 20, 100
MOST_NUMBER = 1_000_000_000
MOST_COMPONENTS, MOST_PRICES, MOST_STOCKS = 50, 100, 100
MOST_OF_ONE = 10_000
"""Units of a product in one unit of a bundle."""
_CODES = UUID("6f2f0f5e-51a8-4a3c-9d0f-6d1c0b6f8f0e")
"""Ids that follow from codes are made within this namespace, and must never change."""
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]").search
_URL = re.compile(r"https://[^\s/]+(/\S*)?").fullmatch
_TEXTS = {"title": 200, "category": 100, "tax_class": 63}
_NUMBERS = ("weight_grams", "purchase_limit")


class Outcome(StrEnum):
    """What became of a row."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    UNCHANGED = "UNCHANGED"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True)
class RowGroup:
    """The group of variants that a row names: by its `id`, or by the merchant's `code`, from which the id follows."""

    id: UUID
    code: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class RowPrice:
    """A price in a list: that with the id `price_list`, or the one of imported prices of a `channel`."""

    price_list: UUID
    channel: str
    min_quantity: int
    price: Money


@dataclass(frozen=True, slots=True)
class ProductRow:
    """What a row says of the product with its SKU: contents by their names. What it does not say stays as it is.
    `product_id` is what the product will be called if the SKU is new. `components` are told by SKU and units, `stocks`
    by location and units."""

    product_id: UUID
    sku: str
    contents: Mapping[str, object]
    group: RowGroup | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    components: tuple[tuple[str, int], ...] = ()
    prices: tuple[RowPrice, ...] = ()
    stocks: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of a row: the product, or why it was rejected."""

    outcome: Outcome
    product: UUID | None = None
    fault: Fault | None = None


def group_id(code: str) -> UUID:
    """The id of the group that imports know by a code."""
    return uuid5(_CODES, f"group:{code}")


def list_id(channel: str, currency: str) -> UUID:
    """The id of the list of a channel's imported prices in a currency."""
    return uuid5(_CODES, f"prices:{currency}:{channel}")


def check(row: ProductRow) -> None:
    """Raise a Fault on the first field that has a value that is not allowed."""
    _check_relations(row)
    _check_text("sku", row.sku, 64)
    for name, value in row.contents.items():
        if name in _TEXTS:
            _check_text(name, str(value), _TEXTS[name])
        elif name in _NUMBERS:
            _check_number(name, value)
        else:
            _OTHERS[name](value)


def product_of(row: ProductRow, contents: Mapping[str, object], now: datetime) -> Product:
    """The product that a new SKU becomes. Raises a Fault when its title or price is missing."""
    for name in ("title", "price"):
        if name not in contents:
            raise invalid(name, "is needed, for the SKU is new")
    return Product.create(row.product_id, row.sku, Content(**contents), now)  # type: ignore[arg-type]


def _check_relations(row: ProductRow) -> None:
    _check_variant(row)
    _check_count("components", row.components, MOST_COMPONENTS)
    _distinct("components", [sku for sku, _ in row.components], "product")
    if any(not 1 <= units <= MOST_OF_ONE for _, units in row.components):
        raise invalid("components", f"must have 1 to {MOST_OF_ONE:,} units of each")
    _check_prices(row.prices)
    _check_stocks(row)


def _check_variant(row: ProductRow) -> None:
    if row.group is None and row.options:
        raise invalid("options", "are for variants of a group")
    if row.group is not None:
        _check_text("group", row.group.code, 63)
        _check_text("group_title", row.group.title, 200)
    _check_count("options", row.options, MOST_OPTIONS)
    for name, value in row.options.items():
        _check_text("options", name, 63)
        _check_text("options", value, 100)


def _check_prices(prices: Sequence[RowPrice]) -> None:
    _check_count("prices", prices, MOST_PRICES)
    _distinct("prices", [(each.price_list, each.min_quantity) for each in prices], "list and quantity")
    for each in prices:
        _check_text("prices", each.channel, 63)
        if not 1 <= each.min_quantity <= MOST_NUMBER:
            raise invalid("prices", f"must hold from 1 to {MOST_NUMBER:,} units on")
        _check_price(each.price, "prices")


def _check_stocks(row: ProductRow) -> None:
    _check_count("stocks", row.stocks, MOST_STOCKS)
    _distinct("stocks", [location for location, _ in row.stocks], "location")
    for _, units in row.stocks:
        _check_number("stocks", units)
    if row.components and any(units for _, units in row.stocks):
        raise invalid("stocks", "are not for bundles: what they are made of is in stock")


def _distinct(name: str, values: Sequence[object], what: str) -> None:
    if len(set(values)) != len(values):
        raise invalid(name, f"must name each {what} once")


def _check_count(name: str, values: Sized, most: int) -> None:
    if len(values) > most:
        raise invalid(name, f"must be at most {most}")


def _check_text(name: str, value: str, most: int) -> None:
    _check_length(name, value, most)
    if _CONTROL(value):
        raise invalid(name, "must not contain control characters")


def _check_length(name: str, value: str, most: int) -> None:
    if len(value) > most:
        raise invalid(name, f"must have at most {most:,} characters")
    if "\0" in value:
        raise invalid(name, "must not contain NUL")


def _check_description(value: str) -> None:
    _check_length("description", value, 10_000)


def _check_number(name: str, value: object) -> None:
    if not (isinstance(value, int) and 0 <= value <= MOST_NUMBER):
        raise invalid(name, f"must be from 0 to {MOST_NUMBER:,}")


def _check_price(price: Money, name: str = "price") -> None:
    if not 0 <= price.minor <= MOST_PRICE * 10 ** exponent(price.currency):
        raise invalid(name, f"must be from 0 to {MOST_PRICE:,}")


def _check_images(images: tuple[Image, ...]) -> None:
    if len(images) > MOST_IMAGES:
        raise invalid("images", f"must be at most {MOST_IMAGES}")
    for image in images:
        if not _URL(image.url) or len(image.url) > 2_000:
            raise invalid("images", "must be addresses that begin with https://")
        _check_text("images", image.alt, 200)


def _check_attributes(attributes: Mapping[str, str]) -> None:
    if len(attributes) > MOST_ATTRIBUTES:
        raise invalid("attributes", f"must be at most {MOST_ATTRIBUTES}")
    for name, value in attributes.items():
        _check_text("attributes", name, 63)
        _check_text("attributes", value, 500)


_OTHERS: dict[str, Callable[[Any], None]] = {
    "description": _check_description,
    "price": _check_price,
    "images": _check_images,
    "attributes": _check_attributes,
}
