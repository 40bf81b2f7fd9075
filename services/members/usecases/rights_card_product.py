"""Kinds of rights cards: make, change, read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from kit.errors import etag_mismatch
from kit.page import Page
from services.members.domain.audit import NOBODY, Author, settings_act
from services.members.domain.errors import rights_card as errors
from services.members.domain.rights_card_product import RightsCardProduct
from services.members.usecases.rights_card_ports import RightsUnit


@dataclass(frozen=True, slots=True)
class CreateProduct:
    """Make a kind of card of these values by name."""

    product: UUID
    values: Mapping[str, Any]
    author: Author = NOBODY


@dataclass(frozen=True, slots=True)
class UpdateProduct:
    """Change a kind of card: new values by name. `version` is the one they were made for, None for any."""

    product: UUID
    values: Mapping[str, Any]
    version: int | None = None
    author: Author = NOBODY


def create(unit: RightsUnit, command: CreateProduct) -> RightsCardProduct:
    """Make a kind of card. Raises a Fault when it makes no sense."""
    product = RightsCardProduct(
        id=command.product, version=1, create_time=unit.now, update_time=unit.now, **command.values
    )
    product.check()
    unit.rights_card_products.add(product)
    unit.audit.record(settings_act(command.author, product.name, None, product))
    return product


def update(unit: RightsUnit, command: UpdateProduct) -> RightsCardProduct:
    """Make a new version of a kind of card. Raises a Fault when it makes no sense or another one was faster."""
    current = unit.rights_card_products.lock(command.product)
    if current is None:
        raise errors.product_not_found(command.product)
    if command.version not in (None, current.version):
        raise etag_mismatch(current.name)
    changed = current.changed(replace(current, **command.values), unit.now)
    if changed is not current:
        unit.rights_card_products.add(changed)
        unit.audit.record(settings_act(command.author, changed.name, current, changed))
    return changed


def get(unit: RightsUnit, product: UUID) -> RightsCardProduct:
    """A kind of card as it is now. Raises a Fault when there is none."""
    found = unit.rights_card_products.read(product)
    if found is None:
        raise errors.product_not_found(product)
    return found


def page(unit: RightsUnit, page: Page) -> list[RightsCardProduct]:
    """A page of kinds of cards, the newest first."""
    return unit.rights_card_products.page(page)
