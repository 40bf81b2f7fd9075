"""Reconciliation: a provider's bill of a day against what is stored. Each movement of money is in both, the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import StrEnum
from uuid import UUID

from kit.money import Money
from services.orders.domain.payment_intent import PaymentIntent
from services.orders.domain.provider import BillLine, NoticeKind
from services.orders.domain.provider_refund import ProviderRefund, ProviderRefundState

CHINA = timezone(timedelta(hours=8))
"""The time zone of the days of both providers' bills. It knows no summer time."""

LOOKED_BACK = 90
"""Bills of so many past days are compared, should they not have been: as many as WeChat Pay keeps."""


class DifferenceKind(StrEnum):
    """What differs."""

    MISSING_HERE = "MISSING_HERE"
    MISSING_THERE = "MISSING_THERE"
    AMOUNT_DIFFERS = "AMOUNT_DIFFERS"


@dataclass(frozen=True, slots=True)
class Difference:
    """A movement of money that is told differently: `ours` is what is stored, `theirs` what the bill says."""

    kind: DifferenceKind
    movement: NoticeKind
    reference: str
    transaction: str
    order: UUID | None
    ours: Money | None
    theirs: Money | None


@dataclass(frozen=True, slots=True)
class StoredDifference:
    """A difference as it was found in the bill of a `day`. One that was explained has a `resolve_time` and a note."""

    id: UUID
    report: UUID
    provider: str
    day: date
    difference: Difference
    find_time: datetime
    resolve_time: datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """One comparison of a bill of `lines` movements."""

    id: UUID
    provider: str
    day: date
    lines: int
    differences: int
    compare_time: datetime


@dataclass(frozen=True, slots=True)
class Books:
    """What is stored of a day, and of whatever the bill names. `duplicates` are charges that were taken twice, with the
    transaction that was one too many."""

    payments: Mapping[str, PaymentIntent]
    refunds: Mapping[str, ProviderRefund]
    taken: Sequence[PaymentIntent]
    given: Sequence[ProviderRefund]
    duplicates: frozenset[tuple[str, str]] = frozenset()


def span_of(day: date) -> tuple[datetime, datetime]:
    """The instants of a day of a bill: [start, end)."""
    start = datetime.combine(day, time(), CHINA).astimezone(UTC)
    return start, start + timedelta(days=1)


def days_before(now: datetime, first: datetime) -> list[date]:
    """The past days whose bills are compared, the latest first; none before the `first` of anything."""
    today, since = now.astimezone(CHINA).date(), first.astimezone(CHINA).date()
    days = [today - timedelta(days=back) for back in range(1, LOOKED_BACK + 1)]
    return [day for day in days if day >= since]


def overdue(now: datetime) -> tuple[date, date]:
    """The first and the last day whose bill should have been compared by now, and still can be. That of yesterday may
    not be there yet."""
    today = now.astimezone(CHINA).date()
    return today - timedelta(days=LOOKED_BACK), today - timedelta(days=2)


def unsettled(books: Books) -> tuple[list[PaymentIntent], list[ProviderRefund]]:
    """What the bill says happened and is stored as if it had not: the provider is asked before anything is compared."""
    return (
        [each for each in books.payments.values() if not each.received],
        [each for each in books.refunds.values() if each.state is not ProviderRefundState.SUCCEEDED],
    )


def compare(lines: Sequence[BillLine], books: Books) -> list[Difference]:
    """What differs between a bill and the books."""
    return [*_payments(lines, books), *_refunds(lines, books)]


def _payments(lines: Sequence[BillLine], books: Books) -> Iterator[Difference]:
    billed = {line.reference: line for line in lines if line.kind is NoticeKind.PAYMENT}
    for line in lines:
        if line.kind is NoticeKind.PAYMENT and (line.reference, line.transaction) not in books.duplicates:
            yield from _payment(line, books.payments.get(line.reference))
    for intent in books.taken:
        if intent.reference not in billed:
            yield Difference(
                DifferenceKind.MISSING_THERE,
                NoticeKind.PAYMENT,
                intent.reference,
                intent.transaction,
                intent.order,
                intent.captured,
                None,
            )


def _payment(line: BillLine, intent: PaymentIntent | None) -> Iterator[Difference]:
    order = intent.order if intent else None
    if intent is None or not intent.received or line.transaction not in {"", intent.transaction, intent.detail}:
        yield _of_line(DifferenceKind.MISSING_HERE, line, order, None)
    elif intent.captured != line.amount:
        yield _of_line(DifferenceKind.AMOUNT_DIFFERS, line, order, intent.captured)


def _refunds(lines: Sequence[BillLine], books: Books) -> Iterator[Difference]:
    billed = {line.reference for line in lines if line.kind is NoticeKind.REFUND}
    for line in lines:
        if line.kind is NoticeKind.REFUND:
            yield from _refund(line, books.refunds.get(line.reference))
    for refund in books.given:
        if refund.reference not in billed:
            yield Difference(
                DifferenceKind.MISSING_THERE,
                NoticeKind.REFUND,
                refund.reference,
                refund.transaction,
                refund.order,
                refund.amount,
                None,
            )


def _refund(line: BillLine, refund: ProviderRefund | None) -> Iterator[Difference]:
    if refund is not None and refund.amount != line.amount:
        yield _of_line(DifferenceKind.AMOUNT_DIFFERS, line, refund.order, refund.amount)
    elif refund is None or refund.state is not ProviderRefundState.SUCCEEDED:
        yield _of_line(DifferenceKind.MISSING_HERE, line, refund.order if refund else None, None)


def _of_line(kind: DifferenceKind, line: BillLine, order: UUID | None, ours: Money | None) -> Difference:
    return Difference(kind, line.kind, line.reference, line.transaction, order, ours, line.amount)
