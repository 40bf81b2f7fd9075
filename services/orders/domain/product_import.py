"""Rows of an import of products: an upsert by SKU, judged row by row."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from kit.errors import Fault, invalid
from kit.money import Money, exponent
from services.orders.domain.product import Content, Image, Product

MOST_PRICE = 1_000_000_000
"""Units of the currency."""
MOST_IMAGES, MOST_ATTRIBUTES = 20, 100
MOST_NUMBER = 1_000_000_000
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
class ProductRow:
    """What a row says of the product with its SKU: contents by their names. What it does not say stays as it is.
    `product_id` is what the product will be called if the SKU is new."""

    product_id: UUID
    sku: str
    contents: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of a row: the product, or why it was rejected."""

    outcome: Outcome
    product: UUID | None = None
    fault: Fault | None = None


def check(row: ProductRow) -> None:
    """Raise a Fault on the first field that has a value that is not allowed."""
    _check_text("sku", row.sku, 64)
    for name, value in row.contents.items():
        if name in _TEXTS:
            _check_text(name, str(value), _TEXTS[name])
        elif name in _NUMBERS:
            _check_number(name, value)
        else:
            _OTHERS[name](value)


def product_of(row: ProductRow, now: datetime) -> Product:
    """The product that a new SKU becomes. Raises a Fault when its title or price is missing."""
    for name in ("title", "price"):
        if name not in row.contents:
            raise invalid(name, "is needed, for the SKU is new")
    return Product.create(row.product_id, row.sku, Content(**row.contents), now)  # type: ignore[arg-type]


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


def _check_price(price: Money) -> None:
    if not 0 <= price.minor <= MOST_PRICE * 10 ** exponent(price.currency):
        raise invalid("price", f"must be from 0 to {MOST_PRICE:,}")


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
