"""Why delivery, tax and carts refuse."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from kit import names
from kit.errors import SOON, Fault, Kind


class Cause(StrEnum):
    """Why a shipping method can't bring an order."""

    INACTIVE = "INACTIVE"
    CHANNEL = "CHANNEL"
    ADDRESS = "ADDRESS"
    LOCATION = "LOCATION"
    WEIGHT = "WEIGHT"


def zone_not_found(zone: UUID) -> Fault:
    """No zone has this id."""
    return _missing("SHIPPING_ZONE_NOT_FOUND", names.join("shippingZones", zone))


def zone_in_use(zone: UUID) -> Fault:
    """A method has rates for the zone."""
    name = names.join("shippingZones", zone)
    message = f"{name} has rates of a shipping method"
    return Fault(Kind.FAILED_PRECONDITION, "SHIPPING_ZONE_IN_USE", message, metadata={"shipping_zone": name})


def method_not_found(method: UUID) -> Fault:
    """No method has this id."""
    return _missing("SHIPPING_METHOD_NOT_FOUND", names.join("shippingMethods", method))


def delivery_refused(method: UUID, cause: Cause) -> Fault:
    """The method can't bring these goods there."""
    name = names.join("shippingMethods", method)
    message = f"{name} can't be used for this order: {cause}"
    metadata = {"shipping_method": name, "cause": cause.value}
    return Fault(Kind.FAILED_PRECONDITION, "DELIVERY_REFUSED", message, metadata=metadata)


def tax_table_not_found(table: UUID) -> Fault:
    """No tax table has this id."""
    return _missing("TAX_TABLE_NOT_FOUND", names.join("taxTables", table))


def tax_table_exists() -> Fault:
    """The country and region have a table, or another one is at home."""
    message = "another tax table has this country and region, or is the one at home"
    return Fault(Kind.ALREADY_EXISTS, "TAX_TABLE_EXISTS", message)


def address_not_found(order: UUID) -> Fault:
    """The order is not sent to an address, or it was erased."""
    return _missing("DELIVERY_ADDRESS_NOT_FOUND", names.join("orders", order, "address"))


def cart_not_found(cart: UUID) -> Fault:
    """No cart has this id, or the caller may not use it."""
    return _missing("CART_NOT_FOUND", names.join("carts", cart))


def cart_merged(cart: UUID) -> Fault:
    """The cart went into another one."""
    name = names.join("carts", cart)
    return Fault(Kind.FAILED_PRECONDITION, "CART_MERGED", f"{name} was merged into another", metadata={"cart": name})


def cart_changed(cart: UUID) -> Fault:
    """The cart changed while it was being ordered."""
    name = names.join("carts", cart)
    message = f"{name} changed in between; look at it and try again"
    return Fault(Kind.ABORTED, "CART_CHANGED", message, metadata={"cart": name}, retry_after=SOON)


def cart_ordered(cart: UUID, order: UUID) -> Fault:
    """The same lines were ordered at the same moment by another request, with other terms."""
    name, made = names.join("carts", cart), names.join("orders", order)
    message = f"{name} was ordered by another request, as {made}"
    return Fault(Kind.FAILED_PRECONDITION, "CART_ORDERED", message, metadata={"cart": name, "order": made})


def cart_empty(cart: UUID) -> Fault:
    """There is nothing to order."""
    name = names.join("carts", cart)
    return Fault(Kind.FAILED_PRECONDITION, "CART_EMPTY", f"{name} has no lines", metadata={"cart": name})


def cart_limit(what: str, limit: int) -> Fault:
    """The cart would hold more than it may; `what` is `lines` or `units`."""
    metadata = {"what": what, "limit": str(limit)}
    return Fault(Kind.FAILED_PRECONDITION, "CART_LIMIT", f"{what}: at most {limit}", metadata=metadata)


def cart_line_not_found(product: UUID) -> Fault:
    """The cart has no line of this product."""
    return _missing("CART_LINE_NOT_FOUND", names.join("products", product))


def _missing(reason: str, name: str) -> Fault:
    return Fault(Kind.NOT_FOUND, reason, f"{name} does not exist", metadata={"name": name})
