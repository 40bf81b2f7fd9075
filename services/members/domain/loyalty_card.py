"""The cards that lead to a member: numbered in the order in which they were given, and never forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

MAX_CARDS = 50
"""Cards that one member may have had."""


class CardState(StrEnum):
    """What a card is good for."""

    ACTIVE = "ACTIVE"
    BLOCKED = "BLOCKED"
    REPLACED = "REPLACED"


@dataclass(frozen=True, slots=True)
class LoyaltyCard:
    """One card. `ordinal` is its place among the cards of its member and part of its name; its number is personal."""

    ordinal: int
    number: str = field(repr=False)
    issue_time: datetime
    state: CardState = CardState.ACTIVE
    end_time: datetime | None = None

    def ended(self, state: CardState, now: datetime) -> LoyaltyCard:
        """The card, no longer good."""
        return replace(self, state=state, end_time=now)


def issued(cards: Sequence[LoyaltyCard], number: str, now: datetime) -> tuple[LoyaltyCard, ...]:
    """The cards with one more."""
    ordinal = max((card.ordinal for card in cards), default=0) + 1
    return (*cards, LoyaltyCard(ordinal, number, now))


def main_number(cards: Sequence[LoyaltyCard]) -> str:
    """The number of the first card that is good, or nothing."""
    return next((card.number for card in cards if card.state is CardState.ACTIVE), "")


def exchanged(cards: Sequence[LoyaltyCard], number: str, now: datetime) -> tuple[LoyaltyCard, ...]:
    """The cards after another number was written over that of the first good one; an empty number takes it away.

    A good card that has the number already becomes the first.
    """
    main = main_number(cards)
    kept = [card for card in cards if card.number != main]
    own = [card for card in kept if card.number == number]
    if own:
        return (*own, *(card for card in kept if card.number != number))
    if not number:
        return tuple(kept)
    ordinal = max((card.ordinal for card in cards), default=0) + 1
    return (LoyaltyCard(ordinal, number, now), *kept)
