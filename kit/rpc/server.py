"""A gRPC server of one service: its servicers, health that tells the truth, metrics, and a drain on SIGTERM."""

from __future__ import annotations

import asyncio
import gc
import random
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import grpc
import uvloop
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import SERVICE_NAME
from grpc_health.v1.health import aio as health
from grpc_reflection.v1alpha import reflection

from kit import telemetry
from kit.db import AsyncDatabase
from kit.rpc import policy, tls
from kit.rpc.edge import Edge
from kit.rpc.identity import Verifier
from kit.rpc.interceptor import Interceptor
from kit.rpc.reach import Reach
from kit.settings import Settings
from kit.telemetry import MetricsServer, log

_GRACE_SECONDS = 25.0
_HEALTH_SECONDS = 1.0
_REFUSING_SECONDS = 0.2
_MIB = 1024 * 1024

Background = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Servicer:
    """One gRPC service: its full proto name, the generated function that adds it, and the object that serves it."""

    proto: str
    add: Callable[[Any, Any], None]
    instance: object

    @classmethod
    def of(cls, *instances: object) -> list[Servicer]:
        """Of objects whose classes inherit from those that protoc generated."""
        return [cls._of(instance) for instance in instances]

    @classmethod
    def _of(cls, instance: object) -> Servicer:
        base = next(each for each in type(instance).__mro__ if each.__module__.endswith("_pb2_grpc"))
        # Where the messages lie in other files, nobody else would load the one with the service.
        file = import_module(base.__module__.removesuffix("_grpc")).DESCRIPTOR
        name = file.services_by_name[base.__name__.removesuffix("Servicer")].full_name
        return cls(name, getattr(sys.modules[base.__module__], f"add_{base.__name__}_to_server"), instance)


@dataclass(slots=True)
class Server:
    """Everything that `serve` runs. `background` are endless tasks of the service, cancelled at the end; `closing`
    gives back what the service holds beside the database, when nothing runs any more; `reach` confines callers who see
    a part of the organisation, where the service's data knows its part."""

    name: str
    settings: Settings
    database: AsyncDatabase[Any]
    edge: Edge[Any]
    servicers: Sequence[Servicer]
    background: Sequence[Background] = ()
    closing: Sequence[Background] = ()
    reach: Reach | None = None
    port: int = 0
    _serving: bool = field(init=False, default=False)
    _server: grpc.aio.Server = field(init=False)
    _interceptor: Interceptor = field(init=False)
    _health: health.HealthServicer = field(init=False)
    _tasks: list[asyncio.Task[None]] = field(init=False, default_factory=list)

    async def start(self) -> None:
        """Listen and answer."""
        methods = {
            path: method for servicer in self.servicers for path, method in policy.methods_of(servicer.proto).items()
        }
        verifier = Verifier.of(self.settings)
        self._interceptor = Interceptor(methods, verifier, self.settings, reach=self.reach)
        self._server = grpc.aio.server(interceptors=[self._interceptor], options=_options())
        generic = _Generic(self._server)
        for servicer in self.servicers:
            servicer.add(servicer.instance, generic)
        self._health = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if self.settings.reflection:
            names = [*(servicer.proto for servicer in self.servicers), SERVICE_NAME, reflection.SERVICE_NAME]
            reflection.enable_server_reflection(names, self._server)
        self.port = tls.listen(self._server, self.settings)
        await self.database.warm(min(2, self.settings.database_pool_size))
        kept_fresh: list[Background] = []
        if verifier.remote is not None:
            await verifier.remote.fetch()
            kept_fresh = [verifier.remote.keep_fresh]
        await self._server.start()
        await self._report(serving=True)
        self._tasks = [
            asyncio.create_task(self._watch()),
            *(asyncio.create_task(_forever(run)) for run in (*kept_fresh, *self.background)),
        ]
        log.info("serving", address=self.settings.grpc_address, port=self.port)

    async def stop(self, grace: float = _GRACE_SECONDS) -> None:
        """Say NOT_SERVING, finish the calls under way, commit what waits, give everything back."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._serving = False
        await self._health.enter_graceful_shutdown()
        await asyncio.sleep(self.settings.drain_seconds)
        # gRPC answers CANCELLED to all that wait for their turn when it stops, which tells callers nothing. Refused
        # calls don't wait for long, and who hears UNAVAILABLE asks another replica, or again.
        self._interceptor.drain()
        await asyncio.sleep(_REFUSING_SECONDS)
        await self._server.stop(grace)
        await self.edge.close()
        for close in self.closing:
            await close()
        await self.database.close()

    def unready(self) -> str | None:
        """Why no calls should come, or None: what its health says by gRPC, for whoever can't ask by that."""
        return None if self._serving else "not serving"

    async def _watch(self) -> None:
        """Ask the database each second; health tells load balancers whether to come here."""
        serving = True
        while True:
            await asyncio.sleep(_HEALTH_SECONDS)
            try:
                await self.database.ping()
                alive = True
            except Exception as error:  # noqa: BLE001 - whatever it is, the process can't serve
                alive = False
                if serving:
                    log.error("not serving", error=type(error).__name__)
            if alive != serving:
                await self._report(serving=alive)
            serving = alive

    async def _report(self, *, serving: bool) -> None:
        self._serving = serving
        state = health_pb2.HealthCheckResponse
        for name in ("", *(servicer.proto for servicer in self.servicers)):
            await self._health.set(name, state.SERVING if serving else state.NOT_SERVING)


class _Generic:
    """A gRPC server to which methods are added in one way only: found by their name when a call comes.

    Generated code also registers each method by itself. gRPC's asyncio server (1.85) then keeps one request for a call
    open per method, and looks at all of them for every call that comes: with 200 methods that costs as much again as
    the rest of a call (docs/adr/0023).
    """

    def __init__(self, server: grpc.aio.Server) -> None:
        self.add_generic_rpc_handlers = server.add_generic_rpc_handlers

    def add_registered_method_handlers(self, service: str, handlers: object) -> None:
        """Do without."""


def run(build: Callable[[], Server]) -> None:
    """Run a server until SIGTERM or SIGINT, then drain it. In uvloop, where calls cost less (docs/adr/0030)."""
    uvloop.run(_run(build))


async def _run(build: Callable[[], Server]) -> None:
    server = build()
    settings = server.settings
    telemetry.configure_logs(server.name, "serve", settings.log_level)
    telemetry.configure_tracing(server.name, "serve", endpoint=settings.otlp_endpoint, ratio=settings.trace_ratio)
    telemetry.tell_settings(settings)
    metrics = MetricsServer(settings.metrics_address, ready=server.unready)
    metrics.start()
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stopped.set)
    _spare_the_collector()
    await server.start()
    await stopped.wait()
    log.info("draining")
    await server.stop()
    metrics.stop()
    telemetry.flush()
    log.info("stopped")


def _spare_the_collector() -> None:
    """Let the garbage collector look less often, and never at what a start leaves behind for good."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


async def _forever(run: Background) -> None:
    """Keep a background task running: a failure is logged, and it begins again."""
    while True:
        try:
            await run()
        except Exception as error:  # noqa: BLE001 - one bad round must not end the task for good
            log.error("background task failed", task=getattr(run, "__name__", "task"), exc_info=error)
        await asyncio.sleep(1.0)


def _options() -> list[tuple[str, int]]:
    """Channel options, each set on purpose; see docs/life-of-an-rpc.md."""
    age = 600_000 + random.randrange(60_000)  # noqa: S311 - spreads reconnections over a minute
    return [
        ("grpc.max_connection_age_ms", age),  # clients reconnect and find new replicas
        ("grpc.max_connection_age_grace_ms", 30_000),
        ("grpc.max_connection_idle_ms", 900_000),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 20_000),
        ("grpc.http2.max_ping_strikes", 2),
        ("grpc.max_receive_message_length", 8 * _MIB),
        ("grpc.max_send_message_length", 8 * _MIB),
        ("grpc.so_reuseport", 0),  # a busy port is an error, not a second server beside the first
    ]
