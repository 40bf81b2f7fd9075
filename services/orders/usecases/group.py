"""Groups: opened and joined, set-oriented; read; filled by the merchant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol
from uuid import UUID

from kit import names
from kit.errors import Fault, conflict
from kit.page import Page
from services.orders.domain.errors import group_buy as errors
from services.orders.domain.errors import product_archived
from services.orders.domain.group import PATTERN, Group, GroupQuery, Seat, Sponsorship
from services.orders.domain.group_buy import GroupBuy, GroupBuyKind
from services.orders.domain.offer import Known
from services.orders.domain.order import Order
from services.orders.domain.product import Product
from services.orders.usecases import activity, erasure, group_buy, group_seats, holding, people
from services.orders.usecases import order as orders
from services.orders.usecases.activity import NOTHING_SENT, Goods, Sending
from services.orders.usecases.offer import with_parts
from services.orders.usecases.order import PlaceOrder, place_orders
from services.orders.usecases.people import Persons


class Groups(group_seats.Groups, Protocol):
    """The stored groups and their seats."""

    def add(self, groups: Sequence[Group]) -> None:
        """Store new groups."""

    def page(self, query: GroupQuery, page: Page, now: datetime) -> list[Group]:
        """The groups of a page and one more if there are more, the nearest deadline first."""

    def take(self, seats: Sequence[Seat]) -> set[UUID]:
        """Store new seats; answers the orders of those that nobody else took meanwhile."""

    def seated(self, pairs: Sequence[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], UUID]:
        """The orders by which members have seats, by (group, member)."""

    def numbers(self, pairs: Sequence[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], set[int]]:
        """The numbers of the seats that members have, by (group buy, member)."""

    def customers(self, members: Sequence[UUID]) -> set[UUID]:
        """Which of the members have paid for an order that was not refunded whole."""

    def newcomers(self, members: Sequence[UUID]) -> set[UUID]:
        """Which of the members have a seat that only a new customer may have."""

    def sponsor(self, filled: Sponsorship) -> None:
        """Store seats that the merchant filled."""


class Work(orders.Work, group_buy.Work, people.Work, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def groups(self) -> Groups:
        """The stored groups."""


@dataclass(frozen=True, slots=True)
class TakeSeat:
    """Take a seat in a group, or open the group with it; the seat is held until the order is paid."""

    group_buy_id: UUID
    group_id: UUID
    order_id: UUID
    member: UUID
    channel: str
    store: str = ""
    opens: bool = False
    sending: Sending = NOTHING_SENT


@dataclass(frozen=True, slots=True)
class FillGroup:
    """Fill free seats of a group at the merchant's expense, all of them for 0."""

    group_buy_id: UUID
    group_id: UUID
    seats: int
    note: str
    by: str


@dataclass(frozen=True, slots=True)
class _Wish:
    """A seat that nothing speaks against so far."""

    command: TakeSeat
    group_buy: GroupBuy
    group: Group
    product: Product
    newcomer: bool


def take_seats(unit: Work, commands: Sequence[TakeSeat]) -> list[Order | Fault]:
    """Open groups and join them, first come, first served; each has its own outcome. ABORTED tells a member who took
    another seat at the same moment to try again."""
    erasure.keep_for(unit, [command.sending.address for command in commands])
    persons = Persons(unit, {command.member for command in commands})
    known = _Known(unit, commands)
    outcomes: list[Order | Fault | None] = [None] * len(commands)
    wishes: list[_Wish] = []
    placements: list[PlaceOrder] = []
    for index, command in enumerate(commands):
        try:
            wish, _, placement = known.asked(command, unit.now)
            placements.append(placement)
            wishes.append(wish)
        except Fault as fault:
            outcomes[index] = fault
    placed = iter(place_orders(unit, placements, draw=partial(_draw, wishes=wishes, persons=persons)))
    return [next(placed) if outcome is None else outcome for outcome in outcomes]


def retake(unit: Work, order: Order) -> Order:
    """Take a seat again in the group of an order that gave its seat up, and its stock. Raises a Fault, and takes
    nothing, when the group takes no members any more, or the member has another seat."""
    ids = names.parse(PATTERN, order.activity)
    member = activity.buyer_of(order)
    command = TakeSeat(ids["group_buy"], ids["group"], order.id, member, order.channel, order.store)
    persons = Persons(unit, {member})
    wish = _Known(unit, [command]).wish(command, unit.now)
    drafts: list[Order | Fault] = [order]
    _draw(unit, drafts, wishes=[wish], persons=persons)
    (taken,) = drafts
    if isinstance(taken, Fault):
        raise taken
    return taken


def get_group(unit: Work, group_buy_id: UUID, group_id: UUID) -> Group:
    """Read a group. Nobody sees one whose leader has not paid."""
    found = unit.groups.get([group_id]).get(group_id)
    if found is None or found.group_buy != group_buy_id or not found.visible:
        raise errors.group_not_found(_name(group_buy_id, group_id))
    return found


def list_groups(unit: Work, query: GroupQuery, page: Page) -> list[Group]:
    """A page of the groups that take members, and one more if there are more."""
    group_buy.get_group_buy(unit, query.group_buy)
    return unit.groups.page(query, page, unit.now)


def fill_group(unit: Work, command: FillGroup) -> Group:
    """Fill free seats. They are told apart from members for ever."""
    before = unit.groups.lock([command.group_id])
    found = before.get(command.group_id)
    if found is None or found.group_buy != command.group_buy_id:
        raise errors.group_not_found(_name(command.group_buy_id, command.group_id))
    filled = found.fill(command.seats, unit.now)
    seats = filled.sponsored - found.sponsored
    unit.groups.sponsor(Sponsorship(unit.new_id(), found.id, seats, command.note, command.by, unit.now))
    group_seats.save(unit, before, {found.id: filled})
    return filled


class _Known:
    """What is read, before anything is locked, to answer a batch of commands."""

    def __init__(self, unit: Work, commands: Sequence[TakeSeat]) -> None:
        self._groups = unit.groups.get([each.group_id for each in commands if not each.opens])
        self._group_buys = unit.group_buys.get(sorted({each.group_buy_id for each in commands}))
        products = unit.products.get(sorted({each.product for each in self._group_buys.values()}))
        self.products = with_parts(unit.products, products)
        joining = {each.member for each in commands if not each.opens and self._kind(each) is GroupBuyKind.NEW_CUSTOMER}
        self._customers = unit.groups.customers(sorted(joining)) if joining else set[UUID]()

    def asked(self, command: TakeSeat, now: datetime) -> tuple[_Wish, Goods, PlaceOrder]:
        """What a command asks for. Raises a Fault when something speaks against it, whatever the member has."""
        wish = self.wish(command, now)
        goods = _goods(wish, self.products, now)
        return wish, goods, activity.placement(goods, command.sending, now)

    def wish(self, command: TakeSeat, now: datetime) -> _Wish:
        """The seat of a command. Raises a Fault when something speaks against it."""
        found = self._group_buys.get(command.group_buy_id)
        if found is None:
            raise errors.group_buy_not_found(command.group_buy_id)
        if command.opens:
            found.check_open(now)
            store = command.store.removeprefix("stores/")
            group = Group.open(command.group_id, found, command.member, now, store=store)
        else:
            group = self._joined(command, now)
        found.check_channel(command.channel)
        newcomer = self._newcomer(command, found)
        product = self.products[found.product]
        if not product.active:
            raise product_archived(product.id)
        return _Wish(command, found, group, product, newcomer)

    def _newcomer(self, command: TakeSeat, found: GroupBuy) -> bool:
        """Whether the seat is for a new customer. Raises a Fault for who is none."""
        if command.opens or found.kind is not GroupBuyKind.NEW_CUSTOMER:
            return False
        if command.member in self._customers:
            raise errors.group_buy_not_eligible(found.id, "member", "who has bought before")
        return True

    def _joined(self, command: TakeSeat, now: datetime) -> Group:
        group = self._groups.get(command.group_id)
        if group is None or group.group_buy != command.group_buy_id:
            raise errors.group_not_found(_name(command.group_buy_id, command.group_id))
        group.check_recruiting(now)
        return group

    def _kind(self, command: TakeSeat) -> GroupBuyKind | None:
        found = self._group_buys.get(command.group_buy_id)
        return found.kind if found else None


def priced(unit: Work, command: TakeSeat) -> Goods:
    """What would be bought with a seat. Raises a Fault when there is none, without a lock."""
    persons, known = Persons(unit, {command.member}), _Known(unit, [command])
    wish, goods, _ = known.asked(command, unit.now)
    erasure.check_known(unit, command.member)
    _Seating(unit, [wish], {}, persons).check(wish)
    return goods


def _goods(wish: _Wish, known: Known, now: datetime) -> Goods:
    command = wish.command
    purchase = activity.Purchase(
        order_id=command.order_id,
        member=command.member,
        channel=command.channel,
        store=command.store,
        activity=wish.group.name,
        quantity=1,
        price=wish.group.price,
        pay_within=_pay_within(wish, now),
    )
    return Goods(purchase, wish.product, known)


def _pay_within(wish: _Wish, now: datetime) -> timedelta:
    """The time to pay ends with the group's own at the latest."""
    return min(wish.group_buy.terms.hold, wish.group.deadline - now)


def _draw(unit: Work, drafts: list[Order | Fault], *, wishes: Sequence[_Wish], persons: Persons) -> None:
    """Take the seats of new orders, then their goods; whoever is refused becomes a Fault in the list."""
    if not wishes:
        return
    before = unit.groups.lock({wish.group.id for wish in wishes if not wish.command.opens})
    chosen = _Seating(unit, wishes, before, persons).choose(drafts)
    taken = unit.groups.take(list(chosen.values())) if chosen else set[UUID]()
    for index, seat in chosen.items():
        if seat.order not in taken:  # the member took another seat at the same moment
            drafts[index] = conflict()
    holding.reserve(unit, drafts, promises=False)
    lost = [seat.order for index, seat in chosen.items() if seat.order in taken and isinstance(drafts[index], Fault)]
    if lost:
        unit.groups.drop(lost)
    alive = [wishes[index] for index in chosen if isinstance(drafts[index], Order)]
    opened = [wish.group for wish in alive if wish.command.opens]
    if opened:
        unit.groups.add(opened)
    group_seats.save(unit, before, _joined(before, alive, unit.now))


def _joined(before: Mapping[UUID, Group], alive: Iterable[_Wish], now: datetime) -> dict[UUID, Group]:
    after = dict(before)
    for wish in alive:
        if not wish.command.opens:
            after[wish.group.id] = after[wish.group.id].hold(now)
    return after


class _Seating:
    """Gives seats in locked groups to the members of a batch, one after the other."""

    def __init__(self, unit: Work, wishes: Sequence[_Wish], groups: Mapping[UUID, Group], persons: Persons) -> None:
        self._unit = unit
        self._wishes = wishes
        self._groups = dict(groups)
        self._persons = persons
        everybody = [(wish, name) for wish in wishes for name in persons.names(wish.command.member)]
        seated = unit.groups.seated(sorted({(wish.group.id, name) for wish, name in everybody}))
        self._seated = {(group, persons.person(member)): order for (group, member), order in seated.items()}
        numbers = unit.groups.numbers(sorted({(wish.group_buy.id, name) for wish, name in everybody}))
        self._numbers: dict[tuple[UUID, UUID], list[int]] = {}
        newcomers = {name for wish, name in everybody if wish.newcomer}
        seated_so = unit.groups.newcomers(sorted(newcomers)) if newcomers else set[UUID]()
        self._newcomers = {persons.person(member) for member in seated_so}
        self._fresh: set[UUID] = set()
        for (of, member), taken in sorted(numbers.items()):
            self._numbers.setdefault((of, persons.person(member)), []).extend(taken)

    def choose(self, drafts: list[Order | Fault]) -> dict[int, Seat]:
        """The seats by index; whoever gets none becomes a Fault in the list."""
        seats: dict[int, Seat] = {}
        for index, wish in enumerate(self._wishes):
            if not isinstance(drafts[index], Order):
                continue
            try:
                seats[index] = self._seat(wish)
            except Fault as fault:
                drafts[index] = fault
        return seats

    def check(self, wish: _Wish) -> None:
        """Raise a Fault when there is no seat for a wish."""
        self._seat(wish)

    def _seat(self, wish: _Wish) -> Seat:
        group = self._groups.get(wish.group.id, wish.group)
        person = self._persons.person(wish.command.member)
        has = self._seated.get((group.id, person))
        if has is not None:
            raise errors.group_seat_taken(group.name, has)
        if not wish.command.opens:
            group = group.hold(self._unit.now)
        taken = self._numbers.setdefault((group.group_buy, person), [])
        n = _next(taken, wish.group_buy)
        if wish.newcomer:
            self._check_newcomer(wish, person)
        seat = Seat(wish.command.order_id, group.id, group.group_buy, wish.command.member, n, newcomer=wish.newcomer)
        self._groups[group.id] = group
        self._seated[group.id, person] = seat.order
        taken.append(n)
        return seat

    def _check_newcomer(self, wish: _Wish, person: UUID) -> None:
        """Raise a Fault when the person has a seat for new customers already."""
        if person in self._newcomers:
            raise errors.group_buy_not_eligible(wish.group_buy.id, "member", "who has a seat for new customers")
        if person in self._fresh:
            raise conflict()  # as whoever takes two such seats elsewhere at the same moment
        self._fresh.add(person)


def _next(taken: Sequence[int], of: GroupBuy) -> int:
    """The number of a person's next seat in a group buy. Two names of one person may have brought the same one along,
    so the seats count, not the highest number."""
    limit = of.terms.member_limit
    if limit and len(taken) >= limit:
        raise errors.group_buy_limit_reached(of.id, limit=limit)
    return next(n for n in range(1, len(taken) + 2) if n not in taken)


def _name(group_buy_id: UUID, group_id: UUID) -> str:
    return f"groupBuys/{group_buy_id}/groups/{group_id}"
