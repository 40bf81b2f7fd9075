"""Proof: recompute what is kept of an order, or of all of them, and say what differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from kit.errors import conflict
from kit.page import Page
from kit.proof import GENESIS, hash_of
from services.orders.domain.order import Order
from services.orders.domain.verification import Check, Kind, Signed, Sweep, Verification
from services.orders.usecases.order import existing

_EVERY = timedelta(hours=1)
_ELSEWHERE = frozenset({Kind.COUPON, Kind.HOLD, Kind.PURCHASE, Kind.STORED_VALUE})


class Orders(Protocol):
    """The stored orders."""

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Order]:
        """Those of the orders that exist."""

    def lock(self, ids: Sequence[UUID]) -> dict[UUID, Order]:
        """As `get`; nobody else changes them until the transaction ends."""


class Verifications(Protocol):
    """Comparisons, and what was signed."""

    def plan(self) -> None:
        """From here on statements may take their time and memory."""

    def of_order(self, order: UUID, now: datetime) -> list[Check]:
        """Every comparison of an order."""

    def differences(self, number: int, now: datetime) -> list[Check]:
        """What differs in one of the comparisons over everything, by its number from 0."""

    def comparisons(self) -> int:
        """How many comparisons over everything there are."""

    def last(self, order: UUID) -> Signed | None:
        """The order's newest statement."""

    def page(self, order: UUID, *, before: int | None, limit: int) -> list[Signed]:
        """The order's statements before one, the newest first."""

    def add(self, signed: Signed) -> None:
        """Keep a statement."""

    def sweep(self) -> Sweep | None:
        """What the last sweep found."""

    def keep_sweep(self, sweep: Sweep) -> None:
        """Keep what a sweep found."""


class Work(Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def orders(self) -> Orders:
        """The stored orders."""

    @property
    def verifications(self) -> Verifications:
        """Comparisons, and what was signed."""


@dataclass(frozen=True, slots=True)
class VerifyOrder:
    """Verify an order at the `version` that other services were asked about, with what came of that; `sign` makes a
    signature of a text."""

    order_id: UUID
    version: int
    elsewhere: Sequence[Check]
    sign: Callable[[str], str]


def get_order(unit: Work, order_id: UUID) -> Order:
    """Read an order."""
    return existing(unit.orders.get([order_id]), order_id)


def verify_order(unit: Work, command: VerifyOrder) -> Signed:
    """Recompute what is kept of an order, sign what was found, and keep it. Raises a Fault when the order has changed
    since others were asked about it: then they have to be asked again."""
    order = existing(unit.orders.lock([command.order_id]), command.order_id)
    if order.version != command.version:
        raise conflict()
    last = unit.verifications.last(order.id)
    verification = Verification(
        order.id,
        sequence=last.sequence + 1 if last else 1,
        time=unit.now,
        version=order.version,
        checks=[*unit.verifications.of_order(order.id, unit.now), *command.elsewhere],
        previous=last.hash if last else GENESIS,
    )
    payload = verification.payload()
    signed = Signed(
        order.id,
        verification.sequence,
        verification.time,
        verification.ok,
        verification.previous,
        hash_of(payload),
        command.sign(payload),
    )
    unit.verifications.add(signed)
    return signed


def statements(unit: Work, order_id: UUID, page: Page) -> list[Signed]:
    """A page of an order's signed statements, and one more if there are more, the newest first."""
    existing(unit.orders.get([order_id]), order_id)
    return unit.verifications.page(order_id, before=int(page.after[0]) if page.after else None, limit=page.fetch)


def compare(unit: Work, number: int) -> list[Check]:
    """What differs in one of the comparisons over everything."""
    unit.verifications.plan()
    return unit.verifications.differences(number, unit.now)


def sweep_orders(unit: Work) -> tuple[Sweep, list[Check]]:
    """Compare everything once an hour, by whatever replica comes first; answers the newest sweep, and the differences
    if it was this one's."""
    last = unit.verifications.sweep()
    if last and unit.now < last.time + _EVERY:
        return last, []
    found = [each for number in range(unit.verifications.comparisons()) for each in compare(unit, number)]
    sweep = Sweep(unit.now, _counted(found))
    unit.verifications.keep_sweep(sweep)
    return sweep, found


def _counted(found: Iterable[Check]) -> dict[str, int]:
    counts = Counter(each.kind for each in found)
    return {kind.value: counts[kind] for kind in Kind if kind not in _ELSEWHERE}
