"""Where an order is sent."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from services.orders.domain.address import SealedAddress
from services.orders.domain.errors import shipping as errors


class Addresses(Protocol):
    """The stored addresses."""

    def get(self, order_id: UUID) -> SealedAddress | None:
        """The address of an order, if it has one."""


class Work(Protocol):
    """What this use-case needs of a unit of work."""

    @property
    def addresses(self) -> Addresses:
        """The stored addresses."""


def get_address(unit: Work, order_id: UUID) -> SealedAddress:
    """Read where an order is sent."""
    found = unit.addresses.get(order_id)
    if found is None:
        raise errors.address_not_found(order_id)
    return found
