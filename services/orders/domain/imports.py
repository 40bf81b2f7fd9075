"""Orders of another system's history: what a row must be, and what it becomes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import blake2b
from uuid import UUID

from kit.errors import Fault, invalid
from kit.money import LIMIT, Money
from services.orders.domain import allocation, errors
from services.orders.domain.events import OrderPaid
from services.orders.domain.line import MOST_UNITS, OrderLine
from services.orders.domain.order import Order
from services.orders.domain.order_content import Buyer
from services.orders.domain.order_state import TRANSITIONS, OrderState, Step
from services.orders.domain.payment import Payment, Tender

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
MOST_LINES = 2_000  # an invoice of a wholesaler has a thousand
MOST_LABEL = 100  # characters of a store or a category
_CHANNEL = re.compile("[a-z0-9][a-z0-9_.-]{0,62}").fullmatch
_ENCODE = json.JSONEncoder().encode
_CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f]").search


@dataclass(frozen=True, slots=True)
class ImportLine:
    """A line of a row: `amount` is what was paid for all its units."""

    product: UUID | None
    sku: str
    title: str
    quantity: int
    amount: Money
    category: str = ""


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A paid order of another system; `order_id` is its id here, should it be unknown so far. An order of a member who
    was `forgotten` is one of nobody."""

    order_id: UUID
    channel: str
    external_id: str
    member: UUID | None
    order_time: datetime
    lines: tuple[ImportLine, ...]
    store: str = ""
    forgotten: bool = False

    @property
    def buyer(self) -> Buyer:
        """Whose order it becomes, if it is unknown so far."""
        return Buyer(member=None if self.forgotten else self.member)

    @property
    def key(self) -> tuple[str, str]:
        """What makes two rows the same order."""
        return self.channel, self.external_id

    @property
    def currency(self) -> str:
        """The currency of a valid row."""
        return self.lines[0].amount.currency

    def fingerprint(self) -> bytes:
        """Equal for rows of equal content, and for no others. It is stored, so its form must not change."""
        parts: list[object] = [self.member and str(self.member), self.order_time.isoformat(), self.currency]
        for line in self.lines:
            product = line.product and str(line.product)
            parts += [product, line.sku, line.title, line.quantity, line.amount.minor]
        categories = [line.category for line in self.lines]
        if self.store or any(categories):  # rows without them keep the fingerprint they always had
            parts.append({"store": self.store, "categories": categories})
        return blake2b(_ENCODE(parts).encode(), digest_size=16).digest()


class Outcome(StrEnum):
    """What became of a row."""

    CREATED = "CREATED"
    UNCHANGED = "UNCHANGED"
    UPDATED = "UPDATED"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of a row: the order's id, or why there is none."""

    outcome: Outcome
    order: UUID | None = None
    fault: Fault | None = None


def check(row: ImportRow, now: datetime) -> None:
    """Raise a Fault that names the field unless the row can be stored."""
    if not _CHANNEL(row.channel):
        raise invalid("channel", "must be 1 to 63 of a-z, 0-9, _, . and -, and begin with a letter or digit")
    _check_text("external_id", row.external_id, least=1, most=128)
    if not EARLIEST <= row.order_time <= now:
        raise invalid("order_time", "must be from 1970 on and not in the future")
    if not 1 <= len(row.lines) <= MOST_LINES:
        raise invalid("lines", f"must be 1 to {MOST_LINES}")
    _check_label("store", row.store)
    for index, line in enumerate(row.lines):
        _check_line(f"lines[{index}]", line, row.currency)
    if sum(line.amount.minor for line in row.lines) >= LIMIT:
        raise invalid("lines", f"must be worth less than {Money(LIMIT, row.currency)} together")


def _check_line(path: str, line: ImportLine, currency: str) -> None:
    if not 1 <= line.quantity <= MOST_UNITS:
        raise invalid(f"{path}.quantity", f"must be 1 to {MOST_UNITS}")
    if line.amount.minor < 0:
        raise invalid(f"{path}.amount", "must not be negative")
    if line.amount.currency != currency:
        raise invalid(f"{path}.amount.currency_code", f"must be {currency} as on the first line")
    _check_text(f"{path}.sku", line.sku, least=0, most=64)
    _check_text(f"{path}.title", line.title, least=1, most=200)
    _check_label(f"{path}.category", line.category)


def _check_text(path: str, value: str, *, least: int, most: int) -> None:
    if not least <= len(value) <= most:
        raise invalid(path, f"must have {least} to {most} characters")
    if "\0" in value:
        raise invalid(path, "must not contain NUL")


def _check_label(path: str, value: str) -> None:
    if len(value) > MOST_LABEL:
        raise invalid(path, f"must have at most {MOST_LABEL} characters")
    if _CONTROL(value):
        raise invalid(path, "must not contain control characters")


def order_of(row: ImportRow, now: datetime) -> tuple[Order, OrderPaid]:
    """The order that a valid row becomes: paid at its own date, holding no stock."""
    amount = Money(sum(line.amount.minor for line in row.lines), row.currency)
    order = Order(
        id=row.order_id,
        counter=0,
        state=OrderState.PAID,
        buyer=row.buyer,
        channel=row.channel,
        external_id=row.external_id,
        currency=row.currency,
        lines=_lines(row.lines),
        coupons=(),
        hold="",
        points=0,
        points_value=0,
        payments=(Payment(Tender.IMPORTED, amount, row.external_id, row.order_time),) if amount else (),
        refunded=0,
        refunded_points=0,
        backordered=False,
        imported=True,
        fingerprint=row.fingerprint(),
        place_time=row.order_time,
        expire_time=None,
        pay_time=row.order_time,
        cancel_time=None,
        cancel_reason=None,
        version=1,
        update_time=now,
        store=row.store,
    )
    return order, OrderPaid(order)


def reimport(order: Order, row: ImportRow, now: datetime) -> tuple[Order, OrderPaid]:
    """The stored order with what the row says now. Raises a Fault unless it is as it was imported, for the same member
    (or for nobody, if the member was forgotten) and in the same currency: consumers have settled it under these."""
    if not order.imported or order.buyer not in (Buyer(member=row.member), row.buyer) or order.currency != row.currency:
        raise errors.row_conflicts("has another member or currency, or was not imported")
    if (order.state, Step.REIMPORT) not in TRANSITIONS:
        raise errors.row_conflicts("was refunded since")
    fresh, _ = order_of(row, now)
    changed = replace(fresh, id=order.id, buyer=order.buyer, counter=order.counter, version=order.version + 1)
    return changed, OrderPaid(changed)


def _lines(lines: Sequence[ImportLine]) -> tuple[OrderLine, ...]:
    return tuple(
        OrderLine(
            position=position,
            product=line.product,
            sku=line.sku,
            title=line.title,
            quantity=line.quantity,
            unit_price=None,
            amount=line.amount.minor,
            shares=allocation.even(line.amount.minor, line.quantity),
            category=line.category,
        )
        for position, line in enumerate(lines, 1)
    )
