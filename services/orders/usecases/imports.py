"""Imports: an idempotent upsert of another system's paid orders, in a constant number of statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.errors import Fault, conflict
from services.orders.domain import errors, imports
from services.orders.domain.events import OrderPaid
from services.orders.domain.imports import ImportRow, Outcome, RowResult
from services.orders.domain.order import Order
from services.orders.usecases import erasure
from services.orders.usecases.erasure import forgotten

Key = tuple[str, str]

_ROUNDS = 3
"""How often rows are looked up again that another import stored at the same moment."""


class Orders(Protocol):
    """The stored orders, as imports use them."""

    def imported(self, keys: Sequence[Key]) -> dict[Key, tuple[UUID, bytes]]:
        """The ids and fingerprints of the orders that are known by these keys."""

    def add_imported(self, orders: Sequence[Order]) -> dict[UUID, str]:
        """Store new orders; answers which were stored, with the part of the organisation that each belongs to: the key
        of the others became known meanwhile."""

    def lock(self, ids: Sequence[UUID]) -> dict[UUID, Order]:
        """The orders; nobody else changes them until the transaction ends."""

    def replace(self, changes: Sequence[tuple[Order, Order]]) -> dict[UUID, str]:
        """Store orders as (before, after) with other lines and payments; answers the part of the organisation that each
        belongs to."""


class Work(erasure.Knowing, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def orders(self) -> Orders:
        """The stored orders."""

    def emit(self, facts: Iterable[object]) -> None:
        """Publish facts with the transaction."""


def import_orders(unit: Work, rows: Sequence[ImportRow | Fault]) -> list[RowResult]:
    """Store paid orders of another system; one result per row. A row that could not even be read is its Fault. Orders
    of members who were forgotten are stored as those of nobody."""
    verdicts = _judge(rows, unit.now)
    fresh = [row for row in verdicts if isinstance(row, ImportRow)]
    gone = forgotten(unit, [row.member for row in fresh])
    pending = {row.key: replace(row, forgotten=row.member in gone) for row in fresh}
    results: dict[Key, RowResult] = {}
    for _ in range(_ROUNDS):
        results |= _store(unit, [row for key, row in pending.items() if key not in results])
        if len(results) == len(pending):
            return [_result(verdict, results) for verdict in verdicts]
    raise conflict()


Verdict = ImportRow | Key | Fault
"""A row to be stored, the key of an equal row before it, or why it can't be stored."""


def _judge(rows: Sequence[ImportRow | Fault], now: datetime) -> list[Verdict]:
    seen: dict[Key, ImportRow] = {}
    verdicts: list[Verdict] = []
    for row in rows:
        if isinstance(row, Fault):
            verdicts.append(row)
            continue
        try:
            imports.check(row, now)
        except Fault as fault:
            verdicts.append(fault)
            continue
        first = seen.setdefault(row.key, row)
        if first is row:
            verdicts.append(row)
        else:
            verdicts.append(row.key if first.fingerprint() == row.fingerprint() else errors.row_repeated())
    return verdicts


def _result(verdict: Verdict, results: Mapping[Key, RowResult]) -> RowResult:
    if isinstance(verdict, Fault):
        return RowResult(Outcome.REJECTED, fault=verdict)
    if isinstance(verdict, ImportRow):
        return results[verdict.key]
    first = results[verdict]
    return first if first.outcome is Outcome.REJECTED else RowResult(Outcome.UNCHANGED, first.order)


def _store(unit: Work, rows: Sequence[ImportRow]) -> dict[Key, RowResult]:
    """Store what can be; rows that met another import's are missing from the answer."""
    known = unit.orders.imported([row.key for row in rows])
    results: dict[Key, RowResult] = {}
    fresh: list[tuple[Order, OrderPaid]] = []
    changed: list[ImportRow] = []
    for row in rows:
        order_id, fingerprint = known.get(row.key, (None, b""))
        if order_id is None:
            fresh.append(imports.order_of(row, unit.now))
        elif fingerprint == row.fingerprint():
            results[row.key] = RowResult(Outcome.UNCHANGED, order_id)
        else:
            changed.append(row)
    results |= _create(unit, fresh)
    results |= _update(unit, changed, known)
    return results


def _create(unit: Work, fresh: Sequence[tuple[Order, OrderPaid]]) -> dict[Key, RowResult]:
    if not fresh:
        return {}
    stored = unit.orders.add_imported([order for order, _ in fresh])
    unit.emit(_placed(fact, stored) for order, fact in fresh if order.id in stored)
    return {
        (order.channel, order.external_id): RowResult(Outcome.CREATED, order.id)
        for order, _ in fresh
        if order.id in stored
    }


def _update(unit: Work, rows: Sequence[ImportRow], known: Mapping[Key, tuple[UUID, bytes]]) -> dict[Key, RowResult]:
    if not rows:
        return {}
    orders = unit.orders.lock(sorted(known[row.key][0] for row in rows))
    results: dict[Key, RowResult] = {}
    changes: list[tuple[Order, Order]] = []
    facts: list[OrderPaid] = []
    for row in rows:
        order = orders[known[row.key][0]]
        try:
            changed, fact = imports.reimport(order, row, unit.now)
        except Fault as fault:
            results[row.key] = RowResult(Outcome.REJECTED, fault=fault)
            continue
        changes.append((order, changed))
        facts.append(fact)
        results[row.key] = RowResult(Outcome.UPDATED, order.id)
    if changes:
        parts = unit.orders.replace(changes)
        unit.emit(_placed(fact, parts) for fact in facts)
    return results


def _placed(fact: OrderPaid, parts: Mapping[UUID, str]) -> OrderPaid:
    """The fact with the part of the organisation that the order belongs to, which only its row knew."""
    part = parts[fact.order.id]
    return replace(fact, order=replace(fact.order, org=part)) if part != fact.order.org else fact
