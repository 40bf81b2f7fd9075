"""Refusals about rights cards."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kit import names
from kit.errors import Fault, Kind, Violation


def product_not_found(product: UUID) -> Fault:
    """There is no such kind of card."""
    return _missing("RIGHTS_CARD_PRODUCT_NOT_FOUND", names.join("rightsCardProducts", product))


def product_invalid(field: str, description: str) -> Fault:
    """The kind of card contradicts itself."""
    path = f"rights_card_product.{field}"
    return Fault(
        Kind.INVALID_ARGUMENT,
        "RIGHTS_CARD_PRODUCT_INVALID",
        f"{path}: {description}",
        violations=[Violation(path, description)],
    )


def product_retired(product: UUID) -> Fault:
    """No more cards of the kind are given."""
    name = names.join("rightsCardProducts", product)
    return Fault(Kind.FAILED_PRECONDITION, "RIGHTS_CARD_PRODUCT_INVALID", f"{name} is retired", metadata={"name": name})


def card_not_found(card: UUID) -> Fault:
    """There is no such card."""
    return _missing("RIGHTS_CARD_NOT_FOUND", names.join("rightsCards", card))


def card_unusable(card: UUID, state: str) -> Fault:
    """The card does not stand where this is possible."""
    name = names.join("rightsCards", card)
    return Fault(
        Kind.FAILED_PRECONDITION,
        "RIGHTS_CARD_UNUSABLE",
        f"{name} is {state.lower()}",
        metadata={"name": name, "state": state},
    )


def benefit_not_found(benefit: str) -> Fault:
    """The card has no such benefit."""
    return Fault(
        Kind.NOT_FOUND, "BENEFIT_NOT_FOUND", f"the card has no benefit {benefit}", metadata={"benefit": benefit}
    )


def benefit_used_up(benefit: str, *, left: int, reset_time: datetime | None) -> Fault:
    """Fewer uses are left than are asked for."""
    metadata = {"benefit": benefit, "left": str(left)}
    if reset_time is not None:
        metadata["reset_time"] = reset_time.isoformat()
    return Fault(
        Kind.FAILED_PRECONDITION, "BENEFIT_USED_UP", f"{benefit} can be used {left} times more", metadata=metadata
    )


def use_not_found(card: UUID, use: UUID) -> Fault:
    """There is no such use of the card."""
    return _missing("BENEFIT_USE_NOT_FOUND", names.join("rightsCards", card, "uses", use))


def _missing(reason: str, name: str) -> Fault:
    return Fault(Kind.NOT_FOUND, reason, f"{name} does not exist", metadata={"name": name})
