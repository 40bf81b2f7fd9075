"""Notices of providers inside transactions: stored as they came, before anything follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from services.orders.domain.payment_notice import KEPT, PaymentNotice


class PaymentNotices(Protocol):
    """The stored notices."""

    def add(self, notice: PaymentNotice) -> bool:
        """Store a notice; answers False if it came before."""

    def due(self, now: datetime, limit: int) -> Sequence[PaymentNotice]:
        """Notices that are still to be applied; locked, those that others lock are passed over."""

    def lease(self, notice: PaymentNotice) -> None:
        """Store when it is tried again."""

    def applied(self, provider: str, notice_id: str, now: datetime) -> None:
        """The notice had its effect."""

    def prune(self, before: datetime) -> None:
        """Forget notices that are older."""


class Work(Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def payment_notices(self) -> PaymentNotices:
        """The stored notices."""


def store_notice(unit: Work, notice: PaymentNotice) -> bool:
    """Keep a notice; answers False if it came before."""
    return unit.payment_notices.add(notice)


def due_notices(unit: Work, limit: int) -> list[PaymentNotice]:
    """Take notices that had no effect yet; nobody else takes them before their next time comes."""
    leased = [notice.leased(unit.now) for notice in unit.payment_notices.due(unit.now, limit)]
    for notice in leased:
        unit.payment_notices.lease(notice)
    return leased


def mark_applied(unit: Work, provider: str, notice_id: str) -> None:
    """The notice had its effect."""
    unit.payment_notices.applied(provider, notice_id, unit.now)


def forget_notices(unit: Work) -> None:
    """Forget notices that nobody will ask for any more."""
    unit.payment_notices.prune(unit.now - KEPT)
