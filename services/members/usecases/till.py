"""The till: locked purses into which the commands of one transaction are folded, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from kit.posting import Transfer
from services.members.domain import errors
from services.members.domain.errors import stored_value as refusals
from services.members.domain.gift_card import GiftCard
from services.members.domain.stored_value import Purse
from services.members.usecases.stored_value_ports import StoredValueUnit


class Touch(NamedTuple):
    """A purse that a command moves value into or out of, and the store on the other side."""

    owner: UUID
    of_card: bool
    currency: str
    store: str


class Till:
    """Locks members, then cards, then purses, each in the order of their ids: so nobody waits in a circle."""

    def __init__(self, unit: StoredValueUnit, touches: Iterable[Touch], *, wait: bool = True) -> None:
        touches = list(touches)
        self.now = unit.now
        self._unit = unit
        members = {touch.owner for touch in touches if not touch.of_card}
        self._members = unit.wallets.lock(members, wait=wait) if members else {}
        cards = {touch.owner for touch in touches if touch.of_card}
        self.cards: Mapping[UUID, GiftCard] = unit.gift_cards.lock(cards, wait=wait) if cards else {}
        self._purses: dict[tuple[UUID, str], Purse] = {}
        self._transfers: dict[tuple[str, str], list[Transfer]] = {}
        self._facts: list[object] = []
        self._lock(touches)

    def __contains__(self, touch: Touch) -> bool:
        return self._owner(touch.owner) in (self.cards if touch.of_card else self._members)

    def purse(self, touch: Touch) -> Purse:
        """The purse after the commands so far. Raises a Fault when there is no such member or card."""
        if touch not in self:
            raise refusals.gift_card_not_found(touch.owner) if touch.of_card else errors.member_not_found(touch.owner)
        return self._purses[self._owner(touch.owner), touch.currency]

    def post(self, touch: Touch, after: Purse, transfers: Sequence[Transfer], *, source: str) -> Purse:
        """Take over what a purse's method answered; `source` is what listeners are told."""
        before = self.purse(touch)
        self._purses[after.owner, after.currency] = after
        self._transfers.setdefault((touch.currency, touch.store), []).extend(transfers)
        if after != before and not touch.of_card:
            self._facts.append(after.changed(before, source=source, time=self.now))
        return after

    def close(self) -> None:
        """Write all transfers and publish all facts."""
        for (currency, store), transfers in self._transfers.items():
            self._unit.purses.post(currency, store, transfers, self.now)
        self._unit.emit(self._facts)

    def _lock(self, touches: Sequence[Touch]) -> None:
        groups: dict[tuple[str, str], set[UUID]] = {}
        for touch in touches:
            if touch in self:
                groups.setdefault((touch.currency, touch.store), set()).add(self._owner(touch.owner))
        for currency, store in sorted(groups):
            purses = self._unit.purses.lock(currency, store, groups[currency, store])
            self._purses.update({(owner, currency): purse for owner, purse in purses.items()})

    def _owner(self, owner: UUID) -> UUID:
        """Whoever has taken over a merged member, or the owner itself."""
        return owner if owner in self.cards else self._unit.wallets.heir(owner)
