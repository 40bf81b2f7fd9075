"""Why the order desk refuses."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from kit import names
from kit.errors import Fault, Kind, precondition


class Obstacle(StrEnum):
    """Why goods of an order can't leave."""

    ON_HOLD = "ON_HOLD"
    STATE = "STATE"
    COMPLETED = "COMPLETED"
    AWAITING_GOODS = "AWAITING_GOODS"
    IMPORTED = "IMPORTED"


def not_fulfillable(order: UUID, obstacle: Obstacle) -> Fault:
    """Goods of the order can't leave now."""
    name = names.join("orders", order)
    return precondition(
        "ORDER_NOT_FULFILLABLE", f"{name} can't be fulfilled: {obstacle}", order=name, cause=obstacle.value
    )


def order_on_hold(order: UUID) -> Fault:
    """The order is held for another reason already."""
    name = names.join("orders", order)
    return precondition("ORDER_ON_HOLD", f"{name} is on hold for another reason", order=name)


def too_many_tags(limit: int) -> Fault:
    """An order has no room for so many tags."""
    return precondition("ORDER_TAG_LIMIT", f"an order has at most {limit} tags", limit=str(limit))


def address_fixed(order: UUID, cause: str) -> Fault:
    """The order's address can't be another one any more."""
    name = names.join("orders", order)
    return precondition("ADDRESS_FIXED", f"{name} can't be sent elsewhere: {cause}", order=name, cause=cause)


def shipment_not_found(order: UUID, shipment: UUID) -> Fault:
    """The order has no such shipment."""
    name = names.join("orders", order, "shipments", shipment)
    return Fault(Kind.NOT_FOUND, "SHIPMENT_NOT_FOUND", f"{name} does not exist", metadata={"name": name})


def shipment_state_invalid(order: UUID, shipment: UUID, state: str) -> Fault:
    """The shipment's state does not allow the step."""
    name = names.join("orders", order, "shipments", shipment)
    return precondition("SHIPMENT_STATE_INVALID", f"{name} is {state}", shipment=name, state=state)


def units_unavailable(position: int, *, requested: int, shippable: int) -> Fault:
    """More units of a line than are paid, not refunded, and not on their way yet."""
    numbers = {"position": str(position), "requested": str(requested), "shippable": str(shippable)}
    message = f"line {position}: {requested} units asked for, {shippable} can be shipped"
    return precondition("UNITS_NOT_SHIPPABLE", message, **numbers)


def waybill_taken() -> Fault:
    """A parcel with this waybill number of this carrier is known already."""
    return Fault(Kind.ALREADY_EXISTS, "WAYBILL_TAKEN", "this carrier's waybill number belongs to another parcel")


def code_invalid(shipment: str) -> Fault:
    """The pick-up code is not the one that counts."""
    return precondition("PICK_UP_CODE_INVALID", "the pick-up code is wrong", shipment=shipment)


def codes_exhausted(shipment: str, wait: timedelta) -> Fault:
    """Too many wrong codes: no code is read for a while."""
    return Fault(
        Kind.RESOURCE_EXHAUSTED,
        "PICK_UP_ATTEMPTS_EXHAUSTED",
        "too many wrong pick-up codes; try again later",
        metadata={"shipment": shipment},
        retry_after=wait,
    )


def invoice_not_found(order: UUID, invoice: UUID) -> Fault:
    """The order has no such invoice."""
    name = names.join("orders", order, "invoices", invoice)
    return Fault(Kind.NOT_FOUND, "INVOICE_NOT_FOUND", f"{name} does not exist", metadata={"name": name})


def invoice_state_invalid(order: UUID, invoice: UUID, state: str) -> Fault:
    """The invoice's state does not allow the step."""
    name = names.join("orders", order, "invoices", invoice)
    return precondition("INVOICE_STATE_INVALID", f"{name} is {state}", invoice=name, state=state)


def invoice_exists() -> Fault:
    """The order has an invoice that was requested or issued."""
    return Fault(Kind.ALREADY_EXISTS, "INVOICE_EXISTS", "the order has an invoice already")


def nothing_to_invoice(order: UUID) -> Fault:
    """Nothing is left of what was paid in money."""
    name = names.join("orders", order)
    return precondition("NOTHING_TO_INVOICE", f"nothing that was paid in money is left of {name}", order=name)
