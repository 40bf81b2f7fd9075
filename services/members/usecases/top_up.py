"""Top-ups: pay money in, pay it back. The commands are sets, as those of points are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from kit.errors import Fault
from kit.money import Money, currency_mismatch
from kit.page import Page
from services.members.domain import errors
from services.members.domain.audit import NOBODY, Act, Author
from services.members.domain.errors import stored_value as refusals
from services.members.domain.stored_payment import StoredPayment
from services.members.domain.stored_refund import StoredRefund
from services.members.domain.stored_value import Parts
from services.members.domain.stored_value_rules import StoredValueRules
from services.members.domain.top_up import TopUp
from services.members.usecases.points import attempt
from services.members.usecases.stored_value_ports import StoredValueUnit
from services.members.usecases.till import Till, Touch


@dataclass(frozen=True, slots=True)
class PayIn:
    """Top a member's stored value up at a store. The same `reference` is the same top-up."""

    top_up: UUID
    member: UUID
    amount: Money
    store: str
    reference: str = ""

    @property
    def touch(self) -> Touch:
        """What is moved."""
        return Touch(self.member, False, self.amount.currency, self.store)


@dataclass(frozen=True, slots=True)
class GiveBack:
    """Refund a top-up or a payment: `amount` of it (None: what is left), at a store (empty: the document's). The same
    `reference` is the same refund."""

    refund: UUID
    document: UUID
    amount: Money | None = None
    store: str = ""
    reference: str = ""
    author: Author = NOBODY


def top_up(unit: StoredValueUnit, commands: Sequence[PayIn]) -> list[TopUp | Fault]:
    """Pay money in, with the bonus that the rules give for it now; answers each top-up."""
    till = Till(unit, [command.touch for command in commands])
    rules = unit.stored_value_rules.current({command.amount.currency for command in commands})
    known = unit.top_ups.named({command.reference for command in commands} - {""})
    new: list[TopUp] = []
    outcomes = [attempt(_top_up, till, rules[each.amount.currency], known, new, each) for each in commands]
    unit.top_ups.add(new)
    till.close()
    return outcomes


def refund(unit: StoredValueUnit, command: GiveBack) -> StoredRefund:
    """Pay a top-up back, as far as what was paid in is still there. Raises a Fault for more."""
    document = _of_member(unit, command.document)
    touch = Touch(document.owner, False, document.currency, command.store or document.store)
    till = Till(unit, [touch])
    document, purse = _of_member(unit, command.document), till.purse(touch)
    known = repeated(unit, command)
    if known is not None:
        return known
    amount = amount_of(command.amount, document.currency)
    after, made, purse, transfers = document.refund(
        command.refund, purse, amount, store=touch.store, reference=command.reference, now=unit.now
    )
    till.post(touch, purse, transfers, source=document.name)
    unit.top_ups.save([after])
    unit.stored_refunds.add([made])
    unit.audit.record(refund_act(command, document, after))
    till.close()
    return made


def get(unit: StoredValueUnit, top_up: UUID) -> TopUp:
    """One top-up of a member. Raises a Fault when there is none."""
    return _of_member(unit, top_up)


def page(unit: StoredValueUnit, member: UUID, page: Page) -> list[TopUp]:
    """A page of a member's top-ups, the newest first. Raises a Fault when there is no such member."""
    return unit.top_ups.page(known_member(unit, member), page)


def known_member(unit: StoredValueUnit, member: UUID) -> UUID:
    """The member, or whoever has taken the member over. Raises a Fault when there is none."""
    if not unit.wallets.read([member]):
        raise errors.member_not_found(member)
    return unit.wallets.heir(member)


def locked_member(unit: StoredValueUnit, member: UUID) -> UUID:
    """As `known_member`, and nobody merges or erases the member until the transaction ends."""
    if not unit.wallets.lock([member]):
        raise errors.member_not_found(member)
    return unit.wallets.heir(member)


def repeated(unit: StoredValueUnit, command: GiveBack) -> StoredRefund | None:
    """The refund that was made under the same reference. Raises a Fault when it was of something else."""
    known = unit.stored_refunds.named([command.reference]).get(command.reference) if command.reference else None
    if known is None:
        return None
    amount = known.parts.principal if known.of_top_up else known.parts.total
    if known.document != command.document or command.amount not in (None, Money(amount, known.currency)):
        raise refusals.reference_taken(command.reference)
    return known


def refund_act(command: GiveBack, before: TopUp | StoredPayment, after: TopUp | StoredPayment) -> Act:
    """That a document was refunded: how much of it was before and is now."""
    was, is_ = ({"refunded": str(Money(each.refunded.total, each.currency))} for each in (before, after))
    return Act(command.author, after.name, command.reference or "refunded", was, is_)


def amount_of(amount: Money | None, currency: str) -> int:
    """The minor units that are asked for, 0 for all. Raises a Fault for another currency."""
    if amount is None:
        return 0
    if amount.currency != currency:
        raise currency_mismatch(currency, amount.currency)
    return amount.minor


def _top_up(till: Till, rules: StoredValueRules, known: dict[str, TopUp], new: list[TopUp], command: PayIn) -> TopUp:
    purse = till.purse(command.touch)
    made = TopUp(
        id=command.top_up,
        owner=purse.owner,
        of_card=False,
        currency=command.amount.currency,
        store=command.store,
        reference=command.reference,
        paid=Parts(command.amount.minor, rules.bonus(command.amount.minor)),
        rules=rules.version,
        create_time=till.now,
    )
    before = known.get(command.reference) if command.reference else None
    if before is not None:
        if before.same_as(made):
            return before
        raise refusals.reference_taken(command.reference)
    till.post(command.touch, *made.post(purse), source=made.name)
    known[command.reference] = made
    new.append(made)
    return made


def _of_member(unit: StoredValueUnit, top_up: UUID) -> TopUp:
    """The top-up, if it is one of a member: those of gift cards are the cards' own matter."""
    found = unit.top_ups.read([top_up]).get(top_up)
    if found is None or found.of_card:
        raise refusals.top_up_not_found(top_up)
    return found
