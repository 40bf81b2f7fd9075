"""A small history, and four databases that hold everything that follows from it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import psycopg2
import psycopg2.extras

from tests.support.keyring import VAULT

FILE = """ customer_id  date number_of_cds  dollar_value
 00001 19970101  1   11.77
 00001 19970101  1   11.77
 00002 19970112  5  120.00
 00002 19970201  1    0.00
"""
LINE = "RECONCILED customers=2 orders=4 items=8 revenue=143.54 points=142 tiers=1 events_lost=0 effects_duplicated=0"


class Sale(NamedTuple):
    """A line of the file."""

    order: uuid.UUID
    member: uuid.UUID
    time: datetime
    items: int
    net: int


class Books:
    """The databases, and what is written in them."""

    def __init__(self, migrated: Callable[[str], str], folder: Path) -> None:
        self.urls = {service: migrated(service) for service in ("members", "orders", "pipeline", "campaigns")}
        self.file = folder / "history.txt"
        self.file.write_text(FILE)
        first, second = uuid.uuid4(), uuid.uuid4()
        days = [datetime(1997, 1, 1), datetime(1997, 1, 1), datetime(1997, 1, 12), datetime(1997, 2, 1)]  # noqa: DTZ001
        rows = zip((first, first, second, second), days, (1, 1, 5, 1), (1177, 1177, 12000, 0), strict=True)
        self.sales = [Sale(uuid.uuid4(), who, day.replace(tzinfo=UTC), items, net) for who, day, items, net in rows]
        self._enroll({"00001": first, "00002": second})
        for sale in self.sales:
            self._sell(sale)
        time = self.sales[2].time
        self.run("members", "insert into tier_changes values (%s, %s, 'base', 'silver', true)", second, time)
        for member in (first, second):
            self._profile(member)

    def run(self, service: str, sql: str, *values: object) -> None:
        """Run a statement in a service's database, as an administrator who is above triggers and rights."""
        with closing(psycopg2.connect(self.urls[service])) as connection, connection.cursor() as cursor:
            psycopg2.extras.register_uuid(None, connection)  # type: ignore[no-untyped-call]
            cursor.execute("set session_replication_role = replica")
            cursor.execute(sql, values or None)
            connection.commit()

    def _enroll(self, customers: dict[str, uuid.UUID]) -> None:
        for customer, member in customers.items():
            value = VAULT.digest("external", "cdnow", customer)
            self.run("members", "insert into identifiers values ('external', 'cdnow', %s, %s)", value, member)
            self.run(
                "members",
                """
                insert into ledger_accounts (unit, owner, kind, sign, balance)
                values ('points', %s, 'available', 1, 0)
                """,
                member,
            )

    def _sell(self, sale: Sale) -> None:
        event = uuid.uuid4()
        self.run(
            "orders",
            """
            insert into orders (id, state, member_id, channel, external_id, currency, total, coupons, hold, points,
                points_value, refunded, refunded_points, backordered, imported, fingerprint, place_time, pay_time,
                version, update_time)
            values (%s, 'PAID', %s, 'cdnow', %s, 'USD', %s, '[]', '', 0, 0, 0, 0, false, true, '', %s, %s, 1, now())
            """,
            *(sale.order, sale.member, str(sale.order), sale.net, sale.time, sale.time),
        )
        self.run(
            "orders",
            "insert into order_lines values (%s, 1, null, '', 'CD', %s, null, %s, '[]', 0)",
            *(sale.order, sale.items, sale.net),
        )
        if sale.net:
            paid = (sale.order, sale.net, sale.time)
            self.run("orders", "insert into payments values (%s, 1, 'IMPORTED', %s, '', %s)", *paid)
        self.run(
            "orders",
            """
            insert into outbox (id, aggregatetype, aggregateid, type, subject_version, payload, headers, published_at)
            values (%s, 'orders', %s, 'OrderPaid', 1, '{}', '{}', now())
            """,
            *(event, f"orders/{sale.order}"),
        )
        self.run("members", "insert into inbox values ('members.settlement', %s, now())", event)
        self.run("campaigns", "insert into inbox values ('campaigns.orders', %s, now())", event)
        self.run(
            "members",
            """
            insert into purchases (member, "order", net, currency, pay_time, version, rules, earned, returned)
            values (%s, %s, %s, 'USD', %s, 1, 1, %s, 0)
            """,
            *(sale.member, sale.order, sale.net, sale.time, sale.net // 100),
        )
        profiled = (sale.order, sale.member, sale.net, sale.time)
        self.run("campaigns", "insert into purchases values (%s, %s, 'USD', %s, %s, true, 1)", *profiled)
        if sale.net >= 100:
            self.earn(sale)

    def earn(self, sale: Sale) -> None:
        """Post the points of a sale."""
        self.run(
            "members",
            """
            with moved as (update ledger_accounts set balance = balance + %s where owner = %s returning id)
            insert into ledger_entries (debit, credit, amount, kind, source, effective_time, create_time)
            select (select id from ledger_accounts where unit = 'points' and kind = 'expense'), moved.id, %s, 'ACCRUAL',
                   %s, now(), now()
            from moved
            """,
            *(sale.net // 100, sale.member, sale.net // 100, f"orders/{sale.order}"),
        )

    def _profile(self, member: uuid.UUID) -> None:
        mine: list[Any] = [sale for sale in self.sales if sale.member == member]
        self.run(
            "campaigns",
            "insert into spendings values (%s, 'USD', %s, %s, %s, %s)",
            *(member, len(mine), sum(sale.net for sale in mine)),
            *(min(sale.time for sale in mine), max(sale.time for sale in mine)),
        )
