"""Stored value: money paid in ahead and the bonus that came with it, on accounts of their own in the ledger.

A purse is what one owner, a member or a gift card, has in one currency. The other side of everything that comes in or
goes out is a store: so what stores owe each other follows from the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

from kit.money import Money, allocate
from kit.posting import Account, Cause, Sign, Transfer
from services.members.domain.errors import stored_value as errors
from services.members.domain.events import StoredValueChanged
from services.members.domain.points import HOUSE

PRINCIPAL = "principal"
BONUS = "bonus"
HELD_PRINCIPAL = "held_principal"
HELD_BONUS = "held_bonus"
PURSE_ACCOUNTS = dict.fromkeys((PRINCIPAL, BONUS, HELD_PRINCIPAL, HELD_BONUS), Sign.CREDIT)
"""What an owner has: value to spend and value set aside, each as it was paid in and as it was given."""

COLLECTED = "collected"
GRANTED = "granted"
HONOURED = "honoured"
HONOURED_BONUS = "honoured_bonus"
STORE_ACCOUNTS = dict.fromkeys((COLLECTED, GRANTED, HONOURED, HONOURED_BONUS), Sign.OPEN)
"""A store's side: money taken in, bonus given with it, and what was paid with both."""

BREAKAGE = "breakage"
BREAKAGE_BONUS = "breakage_bonus"
ISSUER_ACCOUNTS = dict.fromkeys((BREAKAGE, BREAKAGE_BONUS), Sign.OPEN)
"""The enterprise's own side: what was never spent in time."""

ISSUER = ""
"""Stands for the enterprise where the name of a store is asked for."""

_STORES = uuid5(NAMESPACE_URL, "kehu/stores")


def unit_of(currency: str) -> str:
    """The unit of account of a currency's stored value."""
    return f"stored/{currency}"


def account_owner(store: str) -> UUID:
    """The owner of a store's accounts, or of the issuer's."""
    return uuid5(_STORES, store) if store else HOUSE


def house_accounts(store: str) -> dict[str, Sign]:
    """The accounts of a store, or of the issuer."""
    return STORE_ACCOUNTS if store else ISSUER_ACCOUNTS


class DrawOrder(StrEnum):
    """How a payment divides between principal and bonus."""

    PROPORTIONAL = "PROPORTIONAL"
    PRINCIPAL_FIRST = "PRINCIPAL_FIRST"
    BONUS_FIRST = "BONUS_FIRST"


class Parts(NamedTuple):
    """An amount in minor units, as principal and bonus."""

    principal: int = 0
    bonus: int = 0

    @property
    def total(self) -> int:
        """Both together."""
        return self.principal + self.bonus

    def less(self, other: Parts) -> Parts:
        """What is left without the other."""
        return Parts(self.principal - other.principal, self.bonus - other.bonus)

    def plus(self, other: Parts) -> Parts:
        """Both together, each part for itself."""
        return Parts(self.principal + other.principal, self.bonus + other.bonus)

    def share(self, amount: int) -> Parts:
        """`amount` of it in the ratio of its parts, by largest remainder. Never more than a part has.

        Neither part falls when the amount rises: so refunds can follow what is refunded in all, and every way to split
        them ends at the same sums.
        """
        return Parts(*allocate(amount, self)) if amount else Parts()

    def drawn(self, amount: int, order: DrawOrder) -> Parts:
        """How `amount`, which must be there, is taken."""
        match order:
            case DrawOrder.PROPORTIONAL:
                return self.share(amount)
            case DrawOrder.PRINCIPAL_FIRST:
                principal = min(amount, self.principal)
                return Parts(principal, amount - principal)
            case DrawOrder.BONUS_FIRST:
                bonus = min(amount, self.bonus)
                return Parts(amount - bonus, bonus)


NOTHING = Parts()


class Way(NamedTuple):
    """From which accounts, or to which, principal and bonus go."""

    owner: UUID
    principal: str
    bonus: str


@dataclass(frozen=True, slots=True)
class Purse:
    """An owner's stored value in a currency. Each method answers the purse after it and the transfers that lead there.

    `version` counts the transfers into and out of its accounts.
    """

    owner: UUID
    currency: str
    free: Parts = NOTHING
    held: Parts = NOTHING
    version: int = 0

    def top_up(self, parts: Parts, *, store: str, cause: Cause) -> tuple[Purse, list[Transfer]]:
        """Money comes in at a store, with a bonus."""
        return self._moved(_collected(store), self._free, parts, cause)

    def take_back(self, parts: Parts, *, store: str, cause: Cause) -> tuple[Purse, list[Transfer]]:
        """A store pays money back and takes the bonus. Raises a Fault when less is there."""
        self._need(parts.principal, self.free.principal)
        return self._moved(self._free, _collected(store), parts, cause)

    def draw(self, amount: int, order: DrawOrder) -> Parts:
        """How `amount` would be paid. Raises a Fault when less is there."""
        self._need(amount, self.free.total)
        return self.free.drawn(amount, order)

    def pay(self, parts: Parts, *, store: str, cause: Cause) -> tuple[Purse, list[Transfer]]:
        """Value is spent at a store."""
        return self._moved(self._free, _honoured(store), parts, cause)

    def hold(self, parts: Parts, *, cause: Cause) -> tuple[Purse, list[Transfer]]:
        """Value is set aside."""
        return self._moved(self._free, self._held, parts, cause)

    def confirm(self, parts: Parts, *, store: str, cause: Cause) -> tuple[Purse, list[Transfer]]:
        """Value that was set aside is spent at a store."""
        return self._moved(self._held, _honoured(store), parts, cause)

    def release(self, parts: Parts, *, cause: Cause) -> tuple[Purse, list[Transfer]]:
        """Value that was set aside can be spent again."""
        return self._moved(self._held, self._free, parts, cause)

    def give_back(self, parts: Parts, *, store: str, cause: Cause) -> tuple[Purse, list[Transfer]]:
        """Value that was spent comes back from a store."""
        return self._moved(_honoured(store), self._free, parts, cause)

    def lapse(self, *, cause: Cause) -> tuple[Purse, list[Transfer]]:
        """What can be spent is the issuer's, for its time is over."""
        return self._moved(self._free, Way(HOUSE, BREAKAGE, BREAKAGE_BONUS), self.free, cause)

    def hand_over(self, to: Purse, *, cause: Cause) -> tuple[Purse, Purse, list[Transfer]]:
        """All that can be spent and all that is set aside become another's; answers both purses."""
        _, free = self._moved(self._free, _free(to.owner), self.free, cause)
        _, held = self._moved(self._held, _held(to.owner), self.held, cause)
        transfers = [*free, *held]
        after = Purse(self.owner, self.currency, version=self.version + len(transfers))
        free_after, held_after = to.free.plus(self.free), to.held.plus(self.held)
        return after, Purse(to.owner, to.currency, free_after, held_after, to.version + len(transfers)), transfers

    def changed(self, before: Purse, *, source: str, time: datetime) -> StoredValueChanged:
        """The fact that a member's purse was another one before."""
        return StoredValueChanged(
            member=self.owner,
            principal=Money(self.free.principal, self.currency),
            bonus=Money(self.free.bonus, self.currency),
            change=Money(self.free.total - before.free.total, self.currency),
            source=source,
            time=time,
            version=self.version,
        )

    @property
    def _free(self) -> Way:
        return _free(self.owner)

    @property
    def _held(self) -> Way:
        return _held(self.owner)

    def _need(self, amount: int, available: int) -> None:
        if amount > available:
            raise errors.stored_value_insufficient(
                asked=Money(amount, self.currency), available=Money(available, self.currency)
            )

    def _moved(self, source: Way, to: Way, parts: Parts, cause: Cause) -> tuple[Purse, list[Transfer]]:
        transfers = [
            Transfer(Account(source.owner, debit), Account(to.owner, credit), amount, cause)
            for debit, credit, amount in (
                (source.principal, to.principal, parts.principal),
                (source.bonus, to.bonus, parts.bonus),
            )
            if amount
        ]
        free, held, touched = self.free, self.held, 0
        for way, change in ((source, NOTHING.less(parts)), (to, parts)):
            if way == self._free:
                free, touched = free.plus(change), touched + len(transfers)
            elif way == self._held:
                held, touched = held.plus(change), touched + len(transfers)
        return Purse(self.owner, self.currency, free, held, self.version + touched), transfers


def _free(owner: UUID) -> Way:
    return Way(owner, PRINCIPAL, BONUS)


def _held(owner: UUID) -> Way:
    return Way(owner, HELD_PRINCIPAL, HELD_BONUS)


def _collected(store: str) -> Way:
    return Way(account_owner(store), COLLECTED, GRANTED)


def _honoured(store: str) -> Way:
    return Way(account_owner(store), HONOURED, HONOURED_BONUS)
