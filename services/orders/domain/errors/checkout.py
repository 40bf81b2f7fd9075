"""Why a checkout refuses."""

from __future__ import annotations

from uuid import UUID

from kit import names
from kit.errors import Fault, Kind, Violation
from kit.money import Money


def stored_value_refused(member: UUID, cause: str) -> Fault:
    """The member's stored value can't be held."""
    name = names.join("members", member)
    message = f"the stored value of {name} is refused: {cause}"
    return Fault(Kind.FAILED_PRECONDITION, "STORED_VALUE_REFUSED", message, metadata={"member": name, "cause": cause})


def gift_card_refused(position: int, cause: str) -> Fault:
    """A gift card can't be held; `position` is its place among those of the request."""
    message = f"gift card {position} is refused: {cause}"
    return Fault(
        Kind.FAILED_PRECONDITION, "GIFT_CARD_REFUSED", message, metadata={"position": str(position), "cause": cause}
    )


def points_not_allowed(points: int, *, least: int, most: int) -> Fault:
    """Fewer or more points than may pay for the order."""
    message = f"{points} points can't pay for this order, at least {least} and at most {most} can"
    metadata = {"points": str(points), "min_points": str(least), "max_points": str(most)}
    violation = Violation("points", f"must be from {least} to {most}" if least <= most else "can't be used here")
    return Fault(Kind.FAILED_PRECONDITION, "POINTS_NOT_ALLOWED", message, metadata=metadata, violations=[violation])


def tenders_unsuitable(amount: Money, due: Money) -> Fault:
    """What is held is more than is to be paid, or another currency; or less, of an order that waits for ever."""
    message = f"{amount} is held for the order, {due} is to be paid in money"
    return Fault(
        Kind.FAILED_PRECONDITION, "TENDERS_UNSUITABLE", message, metadata={"amount": str(amount), "due": str(due)}
    )


def deposit_in_money(order: UUID) -> Fault:
    """The deposit of an order is still to come, and nobody holds anything for as long as its balance may be paid."""
    name = names.join("orders", order)
    message = f"{name} waits for its deposit, and for its balance too long to hold anything until then: pay it in money"
    return Fault(Kind.FAILED_PRECONDITION, "DEPOSIT_IN_MONEY", message, metadata={"order": name})


def deposit_without_points(order: UUID) -> Fault:
    """The deposit of an order is still to come, which points may not pay: it may have to be kept."""
    name = names.join("orders", order)
    message = f"{name} waits for its deposit, which points can't pay; they may pay its balance"
    return Fault(Kind.FAILED_PRECONDITION, "DEPOSIT_WITHOUT_POINTS", message, metadata={"order": name})


def checkout_not_found(order: UUID) -> Fault:
    """Neither a checkout nor an order has this id."""
    name = names.join("orders", order)
    return Fault(Kind.NOT_FOUND, "CHECKOUT_NOT_FOUND", f"{name} has no checkout", metadata={"name": name})
