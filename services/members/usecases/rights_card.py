"""Rights cards: issue, use, freeze, renew, cancel.

What is paid for is paid first: the member is locked before the card, as everywhere. If the card then turns out not to
be renewable, the whole transaction is given up, and the payment with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from kit.errors import Fault
from kit.page import Page
from services.members.domain.audit import NOBODY, Act, Author
from services.members.domain.errors import rights_card as errors
from services.members.domain.errors import stored_value as refusals
from services.members.domain.rights_card import Left, RightsCard, Use
from services.members.domain.rights_card_product import RightsCardProduct
from services.members.domain.stored_payment import StoredPayment
from services.members.usecases import rights_card_product as products
from services.members.usecases import stored_payment
from services.members.usecases.points import attempt
from services.members.usecases.rights_card_ports import RightsUnit
from services.members.usecases.stored_payment import Pay
from services.members.usecases.top_up import known_member, locked_member

_SWEEP = 1_000
"""Cards that are renewed or ended in one transaction."""


@dataclass(frozen=True, slots=True)
class Issue:
    """Give a member a card. A price is paid from stored value by the `payment` with that id, or was paid elsewhere
    under a `reference`."""

    card: UUID
    member: UUID
    product: UUID
    store: str
    payment: UUID
    reference: str = ""
    auto_renew: bool = False
    author: Author = NOBODY


@dataclass(frozen=True, slots=True)
class Renew:
    """Add a term to a card; paid as in `Issue`."""

    card: UUID
    store: str
    payment: UUID
    reference: str = ""
    author: Author = NOBODY


@dataclass(frozen=True, slots=True)
class UseBenefit:
    """Use a benefit so many times. The same `reference` is the same use."""

    use: UUID
    card: UUID
    benefit: str
    count: int = 1
    source: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class ReverseUse:
    """Take a use of a card back."""

    card: UUID
    use: UUID
    author: Author = NOBODY


def issue(unit: RightsUnit, command: Issue) -> RightsCard:
    """Give a card. The same reference once more answers the card that it paid for."""
    member = locked_member(unit, command.member)
    known = _paid(unit, command.reference)
    if known is not None:
        if (known.member, known.product) != (member, command.product):
            raise refusals.reference_taken(command.reference)
        return known
    product = products.get(unit, command.product)
    card = RightsCard.issue(
        command.card, member, product, store=command.store, now=unit.now, auto_renew=command.auto_renew
    )
    payment = _pay(unit, card, product, command)
    extended = card.extended(product, payment=payment, reference=command.reference, now=unit.now)
    unit.rights_cards.save([(None, extended)])
    unit.audit.record(Act(command.author, extended.name, "issued", {}, _told(extended)))
    return extended


def renew(unit: RightsUnit, command: Renew) -> RightsCard:
    """Add a term: from the end, or from now when the card has lapsed. The same reference once more changes nothing."""
    card = _known(unit.rights_cards.read([command.card]), command.card)
    product = products.get(unit, card.product)
    known = _paid(unit, command.reference)
    if known is not None:
        if known.id != command.card:
            raise refusals.reference_taken(command.reference)
        return known
    card.extended(product, payment=None, reference="", now=unit.now)
    payment = _pay(unit, card, product, command)
    return _change(
        unit,
        command.card,
        lambda locked: locked.extended(product, payment=payment, reference=command.reference, now=unit.now),
        author=command.author,
        reason="renewed",
    )


def renew_due(unit: RightsUnit, new_id: Callable[[], UUID]) -> int:
    """Renew the cards whose end has come and that renew by themselves, from stored value; answers how many were tried.

    Who can't pay is asked again a day later, as long as the grace lasts. `new_id` gives the payments their ids.
    """
    due = unit.rights_cards.due(unit.now, _SWEEP)
    free = unit.wallets.lock(set(due.values()), wait=False) if due else {}
    cards = unit.rights_cards.lock(
        [card for card, member in due.items() if unit.wallets.heir(member) in free], wait=False
    )
    kinds = {card.product: products.get(unit, card.product) for card in cards.values()}
    extended = {
        card.id: attempt(_extend, card, kinds[card.product], new_id(), unit.now)
        for card in cards.values()
        if card.due(unit.now)
    }
    renewed = _paid_for(unit, [each for each in extended.values() if isinstance(each, RightsCard)])
    tried = [(cards[card], renewed.get(card) or cards[card].unpaid(unit.now)) for card in extended]
    unit.rights_cards.save(tried)
    return len(tried)


def lapse(unit: RightsUnit) -> int:
    """End the cards whose time is over; answers how many."""
    cards = unit.rights_cards.lock(unit.rights_cards.lapsed(unit.now, _SWEEP), wait=False)
    ended = [(card, card.settled(unit.now)) for card in cards.values()]
    unit.rights_cards.save(ended)
    return sum(after is not before for before, after in ended)  # another sweep may have been faster


def freeze(unit: RightsUnit, card: UUID, *, author: Author = NOBODY) -> RightsCard:
    """Let a card stand still. Raises a Fault when it is over."""
    return _change(unit, card, lambda locked: locked.freeze(unit.now), author=author, reason="frozen")


def unfreeze(unit: RightsUnit, card: UUID, *, author: Author = NOBODY) -> RightsCard:
    """Let a card go on."""
    return _change(unit, card, lambda locked: locked.unfreeze(unit.now), author=author, reason="unfrozen")


def cancel(unit: RightsUnit, card: UUID, *, author: Author = NOBODY) -> RightsCard:
    """Renew a card no more."""
    return _change(unit, card, lambda locked: locked.cancel(unit.now), author=author, reason="cancelled")


def use(unit: RightsUnit, command: UseBenefit) -> Use:
    """Use a benefit. Raises a Fault when the card can't be used, or fewer uses are left."""
    card = _locked(unit, command.card)
    known = unit.rights_cards.use_named(command.reference) if command.reference else None
    if known is not None:
        if (known.card, known.benefit, known.count) != (card.id, command.benefit, command.count):
            raise refusals.reference_taken(command.reference)
        return known
    card.need_usable(unit.now)
    product = _product(unit, card, unit.now)
    benefit = product.benefit(command.benefit)
    period, reset_time = card.counted(benefit, product, unit.now)
    if not unit.rights_cards.count(card.id, benefit.id, period, count=command.count, quota=benefit.quota):
        used = unit.rights_cards.used(card.id, {benefit.id: period}).get(benefit.id, 0)
        raise errors.benefit_used_up(benefit.id, left=benefit.quota - used, reset_time=reset_time)
    made = Use(command.use, card.id, benefit.id, period, command.count, command.source, command.reference, unit.now)
    unit.rights_cards.add_use(made)
    return made


def reverse(unit: RightsUnit, command: ReverseUse) -> Use:
    """Take a use back; nothing changes when it already is. Raises a Fault when there is none."""
    _locked(unit, command.card)
    found = unit.rights_cards.use(command.use)
    if found is None or found.card != command.card:
        raise errors.use_not_found(command.card, command.use)
    unit.rights_cards.reverse(found, unit.now)
    after = unit.rights_cards.use(command.use)
    assert after is not None  # noqa: S101 - uses are never deleted
    if found.reverse_time is None:
        was, is_ = {"used": found.count}, {"used": 0}
        unit.audit.record(Act(command.author, found.name, "reversed", was, is_))
    return after


def get(unit: RightsUnit, card: UUID) -> RightsCard:
    """A card as it is now. Raises a Fault when there is none."""
    return _known(unit.rights_cards.read([card]), card).settled(unit.now)


def page(unit: RightsUnit, member: UUID, page: Page) -> list[RightsCard]:
    """A page of a member's cards, the newest first. Raises a Fault when there is no such member."""
    return [card.settled(unit.now) for card in unit.rights_cards.page(known_member(unit, member), page)]


def renewals(unit: RightsUnit, end_before: datetime | None, page: Page) -> list[RightsCard]:
    """A page of the cards that renew by themselves and end before an instant (None: now), the earliest first."""
    return unit.rights_cards.renewals(end_before or unit.now, page)


def benefits(unit: RightsUnit, card: UUID, page: Page) -> list[Left]:
    """A page of what is left of a card's benefits, in the order of the kind of card."""
    known = get(unit, card)
    product = _product(unit, known, unit.now)
    start = int(page.after[0]) if page.after else 0
    shown = product.benefits[start : start + page.fetch]
    periods = {benefit.id: known.counted(benefit, product, unit.now) for benefit in shown}
    used = unit.rights_cards.used(known.id, {benefit: begin for benefit, (begin, _) in periods.items()})
    try:
        known.need_usable(unit.now)
        usable = True
    except Fault:
        usable = False
    return [
        Left(
            benefit,
            used.get(benefit.id, 0),
            max(benefit.quota - used.get(benefit.id, 0), 0) if usable else 0,
            periods[benefit.id][1],
        )
        for benefit in shown
    ]


def _extend(card: RightsCard, product: RightsCardProduct, payment: UUID, now: datetime) -> RightsCard:
    """The card with one more term, to be paid by the payment with this id if it has a price."""
    return card.extended(product, payment=payment if product.price else None, reference="", now=now)


def _paid_for(unit: RightsUnit, cards: Sequence[RightsCard]) -> dict[UUID, RightsCard]:
    """Pay the last terms of the cards from stored value; answers those cards that are paid for, or free."""
    due = [(card, term.payment, term.price) for card in cards for term in card.terms[-1:]]
    pays = [
        (card, Pay(payment, card.member, price, card.store, source=card.name))
        for card, payment, price in due
        if payment is not None and price is not None
    ]
    outcomes = stored_payment.pay(unit, [pay for _, pay in pays])
    refused = {card.id for (card, _), outcome in zip(pays, outcomes, strict=True) if isinstance(outcome, Fault)}
    return {card.id: card for card in cards if card.id not in refused}


def _pay(unit: RightsUnit, card: RightsCard, product: RightsCardProduct, command: Issue | Renew) -> UUID | None:
    """Pay the price of a term from stored value, unless there is none or it was paid elsewhere. Raises a Fault."""
    if product.price is None or command.reference:
        return None
    pay = Pay(command.payment, card.member, product.price, command.store or card.store, source=card.name)
    (payment,) = stored_payment.pay(unit, [pay])
    if not isinstance(payment, StoredPayment):
        raise payment
    return payment.id


def _change(
    unit: RightsUnit, card: UUID, change: Callable[[RightsCard], RightsCard], *, author: Author, reason: str
) -> RightsCard:
    before = _locked(unit, card)
    after = change(before)
    unit.rights_cards.save([(before, after)])
    if after != before:
        unit.audit.record(Act(author, after.name, reason, _told(before), _told(after)))
    return after


def _told(card: RightsCard) -> dict[str, Any]:
    """What the trail of manual acts tells of a card."""
    return {"state": card.state.value, "end": card.end.isoformat(), "cancelled": card.cancel_time is not None}


def _paid(unit: RightsUnit, reference: str) -> RightsCard | None:
    card = unit.rights_cards.paid(reference) if reference else None
    return None if card is None else _known(unit.rights_cards.read([card]), card)


def _product(unit: RightsUnit, card: RightsCard, now: datetime) -> RightsCardProduct:
    """The kind of card in the version that the present term was paid for."""
    found = unit.rights_card_products.read(card.product, card.term(now).version)
    if found is None:
        raise errors.product_not_found(card.product)
    return found


def _locked(unit: RightsUnit, card: UUID) -> RightsCard:
    return _known(unit.rights_cards.lock([card]), card)


def _known(cards: dict[UUID, RightsCard], card: UUID) -> RightsCard:
    if card not in cards:
        raise errors.card_not_found(card)
    return cards[card]
