"""Refusals about stored value and gift cards."""

from __future__ import annotations

from uuid import UUID

from kit import names
from kit.errors import Fault, Kind, Violation
from kit.money import Money


def stored_value_insufficient(*, asked: Money, available: Money) -> Fault:
    """There is less value than is to be spent, set aside or paid back."""
    return Fault(
        Kind.FAILED_PRECONDITION,
        "STORED_VALUE_INSUFFICIENT",
        f"{asked} is asked for, {available} is available",
        metadata={"asked": str(asked), "available": str(available)},
    )


def payment_not_found(payment: UUID) -> Fault:
    """There is no such payment."""
    return _missing("STORED_VALUE_PAYMENT_NOT_FOUND", names.join("storedValuePayments", payment))


def payment_unknown(reference: str) -> Fault:
    """No payment has this number of the caller's."""
    message = f"no payment has the reference {reference}"
    return Fault(Kind.NOT_FOUND, "STORED_VALUE_PAYMENT_NOT_FOUND", message, metadata={"reference": reference})


def payment_ended(payment: UUID, state: str) -> Fault:
    """The payment does not stand where this is possible."""
    name = names.join("storedValuePayments", payment)
    return Fault(
        Kind.FAILED_PRECONDITION,
        "STORED_VALUE_PAYMENT_ENDED",
        f"{name} is {state.lower()}",
        metadata={"name": name, "state": state},
    )


def payment_expired(payment: UUID) -> Fault:
    """What was set aside ran out of time."""
    name = names.join("storedValuePayments", payment)
    return Fault(
        Kind.FAILED_PRECONDITION,
        "STORED_VALUE_PAYMENT_EXPIRED",
        f"{name} ran out of time; begin a new one",
        metadata={"name": name},
    )


def amount_exceeded(*, asked: Money, left: Money) -> Fault:
    """More is to be confirmed or given back than is left."""
    return Fault(
        Kind.FAILED_PRECONDITION,
        "STORED_VALUE_EXCEEDED",
        f"{asked} is asked for, {left} is left",
        metadata={"asked": str(asked), "left": str(left)},
    )


def top_up_not_found(top_up: UUID) -> Fault:
    """There is no such top-up."""
    return _missing("TOP_UP_NOT_FOUND", names.join("topUps", top_up))


def reference_taken(reference: str) -> Fault:
    """The number belongs to something else."""
    return Fault(
        Kind.ALREADY_EXISTS,
        "REFERENCE_TAKEN",
        f"the reference {reference} belongs to something else",
        metadata={"reference": reference},
    )


def rules_invalid(field: str, description: str) -> Fault:
    """The rules of a currency contradict themselves."""
    path = f"stored_value_rules.{field}"
    return Fault(
        Kind.INVALID_ARGUMENT,
        "STORED_VALUE_RULES_INVALID",
        f"{path}: {description}",
        violations=[Violation(path, description)],
    )


def gift_card_not_found(card: UUID) -> Fault:
    """There is no such gift card."""
    return _missing("GIFT_CARD_NOT_FOUND", names.join("giftCards", card))


def gift_card_code_unknown() -> Fault:
    """No gift card has the code."""
    return Fault(Kind.NOT_FOUND, "GIFT_CARD_CODE_UNKNOWN", "no gift card has this code")


def gift_card_unusable(card: UUID, state: str) -> Fault:
    """The card does not stand where this is possible."""
    name = names.join("giftCards", card)
    return Fault(
        Kind.FAILED_PRECONDITION,
        "GIFT_CARD_UNUSABLE",
        f"{name} is {state.lower()}",
        metadata={"name": name, "state": state},
    )


def gift_card_expired(card: UUID) -> Fault:
    """The card's time is over."""
    name = names.join("giftCards", card)
    return Fault(Kind.FAILED_PRECONDITION, "GIFT_CARD_EXPIRED", f"{name} has expired", metadata={"name": name})


def claim_code_unknown() -> Fault:
    """No card is offered under the code."""
    return Fault(Kind.NOT_FOUND, "CLAIM_CODE_UNKNOWN", "no gift card is offered under this claim code")


def _missing(reason: str, name: str) -> Fault:
    return Fault(Kind.NOT_FOUND, reason, f"{name} does not exist", metadata={"name": name})
