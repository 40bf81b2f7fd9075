"""Parts of queries that several stores need."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Select, Uuid, any_, literal
from sqlalchemy.dialects.postgresql import ARRAY

from kit.page import Page


def newest_first(query: Select[Any], identity: Column[UUID], page: Page) -> Select[Any]:
    """The rows of a page by keyset, and one more that tells whether there is a next page.

    Ids are UUIDv7, so their order is that of creation.
    """
    if page.after is not None:
        query = query.where(identity < UUID(page.after[0]))
    return query.order_by(identity.desc()).limit(page.fetch)


def one_of(column: Column[UUID], ids: Collection[UUID]) -> ColumnElement[bool]:
    """Whether the column is one of the ids: one parameter, so one prepared statement for any number of them."""
    return column == any_(literal(list(ids), ARRAY(Uuid)))
