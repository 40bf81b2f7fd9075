"""`python -m bench.orders [--small]`: how fast orders sells, beside what nothing at all would cost.

Everything runs here: the load, two processes of orders, one of campaigns, Envoy, a database that syncs to disk. So
figures are for comparing within one run. Prints a table and, unless it is the short run, writes
`bench/results/orders.json`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from time import perf_counter
from uuid import uuid4

import grpc
from kehu.orders.v1 import orders_pb2 as pb
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub

from bench import flash_sale, shop
from bench.http import Http
from bench.installation import Installation, installation
from bench.load import Call, Load, Metadata, closed, measure, opened
from bench.table import FOLDER, Table

CALLERS = 128
SECONDS = 6.0
ROUNDS = 3
PRODUCTS = 1_000
FEW, MANY = 10_000, 10_000_000


@dataclass(frozen=True)
class Suite:
    """What runs: the addresses of an echo that does nothing, of orders, and of the gateway before it."""

    place: Installation
    echo: str
    orders: tuple[str, str]
    gateway: str
    seconds: float
    """How long each figure is measured."""

    @property
    def bearer(self) -> str:
        """An administrator's token."""
        return self.place.keys.bearer("admin")

    def measure(
        self, make: Callable[[OrdersServiceStub, Metadata], Call], *, callers: int = CALLERS, at: str | None = None
    ) -> Load:
        """Direct gRPC, the callers dealt out to both processes, or all `at` one address."""
        called = at or self.orders
        return measure(called, self.bearer, make, callers=callers, seconds=self.seconds, stub=OrdersServiceStub)

    def json(self, run: Callable[[Http], Awaitable[Load]]) -> Load:
        """JSON through the gateway."""

        async def connected() -> Load:
            async with Http(self.gateway, self.bearer) as http:
                return await run(http)

        return asyncio.run(connected())


def main(*, small: bool) -> None:
    """Measure it all, and keep the figures of a whole run."""
    table = Table(FOLDER / "orders.json")
    run(table, small=small, seconds=SECONDS)
    if not small:
        table.write()


def run(table: Table, *, small: bool, seconds: float) -> None:
    """Measure it all, each figure for so many seconds."""
    with installation("orders", "campaigns") as place:
        shop.open_shop(place.urls["orders"], PRODUCTS)
        flash_sale.measure_echo(place, table)
        with _running(place, seconds) as suite:
            _warm(suite)
            _statements(suite, table)
            few = _sales(suite, table, rounds=1 if small else ROUNDS)
            _shapes(suite, table)
            flash_sale.measure(place, suite.orders, table)
            if not small:
                _scale(suite, table, few)


@contextmanager
def _running(place: Installation, seconds: float) -> Iterator[Suite]:
    """The processes, until the end of the block."""
    with ExitStack() as stack:
        echo = stack.enter_context(place.serving("bench.echo"))
        campaigns = stack.enter_context(place.serving("services.campaigns", "serve"))
        first, second = (
            stack.enter_context(place.serving("services.orders", "serve", KEHU_PEERS_CAMPAIGNS=campaigns))
            for _ in range(2)
        )
        everywhere = {service: [first, second] for service in ("members", "orders", "pipeline", "campaigns")}
        gateway = stack.enter_context(place.gateway(everywhere))
        yield Suite(place, echo, (first, second), gateway, seconds)


def _statements(suite: Suite, table: Table) -> None:
    """Statements that reach the database, as it counts them itself; without what opens and ends a transaction."""
    alone = asyncio.run(_counted(suite, orders=20, together=1))
    table.add("SQL statements of an order placed and paid, alone", alone, "per order", most=15)
    company = asyncio.run(_counted(suite, orders=640, together=64))
    table.add("the same, 32 callers at each of two processes", company, "per order", most=2)


async def _counted(suite: Suite, *, orders: int, together: int) -> float:
    async with AsyncExitStack() as channels:
        opened = [await channels.enter_async_context(grpc.aio.insecure_channel(each)) for each in suite.orders]
        sell = _place_and_pay(_two)
        calls = [sell(OrdersServiceStub(channel), (("authorization", suite.bearer),)) for channel in opened]
        await asyncio.gather(*(call(0) for call in calls))
        suite.place.query("select pg_stat_statements_reset()", "orders")
        for start in range(0, orders, together):
            await asyncio.gather(*(calls[n % 2](n) for n in range(start, start + together)))
    ((statements,),) = suite.place.query(_STATEMENTS, "orders")
    return float(str(statements)) / orders


def _warm(suite: Suite) -> None:
    """Sell for a while, so that nothing is measured for the first time, and let the database look at its new tables."""
    suite.measure(_place_and_pay(_two))
    suite.place.query("vacuum analyze", "orders")


def _sales(suite: Suite, table: Table, *, rounds: int) -> Load:
    """Each way to sell in turn, round after round, so that all of them see the machine's better and worse minutes."""
    found: list[tuple[Load, ...]] = [
        (
            suite.measure(_place(_two), at=suite.echo),
            suite.measure(_place(_two)),
            suite.measure(_place_and_pay(_two)),
            suite.measure(_place_and_pay(lambda _: (0, 0))),
            suite.json(lambda http: closed([_sell(http)], callers=CALLERS, seconds=suite.seconds)),
        )
        for _ in range(rounds)
    ]
    nothing, placed, sold, hot, web = zip(*found, strict=True)
    echoed = table.add("no-op echo (plain grpc.aio, one process)", _rates(nothing), "calls/s")
    table.add("place, 2 lines, direct gRPC", _rates(placed), "orders/s", baseline=echoed, least=0.3)
    table.add("the same, p99", [load.p99 for load in placed], "ms")
    rate = table.add("place and pay, 2 lines, direct gRPC", _rates(sold), "orders/s", least=1_000)
    table.add("the same, p99", [load.p99 for load in sold], "ms")
    table.add("place and pay, one hot SKU", _rates(hot), "orders/s", baseline=rate, least=0.6)
    through = table.add("place and pay, 2 lines, JSON through Envoy", _rates(web), "orders/s", least=700)
    calm = suite.json(lambda http: opened(_sell(http), rate=through * 0.8, seconds=suite.seconds))
    table.add("the same at 80 % of it (open loop), p99", calm.p99, "ms", most=250)
    return found[-1][1]


def _rates(loads: Iterable[Load]) -> list[float]:
    return [load.rate for load in loads]


def _shapes(suite: Suite, table: Table) -> None:
    """What an order's size costs: one caller alone, so that the figure is the cost and not the queue."""
    one = suite.measure(_place(lambda number: (number % PRODUCTS,)), callers=1)
    hundred = suite.measure(_place(lambda number: tuple((number + line) % PRODUCTS for line in range(100))), callers=1)
    table.add("place, 1 line, one caller, median", one.p50, "ms")
    table.add("place, 100 lines, one caller, median", hundred.p50, "ms", baseline=one.p50, most=12)
    many = suite.measure(_place(lambda number: (number % PRODUCTS,), quantity=10_000), callers=1)
    table.add("place, quantity 10,000, one caller, median", many.p50, "ms", baseline=one.p50, most=1.25)


def _scale(suite: Suite, table: Table, few: Load) -> None:
    started = perf_counter()
    shop.history(suite.place, MANY)
    table.add(f"made {MANY:,} orders", perf_counter() - started, "s")
    placed = suite.measure(_place(_two))
    table.add(f"place among {MANY:,} orders, p99", placed.p99, "ms", baseline=few.p99, most=1.5)
    for title, request in shop.lists():
        pages = asyncio.run(_pages(suite, request))
        table.add(f"a page of orders {title}, p95 of {len(pages)}", pages[len(pages) * 95 // 100] * 1000, "ms", most=50)


async def _pages(suite: Suite, request: pb.ListOrdersRequest) -> list[float]:
    """Seconds that each of the first 60 pages of a list took."""
    taken = []
    async with grpc.aio.insecure_channel(suite.orders[0]) as channel:
        stub = OrdersServiceStub(channel)
        for _ in range(60):
            started = perf_counter()
            answer = await stub.ListOrders(request, metadata=(("authorization", suite.bearer),))
            taken.append(perf_counter() - started)
            request.page_token = answer.next_page_token
    return sorted(taken)


Choice = Callable[[int], tuple[int, ...]]
"""The numbers of the products that the order of a number asks for."""


def _two(number: int) -> tuple[int, ...]:
    return number * 2 % PRODUCTS, (number * 2 + 1) % PRODUCTS


def _request(chosen: tuple[int, ...], quantity: int) -> pb.PlaceOrderRequest:
    lines = [pb.RequestedLine(product=shop.product(number), quantity=quantity) for number in chosen]
    return pb.PlaceOrderRequest(channel="web", lines=lines, request_id=str(uuid4()))


def _place(choice: Choice, *, quantity: int = 1) -> Callable[[OrdersServiceStub, Metadata], Call]:
    def make(stub: OrdersServiceStub, metadata: Metadata) -> Call:
        async def call(number: int) -> object:
            return await stub.PlaceOrder(_request(choice(number), quantity), metadata=metadata)

        return call

    return make


def _place_and_pay(choice: Choice) -> Callable[[OrdersServiceStub, Metadata], Call]:
    def make(stub: OrdersServiceStub, metadata: Metadata) -> Call:
        async def call(number: int) -> object:
            order = await stub.PlaceOrder(_request(choice(number), 1), metadata=metadata)
            paid = pb.PayOrderRequest(
                name=order.name, tender=pb.TENDER_MANUAL, amount=order.amount_due, request_id=str(uuid4())
            )
            return await stub.PayOrder(paid, metadata=metadata)

        return call

    return make


def _sell(http: Http) -> Call:
    async def call(number: int) -> object:
        lines = [{"product": shop.product(each), "quantity": 1} for each in _two(number)]
        order = await _ok(http, "/v1/orders", {"channel": "web", "lines": lines, "request_id": str(uuid4())})
        paid = {"tender": "TENDER_MANUAL", "amount": order["amountDue"], "request_id": str(uuid4())}
        return await _ok(http, f"/v1/{order['name']}:pay", paid)

    return call


async def _ok(http: Http, path: str, body: object) -> dict[str, object]:
    status, answer = await http.post(path, body)
    if status != 200:
        raise RuntimeError(f"{path}: {status} {answer}")
    return dict(answer)


_STATEMENTS = """
select sum(calls) from pg_stat_statements
where dbid = (select oid from pg_database where datname = current_database()) and toplevel
      and query !~* '^(begin|commit|rollback|set|show|select \\$1$|select pg_stat)'
"""


if __name__ == "__main__":
    main(small="--small" in sys.argv)
