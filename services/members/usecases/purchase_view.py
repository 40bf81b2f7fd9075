"""Read purchases with what they earned, and what points could pay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from kit.page import Page
from services.members.domain.basket import Basket
from services.members.domain.earning import Earning, Grant
from services.members.domain.errors import rules as refusals
from services.members.domain.points import Wallet
from services.members.domain.points_as_cash import Usable, most_points, usable
from services.members.domain.programme import DEFAULT, Programme
from services.members.domain.purchase import Purchase
from services.members.domain.rule import BASE_RULE, Verdict
from services.members.usecases import programme as programmes
from services.members.usecases import tier
from services.members.usecases.ports import Unit


class Shown(NamedTuple):
    """A purchase, and what it earned by programme."""

    purchase: Purchase
    earnings: Mapping[str, Earning]


@dataclass(frozen=True, slots=True)
class Quote:
    """How many points of a member could pay for goods that cost so much?"""

    member: UUID
    programme: str
    basket: Basket
    currency: str


class Quoted(NamedTuple):
    """The points that could pay, by which programme, and how many could if the member had enough."""

    usable: Usable
    programme: Programme
    most: int


def read(unit: Unit, member: UUID, order: UUID) -> Shown:
    """A purchase with what it earned. Raises a Fault when there is no such member or purchase."""
    owner = tier.owner_of(unit, member)
    found = next((each for each in unit.purchases.of([owner]) if each.order == order), None)
    if found is None:
        raise refusals.purchase_not_found(member, order)
    kept = unit.purchases.kept([(owner, order)])[owner, order]
    return Shown(found, {DEFAULT: by_the_rate(found), **kept.earnings})


def earning(unit: Unit, member: UUID, order: UUID, programme: str) -> tuple[Purchase, Earning]:
    """What a purchase earned in a programme. Raises a Fault when it does not earn there."""
    shown = read(unit, member, order)
    if programme not in shown.earnings:
        programmes.get(unit, programme)
        raise refusals.purchase_not_found(member, order)
    return shown.purchase, shown.earnings[programme]


def by_the_rate(purchase: Purchase) -> Earning:
    """What the default programme's rate alone gave."""
    base = Grant(BASE_RULE, Verdict.APPLIED, purchase.earned, purchase.earned)
    return Earning(purchase.rules, purchase.earned, (base,))


def balances(unit: Unit, member: UUID, page: Page) -> list[tuple[Programme, Wallet]]:
    """A member's points in a page of the programmes, by id. Raises a Fault when there is no such member."""
    owner = tier.owner_of(unit, member)
    return [(programme, _wallet(unit, programme.id, owner)) for programme in unit.programmes.latest(page)]


def quote(unit: Unit, command: Quote) -> Quoted:
    """How many of a member's points could pay for goods. Raises a Fault when there is no such member or programme, or
    the goods cost another currency."""
    owner = tier.owner_of(unit, command.member)
    programme = programmes.get(unit, command.programme)
    if command.currency != programme.redeem.amount.currency:
        raise refusals.currency_other("lines", programme.redeem.amount.currency)
    available = _wallet(unit, programme.id, owner).available
    found = usable(programme.cash, programme.redeem, command.basket, available)
    return Quoted(found, programme, most_points(programme.cash, programme.redeem, found.payable.minor))


def _wallet(unit: Unit, programme: str, owner: UUID) -> Wallet:
    """The wallet in a programme, which is empty before there were any points."""
    return unit.wallets_of(programme).present({owner}, unit.now).get(owner, Wallet(owner))
