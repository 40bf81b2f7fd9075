"""What was given back of a top-up or of a payment from stored value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kit import names
from services.members.domain.stored_value import Parts


@dataclass(frozen=True, slots=True)
class StoredRefund:
    """`parts` were given back of the `document`, a top-up or a payment, at a store. `reference` is its own number."""

    id: UUID
    document: UUID
    owner: UUID
    of_top_up: bool
    currency: str
    store: str
    reference: str
    parts: Parts
    create_time: datetime

    @property
    def name(self) -> str:
        """`storedValueRefunds/{id}`."""
        return names.join("storedValueRefunds", self.id)

    @property
    def document_name(self) -> str:
        """The name of what was given back of."""
        return names.join("topUps" if self.of_top_up else "storedValuePayments", self.document)
