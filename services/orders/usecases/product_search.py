"""Products found by words and filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from kit.page import Page
from services.orders.domain.product import Product, ProductSearch
from services.orders.domain.search import query_terms


class Products(Protocol):
    """The stored products."""

    def search(self, wanted: ProductSearch, page: Page, now: datetime) -> list[Product]:
        """The found products of a page and one more if there are more, the latest first."""


class Categories(Protocol):
    """The stored categories."""

    def subtree(self, code: str) -> Sequence[str]:
        """The code and those of all categories below it."""


class Work(Protocol):
    """What this use-case needs of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def products(self) -> Products:
        """The stored products."""

    @property
    def categories(self) -> Categories:
        """The stored categories."""


@dataclass(frozen=True, slots=True)
class Search:
    """Words that must all be there, and a category with all below it; empty for none."""

    query: str
    category: str
    filters: ProductSearch


def search_products(unit: Work, search: Search, page: Page) -> list[Product]:
    """A page of the products that are found, and one more if there are more. Words without letters find nothing."""
    terms = frozenset(query_terms(search.query))
    if search.query.strip() and not terms:
        return []
    categories = tuple(unit.categories.subtree(search.category)) if search.category else None
    return unit.products.search(replace(search.filters, terms=terms, categories=categories), page, unit.now)
