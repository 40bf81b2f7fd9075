"""A shop to buy from: products with stock, and orders of the past, made by the database itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from uuid import UUID, uuid4

import psycopg2
from kehu.orders.v1 import orders_pb2 as pb
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub

from bench.installation import Installation
from bench.load import Call, Metadata
from kit.db import Database
from kit.money import Money
from services.orders import publish
from services.orders.domain.product import Content, Product
from services.orders.domain.stock import Place, receive
from services.orders.storage.unit import OrdersUnit

_BASE = 0x018F0000_0000_7000_8000_000000000000
_PLENTY = 1_000_000_000
MEMBERS = 5_000
"""Members of the history: each has two orders already among ten thousand."""

_AT_ONCE = 250_000


def product(number: int) -> str:
    """The name of a product."""
    return f"products/{UUID(int=_BASE + number)}"


def order(number: int, products: int) -> pb.PlaceOrderRequest:
    """An order of one unit of one of so many products, in turn."""
    line = pb.RequestedLine(product=product(number % products), quantity=1)
    return pb.PlaceOrderRequest(channel="web", lines=[line], request_id=str(uuid4()))


def placing(products: int) -> Callable[[OrdersServiceStub, Metadata], Call]:
    """For `bench.load.measure`: place such an order."""

    def make(stub: OrdersServiceStub, metadata: Metadata) -> Call:
        async def call(number: int) -> object:
            return await stub.PlaceOrder(order(number, products), metadata=metadata)

        return call

    return make


def open_shop(url: str, products: int) -> None:
    """Put so many products on sale in a database of orders, more of each than anybody will buy.

    PostgreSQL looks at the tables that have rows now, and at no others: one that it has seen empty it takes for empty,
    and reads it from end to end for every new row's foreign keys, until autovacuum comes by.
    """
    shop = Database(url, partial(OrdersUnit, publish=publish.to_event))
    shop.write(_stock, products)
    shop.close()
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(_FILLED)
        for (table,) in cursor.fetchall():
            cursor.execute(f"analyze {table}")


_FILLED = """
select quote_ident(relname) from pg_class
where relkind = 'r' and relnamespace = 'public'::regnamespace and pg_relation_size(oid) > 0
"""


def _stock(unit: OrdersUnit, products: int) -> None:
    places = []
    for number in range(products):
        content = Content(f"Product {number}", Money(1000, "CNY"))
        sold = Product.create(UUID(int=_BASE + number), f"SKU-{number}", content, unit.now)
        unit.products.add(sold)
        unit.stocks.open(Place(sold.id), unit.now)
        places.append(Place(sold.id))
    unit.stocks.apply([receive(each, _PLENTY, note="") for each in places], unit.now)


def member(number: int) -> str:
    """The name of a member who has bought before."""
    return f"members/{UUID(int=_BASE + number)}"


def history(place: Installation, orders: int, *, first: int = 0) -> None:
    """So many orders of the past, numbered from `first` on, six seconds apart, each paid, with one line."""
    end = first + orders

    def make(start: int) -> None:
        last = min(end, start + _AT_ONCE) - 1
        place.query(_HISTORY.format(first=start, last=last, members=MEMBERS), "orders")

    with ThreadPoolExecutor(2) as makers:
        list(makers.map(make, range(first, end, _AT_ONCE)))
    for table in ("orders", "order_lines"):
        place.query(f"vacuum analyze {table}", "orders")
    place.query("checkpoint", "orders")


def lists() -> Iterator[tuple[str, pb.ListOrdersRequest]]:
    """Lists that an order desk asks for."""
    yield "of all", pb.ListOrdersRequest(page_size=50)
    yield "of a channel", pb.ListOrdersRequest(page_size=50, channel="web")
    yield "of a member", pb.ListOrdersRequest(page_size=50, member=member(7))
    yield "in a state", pb.ListOrdersRequest(page_size=50, state=pb.Order.STATE_PAID)


_HISTORY = """
with o as (
    insert into orders (id, state, member_id, channel, currency, total, coupons, hold, points, points_value, refunded,
                        refunded_points, backordered, imported, fingerprint, place_time, pay_time, version, update_time)
    select gen_random_uuid(), 'PAID', cast('018f0000-0000-7000-8000-' || lpad(to_hex(n % {members}), 12, '0') as uuid),
           case n % 3 when 0 then 'web' else 'pos' end, 'CNY', 1000, '[]', '', 0, 0, 0, 0, false, false, '',
           now() - n * interval '6 seconds', now() - n * interval '6 seconds', 2, now() - n * interval '6 seconds'
    from generate_series({first}, {last}) n returning id
)
insert into order_lines (order_id, position, sku, title, quantity, unit_price, amount, shares, refunded_quantity)
select id, 1, 'SKU-0', 'Product 0', 1, 1000, 1000, '[[1, 1000, 0, 0]]', 0 from o
"""
