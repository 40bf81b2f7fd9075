"""More calls than can be served: twice and five times as many, from a process of their own that does not wait.

They come through the gateway, as real ones do, and it refuses what the service could only be late with. Good is what is
answered within its deadline; the peak is the most that the same door lets out. The full run also shows callers who go
past the gateway: there the service has to turn calls away itself.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from time import perf_counter
from types import TracebackType
from typing import Self

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub

from bench import shop, stats
from bench.case import Pace
from bench.installation import installation
from bench.paced import LOST, Told, call_at
from bench.prepared import call_all
from bench.table import Table
from tests.support.rabbitmq import free_ports

_PLACE = "/kehu.orders.v1.OrdersService/PlaceOrder"
_PRODUCTS = 200
_DEADLINE_SECONDS = 5.0
_REFUSED = str(grpc.StatusCode.RESOURCE_EXHAUSTED.value[0])
_REFUSED_MS = 50
_RECOVERY_SECONDS = 30
_LEAST_CALM_MS = 100.0
_FILLING_SECONDS = 1.0
_CALLERS = 64
_WARM = 500


def run(pace: Pace, table: Table) -> None:
    """Find the peak, go beyond it twice, and see how it comes back."""
    seconds = pace.during(quick=5, full=15)
    with installation("orders", "campaigns") as place:
        shop.open_shop(place.urls["orders"], _PRODUCTS)
        bearer = place.keys.bearer("admin")
        nobody = [f"127.0.0.1:{port}" for port in free_ports(1)]
        with (
            place.serving("services.campaigns", "serve") as campaigns,
            place.serving("services.orders", "serve", KEHU_PEERS_CAMPAIGNS=campaigns) as orders,
            place.gateway(
                {"orders": [orders], "campaigns": [campaigns], "members": nobody, "pipeline": nobody}
            ) as gateway,
            ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
        ):
            front = Door(pool, gateway, bearer, seconds)
            peak = front.peak()
            table.add("peak of one process, orders placed", peak, "orders/s")
            calm_ms = stats.quantile(front.rush(peak / 2).seconds("0"), 0.99) * 1000
            table.add("at half the peak, p99", calm_ms, "ms")
            for times in (2, 5):
                _go_beyond(table, front, times, peak=peak)
                after = front.rush(peak / 2, _RECOVERY_SECONDS if not pace.quick else 6)
                normal = recovered(after, max(2 * calm_ms, _LEAST_CALM_MS) / 1000)
                table.add(f"after {times} times the peak, until normal again", normal, "s", most=_RECOVERY_SECONDS)
            if not pace.quick:
                _go_past(table, Door(pool, orders, bearer, seconds), 5 * peak, peak=peak)


@dataclass(frozen=True)
class Door:
    """Where orders are placed, and the process that places them."""

    load: Executor
    address: str
    bearer: str
    seconds: float

    def peak(self) -> float:
        """The most orders a second that come out: of callers who wait for each other, or of some more than that."""
        found = self.load.submit(_closed, self.address, self.bearer, self.seconds).result()
        for _ in range(2):
            found = max(found, goodput(self.rush(found * 1.3), self.seconds))
        return found

    def rush(self, rate: float, seconds: float = 0) -> Told:
        """Callers who don't wait, so many a second."""
        return self.load.submit(_opened, self.address, self.bearer, rate, seconds or self.seconds).result()


def _go_beyond(table: Table, door: Door, times: int, *, peak: float) -> None:
    what = f"at {times} times the peak"
    with Probe(door.address, door.bearer) as probe:
        told = door.rush(peak * times)
    table.add(f"{what}, goodput", goodput(told, door.seconds), "orders/s", baseline=peak, least=0.8)
    refused = _tell(table, what, told)
    if refused:
        table.add(f"{what}, p99 of these refusals", stats.quantile(refused, 0.99) * 1000, "ms", most=_REFUSED_MS)
    if probe.refused:
        table.add(f"{what}, share of refusals with RetryInfo", probe.advised / probe.refused, "share", least=1)


def _go_past(table: Table, door: Door, rate: float, *, peak: float) -> None:
    """The same of callers who go past the gateway. No target: nobody is to come this way."""
    what = "the same rate past the gateway"
    told = door.rush(rate)
    table.add(f"{what}, goodput", goodput(told, door.seconds), "orders/s", baseline=peak)
    refused = _tell(table, what, told)
    if refused:
        table.add(f"{what}, p99 of these refusals", stats.quantile(refused, 0.99) * 1000, "ms")


def _tell(table: Table, what: str, told: Told) -> list[float]:
    """What they were told; answers how long the refusals took."""
    refused = told.seconds(_REFUSED)
    table.add(f"{what}, p99 of the answered", stats.quantile(told.seconds("0"), 0.99) * 1000, "ms")
    table.add(f"{what}, refused with RESOURCE_EXHAUSTED", float(len(refused)), "calls")
    table.add(f"{what}, without an answer in {_DEADLINE_SECONDS:g} s", float(told.counts()[LOST]), "calls")
    print(f"  by gRPC's code: {dict(told.counts())}", flush=True)
    return refused


def goodput(told: Told, seconds: float) -> float:
    """Good answers a second, as long as calls came. The first second does not count: it fills the queue that the others
    find."""
    answered = sum(1 for due, took in told.good() if _FILLING_SECONDS < due + took <= seconds)
    return answered / (seconds - _FILLING_SECONDS)


def recovered(told: Told, normal: float) -> float:
    """The second from which on all calls of a second were answered, 99 % of them within `normal` seconds."""
    every: dict[int, list[float]] = {}
    for code, calls in told.by_code.items():
        for due, seconds in calls:
            every.setdefault(int(due), []).append(seconds if code == "0" else float("inf"))
    bad = [second for second, taken in every.items() if stats.quantile(taken, 0.99) > normal]
    return float(max(bad) + 1) if bad else 0.0


def _orders(number: int) -> list[bytes]:
    return [shop.order(each, _PRODUCTS).SerializeToString() for each in range(number)]


def _closed(address: str, bearer: str, seconds: float) -> float:
    """In the process of the load: orders a second of callers who wait for their answers."""
    rate, number = 0.0, _WARM
    for _ in range(2):
        requests = _orders(number)
        began = perf_counter()
        told = asyncio.run(call_all(address, _PLACE, bearer, requests, together=_CALLERS, start=began))
        rate = len(told.answered) / (perf_counter() - began)
        number = max(_WARM, int(rate * seconds))
    return rate


def _opened(address: str, bearer: str, rate: float, seconds: float) -> Told:
    """In the process of the load."""
    requests = _orders(int(rate * seconds))
    return asyncio.run(call_at(address, _PLACE, bearer, requests, rate=rate, deadline=_DEADLINE_SECONDS))


class Probe:
    """An ordinary client beside the rush, which reads what the refused are advised."""

    def __init__(self, address: str, bearer: str) -> None:
        self._address = address
        self._metadata: Sequence[tuple[str, str]] = (("authorization", bearer),)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.refused = 0
        self.advised = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        with grpc.insecure_channel(self._address) as channel:
            stub = OrdersServiceStub(channel)
            while not self._ended.wait(0.05):
                try:
                    stub.PlaceOrder(shop.order(0, _PRODUCTS), metadata=self._metadata, timeout=_DEADLINE_SECONDS)
                except grpc.RpcError as error:
                    self._note(error)

    def _note(self, error: grpc.RpcError) -> None:
        status = rpc_status.from_call(error)
        if status is not None and str(status.code) == _REFUSED:
            self.refused += 1
            self.advised += any(each.Is(error_details_pb2.RetryInfo.DESCRIPTOR) for each in status.details)
