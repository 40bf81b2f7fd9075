"""Orders of other platforms: what they say, in exact amounts, and what that comes to here.

Platforms calculate with four decimals. Amounts are kept as they came, as ten-thousandths of a unit, and are rounded
once for each line, half up; what is lost or won by that is the residue, so that
`theirs = ours + residue` to the last decimal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple, Self
from uuid import UUID

from kit.errors import Fault, invalid
from kit.money import LIMIT, exponent
from services.orders.domain.line import MOST_UNITS, Item
from services.orders.domain.order import Order
from services.orders.domain.product import Product
from services.orders.domain.quote import Quote
from services.orders.domain.refund import Claim, ClaimLine
from services.orders.domain.wangdiantong import STATUSES, Meaning, exceptions

SCALE = 10_000
"""Amounts are ten-thousandths of a unit of the currency."""
MOST_LINES = 500
MOST_REFUNDS = 500
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)

_AMOUNT = re.compile(r"([0-9]{1,11})(?:\.([0-9]{1,4}))?", re.ASCII).fullmatch
_NUMBER = re.compile("[A-Za-z0-9_.-]{1,64}").fullmatch
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]").search

SKU_UNKNOWN, STATUS_UNKNOWN = "SKU_UNKNOWN", "STATUS_UNKNOWN"
LINES_CHANGED, TOTAL_DIFFERS = "LINES_CHANGED", "TOTAL_DIFFERS"


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop on another platform. Only the `location` serves its orders; empty for any that delivers."""

    code: str
    title: str
    platform: str
    channel: str
    currency: str
    location: str
    version: int
    create_time: datetime
    update_time: datetime


@dataclass(frozen=True, slots=True)
class PlatformLine:
    """A line as its platform tells it; without a `price`, a unit costs what its part of the amount is."""

    oid: str
    sku: str
    title: str
    quantity: int
    price: int | None
    amount: int


@dataclass(frozen=True, slots=True)
class PlatformRefund:
    """What its platform gave back: of lines (oid, units, or an amount without units), or, without lines, the rest."""

    number: str
    lines: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class PlatformOrder:
    """An order as its platform tells it; `modify_time` is its version."""

    tid: str
    modify_time: datetime
    status: int
    bits: int
    member: UUID | None
    lines: tuple[PlatformLine, ...]
    freight: int = 0
    total: int | None = None
    refunds: tuple[PlatformRefund, ...] = ()

    @property
    def meaning(self) -> Meaning | None:
        """How it stands; None for a status that nobody knows."""
        return STATUSES.get(self.status)

    @property
    def worth(self) -> int:
        """What it costs there."""
        return self.freight + sum(line.amount for line in self.lines)

    def same_goods(self, other: PlatformOrder) -> bool:
        """Whether the other one is of the same goods at the same amounts, for the same member."""
        return (self.member, self.lines, self.freight) == (other.member, other.lines, other.freight)

    def text(self) -> str:
        """As it is stored."""
        tid, _, *others = astuple(self)
        return json.dumps([self.modify_time.isoformat(), tid, *others], default=str)

    @classmethod
    def of_text(cls, text: str) -> Self:
        """As it was stored."""
        time, tid, status, bits, member, lines, freight, total, refunds = json.loads(text)
        return cls(
            tid,
            datetime.fromisoformat(time),
            status,
            bits,
            UUID(member) if member else None,
            tuple(PlatformLine(*line) for line in lines),
            freight,
            total,
            tuple(PlatformRefund(number, tuple((o, u, a) for o, u, a in parts)) for number, parts in refunds),
        )


class Snag(NamedTuple):
    """Why an order does not stand here as on its platform, and of what."""

    reason: str
    subject: str = ""


class State(StrEnum):
    """Where an ingested order stands."""

    NEW = "NEW"
    STORED = "STORED"
    EXCEPTION = "EXCEPTION"


@dataclass(frozen=True, slots=True)
class Ingested:
    """What is known of an order of a shop: the newest version that was `told`, and the order here. A NEW one was never
    told before."""

    shop: str
    tid: str
    state: State
    told: PlatformOrder | None
    order: UUID | None
    snags: tuple[Snag, ...]
    residue: int
    create_time: datetime
    update_time: datetime

    def tell(self, told: PlatformOrder, *, order: Order | None, snags: Sequence[Snag], now: datetime) -> Ingested:
        """As it stands after a version was told. The goods stay those of the order here, once there is one."""
        kept = told
        if self.order is not None and self.told is not None and not told.same_goods(self.told):
            kept = replace(told, member=self.told.member, lines=self.told.lines, freight=self.told.freight)
        here = order.id if order else self.order
        return replace(
            self,
            state=State.EXCEPTION if snags else State.STORED,
            told=kept,
            order=here,
            snags=tuple(snags),
            residue=kept.worth - exact(order.total, order.currency) if order else self.residue,
            update_time=now,
        )

    @property
    def platform_exceptions(self) -> tuple[str, ...]:
        """What the platform says is exceptional about it."""
        return exceptions(self.told.bits) if self.told else ()


class Outcome(StrEnum):
    """What became of a row."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    UNCHANGED = "UNCHANGED"
    OUTDATED = "OUTDATED"
    EXCEPTION = "EXCEPTION"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of a row: the order here, why it does not stand as on its platform, or why it was rejected."""

    outcome: Outcome
    order: UUID | None = None
    snags: tuple[Snag, ...] = ()
    fault: Fault | None = None


def amount_of(text: str, *, field: str) -> int:
    """Read an amount. Raises a Fault unless it is a decimal number with up to four decimals."""
    found = _AMOUNT(text)
    if found is None:
        raise invalid(field, "must be a decimal number with up to 4 decimals, such as 19.9950")
    return int(found[1]) * SCALE + int((found[2] or "").ljust(4, "0"))


def shown(amount: int) -> str:
    """An amount as a decimal number."""
    whole, part = divmod(abs(amount), SCALE)
    return f"{'-' if amount < 0 else ''}{whole}.{part:04d}"


def minor(amount: int, currency: str) -> int:
    """The amount in minor units of the currency, half of one rounded up."""
    unit = _unit(currency)
    return (amount + unit // 2) // unit


def exact(minor_units: int, currency: str) -> int:
    """Minor units as an amount."""
    return minor_units * _unit(currency)


def _unit(currency: str) -> int:
    """What a minor unit of the currency is as an amount."""
    unit: int = SCALE // 10 ** exponent(currency)
    return unit


def check(row: PlatformOrder, currency: str) -> None:
    """Raise a Fault that names the field unless the row can be kept."""
    check_number("tid", row.tid)
    if row.modify_time < EARLIEST:
        raise invalid("modify_time", "must be from 2000 on")
    if row.bits < 0:
        raise invalid("exception_bits", "must not be negative")
    if not 1 <= len(row.lines) <= MOST_LINES:
        raise invalid("lines", f"must be 1 to {MOST_LINES}")
    for index, line in enumerate(row.lines):
        _check_line(f"lines[{index}]", line)
    if len({line.oid for line in row.lines}) < len(row.lines):
        raise invalid("lines", "must not have an oid twice")
    prices = sum((line.price or 0) * line.quantity for line in row.lines)
    if minor(max(prices, row.worth), currency) >= LIMIT // 10:
        raise invalid("lines", "must be worth less together")
    _check_refunds(row)


def _check_refunds(row: PlatformOrder) -> None:
    if len(row.refunds) > MOST_REFUNDS or len({each.number for each in row.refunds}) < len(row.refunds):
        raise invalid("refunds", f"must be at most {MOST_REFUNDS}, and not have a number twice")
    known = {line.oid for line in row.lines}
    for index, refund in enumerate(row.refunds):
        check_number(f"refunds[{index}].refund_number", refund.number)
        for at, (oid, quantity, amount) in enumerate(refund.lines):
            if oid not in known:
                raise invalid(f"refunds[{index}].lines[{at}].oid", "must be that of a line")
            if not 0 <= quantity <= MOST_UNITS or bool(quantity) == bool(amount):
                raise invalid(f"refunds[{index}].lines[{at}]", "must have either a quantity or an amount")


def is_number(value: str) -> bool:
    """Whether it is a number as platforms give them."""
    return _NUMBER(value) is not None


def check_number(field: str, value: str) -> None:
    """Raise a Fault unless it is a number as platforms give them."""
    if not is_number(value):
        raise invalid(field, "must be 1 to 64 of A-Z, a-z, 0-9, _, . and -")


def _check_line(path: str, line: PlatformLine) -> None:
    check_number(f"{path}.oid", line.oid)
    if not 1 <= line.quantity <= MOST_UNITS:
        raise invalid(f"{path}.quantity", f"must be 1 to {MOST_UNITS}")
    for name, value, most in (("sku", line.sku, 64), ("title", line.title, 200)):
        if not 1 <= len(value) <= most or _CONTROL(value):
            raise invalid(f"{path}.{name}", f"must have 1 to {most} characters, none of them control characters")


def quote_of(shop: Shop, told: PlatformOrder, goods: Mapping[str, Product]) -> Quote:
    """What the order costs here, at its platform's amounts, of the products that its codes stand for."""
    items = tuple(_item(line, goods[line.sku], shop.currency) for line in told.lines)
    return Quote(shop.currency, items, freight=minor(told.freight, shop.currency), location=shop.location)


def _item(line: PlatformLine, product: Product, currency: str) -> Item:
    amount = minor(line.amount, currency)
    price = minor(line.price, currency) if line.price is not None else 0
    price = max(price, -(-amount // line.quantity))  # never less than what is paid
    return Item(
        product.id,
        product.sku,
        line.title,
        line.quantity,
        price,
        discount=price * line.quantity - amount,
        category=product.category,
        components=product.components,
    )


def claim_of(refund: PlatformRefund, told: PlatformOrder, currency: str) -> Claim | None:
    """What a refund claims of the order here; None for all that is left."""
    if not refund.lines:
        return None
    positions = {line.oid: position for position, line in enumerate(told.lines, 1)}
    return Claim(
        tuple(
            ClaimLine(positions[oid], quantity, 0 if quantity else minor(amount, currency))
            for oid, quantity, amount in refund.lines
        ),
        currency=currency,
    )
