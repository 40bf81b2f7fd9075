"""Why orders refuses what concerns payments by providers."""

from __future__ import annotations

from uuid import UUID

from kit import names
from kit.errors import SOON, Fault, Kind, Violation, precondition
from kit.money import Money


def intent_not_found(name: str) -> Fault:
    """No payment intent has this name."""
    return Fault(Kind.NOT_FOUND, "PAYMENT_INTENT_NOT_FOUND", f"{name} does not exist", metadata={"name": name})


def intent_state_invalid(order: UUID, intent: UUID, state: str) -> Fault:
    """The intent's state does not allow the step."""
    name = names.join("orders", order, "paymentIntents", intent)
    return precondition("PAYMENT_INTENT_STATE_INVALID", f"{name} is {state}", payment_intent=name, state=state)


def provider_refund_not_found(name: str) -> Fault:
    """No refund by a provider has this name."""
    return Fault(Kind.NOT_FOUND, "PROVIDER_REFUND_NOT_FOUND", f"{name} does not exist", metadata={"name": name})


def provider_refund_state_invalid(order: UUID, refund: UUID, state: str) -> Fault:
    """The refund's state does not allow the step."""
    name = names.join("orders", order, "providerRefunds", refund)
    return precondition("PROVIDER_REFUND_STATE_INVALID", f"{name} is {state}", provider_refund=name, state=state)


def difference_not_found(name: str) -> Fault:
    """No difference has this name."""
    return Fault(
        Kind.NOT_FOUND, "RECONCILIATION_DIFFERENCE_NOT_FOUND", f"{name} does not exist", metadata={"name": name}
    )


def provider_unknown(provider: str) -> Fault:
    """No account of this provider is set up."""
    return precondition("PROVIDER_UNKNOWN", f"no account of {provider} is set up", provider=provider)


def payment_under_way(order: UUID) -> Fault:
    """Another intent of the order can still be paid, and could not be closed."""
    name = names.join("orders", order)
    message = f"{name}: another payment is under way; finish it, or try again"
    return Fault(Kind.ABORTED, "PAYMENT_UNDER_WAY", message, metadata={"order": name}, retry_after=SOON)


def amount_not_due(due: Money, amount: Money) -> Fault:
    """More than is outstanding, in another currency, or nothing at all was to be paid."""
    message = f"{due} is outstanding, not {amount}"
    metadata = {"due": str(due), "amount": str(amount)}
    violation = Violation("amount", message)
    return Fault(Kind.FAILED_PRECONDITION, "AMOUNT_NOT_DUE", message, metadata=metadata, violations=[violation])


def order_not_reopened(order: UUID) -> Fault:
    """A cancelled order can't be had again whole: it held more than stock, or the money is not all of it."""
    name = names.join("orders", order)
    return precondition("ORDER_NOT_REOPENED", f"{name} can't be had again whole", order=name)
