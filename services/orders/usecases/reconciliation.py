"""Reconciliation inside transactions: who compares which bill, the books of a day, what was found."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Protocol
from uuid import UUID

from kit import names
from kit.page import Page
from services.orders.domain import reconciliation
from services.orders.domain.errors import payments as errors
from services.orders.domain.payment_intent import PaymentIntent
from services.orders.domain.provider import BillLine, NoticeKind
from services.orders.domain.provider_refund import ProviderRefund
from services.orders.domain.reconciliation import Books, Report, StoredDifference

LEASE = timedelta(minutes=30)
"""How long one process has to compare a bill; the provider may not have it ready, then it is asked again after that."""


class PaymentIntents(Protocol):
    """The stored intents."""

    def first_time(self, provider: str) -> datetime | None:
        """When a provider was first asked for money; None if it never was."""

    def taken(self, provider: str, start: datetime, end: datetime) -> Sequence[PaymentIntent]:
        """What a provider took in [start, end)."""

    def of_references(self, references: Sequence[str]) -> Mapping[str, PaymentIntent]:
        """Those of the intents that exist, by their references."""

    def parked(self) -> int:
        """How many intents wait for a person."""


class ProviderRefunds(Protocol):
    """The stored money on its way back."""

    def settled(self, provider: str, start: datetime, end: datetime) -> Sequence[ProviderRefund]:
        """What a provider gave back in [start, end)."""

    def of_references(self, references: Sequence[str]) -> Mapping[str, ProviderRefund]:
        """Those of the refunds that exist, by their references."""

    def duplicates(self, charges: Sequence[str]) -> Collection[tuple[str, str]]:
        """Which charges were taken once more, each with the transaction that was one too many."""

    def failed(self) -> int:
        """How many refunds wait for a person."""


class PaymentNotices(Protocol):
    """The stored notices."""

    def waiting(self) -> int:
        """How many notices have not had their effect though they were tried again."""


class Reconciliations(Protocol):
    """The stored comparisons."""

    def claim(self, report_id: UUID, provider: str, day: date, *, now: datetime, until: datetime) -> UUID | None:
        """The report of a day, to be made by the caller; None if it is made, or somebody else makes it now."""

    def compared(self, provider: str, since: date) -> Collection[date]:
        """The days from `since` on whose bills were compared."""

    def add(self, report: Report, found: Sequence[StoredDifference]) -> None:
        """Store a comparison and what it found."""

    def found_later(self, provider: str, lines: Sequence[BillLine], now: datetime) -> None:
        """What earlier bills lacked is in this one."""

    def lock_difference(self, difference_id: UUID) -> StoredDifference | None:
        """A difference; nobody else changes it until the transaction ends."""

    def resolve(self, difference: StoredDifference) -> None:
        """Store how a difference was explained."""

    def reports(self, page: Page) -> list[Report]:
        """The reports of a page and one more if there are more, the latest day first."""

    def differences(self, page: Page, *, resolved: bool) -> list[StoredDifference]:
        """The differences of a page and one more if there are more, the latest found first."""

    def open_differences(self) -> int:
        """How many differences nobody has explained."""

    def uncompared(self, first: date, last: date) -> int:
        """How many bills of [first, last] were tried and could not be compared."""


class Work(Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def payment_intents(self) -> PaymentIntents:
        """The stored intents."""

    @property
    def provider_refunds(self) -> ProviderRefunds:
        """The stored money on its way back."""

    @property
    def payment_notices(self) -> PaymentNotices:
        """The stored notices."""

    @property
    def reconciliations(self) -> Reconciliations:
        """The stored comparisons."""

    def new_id(self) -> UUID:
        """An id for what comes into being."""


@dataclass(frozen=True, slots=True)
class Standstill:
    """What waits for a person, or does not move."""

    parked: int
    failed_refunds: int
    unapplied_notices: int
    differences: int
    bills: int


def claim_bill(unit: Work, provider: str) -> tuple[UUID, date] | None:
    """Take the latest past day of a provider that nobody has compared; None if there is none."""
    first = unit.payment_intents.first_time(provider)
    days = reconciliation.days_before(unit.now, first) if first else []
    if not days:
        return None
    done = unit.reconciliations.compared(provider, days[-1])
    for day in (day for day in days if day not in done):
        claimed = unit.reconciliations.claim(unit.new_id(), provider, day, now=unit.now, until=unit.now + LEASE)
        if claimed is not None:
            return claimed, day
    return None


def open_books(unit: Work, provider: str, day: date, lines: Sequence[BillLine]) -> Books:
    """What is stored of a day, and of whatever its bill names."""
    start, end = reconciliation.span_of(day)
    charges = [line.reference for line in lines if line.kind is NoticeKind.PAYMENT]
    return Books(
        payments=unit.payment_intents.of_references(charges),
        refunds=unit.provider_refunds.of_references(
            [line.reference for line in lines if line.kind is NoticeKind.REFUND]
        ),
        taken=unit.payment_intents.taken(provider, start, end),
        given=unit.provider_refunds.settled(provider, start, end),
        duplicates=frozenset(unit.provider_refunds.duplicates(charges)),
    )


def close_books(unit: Work, report_id: UUID, provider: str, day: date, lines: Sequence[BillLine]) -> Report:
    """Compare a bill with the books and keep what differs."""
    found = reconciliation.compare(lines, open_books(unit, provider, day, lines))
    report = Report(report_id, provider, day, len(lines), len(found), unit.now)
    stored = [StoredDifference(unit.new_id(), report_id, provider, day, each, unit.now) for each in found]
    unit.reconciliations.found_later(provider, lines, unit.now)
    unit.reconciliations.add(report, stored)
    return report


@dataclass(frozen=True, slots=True)
class ResolveDifference:
    """Explain a difference."""

    difference_id: UUID
    note: str


def resolve_difference(unit: Work, command: ResolveDifference) -> StoredDifference:
    """Keep how a difference is explained; the first explanation stands."""
    found = unit.reconciliations.lock_difference(command.difference_id)
    if found is None:
        raise errors.difference_not_found(names.join("reconciliationDifferences", command.difference_id))
    if found.resolve_time is not None:
        return found
    resolved = replace(found, resolve_time=unit.now, note=command.note)
    unit.reconciliations.resolve(resolved)
    return resolved


def list_reports(unit: Work, page: Page) -> list[Report]:
    """A page of reports, and one more if there are more."""
    return unit.reconciliations.reports(page)


def list_differences(unit: Work, page: Page, *, resolved: bool) -> list[StoredDifference]:
    """A page of differences, and one more if there are more."""
    return unit.reconciliations.differences(page, resolved=resolved)


def standstill(unit: Work) -> Standstill:
    """What waits for a person, or does not move."""
    return Standstill(
        unit.payment_intents.parked(),
        unit.provider_refunds.failed(),
        unit.payment_notices.waiting(),
        unit.reconciliations.open_differences(),
        unit.reconciliations.uncompared(*reconciliation.overdue(unit.now)),
    )
