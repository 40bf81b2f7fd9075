"""Why orders of other platforms are refused."""

from __future__ import annotations

from kit import names
from kit.errors import Fault, Kind, Violation


def shop_not_found(shop: str) -> Fault:
    """No shop has this code."""
    name = names.join("shops", shop)
    return Fault(Kind.NOT_FOUND, "SHOP_NOT_FOUND", f"{name} does not exist", metadata={"name": name})


def shop_exists(shop: str) -> Fault:
    """The code is taken."""
    name = names.join("shops", shop)
    return Fault(Kind.ALREADY_EXISTS, "SHOP_EXISTS", f"{name} exists", metadata={"name": name})


def ingested_order_not_found(shop: str, tid: str) -> Fault:
    """The shop has told of no such order."""
    name = names.join("shops", shop, "ingestedOrders", tid)
    return Fault(Kind.NOT_FOUND, "INGESTED_ORDER_NOT_FOUND", f"{name} does not exist", metadata={"name": name})


def oid_taken(oid: str) -> Fault:
    """The number of a line is that of a line of another order."""
    message = f"the line {oid} is one of another order"
    violations = [Violation("lines.oid", message)]
    return Fault(Kind.FAILED_PRECONDITION, "OID_TAKEN", message, metadata={"oid": oid}, violations=violations)
