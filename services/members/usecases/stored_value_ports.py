"""What the use-cases of stored value and gift cards need of a unit of work."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from kit.page import Page
from kit.posting import Transfer
from services.members.domain.gift_card import GiftCard
from services.members.domain.settlement import Line
from services.members.domain.stored_payment import StoredPayment
from services.members.domain.stored_refund import StoredRefund
from services.members.domain.stored_value import Purse
from services.members.domain.stored_value_rules import StoredValueRules
from services.members.domain.top_up import TopUp
from services.members.usecases.audit import Audit


class Owners(Protocol):
    """The members, by what is locked when something of theirs is changed: their points."""

    def lock(self, members: Collection[UUID], *, wait: bool = True) -> Mapping[UUID, Any]:
        """Lock the members, merged ones as their heirs; without `wait`, those whom others have locked are missing."""

    def read(self, members: Collection[UUID]) -> Mapping[UUID, Any]:
        """The members that there are, merged ones as their heirs."""

    def heir(self, member: UUID) -> UUID:
        """Who has taken over what the member had; known once the member is read or locked."""


class Purses(Protocol):
    """The accounts of the ledger with stored value."""

    def lock(self, currency: str, store: str, owners: Collection[UUID]) -> dict[UUID, Purse]:
        """The owners' purses, locked and ready to be posted to with the store's accounts."""

    def read(self, currency: str, owners: Collection[UUID]) -> dict[UUID, Purse]:
        """The purses, without a lock; owners that never had one are missing."""

    def currencies(self, owner: UUID) -> list[str]:
        """The currencies in which the owner has a purse."""

    def post(self, currency: str, store: str, transfers: Sequence[Transfer], now: datetime) -> None:
        """Write transfers of purses that were locked together with the store."""


class TopUps(Protocol):
    """Top-ups; whoever changes one has locked its owner."""

    def read(self, top_ups: Collection[UUID]) -> dict[UUID, TopUp]:
        """The top-ups with these ids."""

    def named(self, references: Collection[str]) -> dict[str, TopUp]:
        """The top-ups under these references."""

    def page(self, owner: UUID, page: Page) -> list[TopUp]:
        """The owner's top-ups from a position on, the newest first, one more than the page shows."""

    def add(self, top_ups: Sequence[TopUp]) -> None:
        """Keep new top-ups."""

    def save(self, top_ups: Sequence[TopUp]) -> None:
        """Keep changed top-ups."""


class StoredPayments(Protocol):
    """Payments; whoever changes one has locked its owner."""

    def read(self, payments: Collection[UUID]) -> dict[UUID, StoredPayment]:
        """The payments with these ids."""

    def named(self, references: Collection[str]) -> dict[str, StoredPayment]:
        """The payments under these references."""

    def page(self, owner: UUID, page: Page) -> list[StoredPayment]:
        """The owner's payments from a position on, the newest first, one more than the page shows."""

    def due(self, now: datetime, limit: int) -> list[UUID]:
        """Held payments whose time is over, the oldest first, without those that somebody else works on."""

    def add(self, payments: Sequence[StoredPayment]) -> None:
        """Keep new payments."""

    def save(self, payments: Sequence[StoredPayment]) -> None:
        """Keep changed payments."""


class StoredRefunds(Protocol):
    """Refunds of top-ups and payments."""

    def named(self, references: Collection[str]) -> dict[str, StoredRefund]:
        """The refunds under these references."""

    def add(self, refunds: Sequence[StoredRefund]) -> None:
        """Keep new refunds."""


class AllRules(Protocol):
    """The rules of all currencies, in all versions."""

    def current(self, currencies: Collection[str]) -> dict[str, StoredValueRules]:
        """The newest rules of each currency."""

    def lock(self, currency: str) -> StoredValueRules:
        """The newest rules; nobody else makes another version until the transaction ends."""

    def add(self, rules: StoredValueRules) -> None:
        """Keep a new version."""


class GiftCards(Protocol):
    """Gift cards."""

    def read(self, cards: Collection[UUID]) -> dict[UUID, GiftCard]:
        """The cards, without a lock."""

    def lock(self, cards: Collection[UUID], *, wait: bool = True) -> dict[UUID, GiftCard]:
        """The cards, locked until the end of the transaction; without `wait`, only those that are free."""

    def find(self, code: bytes) -> UUID | None:
        """The card whose code has this hash."""

    def offered(self, claim: bytes) -> UUID | None:
        """The card that is offered under the claim code with this hash."""

    def page(self, page: Page, *, batch: str, holder: UUID | None) -> list[GiftCard]:
        """Cards from a position on, the newest first, one more than the page shows."""

    def due(self, now: datetime, limit: int) -> list[UUID]:
        """Cards whose time is over and of which nothing is set aside, the oldest first."""

    def add(self, cards: Sequence[GiftCard]) -> None:
        """Keep new cards."""

    def save(self, cards: Sequence[tuple[GiftCard, GiftCard]]) -> None:
        """Keep changed cards, each given as it was and as it is; each must still stand as it was."""


class Settlements(Protocol):
    """What is to be settled."""

    def lines(self, currency: str, start: datetime, end: datetime) -> list[Line]:
        """The stores at which something moved in the period [start, end)."""


class StoredValueUnit(Protocol):
    """One transaction over all of it."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    def new_id(self) -> UUID:
        """An id for something that comes into being within the transaction."""

    @property
    def wallets(self) -> Owners:
        """The members."""

    @property
    def purses(self) -> Purses:
        """Stored value."""

    @property
    def top_ups(self) -> TopUps:
        """Top-ups."""

    @property
    def stored_payments(self) -> StoredPayments:
        """Payments."""

    @property
    def stored_refunds(self) -> StoredRefunds:
        """Refunds."""

    @property
    def stored_value_rules(self) -> AllRules:
        """Rules."""

    @property
    def gift_cards(self) -> GiftCards:
        """Gift cards."""

    @property
    def audit(self) -> Audit:
        """The trail of manual acts."""

    @property
    def settlements(self) -> Settlements:
        """What is to be settled."""

    def emit(self, facts: Iterable[object]) -> None:
        """Publish facts if the transaction commits."""
