"""Placing orders in groups that commit together, with the event in the same transaction, beside the same written the
ordinary way and beside pgbench with the same writes."""

from __future__ import annotations

from functools import partial

from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub

from bench import shop
from bench.broker_stage import node
from bench.case import Pace
from bench.installation import Installation, installation
from bench.load import measure
from bench.table import Table

_PRODUCTS = 1_000
_CALLERS = 48


def run(pace: Pace, table: Table) -> None:
    """One process of each, the same callers, the same products."""
    seconds, times = pace.during(quick=2, full=8), pace.repetitions()
    with installation("orders", "campaigns") as place, node(place.folder) as broker:
        shop.open_shop(place.urls["orders"], _PRODUCTS)
        call = partial(_rates, place, seconds=seconds, times=times)
        with place.serving("bench.control.orders", KEHU_BROKER_URL=broker) as address:
            control = table.add("control: one transaction per request, publish after commit", call(address), "orders/s")
        with (
            place.serving("services.campaigns", "serve") as campaigns,
            place.serving("services.orders", "serve", KEHU_PEERS_CAMPAIGNS=campaigns) as address,
        ):
            ours = table.add("place, 1 line: groups, outbox", call(address), "orders/s", baseline=control)
        place.query(_FUNCTION, "orders")
        script = _PGBENCH.format(products=_PRODUCTS)
        rate = place.pgbench(script, clients=16, seconds=max(1, int(seconds)))
        table.add("pgbench, one transaction of the same writes, 16 clients", rate, "orders/s")
        table.add("place beside pgbench", ours, "orders/s", baseline=rate)


def _rates(place: Installation, address: str, *, seconds: float, times: int) -> list[float]:
    bearer = place.keys.bearer("admin")
    return [
        measure(
            address, bearer, shop.placing(_PRODUCTS), callers=_CALLERS, seconds=seconds, stub=OrdersServiceStub
        ).rate
        for _ in range(times)
    ]


# A product's number as its id, as `bench.shop` has it.
_FUNCTION = """
create or replace function bench_product(n bigint) returns uuid language sql immutable as
$$ select cast('018f0000-0000-7000-8000-' || lpad(to_hex(n), 12, '0') as uuid) $$
"""
_PGBENCH = """\\set n random(0, {products} - 1)
begin;
update stocks set reserved = reserved + 1, version = version + 1, update_time = now()
where product_id = bench_product(:n) and location = 'main'
  and on_hand - reserved >= 1;
with o as (
    insert into orders (id, state, channel, currency, total, coupons, hold, points, points_value, refunded,
                        refunded_points, backordered, imported, fingerprint, place_time, expire_time, version,
                        update_time)
    values (gen_random_uuid(), 'PENDING_PAYMENT', 'web', 'CNY', 1000, '[]', '', 0, 0, 0, 0, false, false, '', now(),
            now() + interval '30 minutes', 1, now())
    returning id
), m as (
    insert into stock_movements (product_id, location, kind, on_hand, reserved, order_id, note, move_time)
    select bench_product(:n), 'main', 'RESERVE', 0, 1, id, '',
           now() from o
), e as (
    insert into outbox (id, aggregatetype, aggregateid, type, subject_version, payload, headers)
    select gen_random_uuid(), 'orders', 'orders/' || id, 'OrderPlaced', 1, '{{}}', '{{}}' from o
)
insert into order_lines (order_id, position, product_id, sku, title, quantity, unit_price, amount, shares,
                         refunded_quantity)
select id, 1, bench_product(:n), 'SKU-' || cast(:n as bigint), 'Product', 1, 1000,
       1000, '[[1, 1000, 0, 0]]', 0 from o;
commit;
"""
