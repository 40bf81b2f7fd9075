"""The order desk: what people do with orders, how they find them, and what happened to one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.orders.domain.errors import desk as errors
from services.orders.domain.order import Order
from services.orders.domain.order_state import OrderState

MOST_TAGS = 50
"""Most tags of one order."""


class ActKind(StrEnum):
    """What somebody did."""

    NOTE = "NOTE"
    TAG = "TAG"
    UNTAG = "UNTAG"
    HOLD = "HOLD"
    RELEASE = "RELEASE"
    CHANGE_ADDRESS = "CHANGE_ADDRESS"
    CREATE_SHIPMENT = "CREATE_SHIPMENT"
    SHIP = "SHIP"
    DELIVER = "DELIVER"
    RETURN = "RETURN"
    CANCEL_SHIPMENT = "CANCEL_SHIPMENT"
    ISSUE_CODE = "ISSUE_CODE"
    REQUEST_INVOICE = "REQUEST_INVOICE"
    ISSUE_INVOICE = "ISSUE_INVOICE"
    REJECT_INVOICE = "REJECT_INVOICE"
    VOID_INVOICE = "VOID_INVOICE"


@dataclass(frozen=True, slots=True)
class Act:
    """What `actor` did to an order; `subject` names what of it, if not the order. `text` is in their words."""

    id: UUID
    order: UUID
    kind: ActKind
    actor: str
    time: datetime
    text: str = field(default="", repr=False)
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """Goods of the order stay where they are, for a reason, since `actor` said so."""

    reason: str
    actor: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Marks:
    """What the desk put on an order."""

    tags: tuple[str, ...] = ()
    hold: Hold | None = None

    def tagged(self, add: Iterable[str], remove: Iterable[str]) -> Marks:
        """With other tags. Raises a Fault when there are too many."""
        tags = (set(self.tags) | set(add)) - set(remove)
        if len(tags) > MOST_TAGS:
            raise errors.too_many_tags(MOST_TAGS)
        return Marks(tuple(sorted(tags)), self.hold)


@dataclass(frozen=True, slots=True)
class DeskOrder:
    """An order with what the desk put on it."""

    order: Order
    marks: Marks


@dataclass(frozen=True, slots=True)
class DeskQuery:
    """Which orders to find; None asks for no filter. Orders placed in [start, end); totals in [least, most] of a
    currency. `phone` is the keyed hash of a phone number."""

    counter: int | None = None
    phone: str | None = field(default=None, repr=False)
    sku: str | None = None
    state: OrderState | None = None
    channel: str | None = None
    store: str | None = None
    tag: str | None = None
    member: UUID | None = None
    currency: str | None = None
    least: int | None = None
    most: int | None = None
    held: bool = False
    start: datetime | None = None
    end: datetime | None = None
    org: str = ""


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """Something that happened to an order. `subject` names what it happened to, if not the order; `detail` is a state
    or a reason in capitals; `text` is in people's words. `key` orders what happened at one instant."""

    kind: str
    time: datetime
    key: str
    actor: str = ""
    subject: str = ""
    detail: str = ""
    text: str = field(default="", repr=False)
    amount: int | None = None
    units: int | None = None
