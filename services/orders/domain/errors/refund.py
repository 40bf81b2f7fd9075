"""Why refunds are refused."""

from __future__ import annotations

from uuid import UUID

from kit import names
from kit.errors import Fault, Kind


def refund_not_found(order: UUID, refund: UUID) -> Fault:
    """The order has no such refund."""
    name = names.join("orders", order, "refunds", refund)
    return Fault(Kind.NOT_FOUND, "REFUND_NOT_FOUND", f"{name} does not exist", metadata={"name": name})


def refund_state_invalid(order: UUID, refund: UUID, state: str) -> Fault:
    """The refund's state does not allow the step."""
    name = names.join("orders", order, "refunds", refund)
    metadata = {"refund": name, "state": state}
    return Fault(Kind.FAILED_PRECONDITION, "REFUND_STATE_INVALID", f"{name} is {state}", metadata=metadata)


def refund_own(order: UUID, refund: UUID) -> Fault:
    """Who asked for a refund is not who approves it."""
    name = names.join("orders", order, "refunds", refund)
    message = f"{name} has to be approved by somebody else"
    return Fault(Kind.FAILED_PRECONDITION, "REFUND_OWN", message, metadata={"refund": name})


def replacement_unsuitable(replacement: UUID, cause: str) -> Fault:
    """What comes back in an exchange can't pay for this order."""
    name = names.join("orders", replacement)
    message = f"{name} can't be paid with what comes back: {cause}"
    metadata = {"replacement": name, "cause": cause}
    return Fault(Kind.FAILED_PRECONDITION, "REPLACEMENT_UNSUITABLE", message, metadata=metadata)


def payout_not_found(payment: int) -> Fault:
    """The refund gives nothing back to the payment at this position."""
    message = f"the refund gives nothing back to payment {payment}"
    return Fault(Kind.FAILED_PRECONDITION, "REFUND_PAYMENT_NOT_FOUND", message, metadata={"payment": str(payment)})


def payout_state_invalid(payment: int, state: str) -> Fault:
    """The money of the payment can't take this step on its way back."""
    metadata = {"payment": str(payment), "state": state}
    message = f"the money of payment {payment} is {state}"
    return Fault(Kind.FAILED_PRECONDITION, "REFUND_PAYMENT_STATE_INVALID", message, metadata=metadata)
