"""Bargains made and ended; haggles begun, cut, bought. Cutting is set-oriented: who comes at once shares a lock."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from kit.errors import Fault, etag_mismatch, invalid
from kit.money import Money
from kit.names import join, parse
from kit.page import Page
from services.orders.domain.bargain import COLLECTION, PATTERN, Bargain, BargainQuery, Cut, Haggle
from services.orders.domain.errors import bargain as errors
from services.orders.domain.errors import member_erased, product_archived, product_not_found
from services.orders.domain.order import Order
from services.orders.domain.product import Product
from services.orders.usecases import activity, erasure, haggling, holding, people
from services.orders.usecases import order as orders
from services.orders.usecases.activity import NOBODY, NOTHING_SENT, Goods, Sending
from services.orders.usecases.offer import with_parts
from services.orders.usecases.order import PlaceOrder, place_orders
from services.orders.usecases.people import Persons


class Bargains(Protocol):
    """The stored bargains."""

    def add(self, bargain: Bargain) -> None:
        """Store a new bargain."""

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Bargain]:
        """Those of the bargains that exist."""

    def lock(self, bargain_id: UUID) -> Bargain | None:
        """The bargain, which nobody else changes until the transaction ends."""

    def save(self, bargain: Bargain) -> None:
        """Store a changed bargain."""

    def page(self, query: BargainQuery, page: Page) -> list[Bargain]:
        """The bargains of a page and one more if there are more, the latest start first."""


class Haggles(haggling.Haggles, Protocol):
    """The stored haggles and their cuts."""

    def begin(self, haggle: Haggle) -> Haggle:
        """Store a new haggle; answers the one that the member has, if there is one."""

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Haggle]:
        """Those of the haggles that exist."""

    def of(self, bargain: UUID, members: Collection[UUID]) -> Haggle | None:
        """The first of the haggles that members have in a bargain."""

    def helped(self, pairs: Sequence[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
        """Which of the cuts, by (haggle, helper), were made."""

    def add_cuts(self, cuts: Sequence[Cut]) -> None:
        """Store what helpers took off."""


class Products(Protocol):
    """The stored products."""

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Product]:
        """Those of the products that exist."""


class Work(orders.Work, people.Work, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def bargains(self) -> Bargains:
        """The stored bargains."""

    @property
    def haggles(self) -> Haggles:
        """The stored haggles."""

    @property
    def products(self) -> Products:
        """The stored products."""


@dataclass(frozen=True, slots=True)
class CreateBargain:
    """Make a bargain of a product."""

    bargain_id: UUID
    product: UUID
    display_name: str
    price: Money
    floor: Money
    helpers: int
    start_time: datetime
    end_time: datetime
    duration: timedelta
    hold: timedelta


@dataclass(frozen=True, slots=True)
class CancelBargain:
    """Let no more haggles begin; `version`, if given, must be the latest."""

    bargain_id: UUID
    version: int | None


@dataclass(frozen=True, slots=True)
class BeginHaggle:
    """A member begins to haggle."""

    bargain_id: UUID
    haggle_id: UUID
    member: UUID


@dataclass(frozen=True, slots=True)
class CutPrice:
    """A helper, perhaps the member too, takes the next cut off a haggle's price."""

    bargain_id: UUID
    haggle_id: UUID
    helper: UUID


@dataclass(frozen=True, slots=True)
class BuyHaggle:
    """The member buys at the price that was reached."""

    bargain_id: UUID
    haggle_id: UUID
    order_id: UUID
    member: UUID
    channel: str
    store: str = ""
    sending: Sending = NOTHING_SENT


@dataclass(frozen=True, slots=True)
class Done:
    """A cut, and the haggle after it."""

    haggle: Haggle
    amount: int


def create_bargain(unit: Work, command: CreateBargain) -> Bargain:
    """Make a bargain. Its units come from stock when somebody buys."""
    product = unit.products.get([command.product]).get(command.product)
    if product is None:
        raise product_not_found(command.product)
    for field, amount in (("price", command.price), ("floor_price", command.floor)):
        if amount.currency != product.price.currency:
            raise invalid(f"bargain.{field}", f"must be in {product.price.currency}, as the product's")
    if command.end_time <= unit.now:
        raise invalid("bargain.end_time", "must be in the future")
    made = Bargain(
        id=command.bargain_id,
        product=product.id,
        display_name=command.display_name,
        price=command.price,
        floor=command.floor.minor,
        helpers=command.helpers,
        start_time=command.start_time,
        end_time=command.end_time,
        duration=command.duration,
        hold=command.hold,
        cancel_time=None,
        version=1,
        create_time=unit.now,
        update_time=unit.now,
    )
    unit.bargains.add(made)
    return made


def get_bargain(unit: Work, bargain_id: UUID) -> Bargain:
    """Read a bargain."""
    found = unit.bargains.get([bargain_id]).get(bargain_id)
    if found is None:
        raise errors.bargain_not_found(bargain_id)
    return found


def list_bargains(unit: Work, query: BargainQuery, page: Page) -> list[Bargain]:
    """A page of bargains, and one more if there are more."""
    return unit.bargains.page(query, page)


def cancel_bargain(unit: Work, command: CancelBargain) -> Bargain:
    """Let no more haggles begin; those that have go on. The same once more changes nothing."""
    found = unit.bargains.lock(command.bargain_id)
    if found is None:
        raise errors.bargain_not_found(command.bargain_id)
    cancelled = found.cancel(unit.now)
    if cancelled is not found:
        if command.version is not None and command.version != found.version:
            raise etag_mismatch(found.name)
        unit.bargains.save(cancelled)
    return cancelled


def begin_haggle(unit: Work, command: BeginHaggle) -> Haggle:
    """Begin to haggle, once per bargain: who begins again, by whatever name, gets the same haggle."""
    bargain = get_bargain(unit, command.bargain_id)
    bargain.check_open(unit.now)
    erasure.check_known(unit, command.member)
    others = Persons(unit, [command.member]).others(command.member)
    if others:
        found = unit.haggles.of(bargain.id, [command.member]) or unit.haggles.of(bargain.id, others)
        if found is not None:
            return found
    return unit.haggles.begin(Haggle.begin(command.haggle_id, bargain, command.member, unit.now))


def get_haggle(unit: Work, bargain_id: UUID, haggle_id: UUID) -> Haggle:
    """Read a haggle."""
    return _existing(unit.haggles.get([haggle_id]).get(haggle_id), bargain_id, haggle_id)


def cut_prices(unit: Work, commands: Sequence[CutPrice]) -> list[Done | Fault]:
    """Cut prices, first come, first served; each has its own outcome."""
    gone = erasure.forgotten(unit, {command.helper for command in commands})
    persons = Persons(unit, {command.helper for command in commands})
    before = unit.haggles.lock({command.haggle_id for command in commands})
    names = {(each.haggle_id, name) for each in commands for name in persons.names(each.helper)}
    helped = {(haggle, persons.person(helper)) for haggle, helper in unit.haggles.helped(sorted(names))}
    after, cuts, outcomes = dict(before), list[Cut](), list[Done | Fault]()
    for command in commands:
        try:
            if command.helper in gone:
                raise member_erased(command.helper)
            haggle = _existing(after.get(command.haggle_id), command.bargain_id, command.haggle_id)
            if (haggle.id, persons.person(command.helper)) in helped:
                raise errors.haggle_cut_already(haggle.name, command.helper)
            after[haggle.id], amount = haggle.cut(unit.now)
        except Fault as fault:
            outcomes.append(fault)
            continue
        helped.add((haggle.id, persons.person(command.helper)))
        cuts.append(Cut(haggle.id, command.helper, amount, unit.now))
        outcomes.append(Done(after[haggle.id], amount))
    if cuts:
        unit.haggles.save([after[haggle] for haggle in sorted({cut.haggle for cut in cuts})])
        unit.haggles.add_cuts(cuts)
    return outcomes


def buy_haggle(unit: Work, command: BuyHaggle) -> Order:
    """Buy at the price that was reached; from then on nobody cuts it, unless the order is given up."""
    erasure.keep_for(unit, [command.sending.address])
    names = Persons(unit, [command.member]).names(command.member)
    haggle = _existing(
        unit.haggles.lock([command.haggle_id]).get(command.haggle_id), command.bargain_id, command.haggle_id
    )
    ordered, _, placement = _asked(unit, command, haggle, names)
    (outcome,) = place_orders(unit, [placement])
    if isinstance(outcome, Fault):
        raise outcome
    unit.haggles.save([ordered])
    return outcome


def retake(unit: Work, order: Order) -> Order:
    """Let a haggle be ordered again by an order that was given up, and take its stock. Raises a Fault, and takes
    nothing, when it is over, ordered otherwise, or was cut further meanwhile."""
    ids = parse(PATTERN, order.activity)
    haggle = _existing(unit.haggles.lock([ids["haggle"]]).get(ids["haggle"]), ids["bargain"], ids["haggle"])
    if haggle.reached.minor != order.lines[0].unit_price:
        raise errors.haggle_state_invalid(haggle.name, "CUT")
    ordered = haggle.buy(order.id, unit.now)
    taken = holding.reserve_one(unit, order)
    unit.haggles.save([ordered])
    return taken


def priced(unit: Work, command: BuyHaggle) -> Goods:
    """What would be bought at the price that is reached now. Raises a Fault when it can't be, without a lock."""
    haggle = get_haggle(unit, command.bargain_id, command.haggle_id)
    names = [haggle.member] if command.member == NOBODY else Persons(unit, [command.member]).names(command.member)
    _, goods, _ = _asked(unit, command, haggle, names)
    erasure.check_known(unit, command.member)
    return goods


def _asked(unit: Work, command: BuyHaggle, haggle: Haggle, names: Collection[UUID]) -> tuple[Haggle, Goods, PlaceOrder]:
    """The haggle once somebody with these names has ordered, and what that is. Raises a Fault when something speaks
    against it."""
    if haggle.member not in names:
        raise errors.haggle_not_found(haggle.name)
    ordered = haggle.buy(command.order_id, unit.now)
    goods = _goods(unit, command, haggle)
    return ordered, goods, activity.placement(goods, command.sending, unit.now)


def _goods(unit: Work, command: BuyHaggle, haggle: Haggle) -> Goods:
    bargain = get_bargain(unit, haggle.bargain)
    known = with_parts(unit.products, unit.products.get([bargain.product]))
    if not known[bargain.product].active:
        raise product_archived(bargain.product)
    purchase = activity.Purchase(
        order_id=command.order_id,
        member=command.member,
        channel=command.channel,
        store=command.store,
        activity=haggle.name,
        quantity=1,
        price=haggle.reached,
        pay_within=bargain.hold,
    )
    return Goods(purchase, known[bargain.product], known)


def _existing(found: Haggle | None, bargain_id: UUID, haggle_id: UUID) -> Haggle:
    if found is None or found.bargain != bargain_id:
        raise errors.haggle_not_found(join(COLLECTION, bargain_id, "haggles", haggle_id))
    return found
