"""Payments from stored value: pay, hold, confirm, release, refund, expire. The commands are sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from kit.errors import Fault
from kit.money import Money
from kit.page import Page
from kit.posting import Transfer
from services.members.domain.errors import stored_value as refusals
from services.members.domain.gift_card import GiftCard
from services.members.domain.stored_payment import StoredPayment
from services.members.domain.stored_refund import StoredRefund
from services.members.domain.stored_value import DrawOrder, Purse
from services.members.usecases.points import attempt
from services.members.usecases.stored_value_ports import StoredValueUnit
from services.members.usecases.till import Till, Touch
from services.members.usecases.top_up import GiveBack, amount_of, known_member, refund_act, repeated

_SWEEP = 1_000
"""Payments that expire in one transaction."""


@dataclass(frozen=True, slots=True)
class Pay:
    """Pay from an owner's stored value at a store: at once, or with a `ttl` set aside for so long. The same
    `reference` is the same payment. `code` is the hash of a gift card's code."""

    payment: UUID
    owner: UUID
    amount: Money
    store: str
    source: str = ""
    reference: str = ""
    ttl: timedelta | None = None
    of_card: bool = False
    code: bytes = b""

    @property
    def touch(self) -> Touch:
        """What is moved."""
        return Touch(self.owner, self.of_card, self.amount.currency, self.store)


@dataclass(frozen=True, slots=True)
class EndPayment:
    """Bring a held payment to its end; `amount` is what of it is to be spent, None for all."""

    payment: UUID
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class Renew:
    """Set the amount of an `earlier` payment aside once more, as a `payment` of its own, for `ttl`."""

    payment: UUID
    earlier: UUID
    reference: str
    ttl: timedelta


End = Callable[[StoredPayment, Purse, datetime], tuple[StoredPayment, Purse, list[Transfer]]]


def pay(unit: StoredValueUnit, commands: Sequence[Pay]) -> list[StoredPayment | Fault]:
    """Pay at once or set aside; answers each payment. Refused when less is there."""
    till = Till(unit, [command.touch for command in commands])
    rules = unit.stored_value_rules.current({command.amount.currency for command in commands})
    known = unit.stored_payments.named({command.reference for command in commands} - {""})
    new: list[StoredPayment] = []
    outcomes = [attempt(_pay, till, rules[each.amount.currency].draw_order, known, new, each) for each in commands]
    unit.stored_payments.add(new)
    till.close()
    return outcomes


def confirm(unit: StoredValueUnit, commands: Sequence[EndPayment]) -> list[StoredPayment | Fault]:
    """Spend what was set aside; the rest of each payment can be spent again."""

    def way(command: EndPayment) -> End:
        return lambda payment, purse, now: payment.confirm(purse, amount_of(command.amount, payment.currency), now)

    return _end(unit, commands, way)


def release(unit: StoredValueUnit, commands: Sequence[EndPayment]) -> list[StoredPayment | Fault]:
    """Give back what was set aside."""
    return _end(unit, commands, lambda _: StoredPayment.release)


def settle(unit: StoredValueUnit, commands: Sequence[EndPayment]) -> list[StoredPayment | Fault]:
    """Spend what was set aside for something that is paid, though its time be over."""
    return _end(unit, commands, lambda _: StoredPayment.settle)


def renew(unit: StoredValueUnit, command: Renew) -> StoredPayment:
    """Set the amount of an earlier payment aside once more, from where that came; what is still set aside for it is
    given back first. The same reference is the same payment. Raises a Fault when less is there, or it was paid."""
    touch = _touch(_known(unit.stored_payments.read([command.earlier]), command.earlier))
    till = Till(unit, [touch])
    earlier = _known(unit.stored_payments.read([command.earlier]), command.earlier)
    known = unit.stored_payments.named({command.reference})
    if command.reference not in known:
        released = _fold(till, earlier, StoredPayment.release)
        unit.stored_payments.save([released] if released is not earlier else [])
    again = Pay(
        command.payment,
        earlier.owner,
        Money(earlier.asked, earlier.currency),
        earlier.store,
        source=earlier.source,
        reference=command.reference,
        ttl=command.ttl,
        of_card=earlier.of_card,
        code=till.cards[earlier.owner].code.hash if earlier.of_card else b"",
    )
    new: list[StoredPayment] = []
    draw_order = unit.stored_value_rules.current({earlier.currency})[earlier.currency].draw_order
    payment = _pay(till, draw_order, known, new, again)
    unit.stored_payments.add(new)
    till.close()
    return payment


def refund_up_to(unit: StoredValueUnit, totals: Mapping[UUID, Money]) -> None:
    """Give payments back until so much of each has come back in all; nothing where that is so already. Raises a Fault
    as `refund` does."""
    till = Till(unit, map(_touch, unit.stored_payments.read(totals.keys()).values()))
    payments = unit.stored_payments.read(totals.keys())
    refunds: list[StoredRefund] = []
    cards: dict[UUID, GiftCard] = {}
    for key, total in totals.items():
        payment = _known(payments, key)
        more = amount_of(total, payment.currency) - payment.refunded.total
        if more <= 0:
            continue
        touch = _touch(payment)
        if payment.of_card:
            cards[payment.owner] = cards.get(payment.owner, till.cards[payment.owner]).refilled(unit.now)
        payments[key], made, purse, transfers = payment.refund(
            unit.new_id(), till.purse(touch), more, store=touch.store, reference="", now=unit.now
        )
        till.post(touch, purse, transfers, source=payment.source or payment.name)
        refunds.append(made)
    unit.gift_cards.save([(till.cards[key], card) for key, card in cards.items()])
    unit.stored_payments.save([payments[made.document] for made in refunds])
    unit.stored_refunds.add(refunds)
    till.close()


def expire(unit: StoredValueUnit) -> int:
    """Give back what was set aside for too long, the oldest first; answers for how many payments.

    Owners that another transaction works on are left to the next round, so any number of replicas may sweep.
    """
    due = unit.stored_payments.read(unit.stored_payments.due(unit.now, _SWEEP))
    if not due:
        return 0
    till = Till(unit, map(_touch, due.values()), wait=False)
    ended = [_fold(till, payment, StoredPayment.expire) for payment in due.values() if _touch(payment) in till]
    unit.stored_payments.save(ended)
    till.close()
    return len(ended)


def refund(unit: StoredValueUnit, command: GiveBack) -> StoredRefund:
    """Give a payment back to where it came from. Raises a Fault for more than was paid, or when the card is void."""
    before = _known(unit.stored_payments.read([command.document]), command.document)
    touch = _touch(before)._replace(store=command.store or before.store)
    till = Till(unit, [touch])
    payment = _known(unit.stored_payments.read([command.document]), command.document)
    known = repeated(unit, command)
    if known is not None:
        return known
    amount, purse = amount_of(command.amount, payment.currency), till.purse(touch)
    after, made, purse, transfers = payment.refund(
        command.refund, purse, amount, store=touch.store, reference=command.reference, now=unit.now
    )
    if payment.of_card:
        card = till.cards[payment.owner]
        unit.gift_cards.save([(card, card.refilled(unit.now))])
    till.post(touch, purse, transfers, source=payment.source or payment.name)
    unit.stored_payments.save([after])
    unit.stored_refunds.add([made])
    unit.audit.record(refund_act(command, payment, after))
    till.close()
    return made


def get(unit: StoredValueUnit, payment: UUID) -> StoredPayment:
    """One payment. Raises a Fault when there is none."""
    return _known(unit.stored_payments.read([payment]), payment)


def lookup(unit: StoredValueUnit, reference: str) -> StoredPayment:
    """The payment with a caller's own number. Raises a Fault when there is none."""
    found = unit.stored_payments.named({reference}).get(reference)
    if found is None:
        raise refusals.payment_unknown(reference)
    return found


def page(unit: StoredValueUnit, member: UUID, page: Page) -> list[StoredPayment]:
    """A page of a member's payments, the newest first. Raises a Fault when there is no such member."""
    return unit.stored_payments.page(known_member(unit, member), page)


def _pay(
    till: Till, order: DrawOrder, known: dict[str, StoredPayment], new: list[StoredPayment], command: Pay
) -> StoredPayment:
    purse = till.purse(command.touch)
    begun = StoredPayment(
        id=command.payment,
        owner=purse.owner,
        of_card=command.of_card,
        currency=command.amount.currency,
        store=command.store,
        source=command.source,
        reference=command.reference,
        order=order,
        asked=command.amount.minor,
        create_time=till.now,
        expire_time=None if command.ttl is None else till.now + command.ttl,
    )
    before = known.get(command.reference) if command.reference else None
    if before is not None:
        if before.same_as(begun):
            return before
        raise refusals.reference_taken(command.reference)
    if command.of_card:
        till.cards[command.owner].check(command.code, till.now)
    payment, purse, transfers = begun.pay(purse) if command.ttl is None else begun.hold(purse)
    till.post(command.touch, purse, transfers, source=payment.source or payment.name)
    known[command.reference] = payment
    new.append(payment)
    return payment


def _end(
    unit: StoredValueUnit, commands: Sequence[EndPayment], way: Callable[[EndPayment], End]
) -> list[StoredPayment | Fault]:
    ids = {command.payment for command in commands}
    till = Till(unit, map(_touch, unit.stored_payments.read(ids).values()))
    # Read once more under the locks: now nobody else ends them.
    before = unit.stored_payments.read(ids)
    payments = dict(before)
    outcomes = [attempt(_end_one, till, payments, command, way(command)) for command in commands]
    unit.stored_payments.save([each for key, each in payments.items() if each is not before[key]])
    till.close()
    return outcomes


def _end_one(till: Till, payments: dict[UUID, StoredPayment], command: EndPayment, how: End) -> StoredPayment:
    payments[command.payment] = _fold(till, _known(payments, command.payment), how)
    return payments[command.payment]


def _fold(till: Till, payment: StoredPayment, how: End) -> StoredPayment:
    touch = _touch(payment)
    ended, purse, transfers = how(payment, till.purse(touch), till.now)
    till.post(touch, purse, transfers, source=payment.source or payment.name)
    return ended


def _touch(payment: StoredPayment) -> Touch:
    return Touch(payment.owner, payment.of_card, payment.currency, payment.store)


def _known(payments: Mapping[UUID, StoredPayment], payment: UUID) -> StoredPayment:
    if payment not in payments:
        raise refusals.payment_not_found(payment)
    return payments[payment]
