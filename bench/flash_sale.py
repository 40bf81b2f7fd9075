"""`python -m bench.flash_sale`: one SKU, a quota of 1,000, 50,000 requests of 10,000 buyers, two processes of orders.

`bench.orders` takes it as one of its cases. The same clients first call a server that answers nothing at all: what is
left to the sale is the difference.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from functools import partial
from multiprocessing import get_context
from time import perf_counter
from uuid import UUID, uuid4

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from kehu.orders.v1 import flash_sales_pb2 as pb
from kehu.orders.v1 import orders_pb2
from kehu.orders.v1.flash_sales_pb2_grpc import FlashSalesServiceStub

from bench import shop
from bench.installation import Installation, installation
from bench.prepared import Outcome, call_all
from bench.table import FOLDER, Table
from kit.clock import utc_now
from kit.money import Money
from kit.rpc.convert import wire_money

QUOTA, BUYERS, REQUESTS = 1_000, 10_000, 50_000
CLIENTS = 2
TOGETHER = 24
"""Calls under way on each connection: every client has one to each process."""

_BUY = "/kehu.orders.v1.FlashSalesService/BuyFlashSale"
_ECHO = "/kehu.orders.v1.OrdersService/PlaceOrder"
_LEAD_SECONDS = 2.0


def measure(place: Installation, orders: Sequence[str], table: Table) -> None:
    """Sell out, and count what was sold."""
    bearer = place.keys.bearer("admin")
    sale = asyncio.run(_open(orders[0], bearer))
    outcome, seconds = _rush(orders, _BUY, bearer, _clicks(sale))
    sold, most = place.query(_SOLD.format(sale=sale.partition("/")[2]), "orders")[0]
    table.add("flash sale: orders of a quota of 1,000", float(str(sold)), "orders", least=QUOTA)
    table.add("the same, not one more", float(str(sold)), "orders", most=QUOTA)
    table.add("the same, units of the buyer with most (limit 1)", float(str(most)), "units", most=1)
    table.add("the same, answers that were orders", float(len(outcome.answered)), "answers", most=QUOTA)
    table.add(f"the same, {REQUESTS:,} requests done", seconds, "s", most=15)
    table.add("the same, p99 of refusals", _p99(outcome.refused), "ms", most=200)
    table.add("the same, p99 of orders", _p99(outcome.answered), "ms")


def measure_echo(place: Installation, table: Table) -> None:
    """The same clients, and nobody who sells anything."""
    request = orders_pb2.PlaceOrderRequest(channel="web", request_id=str(uuid4())).SerializeToString()
    with place.serving("bench.echo") as first, place.serving("bench.echo") as second:
        outcome, seconds = _rush((first, second), _ECHO, place.keys.bearer("admin"), [request] * REQUESTS)
    table.add(f"no-op echo, two processes, {REQUESTS:,} prepared requests", seconds, "s")
    table.add("the same, p99", _p99(outcome.answered), "ms")


async def _open(address: str, bearer: str) -> str:
    """A sale of the shop's first product that has just begun; its name."""
    begin, end = Timestamp(), Timestamp()
    begin.FromDatetime(utc_now() - timedelta(minutes=1))
    end.FromDatetime(utc_now() + timedelta(hours=1))
    wanted = pb.FlashSale(
        product=shop.product(0), price=wire_money(Money(100, "CNY")), quota=QUOTA, start_time=begin, end_time=end
    )
    async with grpc.aio.insecure_channel(address) as channel:
        made = await FlashSalesServiceStub(channel).CreateFlashSale(
            pb.CreateFlashSaleRequest(flash_sale=wanted), metadata=(("authorization", bearer),)
        )
    return str(made.name)


def _clicks(sale: str) -> list[bytes]:
    """Each buyer clicks five times, all in any order; every click is a request of its own."""
    chance = random.Random(7)  # noqa: S311 - the same rush each time
    buyers = [UUID(int=chance.getrandbits(128), version=4) for _ in range(BUYERS)]
    clicks = [
        pb.BuyFlashSaleRequest(
            name=sale, member=f"members/{buyer}", channel="web", request_id=str(uuid4())
        ).SerializeToString()
        for buyer in buyers
        for _ in range(REQUESTS // BUYERS)
    ]
    chance.shuffle(clicks)
    return clicks


def _rush(addresses: Sequence[str], path: str, bearer: str, requests: list[bytes]) -> tuple[Outcome, float]:
    """All clients at once; what they saw, and how long it took from the first request to the last answer."""
    parts = [requests[index::CLIENTS] for index in range(CLIENTS)]
    whole = Outcome()
    with ProcessPoolExecutor(CLIENTS, mp_context=get_context("spawn")) as clients:
        start = perf_counter() + _LEAD_SECONDS
        seen = list(clients.map(partial(_client, addresses, path, bearer, start), parts))
    for outcome, _ in seen:
        whole.add(outcome)
    return whole, max(end for _, end in seen) - start


def _client(
    addresses: Sequence[str], path: str, bearer: str, start: float, requests: Sequence[bytes]
) -> tuple[Outcome, float]:
    """One process of the load, with a connection to each server. `perf_counter` is the same clock in all processes."""

    async def run() -> Outcome:
        shares = [requests[index :: len(addresses)] for index in range(len(addresses))]
        calls = (
            call_all(address, path, bearer, share, together=TOGETHER, start=start)
            for address, share in zip(addresses, shares, strict=True)
        )
        whole = Outcome()
        for outcome in await asyncio.gather(*calls):
            whole.add(outcome)
        return whole

    return asyncio.run(run()), perf_counter()


def _p99(latencies: list[float]) -> float:
    latencies.sort()
    return latencies[len(latencies) * 99 // 100] * 1000 if latencies else 0.0


_SOLD = """
    select (select count(*) from orders where activity = 'flashSales/{sale}'), max(n)
    from flash_sale_units where sale_id = '{sale}'
"""


def main() -> None:
    """Measure the flash sale alone."""
    table = Table(FOLDER / "flash_sale.json")
    with installation("orders") as place:
        shop.open_shop(place.urls["orders"], 1)
        measure_echo(place, table)
        with place.serving("services.orders", "serve") as first, place.serving("services.orders", "serve") as second:
            measure(place, (first, second), table)


if __name__ == "__main__":
    main()
