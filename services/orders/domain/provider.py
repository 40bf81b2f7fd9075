"""What is said to a payment provider and what it answers, in the words of no provider in particular.

References are ours: they are what a provider knows a charge or a refund by, and what makes asking twice harmless.
Transactions are the provider's own numbers. Amounts are exact; a provider's own form of them stays in its adapter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from kit.money import Money


class Scene(StrEnum):
    """Where the buyer sees the provider's cashier."""

    JSAPI = "JSAPI"
    """Inside the provider's own app: an official account or a mini programme."""
    NATIVE = "NATIVE"
    """A QR code of WeChat Pay that the buyer scans."""
    H5 = "H5"
    """A browser on a phone, which opens WeChat."""
    PAGE = "PAGE"
    """Alipay's cashier in a browser on a computer."""
    WAP = "WAP"
    """Alipay's cashier in a browser on a phone."""
    PRECREATE = "PRECREATE"
    """A QR code of Alipay that the buyer scans."""


@dataclass(frozen=True, slots=True)
class Charge:
    """Money that a provider is to take from a buyer."""

    reference: str
    """Ours, unique for ever among the merchant's: 6 to 32 letters, digits and `_`, which every provider allows."""
    amount: Money
    subject: str
    """What the buyer reads on the receipt."""
    scene: Scene
    expire_time: datetime
    payer: str = field(default="", repr=False)
    """Who pays, as the provider knows the buyer (WeChat's openid); only JSAPI needs it."""
    client_ip: str = field(default="", repr=False)
    """The buyer's address; only H5 needs it."""
    return_url: str = ""
    """Where the buyer's browser goes afterwards. That it went there proves nothing."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the buyer's device needs to show the provider's cashier: `code_url`, `url`, or the fields of a call."""

    fields: Mapping[str, str] = field(repr=False)


class Status(StrEnum):
    """How far a charge or a refund has come."""

    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    CLOSED = "CLOSED"
    FAILED = "FAILED"
    NOT_FOUND = "NOT_FOUND"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a provider says of a charge. A charge that was refunded since has SUCCEEDED all the same."""

    reference: str
    status: Status
    transaction: str = ""
    amount: Money | None = None
    """What was charged before any rebate of the provider's; known once it has SUCCEEDED."""
    merchant: str = ""
    """Whom the money is for, as the provider knows the merchant; empty if it does not say."""
    pay_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Refunding:
    """Money that a provider is to give back; the same reference never gives back twice."""

    reference: str
    """Ours, unique for ever among the merchant's: 6 to 64 letters, digits and `_`."""
    charge_reference: str
    transaction: str
    """The provider's number of the charge; may be empty."""
    amount: Money
    total: Money
    """What was charged in the first place."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RefundStanding:
    """What a provider says of a refund."""

    reference: str
    status: Status
    transaction: str = ""
    """The provider's number of the refund, or of its charge where refunds have none of their own."""
    amount: Money | None = None
    time: datetime | None = None
    """When the money was given back."""


class NoticeKind(StrEnum):
    """What a provider tells of."""

    PAYMENT = "PAYMENT"
    REFUND = "REFUND"


@dataclass(frozen=True, slots=True)
class Notice:
    """A message of a provider whose signature held. It may come many times, late, and in any order."""

    id: str
    """The provider's own, the same whenever the message is repeated."""
    kind: NoticeKind
    standing: Standing | RefundStanding
    merchant: str
    """Whom the message is about, as the provider knows the merchant."""


@dataclass(frozen=True, slots=True)
class BillLine:
    """One movement of money in a provider's daily bill."""

    reference: str
    """Ours: of the charge, or of the refund."""
    transaction: str
    """The provider's: of the charge, or of the refund where refunds have a number of their own."""
    kind: NoticeKind
    amount: Money
    """Never negative."""
    time: datetime
    charge_reference: str = ""
    """Of a refund, our reference of what was charged; of a payment, its own."""
