"""More calls than can be served: twice and five times as many, from a process of their own that does not wait.

Good is what is answered within its deadline. The peak is what a closed loop gets out of the same process of orders.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from types import TracebackType
from typing import Self

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub

from bench import shop, stats
from bench.case import Pace
from bench.installation import installation
from bench.load import measure
from bench.paced import LOST, Told, call_at
from bench.table import Table

_PLACE = "/kehu.orders.v1.OrdersService/PlaceOrder"
_PRODUCTS = 200
_DEADLINE_SECONDS = 5.0
_REFUSED = str(grpc.StatusCode.RESOURCE_EXHAUSTED.value[0])
_RECOVERY_SECONDS = 30
_LEAST_CALM_MS = 100.0


def run(pace: Pace, table: Table) -> None:
    """Find the peak, go beyond it twice, and see how it comes back."""
    seconds = pace.during(quick=4, full=15)
    with installation("orders", "campaigns") as place:
        shop.open_shop(place.urls["orders"], _PRODUCTS)
        bearer = place.keys.bearer("admin")
        with (
            place.serving("services.campaigns", "serve") as campaigns,
            place.serving("services.orders", "serve", KEHU_PEERS_CAMPAIGNS=campaigns) as address,
            ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
        ):
            rush = partial(_rush, pool, address, bearer)
            peak = measure(
                address, bearer, shop.placing(_PRODUCTS), callers=48, seconds=seconds, stub=OrdersServiceStub
            ).rate
            for _ in range(2):
                told = rush(peak * 1.3, seconds)
                peak = max(peak, _goodput(told, seconds))
            table.add("peak of one process, orders placed", peak, "orders/s")
            calm = rush(peak / 2, seconds)
            calm_ms = stats.quantile(calm.seconds("0"), 0.99) * 1000
            table.add("at half the peak, p99", calm_ms, "ms")
            for times in (2, 5):
                with Probe(address, bearer) as probe:
                    told = rush(peak * times, seconds)
                _tell(table, told, probe, peak=peak, times=times, seconds=seconds)
                after = rush(peak / 2, _RECOVERY_SECONDS if not pace.quick else 6)
                normal = recovered(after, max(2 * calm_ms, _LEAST_CALM_MS) / 1000)
                table.add(f"after {times} times the peak, until normal again", normal, "s", most=_RECOVERY_SECONDS)


def _tell(table: Table, told: Told, probe: Probe, *, peak: float, times: int, seconds: float) -> None:
    what = f"at {times} times the peak"
    table.add(f"{what}, goodput", _goodput(told, seconds), "orders/s", baseline=peak, least=0.8)
    table.add(f"{what}, p99 of the answered", stats.quantile(told.seconds("0"), 0.99) * 1000, "ms")
    refused = told.seconds(_REFUSED)
    table.add(f"{what}, refused with RESOURCE_EXHAUSTED", float(len(refused)), "calls")
    if refused:
        table.add(f"{what}, p99 of these refusals", stats.quantile(refused, 0.99) * 1000, "ms", most=50)
    table.add(f"{what}, without an answer in {_DEADLINE_SECONDS:g} s", float(told.counts()[LOST]), "calls")
    if probe.refused:
        table.add(f"{what}, share of refusals with RetryInfo", probe.advised / probe.refused, "share", least=1)
    print(f"  by gRPC's code: {dict(told.counts())}", flush=True)


def _goodput(told: Told, seconds: float) -> float:
    return sum(1 for due, took in told.good() if due + took <= seconds) / seconds


def recovered(told: Told, normal: float) -> float:
    """The second from which on all calls of a second were answered, 99 % of them within `normal` seconds."""
    every: dict[int, list[float]] = {}
    for code, calls in told.by_code.items():
        for due, seconds in calls:
            every.setdefault(int(due), []).append(seconds if code == "0" else float("inf"))
    bad = [second for second, taken in every.items() if stats.quantile(taken, 0.99) > normal]
    return float(max(bad) + 1) if bad else 0.0


def _rush(pool: ProcessPoolExecutor, address: str, bearer: str, rate: float, seconds: float) -> Told:
    return pool.submit(_load, address, bearer, rate, seconds).result()


def _load(address: str, bearer: str, rate: float, seconds: float) -> Told:
    """In the process of the load."""
    requests = [shop.order(number, _PRODUCTS).SerializeToString() for number in range(int(rate * seconds))]
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
