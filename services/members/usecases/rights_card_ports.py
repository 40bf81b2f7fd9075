"""What the use-cases of rights cards need of a unit of work, beside that of stored value."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.page import Page
from services.members.domain.rights_card import RightsCard, Use
from services.members.domain.rights_card_product import RightsCardProduct
from services.members.usecases.stored_value_ports import StoredValueUnit


class RightsCardProducts(Protocol):
    """Kinds of cards in all their versions."""

    def read(self, product: UUID, version: int | None = None) -> RightsCardProduct | None:
        """A kind of card in a version, by default the newest."""

    def lock(self, product: UUID) -> RightsCardProduct | None:
        """The newest version; nobody else makes another one until the transaction ends."""

    def page(self, page: Page) -> list[RightsCardProduct]:
        """The newest versions from a position on, one more than the page shows."""

    def add(self, product: RightsCardProduct) -> None:
        """Keep a new version."""


class RightsCards(Protocol):
    """Cards, and what was used of them."""

    def read(self, cards: Collection[UUID]) -> dict[UUID, RightsCard]:
        """The cards, without a lock."""

    def lock(self, cards: Collection[UUID], *, wait: bool = True) -> dict[UUID, RightsCard]:
        """The cards, locked; without `wait`, only those that are free."""

    def page(self, member: UUID, page: Page) -> list[RightsCard]:
        """The member's cards from a position on, the newest first, one more than the page shows."""

    def renewals(self, end_before: datetime, page: Page) -> list[RightsCard]:
        """Cards that renew by themselves and end before an instant, from a position on, the earliest first."""

    def due(self, now: datetime, limit: int) -> dict[UUID, UUID]:
        """Cards that are to be renewed by themselves now, with their members."""

    def lapsed(self, now: datetime, limit: int) -> list[UUID]:
        """Active cards whose time is over."""

    def paid(self, reference: str) -> UUID | None:
        """The card of which a term was paid under this reference."""

    def save(self, cards: Sequence[tuple[RightsCard | None, RightsCard]]) -> None:
        """Keep new and changed cards, each given as it was and as it is."""

    def count(self, card: UUID, benefit: str, period: datetime, *, count: int, quota: int) -> bool:
        """Count uses in a period, unless that would be more than the quota; answers whether they count."""

    def used(self, card: UUID, periods: Mapping[str, datetime]) -> dict[str, int]:
        """How many times each benefit was used in a period."""

    def use(self, use: UUID) -> Use | None:
        """A use, if there is one."""

    def use_named(self, reference: str) -> Use | None:
        """The use under a reference, if there is one."""

    def add_use(self, use: Use) -> None:
        """Keep a new use."""

    def reverse(self, use: Use, now: datetime) -> None:
        """Take a use back, once; its card must be locked."""


class RightsUnit(StoredValueUnit, Protocol):
    """One transaction over all of it."""

    @property
    def rights_card_products(self) -> RightsCardProducts:
        """Kinds of cards."""

    @property
    def rights_cards(self) -> RightsCards:
        """Cards."""
