"""Refunds: give back units of a paid order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.errors import request_id_reused
from kit.page import Page
from services.orders.domain.refund import Claim, Refund
from services.orders.usecases.order import Orders, check_version, existing


class Refunds(Protocol):
    """The stored refunds."""

    def add(self, refunds: Sequence[Refund]) -> None:
        """Store new refunds, and how their money goes back."""

    def of_request(self, order_id: UUID, request_id: str) -> Refund | None:
        """The refund that a request of the order made."""

    def page(self, order_id: UUID, page: Page) -> list[Refund]:
        """The refunds of a page and one more if there are more, the latest first."""


class Work(Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def orders(self) -> Orders:
        """The stored orders."""

    @property
    def refunds(self) -> Refunds:
        """The stored refunds."""

    def emit(self, facts: Iterable[object]) -> None:
        """Publish facts with the transaction."""


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """Give back what is claimed; `version`, if given, must be the latest."""

    refund_id: UUID
    order_id: UUID
    claim: Claim
    reason: str
    request_id: str
    version: int | None


def refund_order(unit: Work, command: RefundOrder) -> Refund:
    """Give back units of a paid order. A request makes one refund for ever; its repeat gets the same."""
    order = existing(unit.orders.lock([command.order_id]), command.order_id)
    if command.request_id:
        known = unit.refunds.of_request(order.id, command.request_id)
        if known is not None:
            return _same(known, command)
    check_version(order, command.version)
    refunded, refund, fact = order.refund(
        command.refund_id, command.claim, reason=command.reason, request_id=command.request_id, now=unit.now
    )
    unit.orders.save([(order, refunded)])
    unit.refunds.add([refund])
    unit.emit([fact])
    return refund


def list_refunds(unit: Work, order_id: UUID, page: Page) -> list[Refund]:
    """A page of an order's refunds, and one more if there are more."""
    existing(unit.orders.get([order_id]), order_id)
    return unit.refunds.page(order_id, page)


def _same(known: Refund, command: RefundOrder) -> Refund:
    if not known.answers(command.claim):
        raise request_id_reused(command.request_id)
    return known
