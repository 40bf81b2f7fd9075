"""Group buys: made, changed, ended. What becomes of their groups is told by `group` and `group_seats`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.errors import etag_mismatch, invalid
from kit.page import Page
from services.orders.domain.errors import group_buy as errors
from services.orders.domain.errors import product_archived, product_not_found
from services.orders.domain.group_buy import GroupBuy, GroupBuyKind, GroupBuyQuery, Terms
from services.orders.domain.product import Product


class GroupBuys(Protocol):
    """The stored group buys."""

    def add(self, group_buy: GroupBuy) -> None:
        """Store a new group buy."""

    def get(self, ids: Sequence[UUID]) -> dict[UUID, GroupBuy]:
        """Those of the group buys that exist."""

    def lock(self, group_buy_id: UUID) -> GroupBuy | None:
        """The group buy, which nobody else changes until the transaction ends."""

    def save(self, group_buy: GroupBuy) -> None:
        """Store a changed group buy."""

    def page(self, query: GroupBuyQuery, page: Page) -> list[GroupBuy]:
        """The group buys of a page and one more if there are more, the latest start first."""


class Products(Protocol):
    """The stored products."""

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Product]:
        """Those of the products that exist."""


class Work(Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def group_buys(self) -> GroupBuys:
        """The stored group buys."""

    @property
    def products(self) -> Products:
        """The stored products."""


@dataclass(frozen=True, slots=True)
class CreateGroupBuy:
    """Make a group buy of a product."""

    group_buy_id: UUID
    product: UUID
    kind: GroupBuyKind
    terms: Terms


@dataclass(frozen=True, slots=True)
class UpdateGroupBuy:
    """Change the terms of a group buy; `version`, if given, must be the latest."""

    group_buy_id: UUID
    change: Callable[[Terms], Terms]
    version: int | None


@dataclass(frozen=True, slots=True)
class CancelGroupBuy:
    """End a group buy before its time; `version`, if given, must be the latest."""

    group_buy_id: UUID
    version: int | None


def create_group_buy(unit: Work, command: CreateGroupBuy) -> GroupBuy:
    """Make a group buy. Its groups take their units from stock seat by seat."""
    product = unit.products.get([command.product]).get(command.product)
    if product is None:
        raise product_not_found(command.product)
    if not product.active:
        raise product_archived(product.id)
    if command.terms.price.currency != product.price.currency:
        raise invalid("group_buy.price", f"must be in {product.price.currency}, as the product's")
    made = GroupBuy.schedule(command.group_buy_id, product.id, command.kind, command.terms, unit.now)
    unit.group_buys.add(made)
    return made


def get_group_buy(unit: Work, group_buy_id: UUID) -> GroupBuy:
    """Read a group buy."""
    found = unit.group_buys.get([group_buy_id]).get(group_buy_id)
    if found is None:
        raise errors.group_buy_not_found(group_buy_id)
    return found


def list_group_buys(unit: Work, query: GroupBuyQuery, page: Page) -> list[GroupBuy]:
    """A page of group buys, and one more if there are more."""
    return unit.group_buys.page(query, page)


def update_group_buy(unit: Work, command: UpdateGroupBuy) -> GroupBuy:
    """Change a group buy; groups that are open keep what they were opened with."""
    found = _locked(unit, command.group_buy_id)
    _check_version(found, command.version)
    changed = found.change(command.change(found.terms), unit.now)
    if changed is not found:
        unit.group_buys.save(changed)
    return changed


def cancel_group_buy(unit: Work, command: CancelGroupBuy) -> GroupBuy:
    """Let no more groups be opened; those that are go on. The same once more changes nothing."""
    found = _locked(unit, command.group_buy_id)
    cancelled = found.cancel(unit.now)
    if cancelled is not found:
        _check_version(found, command.version)
        unit.group_buys.save(cancelled)
    return cancelled


def _locked(unit: Work, group_buy_id: UUID) -> GroupBuy:
    found = unit.group_buys.lock(group_buy_id)
    if found is None:
        raise errors.group_buy_not_found(group_buy_id)
    return found


def _check_version(found: GroupBuy, version: int | None) -> None:
    if version is not None and version != found.version:
        raise etag_mismatch(found.name)
