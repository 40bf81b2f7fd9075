"""Buying in a presale: an order that waits for its deposit, and has its units of the quota and the stock from then on.
Set-oriented: those who click at the same moment share a handful of statements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from kit.errors import Fault
from services.orders.domain.errors import presale as errors
from services.orders.domain.errors import product_archived
from services.orders.domain.order import Order
from services.orders.domain.presale import Presale
from services.orders.domain.presale_order import PresaleOrder
from services.orders.domain.product import Product
from services.orders.usecases import activity, erasure, people, presale_parts
from services.orders.usecases import order as orders
from services.orders.usecases.activity import NOTHING_SENT, Goods, Sending
from services.orders.usecases.offer import with_parts
from services.orders.usecases.order import PlaceOrder, place_orders
from services.orders.usecases.people import Persons

Owner = tuple[UUID, UUID]
"""A presale and a member."""


class Presales(presale_parts.Presales, Protocol):
    """The stored presales."""

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Presale]:
        """Those of the presales that exist."""

    def lock(self, ids: Iterable[UUID]) -> dict[UUID, Presale]:
        """As `get`; nobody else changes them until the transaction ends."""

    def take(self, units: Mapping[UUID, int]) -> None:
        """So many units of locked presales are taken."""


class PresaleOrders(presale_parts.PresaleOrders, Protocol):
    """The stored orders of presales."""

    def add(self, reserved: Sequence[PresaleOrder]) -> None:
        """Store new ones."""

    def units(self, owners: Sequence[Owner]) -> dict[Owner, int]:
        """The units that members have of presales."""


class Products(Protocol):
    """The stored products."""

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Product]:
        """Those of the products that exist."""


class Work(orders.Work, people.Work, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def presales(self) -> Presales:
        """The stored presales."""

    @property
    def presale_orders(self) -> PresaleOrders:
        """The stored orders of presales."""

    @property
    def products(self) -> Products:
        """The stored products."""


@dataclass(frozen=True, slots=True)
class BuyPresale:
    """Buy units of a presale."""

    presale_id: UUID
    order_id: UUID
    member: UUID
    quantity: int
    channel: str
    store: str = ""
    sending: Sending = NOTHING_SENT


def buy(unit: Work, commands: Sequence[BuyPresale]) -> list[Order | Fault]:
    """Buy, first come, first served; each has its own outcome. Refusals that need no lock come first."""
    erasure.keep_for(unit, [command.sending.address for command in commands])
    counter = _Counter(unit, commands)
    outcomes: list[Order | Fault | None] = [counter.refusal(command) for command in commands]
    chosen = [index for index, refusal in enumerate(outcomes) if refusal is None]
    counter.lock([commands[index] for index in chosen])
    placements: dict[int, PlaceOrder] = {}
    for index in chosen:
        try:
            placements[index] = counter.take(commands[index])
        except Fault as fault:
            outcomes[index] = fault
    placed = place_orders(unit, list(placements.values())) if placements else []
    for index, outcome in zip(placements, placed, strict=True):
        outcomes[index] = outcome
    counter.book([each for each in placed if isinstance(each, Order)])
    return [outcome for outcome in outcomes if outcome is not None]


def priced(unit: Work, command: BuyPresale) -> Goods:
    """What would be bought. Raises a Fault when it can't be, without a lock."""
    return _Counter(unit, [command]).priced(command)


class _Counter:
    """Gives units of presales to the members of a batch, one after the other."""

    def __init__(self, unit: Work, commands: Sequence[BuyPresale]) -> None:
        self._unit = unit
        self._presales = unit.presales.get(sorted({command.presale_id for command in commands}))
        products = unit.products.get(sorted({each.product for each in self._presales.values()}))
        self._products = with_parts(unit.products, products)
        self._has: Counter[Owner] = Counter()
        self._persons = Persons(unit, ())
        self._buyers: dict[UUID, BuyPresale] = {}

    def refusal(self, command: BuyPresale) -> Fault | None:
        """Why a command is refused, as far as that can be told without a lock."""
        try:
            self._check(command).check_left(command.quantity)
        except Fault as fault:
            return fault
        return None

    def priced(self, command: BuyPresale) -> Goods:
        """What a command asks for. Raises a Fault when that can't be had."""
        refusal = self.refusal(command)
        if refusal is not None:
            raise refusal
        self._count([command])
        self.take(command)
        erasure.check_known(self._unit, command.member)
        return self._goods(command, self._presales[command.presale_id])

    def lock(self, commands: Sequence[BuyPresale]) -> None:
        """See to it that nobody else takes or frees units of the presales."""
        if commands:
            self._presales |= self._unit.presales.lock({command.presale_id for command in commands})
            self._count(commands)

    def take(self, command: BuyPresale) -> PlaceOrder:
        """Take units. Raises a Fault when that is too late, or too many."""
        presale = self._check(command)
        owner = command.presale_id, self._persons.person(command.member)
        less = presale.take(command.quantity, self._has[owner])
        placement = activity.placement(self._goods(command, presale), command.sending, self._unit.now)
        self._presales[presale.id] = less
        self._has[owner] += command.quantity
        self._buyers[command.order_id] = command
        return placement

    def book(self, placed: Sequence[Order]) -> None:
        """Store what was taken by orders; those that found too little stock take nothing."""
        if not placed:
            return
        taken: Counter[UUID] = Counter()
        reserved: list[PresaleOrder] = []
        for order in placed:
            command = self._buyers[order.id]
            taken[command.presale_id] += command.quantity
            presale = self._presales[command.presale_id]
            reserved.append(PresaleOrder.reserve(order, presale, command.member, self._unit.now))
        self._unit.presales.take(taken)
        self._unit.presale_orders.add(reserved)

    def _count(self, commands: Sequence[BuyPresale]) -> None:
        """What those who buy have already."""
        self._persons = Persons(self._unit, {command.member for command in commands})
        owners = {(each.presale_id, name) for each in commands for name in self._persons.names(each.member)}
        for (presale, member), units in self._unit.presale_orders.units(sorted(owners)).items():
            self._has[presale, self._persons.person(member)] += units

    def _check(self, command: BuyPresale) -> Presale:
        presale = self._presales.get(command.presale_id)
        if presale is None:
            raise errors.presale_not_found(command.presale_id)
        presale.check_open(command.channel, self._unit.now)
        product = self._products[presale.product]
        if not product.active:
            raise product_archived(product.id)
        return presale

    def _goods(self, command: BuyPresale, presale: Presale) -> Goods:
        terms, now = presale.terms, self._unit.now
        purchase = activity.Purchase(
            order_id=command.order_id,
            member=command.member,
            channel=command.channel,
            store=command.store,
            activity=presale.name,
            quantity=command.quantity,
            price=terms.price,
            pay_within=presale.pay_within(now),
            discount=terms.discount * command.quantity,
            instalments=presale.instalments(command.quantity),
        )
        return Goods(purchase, self._products[presale.product], self._products)
