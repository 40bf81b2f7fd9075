"""Why stock refuses, beside what every order is told."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from kit import names
from kit.errors import Fault, Kind, precondition


def location_not_found(location: str) -> Fault:
    """No location has this id."""
    return _missing("LOCATION_NOT_FOUND", f"locations/{location}")


def location_exists() -> Fault:
    """Another location has this id."""
    return Fault(Kind.ALREADY_EXISTS, "LOCATION_EXISTS", "another location has this id")


def location_unavailable(location: str) -> Fault:
    """The location serves no orders: it is closed, or neither ships nor offers pick-up."""
    name = f"locations/{location}"
    return precondition("LOCATION_UNAVAILABLE", f"{name} serves no orders", location=name)


def not_in_one_location(wanted: Mapping[UUID, int]) -> Fault:
    """Everything is there, but no location has all of it."""
    products = ", ".join(names.join("products", product) for product in sorted(wanted))
    return precondition("NOT_IN_ONE_LOCATION", "no location has all of the order", products=products)


def reservation_not_found(reservation: UUID) -> Fault:
    """No reservation has this id."""
    return _missing("RESERVATION_NOT_FOUND", names.join("reservations", reservation))


def reservation_ended(reservation: UUID, state: str) -> Fault:
    """The reservation ended otherwise."""
    name = names.join("reservations", reservation)
    return precondition("RESERVATION_ENDED", f"{name} is {state}", reservation=name, state=state)


def document_not_found(name: str) -> Fault:
    """No transfer or count has this name."""
    return _missing("STOCK_DOCUMENT_NOT_FOUND", name)


def document_ended(name: str, state: str) -> Fault:
    """The transfer or the count has ended."""
    return precondition("STOCK_DOCUMENT_ENDED", f"{name} is {state}", name=name, state=state)


def counted_elsewhere(stock: str, count: str) -> Fault:
    """Another open count has a number of the product there."""
    message = f"{count} has a number of {stock} already; post or cancel that count first"
    return precondition("COUNTED_ELSEWHERE", message, stock=stock, count=count)


def policy_elsewhere() -> Fault:
    """Another location awaits the product already."""
    message = "the product is promised at another location already; take that policy back first"
    return precondition("POLICY_ELSEWHERE", message)


def _missing(reason: str, name: str) -> Fault:
    return Fault(Kind.NOT_FOUND, reason, f"{name} does not exist", metadata={"name": name})
