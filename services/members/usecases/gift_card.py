"""Gift cards: issue, activate, pay, redeem, give and take, void, expire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from kit.errors import Fault
from kit.money import Money, currency_mismatch
from kit.page import Page
from kit.posting import Cause
from services.members.domain.audit import NOBODY, Act, Author
from services.members.domain.errors import stored_value as errors
from services.members.domain.gift_card import Code, GiftCard, State
from services.members.domain.stored_payment import StoredPayment
from services.members.domain.stored_value import ISSUER, Purse
from services.members.domain.top_up import TopUp
from services.members.usecases import stored_payment
from services.members.usecases.stored_payment import Pay
from services.members.usecases.stored_value_ports import StoredValueUnit
from services.members.usecases.till import Till, Touch
from services.members.usecases.top_up import known_member, locked_member

_SWEEP = 2_000
"""Cards that expire in one transaction."""


class Shown(NamedTuple):
    """A card with what is on it."""

    card: GiftCard
    purse: Purse


@dataclass(frozen=True, slots=True)
class Issue:
    """Make cards of one batch, one for each id and code."""

    batch: str
    value: Money
    promotional: bool
    codes: Sequence[tuple[UUID, Code]]
    expire_time: datetime | None = None
    author: Author = NOBODY


@dataclass(frozen=True, slots=True)
class Activate:
    """Give a card its value, which a store has collected under a `reference`."""

    card: UUID
    top_up: UUID
    store: str
    reference: str = ""
    author: Author = NOBODY


@dataclass(frozen=True, slots=True)
class Redeem:
    """Move what is left on the card with a code into a member's stored value."""

    code: bytes
    member: UUID


@dataclass(frozen=True, slots=True)
class Give:
    """Offer the card with a code, under the hash of a claim code, for a while."""

    code: bytes
    claim: bytes
    ttl: timedelta


@dataclass(frozen=True, slots=True)
class Take:
    """Take the card that is offered under a claim code; `code` becomes its code."""

    claim: bytes
    member: UUID
    code: Code


@dataclass(frozen=True, slots=True)
class Void:
    """Make a card worthless; `refund` is the id of what goes back to the store."""

    card: UUID
    refund: UUID
    author: Author
    reason: str


@dataclass(frozen=True, slots=True)
class Recode:
    """Give a card another code."""

    card: UUID
    code: Code
    author: Author


def issue(unit: StoredValueUnit, command: Issue) -> list[Shown]:
    """Make cards without value."""
    cards = [
        GiftCard(card, command.batch, command.value, command.promotional, code, unit.now, command.expire_time)
        for card, code in command.codes
    ]
    unit.gift_cards.add(cards)
    value = {"value": str(command.value), "state": State.ISSUED.value}
    unit.audit.record(*(Act(command.author, card.name, f"batch {card.batch}", {}, value) for card in cards))
    return [Shown(card, Purse(card.id, card.value.currency)) for card in cards]


def activate(unit: StoredValueUnit, command: Activate) -> Shown:
    """Bring a card's value in. The same card under the same reference once more changes nothing."""
    till = _till(unit, command.card, store=command.store)
    card, touch = till.card, till.touch
    known = unit.top_ups.named([command.reference]).get(command.reference) if command.reference else None
    if known is not None and known.owner == card.id:
        return Shown(card, till.purse)
    if known is not None:
        raise errors.reference_taken(command.reference)
    active = card.activate(command.top_up, store=command.store, now=unit.now)
    made = TopUp(
        id=command.top_up,
        owner=card.id,
        of_card=True,
        currency=card.value.currency,
        store=command.store,
        reference=command.reference,
        paid=card.parts,
        rules=0,
        create_time=unit.now,
    )
    unit.gift_cards.save([(card, active)])
    unit.top_ups.add([made])
    was, is_ = ({"state": each.state.value} for each in (card, active))
    unit.audit.record(Act(command.author, card.name, command.reference or "activated", was, is_))
    purse = till.till.post(touch, *made.post(till.purse), source=card.name)
    till.till.close()
    return Shown(active, purse)


def pay(unit: StoredValueUnit, commands: Sequence[Pay]) -> list[StoredPayment | Fault]:
    """Pay with cards or set value of them aside; the owner is found by the code."""
    found = [_payer(unit, command) for command in commands]
    payments = iter(stored_payment.pay(unit, [each for each in found if isinstance(each, Pay)]))
    return [next(payments) if isinstance(each, Pay) else each for each in found]


def redeem(unit: StoredValueUnit, command: Redeem) -> Purse:
    """Empty a card into a member's stored value; answers that."""
    card_id = _by_code(unit, command.code)
    currency = _read(unit, card_id).value.currency
    touch = Touch(card_id, True, currency, ISSUER)
    into = Touch(command.member, False, currency, ISSUER)
    till = Till(unit, [touch, into])
    card, purse, target = till.cards[card_id], till.purse(touch), till.purse(into)
    card.check(command.code, unit.now)
    _need_free(card, purse)
    emptied, filled, transfers = purse.hand_over(target, cause=Cause("REDEEM", card.name, unit.now))
    till.post(touch, emptied, transfers, source=card.name)
    till.post(into, filled, [], source=card.name)
    unit.gift_cards.save([(card, replace(card.redeem(unit.now), holder=filled.owner))])
    till.close()
    return filled


def give(unit: StoredValueUnit, command: Give) -> Shown:
    """Offer a card."""
    till = _till(unit, _by_code(unit, command.code))
    till.card.check(command.code, unit.now)
    _need_free(till.card, till.purse)
    return _saved(unit, till, till.card.give(command.claim, now=unit.now, ttl=command.ttl))


def withdraw(unit: StoredValueUnit, code: bytes) -> Shown:
    """Take an offer back. Nothing changes when there is none."""
    till = _till(unit, _by_code(unit, code))
    if till.card.code.hash != code:
        raise errors.gift_card_code_unknown()
    return _saved(unit, till, till.card.withdraw(unit.now))


def take(unit: StoredValueUnit, command: Take) -> Shown:
    """Take an offered card. Of many who try at once, one has it."""
    card = unit.gift_cards.offered(command.claim)
    if card is None:
        raise errors.claim_code_unknown()
    member = locked_member(unit, command.member)
    till = _till(unit, card)
    return _saved(unit, till, till.card.take(command.claim, member, code=command.code, now=unit.now))


def void(unit: StoredValueUnit, command: Void) -> Shown:
    """Make a card worthless; what is left on it goes back to the store that sold it, as a refund."""
    store = _read(unit, command.card).store
    till = _till(unit, command.card, store=store)
    card, purse = till.card, till.purse
    _need_free(card, purse)
    voided = card.void(command.reason, unit.now)
    if purse.free.total and card.top_up is not None:
        top_up = unit.top_ups.read([card.top_up])[card.top_up]
        reversed_, made, purse, transfers = top_up.reverse(command.refund, purse, now=unit.now)
        till.till.post(till.touch, purse, transfers, source=card.name)
        unit.top_ups.save([reversed_])
        unit.stored_refunds.add([made])
        till.till.close()
    unit.gift_cards.save([(card, voided)])
    if voided is not card:
        left = str(Money(till.purse.free.total, card.value.currency))
        before, after = {"state": card.state.value, "balance": left}, {"state": voided.state.value}
        unit.audit.record(Act(command.author, card.name, command.reason, before, after))
    return Shown(voided, purse)


def recode(unit: StoredValueUnit, command: Recode) -> Shown:
    """Give a card a new code; the old one is worth nothing from now on."""
    till = _till(unit, command.card)
    recoded = till.card.recode(command.code, unit.now)
    before, after = ({"code_suffix": card.code.suffix} for card in (till.card, recoded))
    unit.audit.record(Act(command.author, recoded.name, "a new code in place of the old one", before, after))
    return _saved(unit, till, recoded)


def expire(unit: StoredValueUnit) -> int:
    """End the cards whose time is over: what is left on them is the issuer's. Answers how many.

    Cards of which something is set aside wait for its end; those that somebody else works on for the next round.
    """
    due = unit.gift_cards.read(unit.gift_cards.due(unit.now, _SWEEP))
    touches = {card.id: Touch(card.id, True, card.value.currency, ISSUER) for card in due.values()}
    till = Till(unit, touches.values(), wait=False)
    for card in till.cards.values():
        touch, cause = touches[card.id], Cause("LAPSE", card.name, card.expire_time or unit.now)
        till.post(touch, *till.purse(touch).lapse(cause=cause), source=card.name)
    unit.gift_cards.save([(card, card.settled(unit.now)) for card in till.cards.values()])
    till.close()
    return len(till.cards)


def get(unit: StoredValueUnit, card: UUID) -> Shown:
    """A card. Raises a Fault when there is none."""
    return _show(unit, [_read(unit, card)])[0]


def lookup(unit: StoredValueUnit, code: bytes) -> Shown:
    """The card with a code. Raises a Fault when there is none."""
    return get(unit, _by_code(unit, code))


def page(unit: StoredValueUnit, batch: str, member: UUID | None, page: Page) -> list[Shown]:
    """A page of cards of a batch or of a member, the newest first."""
    holder = None if member is None else known_member(unit, member)
    return _show(unit, unit.gift_cards.page(page, batch=batch, holder=holder))


class _CardTill(NamedTuple):
    till: Till
    touch: Touch
    card: GiftCard
    purse: Purse


def _till(unit: StoredValueUnit, card: UUID, *, store: str = ISSUER) -> _CardTill:
    touch = Touch(card, True, _read(unit, card).value.currency, store)
    till = Till(unit, [touch])
    return _CardTill(till, touch, till.cards[card], till.purse(touch))


def _saved(unit: StoredValueUnit, till: _CardTill, card: GiftCard) -> Shown:
    unit.gift_cards.save([(till.card, card)])
    return Shown(card, till.purse)


def _show(unit: StoredValueUnit, cards: Sequence[GiftCard]) -> list[Shown]:
    """The cards as they are now, with what is on them."""
    purses: dict[UUID, Purse] = {}
    for currency in {card.value.currency for card in cards}:
        purses |= unit.purses.read(currency, [card.id for card in cards if card.value.currency == currency])
    return [Shown(card.settled(unit.now), purses.get(card.id) or Purse(card.id, card.value.currency)) for card in cards]


def _payer(unit: StoredValueUnit, command: Pay) -> Pay | Fault:
    card_id = unit.gift_cards.find(command.code)
    if card_id is None:
        return errors.gift_card_code_unknown()
    currency = _read(unit, card_id).value.currency
    if currency != command.amount.currency:
        return currency_mismatch(currency, command.amount.currency)
    return replace(command, owner=card_id, of_card=True)


def _read(unit: StoredValueUnit, card: UUID) -> GiftCard:
    found = unit.gift_cards.read([card]).get(card)
    if found is None:
        raise errors.gift_card_not_found(card)
    return found


def _by_code(unit: StoredValueUnit, code: bytes) -> UUID:
    found = unit.gift_cards.find(code)
    if found is None:
        raise errors.gift_card_code_unknown()
    return found


def _need_free(card: GiftCard, purse: Purse) -> None:
    """Refuse while something of the card is set aside."""
    if purse.held.total:
        raise errors.gift_card_unusable(card.id, "HELD")
