"""When a rate counts as one that holds."""

from __future__ import annotations

import pytest

from bench.cases.sustained import Sale
from bench.openloop import Call, Calls

FLAT = [(float(second), 3.0) for second in range(12)]
NOISE = [(float(second), float(second)) for second in range(12)]
GROWING = [(float(second), 40.0 * second) for second in range(12)]


def sale(*calls: Call, waiting: list[tuple[float, float]] = FLAT) -> Sale:
    return Sale(100.0, 12.0, Calls(list(calls)), waiting)


QUICK = Call(0.0, 0.2, "order")
SLOW = Call(0.0, 1.2, "order")
FAILED = Call(0.0, 0.2, "", "orders: 429 OVERLOADED")


@pytest.mark.parametrize(
    ("sold", "holds"),
    [
        (sale(QUICK), True),
        (sale(QUICK, SLOW), False),
        (sale(QUICK, FAILED), False),
        (sale(QUICK, waiting=GROWING), False),
        (sale(QUICK, waiting=NOISE), True),
    ],
)
def test_a_rate_holds_while_nothing_fails_all_is_quick_and_the_backlog_does_not_grow(sold: Sale, holds: bool) -> None:
    assert sold.holds is holds


def test_its_backlog_is_judged_after_the_first_third() -> None:
    begun = [(float(second), 400.0 if second < 4 else 0.0) for second in range(12)]
    assert sale(QUICK, waiting=begun).growth == 0
