"""Why the catalogue refuses."""

from __future__ import annotations

from uuid import UUID

from kit import names
from kit.errors import Fault, Kind, Violation, precondition


def product_unpublished(product: UUID, channel: str) -> Fault:
    """The product is not offered there, or not at this time."""
    name = names.join("products", product)
    message = f"{name} is not offered in {channel} now"
    return precondition("PRODUCT_UNPUBLISHED", message, product=name, channel=channel)


def purchase_limit_exceeded(product: UUID, *, requested: int, limit: int) -> Fault:
    """One order asks for more units than one order may have."""
    name = names.join("products", product)
    counts = {"requested": str(requested), "limit": str(limit)}
    message = f"{name}: {requested} requested, an order may have {limit}"
    return precondition("PURCHASE_LIMIT_EXCEEDED", message, product=name, **counts)


def bundle_nested(product: UUID) -> Fault:
    """A bundle within a bundle."""
    name = names.join("products", product)
    message = f"{name} is a bundle and a component: bundles are made of ordinary products"
    return precondition("BUNDLE_NESTED", message, product=name)


def variant_taken() -> Fault:
    """Another product of the group has these options."""
    message = "another product of the group has these options"
    return Fault(Kind.ALREADY_EXISTS, "VARIANT_TAKEN", message)


def variant_invalid(group: UUID, why: str) -> Fault:
    """The options do not fit the group, or those of the group do not fit its variants."""
    name = names.join("productGroups", group)
    return precondition("VARIANT_INVALID", f"{name}: {why}", group=name, cause=why)


def resource_not_found(name: str) -> Fault:
    """No group, category, channel, store or price list has this name."""
    return Fault(Kind.NOT_FOUND, "CATALOGUE_NOT_FOUND", f"{name} does not exist", metadata={"name": name})


def resource_exists(name: str) -> Fault:
    """The code is taken."""
    return Fault(Kind.ALREADY_EXISTS, "CATALOGUE_EXISTS", f"{name} exists", metadata={"name": name})


def category_misplaced(code: str, why: str) -> Fault:
    """The category can't stand there, or not be deleted."""
    name = f"categories/{code}"
    return precondition("CATEGORY_MISPLACED", f"{name} {why}", category=name, cause=why)


def price_missing(product: UUID) -> Fault:
    """A component of a bundle has its price in another currency."""
    name = names.join("products", product)
    return precondition("PRICE_MISSING", f"the components of {name} have prices in several currencies", product=name)


def row_repeated() -> Fault:
    """An earlier row of the same call has the same SKU."""
    violation = Violation("sku", "is that of an earlier row of this call")
    message = "sku: is that of an earlier row of this call"
    return Fault(Kind.FAILED_PRECONDITION, "ROW_REPEATED", message, violations=[violation])
