"""Buying in a flash sale. Set-oriented: those who click at the same moment share a handful of statements.

Eligibility and the member's own limit come first, then the conditional decrement of the buckets, then the orders, all
in one transaction: who clicks again never costs the quota anything, and PostgreSQL alone decides who is too late.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Protocol
from uuid import UUID

from kit import names
from kit.errors import Fault, conflict
from services.orders.domain.errors import flash_sale as errors
from services.orders.domain.errors import product_archived
from services.orders.domain.flash_sale import Bucket, Claim, Offer, Pool, Seat, home_of, wanted_buckets
from services.orders.domain.order import Order
from services.orders.domain.stock import Movement, MovementKind
from services.orders.usecases import activity, erasure, flash_sale, people
from services.orders.usecases import order as orders
from services.orders.usecases.activity import NOBODY, NOTHING_SENT, Goods, Sending
from services.orders.usecases.order import PlaceOrder, place_orders
from services.orders.usecases.people import Persons

_Pair = tuple[UUID, UUID]
"""A sale and a member."""

_BASE = "base"
"""The tier of whoever has reached none."""


class Work(flash_sale.Work, orders.Work, people.Work, Protocol):
    """What these use-cases need of a unit of work."""


@dataclass(frozen=True, slots=True)
class BuyFlashSale:
    """Buy units of a sale."""

    sale_id: UUID
    order_id: UUID
    member: UUID
    quantity: int
    channel: str
    store: str = ""
    sending: Sending = NOTHING_SENT


@dataclass(frozen=True, slots=True)
class _Purchase:
    """A purchase that nothing speaks against so far."""

    command: BuyFlashSale
    offer: Offer

    @property
    def home(self) -> int:
        return home_of(self.command.member, len(self.offer.free))


def buy(unit: Work, commands: Sequence[BuyFlashSale]) -> list[Order | Fault]:
    """Buy, first come, first served; each has its own outcome. Only the buckets that are needed are locked: ABORTED
    tells a buyer that others emptied them meanwhile, and that `buy_thoroughly` will know."""
    return _buy(unit, commands, thorough=False)


def buy_thoroughly(unit: Work, commands: Sequence[BuyFlashSale]) -> list[Order | Fault]:
    """As `buy`, from all buckets: whoever finds too little now is too late."""
    return _buy(unit, commands, thorough=True)


def _buy(unit: Work, commands: Sequence[BuyFlashSale], *, thorough: bool) -> list[Order | Fault]:
    offers = flash_sale.get_offers(unit, [command.sale_id for command in commands])
    tiers = _tiers(unit, commands, offers)
    outcomes: list[Order | Fault | None] = [None] * len(commands)
    purchases: list[_Purchase] = []
    placements: list[PlaceOrder] = []
    for index, (command, offer) in enumerate(zip(commands, offers, strict=True)):
        try:
            if isinstance(offer, Fault):
                raise offer
            placements.append(_asked(command, offer, tiers, unit.now)[1])
            purchases.append(_Purchase(command, offer))
        except Fault as fault:
            outcomes[index] = fault
    placed = iter(place_orders(unit, placements, draw=partial(_draw, purchases=purchases, thorough=thorough)))
    return [next(placed) if outcome is None else outcome for outcome in outcomes]


def _tiers(unit: Work, commands: Sequence[BuyFlashSale], offers: Sequence[Offer | Fault]) -> dict[UUID, str]:
    asked = {
        command.member
        for command, offer in zip(commands, offers, strict=True)
        if isinstance(offer, Offer) and offer.sale.terms.tiers
    }
    return unit.flash_sale_units.tiers(sorted(asked)) if asked else {}


def _asked(command: BuyFlashSale, offer: Offer, tiers: Mapping[UUID, str], now: datetime) -> tuple[Goods, PlaceOrder]:
    """What a command asks for. Raises a Fault when something speaks against it, whatever the member has."""
    _check(command, offer, now)
    if command.member != NOBODY:
        offer.sale.check_tier(tiers.get(command.member, _BASE))
    goods = _goods(command, offer)
    return goods, activity.placement(goods, command.sending, now)


def _check(command: BuyFlashSale, offer: Offer, now: datetime) -> None:
    sale = offer.sale
    sale.check_open(now)
    sale.check_channel(command.channel)
    sale.check_quantity(command.quantity)
    if sum(offer.free) < command.quantity:
        raise errors.flash_sale_sold_out(sale.id)


def priced(unit: Work, command: BuyFlashSale) -> Goods:
    """What would be bought. Raises a Fault when it can't be, without a lock."""
    (offer,) = flash_sale.get_offers(unit, [command.sale_id])
    if isinstance(offer, Fault):
        raise offer
    goods, _ = _asked(command, offer, _tiers(unit, [command], [offer]), unit.now)
    erasure.check_known(unit, command.member)
    _check_limit(unit, _Purchase(command, offer))
    return goods


def retake(unit: Work, order: Order) -> Order:
    """Take the units of an order again that gave them up. Raises a Fault, and takes nothing, when the sale is over, too
    little of it is left, or the member has bought others meanwhile."""
    sale_id = names.id_of("flashSales", order.activity)
    (offer,) = flash_sale.get_offers(unit, [sale_id])
    if isinstance(offer, Fault):
        raise offer
    member, (line,) = activity.buyer_of(order), order.lines
    command = BuyFlashSale(sale_id, order.id, member, line.quantity, order.channel, order.store)
    _check(command, offer, unit.now)
    drafts: list[Order | Fault] = [order]
    _draw(unit, drafts, purchases=[_Purchase(command, offer)], thorough=True)
    (taken,) = drafts
    if isinstance(taken, Fault):
        raise taken
    return taken


def _check_limit(unit: Work, purchase: _Purchase) -> None:
    sale, member = purchase.command.sale_id, purchase.command.member
    people = Persons(unit, {member}).names(member)
    bought = unit.flash_sale_units.bought(sorted((sale, name) for name in people)).values()
    units = sum(each for each, _ in bought)
    if units + purchase.command.quantity > purchase.offer.sale.terms.member_limit:
        raise _limit_reached(purchase, units, next((order for _, order in bought), None))


def _goods(command: BuyFlashSale, offer: Offer) -> Goods:
    sale, product = offer.sale, offer.product
    if not product.active:
        raise product_archived(product.id)
    if product.components:  # since the sale was made, which reserved units of the product itself
        product = replace(product, components=())
    purchase = activity.Purchase(
        order_id=command.order_id,
        member=command.member,
        channel=command.channel,
        store=command.store,
        activity=sale.name,
        quantity=command.quantity,
        price=sale.terms.price,
        pay_within=sale.terms.hold,
        location=sale.place.location,
    )
    return Goods(purchase, product, {})


def _draw(unit: Work, drafts: list[Order | Fault], *, purchases: Sequence[_Purchase], thorough: bool) -> None:
    """Take the units of new orders from their sales; whoever is refused becomes a Fault in the list."""
    alive = {index: purchases[index] for index, draft in enumerate(drafts) if isinstance(draft, Order)}
    claimed = _claim(unit, alive, drafts)
    if not claimed:
        return
    locked, certain = _lock(unit, [alive[index] for index in claimed], thorough=thorough)
    pools = {sale: Pool(bucket for bucket in locked if bucket.sale == sale) for sale in {each.sale for each in locked}}
    seats: list[Seat] = []
    refused: list[UUID] = []
    for index, ns in claimed.items():
        command, home = alive[index].command, alive[index].home
        pool = pools.get(command.sale_id)
        buckets = pool.take(command.quantity, home=home) if pool else None
        if buckets is None:
            drafts[index] = errors.flash_sale_sold_out(command.sale_id) if certain else conflict()
            refused.append(command.order_id)
        else:
            seats += [Seat(command.order_id, n, bucket) for n, bucket in zip(ns, buckets, strict=True)]
    unit.flash_sale_units.take(seats, refused)
    sold = []
    for index, purchase in alive.items():
        draft = drafts[index]
        if isinstance(draft, Order):
            drafts[index] = replace(draft, location=purchase.offer.sale.place.location)
            sold.append(purchase)
    if sold:
        unit.flash_sale_units.hand_over(_handed_over(sold), unit.now)


def _claim(unit: Work, alive: Mapping[int, _Purchase], drafts: list[Order | Fault]) -> dict[int, list[int]]:
    """The units that the buyers could claim, all that they asked for; the others become Faults. Who a buyer is beside
    is asked only for those who could: whoever clicks again is refused by the member's own units."""
    claimed = _claimed(unit, alive)
    short = {index: purchase for index, purchase in alive.items() if index not in claimed}
    if short:
        bought = unit.flash_sale_units.bought(sorted({_pair(purchase) for purchase in short.values()}))
        for index, purchase in short.items():
            units, order = bought.get(_pair(purchase), (0, None))
            if units + purchase.command.quantity > purchase.offer.sale.terms.member_limit:
                drafts[index] = _limit_reached(purchase, units, order)
            else:  # the member was buying elsewhere at the same moment
                drafts[index] = conflict()
    for index, fault in _beyond(unit, {index: alive[index] for index in claimed}).items():
        drafts[index] = fault
        del claimed[index]
    return claimed


def _beyond(unit: Work, claimed: Mapping[int, _Purchase]) -> dict[int, Fault]:
    """Those who claimed more than the limit leaves to a person who has units by other names too; they give them up."""
    persons = Persons(unit, {purchase.command.member for purchase in claimed.values()})
    several = {index: each for index, each in claimed.items() if persons.others(each.command.member)}
    if not several:
        return {}
    pairs = {(each.command.sale_id, name) for each in several.values() for name in persons.names(each.command.member)}
    mine = {each.command.order_id for each in several.values()}
    has: Counter[_Pair] = Counter()
    orders: dict[_Pair, UUID] = {}
    for (sale, name), (units, order) in unit.flash_sale_units.bought(sorted(pairs)).items():
        has[sale, persons.person(name)] += units
        if order not in mine:
            orders[sale, persons.person(name)] = order
    refused: dict[int, Fault] = {}
    for index, purchase in reversed(several.items()):  # who came last goes first
        person = purchase.command.sale_id, persons.person(purchase.command.member)
        if has[person] > purchase.offer.sale.terms.member_limit:
            has[person] -= purchase.command.quantity
            refused[index] = _limit_reached(purchase, has[person], orders.get(person))
    if refused:
        unit.flash_sale_units.unclaim([claimed[index].command.order_id for index in refused])
    return refused


def _limit_reached(purchase: _Purchase, units: int, order: UUID | None) -> Fault:
    limit = purchase.offer.sale.terms.member_limit
    return errors.flash_sale_limit_reached(purchase.command.sale_id, limit=limit, bought=units, order=order)


def _claimed(unit: Work, alive: Mapping[int, _Purchase]) -> dict[int, list[int]]:
    skips: Counter[_Pair] = Counter()
    claims = []
    for purchase in alive.values():
        command, pair = purchase.command, _pair(purchase)
        limit = purchase.offer.sale.terms.member_limit
        claims.append(Claim(command.sale_id, command.member, command.order_id, command.quantity, skips[pair], limit))
        skips[pair] += command.quantity
    found = unit.flash_sale_units.claim(claims) if claims else {}
    partly = [each.order for each in claims if each.order in found and len(found[each.order]) < each.units]
    if partly:
        unit.flash_sale_units.unclaim(partly)
    return {
        index: found[purchase.command.order_id]
        for index, purchase in alive.items()
        if len(found.get(purchase.command.order_id, ())) == purchase.command.quantity
    }


def _lock(unit: Work, purchases: Sequence[_Purchase], *, thorough: bool) -> tuple[list[Bucket], bool]:
    """The buckets to take from, and whether they are all that have anything."""
    sales = {purchase.command.sale_id: purchase.offer for purchase in purchases}
    if thorough:
        return unit.flash_sale_units.lock_all(sorted(sales)), True
    wanted: list[tuple[UUID, int]] = []
    certain = True
    for sale_id, offer in sales.items():
        asked = [(each.home, each.command.quantity) for each in purchases if each.command.sale_id == sale_id]
        chosen = wanted_buckets(offer.free, asked)
        certain = certain and len(chosen) == len([free for free in offer.free if free])
        wanted += [(sale_id, number) for number in chosen]
    return unit.flash_sale_units.lock(wanted), certain


def _handed_over(sold: Sequence[_Purchase]) -> list[Movement]:
    """What leaves the sales' own reservation, and enters that of the orders."""
    movements = []
    given: Counter[UUID] = Counter()
    for purchase in sold:
        command, place = purchase.command, purchase.offer.sale.place
        given[command.sale_id] += command.quantity
        movements.append(Movement(place, MovementKind.RESERVED, 0, command.quantity, command.order_id))
    for offer in {purchase.command.sale_id: purchase.offer for purchase in sold}.values():
        sale = offer.sale
        movements.append(Movement(sale.place, MovementKind.RELEASED, 0, -given[sale.id], source=sale.name))
    return movements


def _pair(purchase: _Purchase) -> _Pair:
    return purchase.command.sale_id, purchase.command.member
