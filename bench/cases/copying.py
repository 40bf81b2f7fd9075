"""BatchEnroll and ImportOrders beside COPY of the very rows that they left behind, into tables with the same indices
and constraints: what is lost to judging each row, and to events, is the difference."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from time import perf_counter

import psycopg2
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money
from kehu.members.v1 import members_pb2
from kehu.orders.v1 import imports_pb2

from bench.case import Pace
from bench.installation import Installation, installation
from bench.table import Table
from cli.importing.gateway import Gateway

_BATCH = 1_000
_TOGETHER = 4
"""Calls under way at once, as `kehu import` keeps them."""

_TABLES = """
    select relname from pg_class
    where relkind = 'r' and relnamespace = 'public'::regnamespace and relname <> 'alembic_version' order by 1
"""

Send = Callable[[Gateway, int], Awaitable[int]]
"""Sends the batch of a number; answers how many of its rows were taken."""


def run(pace: Pace, table: Table) -> None:
    """Import, then copy the same rows."""
    rows = pace.size(quick=10_000, full=50_000)
    with installation("members", "orders") as place:
        _compare(place, table, "members", rows, _enrol)
        _compare(place, table, "orders", rows, _import)


def _compare(place: Installation, table: Table, service: str, rows: int, send: Send) -> None:
    what = {"members": "BatchEnroll", "orders": "ImportOrders"}[service]
    with place.serving(f"services.{service}", "serve") as address:
        asyncio.run(_send(place, address, send, [0]))
        before = _counts(place, service)
        began = perf_counter()
        taken = asyncio.run(_send(place, address, send, range(1, rows // _BATCH + 1)))
        seconds = perf_counter() - began
    written = [name for name, count in _counts(place, service).items() if count - before[name] >= taken / 2]
    copied = [_copy(place, service, written) for _ in range(3)]
    share = taken / (taken + _BATCH)
    per_second = [taken / (each * share) for each in copied]
    baseline = table.add(f"COPY of the same rows ({', '.join(written)})", per_second, "rows/s")
    table.add(f"{what}, {taken:,} rows", taken / seconds, "rows/s", baseline=baseline, least=0.25)


async def _send(place: Installation, address: str, send: Send, batches: Sequence[int]) -> int:
    left = iter(batches)
    async with Gateway(address, place.keys.bearer("admin").removeprefix("Bearer ")) as gateway:

        async def some() -> int:
            return sum([await send(gateway, number) for number in left])

        return sum(await asyncio.gather(*(some() for _ in range(_TOGETHER))))


async def _enrol(gateway: Gateway, number: int) -> int:
    rows = [
        members_pb2.EnrollRow(
            channel="bench",
            external_id=f"customer-{each}",
            display_name=f"Customer {each}",
            phone=f"+86138{each:08d}",
        )
        for each in range(number * _BATCH, (number + 1) * _BATCH)
    ]
    answers = await gateway.enroll(rows)
    return sum(1 for each in answers if getattr(each, "state", 0) == members_pb2.EnrollResult.STATE_CREATED)


async def _import(gateway: Gateway, number: int) -> int:
    line = imports_pb2.ImportedLine(title="Coffee", quantity=1, amount=Money(currency_code="CNY", units=25))
    orders = [
        imports_pb2.ImportedOrder(
            channel="bench",
            external_id=f"order-{each}",
            order_time=Timestamp(seconds=1_700_000_000 + each),
            lines=[line],
        )
        for each in range(number * _BATCH, (number + 1) * _BATCH)
    ]
    answers = await gateway.import_orders(orders)
    return sum(1 for each in answers if getattr(each, "state", 0) == imports_pb2.ImportResult.STATE_CREATED)


def _counts(place: Installation, service: str) -> dict[str, int]:
    names = [str(row[0]) for row in place.query(_TABLES, service)]
    return {name: int(str(place.query(f"select count(*) from {name}", service)[0][0])) for name in names}  # noqa: S608 - names of the catalogue


def _copy(place: Installation, service: str, tables: Sequence[str]) -> float:
    """Seconds that it takes to copy all rows of the tables into empty twins, in one transaction."""
    with closing(psycopg2.connect(place.urls[service])) as connection, connection.cursor() as cursor:
        contents = {}
        for name in tables:
            contents[name] = io.BytesIO()
            cursor.copy_expert(f"copy {name} to stdout", contents[name])
            contents[name].seek(0)
            cursor.execute(f"drop table if exists twin_{name}")
            cursor.execute(f"create table twin_{name} (like {name} including all)")
        connection.commit()
        began = perf_counter()
        for name, content in contents.items():
            cursor.copy_expert(f"copy twin_{name} from stdin", content)
        connection.commit()
        return perf_counter() - began
