"""What proof needs of the database: everything compared, and what was signed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from services.orders.domain.verification import Check, Kind, Signed, Sweep
from services.orders.storage.comparisons import COMPARISONS
from services.orders.storage.stock_proof import StockProofStore

_MOST = 1000
"""Differences that one comparison lists; whoever has more has another problem than to read them all."""

_PLAN = text("select set_config('work_mem', '256MB', true), set_config('statement_timeout', '0', true)")

_OF_ONE = [
    (each.kind, text(each.statement.format(only=f"and {each.only} = cast(:order as uuid)")))
    for each in COMPARISONS
    if each.only
]
_OF_ALL = [
    (
        each.kind,
        text(f"""
            select * from ({each.statement.format(only="")}) as c (subject, expected, actual)
            where expected is distinct from actual order by subject limit {_MOST}
        """),  # noqa: S608 - constants
    )
    for each in COMPARISONS
]

_LAST = text("""
    select order_id, sequence, time, ok, previous, hash, jws from order_verifications
    where order_id = :order order by sequence desc limit 1
""")
_PAGE = text("""
    select order_id, sequence, time, ok, previous, hash, jws from order_verifications
    where order_id = :order and sequence < coalesce(cast(:before as bigint), 9223372036854775807)
    order by sequence desc limit :limit
""")
_ADD = text("""
    insert into order_verifications (order_id, sequence, time, ok, previous, hash, jws)
    values (:order, :sequence, cast(:time as timestamptz), :ok, :previous, :hash, :jws)
""")

_SWEEP = text("select time, differences from order_sweeps where name = 'orders'")
_KEEP_SWEEP = text("""
    insert into order_sweeps (name, time, differences)
    values ('orders', cast(:time as timestamptz), :differences)
    on conflict (name) do update set time = excluded.time, differences = excluded.differences
""")

_SIZES = text("""
    select (select count(*) from orders), (select count(*) from refunds), (select count(*) from checkouts),
           (select count(*) from flash_sales)
""")


class VerificationStore:
    """Compares everything of one transaction, and keeps what was signed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def plan(self) -> None:
        """From here on to the end of the transaction, statements may take their time and memory."""
        self._connection.execute(_PLAN)

    def of_order(self, order: UUID, now: datetime) -> list[Check]:
        """Every comparison of an order."""
        return [
            _check(kind, row)
            for kind, statement in _OF_ONE
            for row in self._connection.execute(statement, {"order": order, "now": now})
        ]

    def differences(self, number: int, now: datetime) -> list[Check]:
        """What differs in one of the comparisons over everything, by its number from 0; the last one is the stock of
        all places."""
        if number == len(_OF_ALL):
            report = StockProofStore(self._connection).compare(_MOST)
            return [
                Check(Kind.PLACE, each.place.name, "as its movements and holders say", sentence)
                for each in report.differences
                for sentence in each.sentences()
            ]
        kind, statement = _OF_ALL[number]
        return [_check(kind, row) for row in self._connection.execute(statement, {"now": now})]

    @staticmethod
    def comparisons() -> int:
        """How many comparisons over everything there are."""
        return len(_OF_ALL) + 1

    def sizes(self) -> tuple[int, int, int, int]:
        """Orders, refunds, checkouts and flash sales."""
        orders, refunds, checkouts, sales = self._connection.execute(_SIZES).one()
        return int(orders), int(refunds), int(checkouts), int(sales)

    def last(self, order: UUID) -> Signed | None:
        """The order's newest statement."""
        row = self._connection.execute(_LAST, {"order": order}).one_or_none()
        return Signed(*row) if row else None

    def page(self, order: UUID, *, before: int | None, limit: int) -> list[Signed]:
        """The order's statements before one, the newest first."""
        query = {"order": order, "before": before, "limit": limit}
        return [Signed(*row) for row in self._connection.execute(_PAGE, query)]

    def add(self, signed: Signed) -> None:
        """Keep a statement."""
        values: dict[str, Any] = {name: getattr(signed, name) for name in signed.__slots__}
        self._connection.execute(_ADD, values)

    def sweep(self) -> Sweep | None:
        """What the last sweep found."""
        row = self._connection.execute(_SWEEP).one_or_none()
        return Sweep(row.time, json.loads(row.differences)) if row else None

    def keep_sweep(self, sweep: Sweep) -> None:
        """Keep what a sweep found."""
        differences = json.dumps(dict(sweep.differences), sort_keys=True)
        self._connection.execute(_KEEP_SWEEP, {"time": sweep.time, "differences": differences})


def _check(kind: Kind, row: Sequence[Any]) -> Check:
    subject, expected, actual = row
    return Check(kind, subject, str(expected), str(actual))
