"""A service that another needs refuses everything: how often is it asked again?"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
from kehu.orders.v1 import orders_pb2
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub

from faults.arena import PATIENCE, Arena
from faults.fault import Fault, Finding, found
from faults.journeys import WITH_POINTS
from faults.shop import once

_MOST = 1.2
_CALLERS = 4
_CALL_SECONDS = 6.0
_METHOD = "CreateHold"


class _Refusing(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Answers UNAVAILABLE to everything, and counts by method."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """The handler of any method."""
        self.counts[call.method.rpartition("/")[2]] += 1
        return grpc.unary_unary_rpc_method_handler(lambda _, context: context.abort(grpc.StatusCode.UNAVAILABLE, ""))


@contextmanager
def _refusing(arena: Arena, name: str) -> Iterator[_Refusing]:
    """In the place of a `serve` process."""
    handler = _Refusing()
    arena.suite.stop(name)
    server = grpc.server(ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((handler,))
    server.add_insecure_port(arena.suite.state.process(name).grpc_address)
    server.start()
    try:
        yield handler
    finally:
        server.stop(_CALL_SECONDS).wait()
        arena.suite.start(name)
        arena.suite.wait_ready(name, seconds=PATIENCE)


def _stormed(arena: Arena, seconds: float) -> list[Finding]:
    """Buy with points, without repeating, as fast as some clients can; count what reaches members."""
    asked: Counter[str] = Counter()
    address = arena.suite.state.process("orders-serve").grpc_address or ""
    bearer = (("authorization", f"Bearer {arena.suite.token('admin')}"),)
    over = threading.Event()

    def buy(number: int) -> None:
        line = orders_pb2.RequestedLine(product=arena.shop.products[0], quantity=1)
        with grpc.insecure_channel(address) as channel:
            stub = OrdersServiceStub(channel)
            while not over.is_set():
                request = orders_pb2.PlaceOrderRequest(
                    member=arena.shop.members[number], channel="storm", lines=[line], points=10, request_id=once()
                )
                try:
                    stub.PlaceOrder(request, metadata=bearer, timeout=_CALL_SECONDS)
                    code = "OK"
                except grpc.RpcError as error:
                    code = error.code().name
                asked[code] += 1

    before = _with_points(arena)
    with _refusing(arena, "members-serve") as refusing, ThreadPoolExecutor(_CALLERS) as pool:
        buyers = [pool.submit(buy, number) for number in range(_CALLERS)]
        time.sleep(seconds)
        over.set()
        for each in buyers:
            each.result()
    beside = _with_points(arena) - before
    asks, calls = refusing.counts[_METHOD], sum(asked.values())
    share = asks / (calls + beside) if calls else 0.0
    seen = f"{share:.2f}: {asks} asks for {calls} orders with points, and {beside} of the writers"
    return [
        found(f"a refusing service is asked at most {_MOST} times per call", 0 < share <= _MOST, seen),
        found("whoever asks is told", asked["OK"] == 0 and calls > 0, dict(asked)),
    ]


def _with_points(arena: Arena) -> int:
    return sum(each.method == WITH_POINTS for each in arena.record.attempts)


FAULTS = (
    Fault(
        "retry-storm",
        "members refuses every call of orders (UNAVAILABLE)",
        "the budget of retries runs out: at most 1.2 attempts per call, and checkouts give back later",
        _stormed,
        runbook="checkout.md#where-it-may-break",
    ),
)
