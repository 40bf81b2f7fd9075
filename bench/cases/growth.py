"""The same calls while the large tables grow: orders, their lines, the events that were sent and those that were taken
in. What is hot must cost the same among ten thousand rows and among millions."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from kehu.orders.v1 import orders_pb2 as pb
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub

from bench import shop
from bench.case import Pace
from bench.installation import Installation, installation
from bench.load import Call, Metadata, measure
from bench.table import Table

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
FULL = 1_000_000
"""The largest size of a full run; `--rows 10000000` goes on to ten million, which takes half an hour to make."""

_PRODUCTS = 1_000
_CALLERS = 16


def run(pace: Pace, table: Table) -> None:
    """Grow, measure, grow on. The calls of the first size are the baseline of the others."""
    largest = pace.size(quick=100_000, full=FULL)
    seconds = pace.during(quick=2, full=6)
    first: dict[str, tuple[float, float]] = {}
    with installation("orders", "campaigns") as place:
        shop.open_shop(place.urls["orders"], _PRODUCTS)
        made = 0
        for size in [size for size in SIZES if size <= largest]:
            began = perf_counter()
            shop.history(place, size - made, first=made)
            _events(place, made, size)
            made = size
            table.add(f"made {size:,} orders and events", perf_counter() - began, "s")
            for name, make in _CALLS.items():
                now = _measure(place, make, seconds)
                then = first.setdefault(name, now)
                what = f"{name} among {size:,} orders"
                table.add(f"{what}, p99", now[0], "ms", baseline=then[0], most=1.5)
                table.add(f"{what}, database time of a call", now[1], "ms", baseline=then[1], most=1.5)


def _measure(
    place: Installation, make: Callable[[OrdersServiceStub, Metadata], Call], seconds: float
) -> tuple[float, float]:
    """p99 of the calls in milliseconds, and the milliseconds that the database worked for each."""
    bearer = place.keys.bearer("admin")
    with (
        place.serving("services.campaigns", "serve") as campaigns,
        place.serving("services.orders", "serve", KEHU_PEERS_CAMPAIGNS=campaigns) as address,
    ):
        measure(address, bearer, make, callers=_CALLERS, seconds=1, stub=OrdersServiceStub)
        place.query("select pg_stat_statements_reset()", "orders")
        load = measure(address, bearer, make, callers=_CALLERS, seconds=seconds, stub=OrdersServiceStub)
        ((worked,),) = place.query(_WORKED, "orders")
    # The quarter before the figures count worked too.
    return load.p99, float(str(worked)) / (load.rate * seconds * 1.25)


def _events(place: Installation, first: int, last: int) -> None:
    """Events of the past, sent and taken in."""
    place.query(_SENT.format(first=first, last=last - 1), "orders")
    place.query(_TAKEN.format(first=first, last=last - 1), "orders")
    for name in ("outbox", "inbox"):
        place.query(f"vacuum analyze {name}", "orders")
    place.query("checkpoint", "orders")


def _list(stub: OrdersServiceStub, metadata: Metadata) -> Call:
    """One order a page: a member's history grows with the table, and a longer page would cost more by itself."""

    async def call(number: int) -> object:
        request = pb.ListOrdersRequest(page_size=1, member=shop.member(number % shop.MEMBERS))
        return await stub.ListOrders(request, metadata=metadata)

    return call


_CALLS = {"place": shop.placing(_PRODUCTS), "a member's latest order": _list}

_WORKED = """
    select sum(total_exec_time) from pg_stat_statements
    where dbid = (select oid from pg_database where datname = current_database()) and toplevel
"""
_SENT = """
    insert into outbox (id, aggregatetype, aggregateid, type, subject_version, payload, headers, created_at,
                        published_at)
    select gen_random_uuid(), 'orders', 'orders/' || gen_random_uuid(), 'OrderPaid', 2, '{{"order": "orders/1"}}',
           '{{}}', now() - interval '1 day', now() - interval '1 day'
    from generate_series({first}, {last})
"""
_TAKEN = """
    insert into inbox (consumer, event_id, received_at)
    select 'orders.deals', gen_random_uuid(), now() - interval '1 day' from generate_series({first}, {last})
"""
