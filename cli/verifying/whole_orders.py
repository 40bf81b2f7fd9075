"""Verify all orders: SQL over sets, in several connections at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from kit.db import Database
from services.orders import publish
from services.orders.domain.verification import Check
from services.orders.storage.unit import OrdersUnit
from services.orders.storage.verifications import VerificationStore
from services.orders.usecases import verification

Say = Callable[[str], None]


@dataclass
class Report:
    """What was compared, and what differs."""

    orders: int = 0
    refunds: int = 0
    checkouts: int = 0
    sales: int = 0
    seconds: float = 0.0
    differences: list[Check] = field(default_factory=list)

    def summary(self) -> str:
        """In a sentence."""
        verdict = f"{len(self.differences)} differences" if self.differences else "nothing differs"
        return (
            f"{self.orders:,} orders, {self.refunds:,} refunds, {self.checkouts:,} checkouts, {self.sales:,} flash "
            f"sales: {verdict}; {self.seconds:.1f} s"
        )


def verify(url: str, *, workers: int, say: Say = lambda _: None) -> Report:
    """Compare everything; `say` is told what is done as it is done."""
    started = time.perf_counter()
    unit = partial(OrdersUnit, publish=publish.to_event)
    database = Database(url, unit, pool_size=workers, statement_timeout_ms=0, name="kehu verify")

    def one(number: int) -> list[Check]:
        begun = time.perf_counter()
        found = database.write(verification.compare, number)
        say(f"comparison {number + 1}/{VerificationStore.comparisons()}: {time.perf_counter() - begun:.1f} s")
        return found

    try:
        report = Report(*database.read(lambda unit: unit.verifications.sizes()))
        with ThreadPoolExecutor(workers) as pool:
            for found in pool.map(one, range(VerificationStore.comparisons())):
                report.differences += found
    finally:
        database.close()
    report.seconds = time.perf_counter() - started
    return report
