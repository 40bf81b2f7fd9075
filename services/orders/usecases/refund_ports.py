"""What refunds need of a unit of work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.page import Page
from services.orders.domain.refund import Refund, RefundQuery
from services.orders.domain.shipment import Progress
from services.orders.usecases import consequences, holding, people
from services.orders.usecases import order as usecases
from services.orders.usecases.order import Orders


class Refunds(Protocol):
    """The stored refunds."""

    def add(self, refunds: Sequence[Refund]) -> None:
        """Store new refunds, and how their money goes back."""

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Refund]:
        """Those of the refunds that exist."""

    def lock(self, ids: Sequence[UUID]) -> dict[UUID, Refund]:
        """As `get`; nobody else changes them until the transaction ends."""

    def save(self, changes: Sequence[tuple[Refund, Refund]], now: datetime) -> None:
        """Store locked refunds as (before, after), and how their money goes back."""

    def of_request(self, order_id: UUID, request_id: str) -> Refund | None:
        """The refund that a request of the order made."""

    def worth_awaiting_goods(self, order_id: UUID) -> int:
        """What the order's refunds that wait for goods will give back, in minor units, points at their worth."""

    def page(self, query: RefundQuery, page: Page) -> list[Refund]:
        """The refunds of a page and one more if there are more, the latest first."""


class Shipments(Protocol):
    """The stored shipments."""

    def progress(self, order_id: UUID) -> list[Progress]:
        """How far the lines of an order are."""


class Reading(Protocol):
    """What reading refunds needs."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def orders(self) -> Orders:
        """The stored orders."""

    @property
    def refunds(self) -> Refunds:
        """The stored refunds."""


class Work(Reading, consequences.Work, holding.Work, Protocol):
    """What giving money back needs."""

    def new_id(self) -> UUID:
        """An id for what comes into being."""


class Exchanging(Work, usecases.Work, people.Work, Protocol):
    """As `Work`, where an order may be paid with what comes back."""

    @property
    def refunds(self) -> Refunds:
        """The stored refunds."""


class Restocking(Exchanging, Protocol):
    """As `Work`, where units that never left may be for sale again."""

    @property
    def shipments(self) -> Shipments:
        """The stored shipments."""
