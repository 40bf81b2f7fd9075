"""Presales (定金膨胀): a deposit now, which counts for more than it is off the price, and the balance later."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from kit import names
from kit.errors import invalid
from kit.money import Money
from services.orders.domain.errors import presale as errors
from services.orders.domain.instalments import Instalments

HOLD = timedelta(minutes=15)
"""How long an order waits for its deposit if the presale doesn't say."""
REMIND = timedelta(hours=24)
"""How long before the balance's end whoever has not paid it is reminded, if the presale doesn't say."""

COLLECTION = "presales"
WHOLE = 10_000
"""A ratio of 1, in basis points."""


class PresaleState(StrEnum):
    """Which part can be paid. All but CANCELLED follow from the time."""

    SCHEDULED = "SCHEDULED"
    DEPOSIT = "DEPOSIT"
    WAITING = "WAITING"
    BALANCE = "BALANCE"
    ENDED = "ENDED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` until right before `end`."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Terms:
    """What the merchant says of a presale. A unit costs `price`, of which the `deposit` counts for `credit`: by a ratio
    of `expansion` basis points, if that is not 0. The `deposits` and then the `balances` are paid in their windows,
    which may touch. Without `channels` it is for all; a `member_limit` of 0 is none. Deposits are `forfeit` when the
    balance is not paid, or else go back."""

    display_name: str
    price: Money
    deposit: int
    credit: int
    quota: int
    deposits: Window
    balances: Window
    forfeit: bool
    expansion: int = 0
    member_limit: int = 0
    ship_time: datetime | None = None
    hold: timedelta = HOLD
    remind: timedelta = REMIND
    channels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.deposit < 1:
            raise invalid("presale.deposit_amount", "must be more than 0")
        if not self.deposit <= self.credit < self.price.minor:
            raise invalid("presale.deposit_credit", "must be at least deposit_amount, and less than price")
        if self.quota < 1:
            raise invalid("presale.quota", "must be more than 0")
        if self.deposits.end <= self.deposits.start:
            raise invalid("presale.deposit_end_time", "must be after deposit_start_time")
        if self.balances.start < self.deposits.end:
            raise invalid("presale.balance_start_time", "must not be before deposit_end_time")
        if self.balances.end <= self.balances.start:
            raise invalid("presale.balance_end_time", "must be after balance_start_time")
        if self.ship_time is not None and self.ship_time < self.balances.start:
            raise invalid("presale.ship_time", "must not be before balance_start_time")

    @property
    def discount(self) -> int:
        """What the deposit of a unit counts for beyond what it is."""
        return self.credit - self.deposit

    @property
    def balance(self) -> int:
        """What is to be paid for a unit after its deposit."""
        return self.price.minor - self.credit

    @property
    def remind_time(self) -> datetime | None:
        """When to remind of the end of the balance's window; None if that begins later."""
        at = self.balances.end - self.remind
        return at if self.remind and at > self.balances.start else None


def expanded(deposit: int, expansion: int) -> int:
    """What a deposit counts for by a ratio in basis points, half a minor unit rounded up."""
    return (deposit * expansion + WHOLE // 2) // WHOLE


@dataclass(frozen=True, slots=True)
class Presale:
    """A presale of a product. It never changes but for being cancelled, and for the units that are `taken` of its
    quota: those of orders that wait for their deposit or their balance, or have it. `version` counts its changes."""

    id: UUID
    product: UUID
    terms: Terms
    taken: int
    cancel_time: datetime | None
    version: int
    create_time: datetime
    update_time: datetime

    @classmethod
    def schedule(cls, presale_id: UUID, product: UUID, terms: Terms, now: datetime) -> Presale:
        """A new one. Raises a Fault for one that is over before it begins."""
        if terms.deposits.end <= now:
            raise invalid("presale.deposit_end_time", "must be in the future")
        return cls(presale_id, product, terms, 0, None, 1, now, now)

    @property
    def name(self) -> str:
        """The resource name, which its orders carry as their activity."""
        return names.join(COLLECTION, self.id)

    @property
    def left(self) -> int:
        """Units that nobody has taken."""
        return self.terms.quota - self.taken

    def state(self, now: datetime) -> PresaleState:
        """Where it stands at an instant."""
        if self.cancel_time is not None:
            return PresaleState.CANCELLED
        deposits, balances = self.terms.deposits, self.terms.balances
        if now < deposits.start:
            return PresaleState.SCHEDULED
        if now < deposits.end:
            return PresaleState.DEPOSIT
        if now < balances.start:
            return PresaleState.WAITING
        return PresaleState.BALANCE if now < balances.end else PresaleState.ENDED

    def check_open(self, channel: str, now: datetime) -> None:
        """Raise a Fault unless deposits are taken now, in this channel."""
        state = self.state(now)
        if state is not PresaleState.DEPOSIT:
            raise self._not_open(state)
        if self.terms.channels and channel not in self.terms.channels:
            raise errors.presale_not_eligible(self.id, channel)

    def check_left(self, units: int) -> None:
        """Raise a Fault unless so many units are left."""
        if units > self.left:
            raise errors.presale_sold_out(self.id, requested=units, left=self.left)

    def take(self, units: int, has: int) -> Presale:
        """With units that a member takes who `has` some. Raises a Fault when these are too many."""
        limit = self.terms.member_limit
        if limit and has + units > limit:
            raise errors.presale_limit_reached(self.id, limit=limit, has=has)
        self.check_left(units)
        return replace(self, taken=self.taken + units)

    def cancel(self, now: datetime) -> Presale:
        """Nobody can buy any more, and who has not paid everything gets back what was paid. The same once more changes
        nothing."""
        if self.cancel_time is not None:
            return self
        state = self.state(now)
        if state is PresaleState.ENDED:
            raise self._not_open(state)
        return replace(self, cancel_time=now, version=self.version + 1, update_time=now)

    def instalments(self, units: int) -> Instalments:
        """How an order of so many units is paid."""
        terms = self.terms
        return Instalments(terms.deposit * units, terms.balances.start, terms.balances.end, terms.forfeit)

    def pay_within(self, now: datetime) -> timedelta:
        """How long an order waits for its deposit: not beyond the window."""
        return min(self.terms.hold, self.terms.deposits.end - now)

    def _not_open(self, state: PresaleState) -> Exception:
        window = self.terms.deposits
        return errors.presale_not_open(self.id, state, start=window.start, end=window.end)


@dataclass(frozen=True, slots=True)
class PresaleQuery:
    """Which presales to list; None asks for no filter."""

    product: UUID | None = None
