"""Ingest: orders of other platforms become orders here, and stand as their newest version says.

Set-oriented: rows of one call are claimed, placed and paid together. What can't be done for one is its snag: it is
kept, and tried again with its next version, by hand, or when its code of a product is mapped.

Locks: what is known of the platform's orders first, by their numbers, then as for all orders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.errors import Fault
from kit.page import Page
from services.orders.domain import errors, ingest
from services.orders.domain.errors import ingest as refusals
from services.orders.domain.ingest import (
    SKU_UNKNOWN,
    Ingested,
    Outcome,
    PlatformOrder,
    RowResult,
    Shop,
    Snag,
    State,
)
from services.orders.domain.order import Order
from services.orders.usecases import ingest_round
from services.orders.usecases.ingest_round import Round

_AT_ONCE = 100


class Ingests(ingest_round.Goods, Protocol):
    """Shops, and what they told."""

    def add_shop(self, shop: Shop) -> bool:
        """Store a new shop; answers whether its code was free."""

    def shop(self, code: str) -> Shop | None:
        """A shop."""

    def shops(self, page: Page, *, org: str = "") -> list[Shop]:
        """The shops of a page and one more if there are more, by code; of a part of the organisation, if given."""

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

    def map_sku(self, shop: str, sku: str, product: UUID) -> None:
        """Store which product a code stands for."""


class Work(ingest_round.Work, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def ingest(self) -> Ingests:
        """Shops, and what they told."""


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


def list_shops(unit: Work, page: Page, *, org: str = "") -> list[Shop]:
    """A page of shops, and one more if there are more."""
    return unit.ingest.shops(page, org=org)


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
    round_ = Round(unit, shop, wanted)
    round_.place()
    round_.pay()
    round_.give_back()
    round_.end()
    changed = list(round_.outcome())
    unit.ingest.save(changed)
    return changed


def _existing(found: Ingested | None, key: Key) -> Ingested:
    if found is None or found.state is State.NEW:
        raise refusals.ingested_order_not_found(key.shop, key.tid)
    return found


def _shown(unit: Work, found: Sequence[Ingested]) -> list[Shown]:
    ids = [each.order for each in found if each.order]
    orders = unit.orders.get(ids) if ids else {}
    return [Shown(each, orders.get(each.order) if each.order else None) for each in found]
