"""Ingest: orders of other platforms become orders here, and stand as their newest version says.

Set-oriented: rows of one call are claimed, placed and paid together. What can't be done for one is its snag: it is
kept, and tried again with its next version, by hand, or when its code of a product is mapped.

Locks: what is known of the platform's orders first, by their numbers, then as for all orders.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from kit.errors import Fault
from kit.page import Page
from services.orders.domain import errors, ingest
from services.orders.domain.errors import ingest as refusals
from services.orders.domain.ingest import (
    LINES_CHANGED,
    SKU_UNKNOWN,
    STATUS_UNKNOWN,
    TOTAL_DIFFERS,
    Ingested,
    Outcome,
    PlatformOrder,
    RowResult,
    Shop,
    Snag,
    State,
)
from services.orders.domain.order import Buyer, Order
from services.orders.domain.order_state import CancelReason, OrderState
from services.orders.domain.payment import Payment, Tender
from services.orders.domain.product import Product
from services.orders.domain.wangdiantong import Meaning
from services.orders.usecases import consequences, holding, order, refund
from services.orders.usecases.order import PlaceOrder, place_orders
from services.orders.usecases.payment import ReceivePayment, receive_payments
from services.orders.usecases.refund import RefundOrder, refund_order, refund_rest

_UNPAID_FOR = timedelta(days=30)
"""How long goods are kept for an order that its platform neither tells paid nor given up."""
_AT_ONCE = 100
_LEFT = frozenset({Meaning.SHIPPED, Meaning.COMPLETED})
_OVER = frozenset({Meaning.CANCELLED, Meaning.REFUNDED})
_PAID = frozenset({Meaning.PAID, *_LEFT})


class Ingests(Protocol):
    """Shops, and what they told."""

    def add_shop(self, shop: Shop) -> bool:
        """Store a new shop; answers whether its code was free."""

    def shop(self, code: str) -> Shop | None:
        """A shop."""

    def shops(self, page: Page) -> list[Shop]:
        """The shops of a page and one more if there are more, by code."""

    def claim(self, shop: str, tids: Sequence[str], now: datetime) -> dict[str, Ingested]:
        """What is known of orders, those that are NEW included; nobody else changes them until the transaction ends."""

    def lock(self, shop: str, tids: Sequence[str]) -> dict[str, Ingested]:
        """What is known of orders; nobody else changes them until the transaction ends."""

    def drop_new(self, shop: str, tids: Sequence[str], oids: Sequence[str]) -> None:
        """Forget orders that are still NEW, and that these lines are theirs."""

    def save(self, changed: Sequence[Ingested]) -> None:
        """Store what is known of locked orders."""

    def waiting(self, shop: str, snag: Snag, limit: int) -> list[str]:
        """Orders that something stands in the way of."""

    def get(self, shop: str, tid: str) -> Ingested | None:
        """What is known of an order."""

    def page(self, shop: str, state: State | None, page: Page) -> list[Ingested]:
        """The orders of a page and one more if there are more, by their numbers."""

    def add_lines(self, shop: str, lines: Sequence[tuple[str, str]]) -> dict[str, str]:
        """Store whose lines numbers are, as (oid, tid), unless they are known; answers whose they are."""

    def goods(self, shop: str, skus: Sequence[str]) -> Mapping[str, UUID]:
        """The products that codes of a shop stand for; those that nobody knows are missing."""

    def map_sku(self, shop: str, sku: str, product: UUID) -> None:
        """Store which product a code stands for."""


class Products(Protocol):
    """The stored products."""

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Product]:
        """Those of the products that exist."""


class Work(order.Work, refund.Work, consequences.Work, holding.Work, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def ingest(self) -> Ingests:
        """Shops, and what they told."""

    @property
    def products(self) -> Products:
        """The stored products."""

    @property
    def orders(self) -> order.Orders:
        """The stored orders."""

    @property
    def refunds(self) -> refund.Refunds:
        """The stored refunds."""

    def new_id(self) -> UUID:
        """An id for what comes into being."""


@dataclass(frozen=True, slots=True)
class IngestOrders:
    """Orders of a shop as they stand on its platform. A row that could not even be read is its Fault."""

    shop: str
    rows: Sequence[PlatformOrder | Fault]


@dataclass(frozen=True, slots=True)
class Key:
    """An order of a shop."""

    shop: str
    tid: str


@dataclass(frozen=True, slots=True)
class MapSku:
    """Say which product a shop's code stands for."""

    shop: str
    sku: str
    product: UUID


@dataclass(frozen=True, slots=True)
class Shown:
    """What is known of an order of a platform, and the order here."""

    ingested: Ingested
    order: Order | None


def create_shop(unit: Work, shop: Shop) -> Shop:
    """Store a new shop. Raises a Fault when its code is taken."""
    if not unit.ingest.add_shop(shop):
        raise refusals.shop_exists(shop.code)
    return shop


def get_shop(unit: Work, code: str) -> Shop:
    """Read a shop."""
    shop = unit.ingest.shop(code)
    if shop is None:
        raise refusals.shop_not_found(code)
    return shop


def list_shops(unit: Work, page: Page) -> list[Shop]:
    """A page of shops, and one more if there are more."""
    return unit.ingest.shops(page)


def get_ingested(unit: Work, key: Key) -> Shown:
    """Read what is known of an order of a platform."""
    return _shown(unit, [_existing(unit.ingest.get(key.shop, key.tid), key)])[0]


def list_ingested(unit: Work, shop: str, state: State | None, page: Page) -> list[Shown]:
    """A page of a shop's orders, and one more if there are more."""
    return _shown(unit, unit.ingest.page(get_shop(unit, shop).code, state, page))


def retry(unit: Work, key: Key) -> Shown:
    """Try once more what could not be done for an order; one that stands as it should stays so."""
    shop = get_shop(unit, key.shop)
    known = _existing(unit.ingest.lock(shop.code, [key.tid]).get(key.tid), key)
    return _shown(unit, _retried(unit, shop, [known]))[0]


def map_sku(unit: Work, command: MapSku) -> list[Shown]:
    """Say which product a code stands for; answers the orders that waited for it, as they stand now."""
    shop = get_shop(unit, command.shop)
    if command.product not in unit.products.get([command.product]):
        raise errors.product_not_found(command.product)
    unit.ingest.map_sku(shop.code, command.sku, command.product)
    tids = unit.ingest.waiting(shop.code, Snag(SKU_UNKNOWN, command.sku), _AT_ONCE)
    return _shown(unit, _retried(unit, shop, list(unit.ingest.lock(shop.code, tids).values())))


def ingest_orders(unit: Work, command: IngestOrders) -> list[RowResult]:
    """Bring orders in line with what their platform tells; one result per row."""
    shop = get_shop(unit, command.shop)
    results: list[RowResult | None] = [None] * len(command.rows)
    fresh: dict[str, int] = {}
    for index, row in enumerate(command.rows):
        try:
            fresh[_checked(row, shop, fresh).tid] = index
        except Fault as fault:
            results[index] = RowResult(Outcome.REJECTED, fault=fault)
    rows = {tid: row for tid, index in fresh.items() if isinstance(row := command.rows[index], PlatformOrder)}
    known = unit.ingest.claim(shop.code, list(rows), unit.now) if rows else {}
    newer = [tid for tid, row in rows.items() if _newer(row, known[tid])]
    taken = _foreign_lines(unit, shop, [rows[tid] for tid in newer])
    wanted = [(known[tid], rows[tid]) for tid in newer if tid not in taken]
    after = {each.tid: each for each in _applied(unit, shop, wanted)}
    for tid, index in fresh.items():
        results[index] = _result(known[tid], rows[tid], after.get(tid), taken.get(tid))
    if taken:
        unit.ingest.drop_new(shop.code, list(taken), [line.oid for tid in taken for line in rows[tid].lines])
    return [result for result in results if result is not None]


def _checked(row: PlatformOrder | Fault, shop: Shop, seen: Mapping[str, int]) -> PlatformOrder:
    if isinstance(row, Fault):
        raise row
    ingest.check(row, shop.currency)
    if row.tid in seen:
        raise errors.row_repeated()
    return row


def _newer(row: PlatformOrder, known: Ingested) -> bool:
    return known.told is None or row.modify_time > known.told.modify_time


def _foreign_lines(unit: Work, shop: Shop, rows: Sequence[PlatformOrder]) -> dict[str, Fault]:
    """Which of the rows have a line of another order."""
    lines = [(line.oid, row.tid) for row in rows for line in row.lines]
    owners = unit.ingest.add_lines(shop.code, lines) if lines else {}
    return {tid: refusals.oid_taken(oid) for oid, tid in lines if owners[oid] != tid}


def _result(before: Ingested, row: PlatformOrder, after: Ingested | None, taken: Fault | None) -> RowResult:
    if taken is not None:
        return RowResult(Outcome.REJECTED, fault=taken)
    if after is None:
        same = before.told is not None and row.modify_time == before.told.modify_time
        return RowResult(Outcome.UNCHANGED if same else Outcome.OUTDATED, before.order)
    if after.snags:
        return RowResult(Outcome.EXCEPTION, after.order, after.snags)
    return RowResult(Outcome.CREATED if before.state is State.NEW else Outcome.UPDATED, after.order)


def _retried(unit: Work, shop: Shop, known: Sequence[Ingested]) -> list[Ingested]:
    stuck = [(each, each.told) for each in known if each.state is State.EXCEPTION and each.told is not None]
    after = {each.tid: each for each in _applied(unit, shop, stuck)}
    return [after.get(each.tid, each) for each in known]


def _applied(unit: Work, shop: Shop, wanted: Sequence[tuple[Ingested, PlatformOrder]]) -> list[Ingested]:
    """Bring locked orders in line with what was told of them, and store what is known now."""
    if not wanted:
        return []
    round_ = _Round(unit, shop, wanted)
    round_.place()
    round_.pay()
    round_.give_back()
    round_.end()
    changed = list(round_.outcome())
    unit.ingest.save(changed)
    return changed


class _Round:
    """Some orders of a shop on their way to where they should stand."""

    def __init__(self, unit: Work, shop: Shop, wanted: Sequence[tuple[Ingested, PlatformOrder]]) -> None:
        self._unit = unit
        self._shop = shop
        self._wanted = wanted
        ids = sorted(known.order for known, _ in wanted if known.order)
        found = unit.orders.lock(ids) if ids else {}
        self._orders = {known.tid: found[known.order] for known, _ in wanted if known.order in found}
        self._snags: dict[str, list[Snag]] = {known.tid: list(_oddities(known, told)) for known, told in wanted}
        self._odd = {tid for tid, snags in self._snags.items() if snags}
        """What is told of these can't be taken at its word; only that they are over."""

    def place(self) -> None:
        """Place what is unknown so far and not over yet."""
        fresh = [
            told
            for known, told in self._wanted
            if known.order is None and told.meaning not in _OVER and known.tid not in self._odd
        ]
        codes = [line.sku for told in fresh for line in told.lines]
        stands = self._unit.ingest.goods(self._shop.code, codes) if codes else {}
        products = self._unit.products.get(sorted(set(stands.values()))) if stands else {}
        goods = {code: products[product] for code, product in stands.items() if product in products}
        ready = []
        for told in fresh:
            unknown = dict.fromkeys(line.sku for line in told.lines if line.sku not in goods)
            self._snags[told.tid] += [Snag(SKU_UNKNOWN, code) for code in unknown]
            if not unknown:
                ready.append(told)
        outcomes = place_orders(self._unit, [self._placement(told, goods) for told in ready]) if ready else []
        for told, outcome in zip(ready, outcomes, strict=True):
            self._note(told.tid, outcome)

    def pay(self) -> None:
        """What its platform tells paid is paid here: the platform has the money."""
        paid = [
            told
            for told, here in self._here()
            if here.state is OrderState.PENDING_PAYMENT and told.meaning in _PAID and told.tid not in self._odd
        ]
        commands = [
            ReceivePayment(here.id, Payment(Tender.IMPORTED, here.money(here.due), told.tid, self._unit.now))
            for told, here in ((told, self._orders[told.tid]) for told in paid)
        ]
        outcomes = receive_payments(self._unit, commands) if commands else []
        for told, outcome in zip(paid, outcomes, strict=True):
            self._note(told.tid, outcome)

    def give_back(self) -> None:
        """What its platform gave back is given back here, each refund once for ever."""
        for told, here in self._here():
            if here.state in {OrderState.PENDING_PAYMENT, OrderState.CANCELLED} or told.tid in self._odd:
                continue
            for each in told.refunds:
                command = RefundOrder(
                    self._unit.new_id(),
                    here.id,
                    ingest.claim_of(each, told, self._shop.currency),
                    reason=f"refund {each.number} of {self._shop.code}",
                    request_id=f"{self._shop.code}/{each.number}",
                    version=None,
                )
                try:
                    refund_order(self._unit, command)
                except Fault as fault:
                    self._snags[told.tid].append(Snag(fault.reason, each.number))
        self._read([told.tid for told, _ in self._here() if told.refunds])

    def end(self) -> None:
        """Cancel, give back whole, or complete what its platform tells so."""
        over = [(told, here) for told, here in self._here() if told.meaning in _OVER]
        waiting = [here for _, here in over if here.state is OrderState.PENDING_PAYMENT]
        if waiting:
            order.give_up(self._unit, waiting, CancelReason.MERCHANT)
        open_ = {OrderState.PAID, OrderState.PARTIALLY_REFUNDED, OrderState.COMPLETED}
        left = {known.tid for known, _ in self._wanted if known.told and known.told.meaning in _LEFT}
        for restock in (True, False):
            paid = [here for told, here in over if here.state in open_ and (told.tid not in left) is restock]
            if paid:
                refund_rest(self._unit, paid, reason=f"given back by {self._shop.code}", restock=restock)
        self._complete()
        self._snags_of_ended()

    def outcome(self) -> Iterator[Ingested]:
        """What is known now."""
        for known, told in self._wanted:
            here, snags = self._orders.get(known.tid), self._snags[known.tid]
            yield known.tell(told, order=here, snags=snags, now=self._unit.now)

    def _complete(self) -> None:
        changes: list[tuple[Order, Order]] = []
        facts: list[object] = []
        for told, here in self._here():
            open_ = here.complete_time is None and here.state in {OrderState.PAID, OrderState.PARTIALLY_REFUNDED}
            if told.meaning is Meaning.COMPLETED and open_ and told.tid not in self._odd:
                completed, fact = here.complete(self._unit.now)
                changes.append((here, completed))
                facts.append(fact)
        if changes:
            self._unit.orders.save(changes)
            self._unit.emit(fact for fact in facts if fact is not None)

    def _snags_of_ended(self) -> None:
        """An order that was given up here can't be paid by its platform any more: somebody has to decide."""
        for told, here in self._here():
            if here.state is OrderState.CANCELLED and told.meaning in _PAID:
                self._snags[told.tid].append(Snag("ORDER_STATE_INVALID", here.state.value))

    def _here(self) -> list[tuple[PlatformOrder, Order]]:
        return [(told, self._orders[told.tid]) for _, told in self._wanted if told.tid in self._orders]

    def _placement(self, told: PlatformOrder, goods: Mapping[str, Product]) -> PlaceOrder:
        return PlaceOrder(
            order_id=self._unit.new_id(),
            buyer=Buyer(member=told.member),
            channel=self._shop.channel,
            quote=ingest.quote_of(self._shop, told, goods),
            coupons=(),
            tender=None,
            held=False,
            pay_within=_UNPAID_FOR,
            store=self._shop.code,
        )

    def _note(self, tid: str, outcome: Order | Fault) -> None:
        if isinstance(outcome, Order):
            self._orders[tid] = outcome
        else:
            self._snags[tid].append(Snag(outcome.reason, str(outcome.metadata.get("product", ""))))

    def _read(self, tids: Sequence[str]) -> None:
        found = self._unit.orders.get([self._orders[tid].id for tid in tids]) if tids else {}
        self._orders |= {tid: found[self._orders[tid].id] for tid in tids}


def _oddities(known: Ingested, told: PlatformOrder) -> Iterator[Snag]:
    """What stands in the way before anything is tried."""
    if told.meaning is None:
        yield Snag(STATUS_UNKNOWN, str(told.status))
    if told.total is not None and told.total != told.worth:
        yield Snag(TOTAL_DIFFERS, ingest.shown(told.total - told.worth))
    if known.order is not None and known.told is not None and not told.same_goods(known.told):
        yield Snag(LINES_CHANGED)


def _existing(found: Ingested | None, key: Key) -> Ingested:
    if found is None or found.state is State.NEW:
        raise refusals.ingested_order_not_found(key.shop, key.tid)
    return found


def _shown(unit: Work, found: Sequence[Ingested]) -> list[Shown]:
    ids = [each.order for each in found if each.order]
    orders = unit.orders.get(ids) if ids else {}
    return [Shown(each, orders.get(each.order) if each.order else None) for each in found]
