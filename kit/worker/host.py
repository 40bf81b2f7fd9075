"""The role `consume`: a nameko service made of the subscriptions, from start to drain."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Any, TypeVar

import eventlet
import nameko
from nameko.constants import MAX_WORKERS_CONFIG_KEY
from nameko.extensions import Entrypoint, register_entrypoint
from nameko.runners import ServiceRunner
from nameko.timer import Timer as Ticks

from kit import telemetry
from kit.db import Database
from kit.errors import Fault
from kit.settings import Settings
from kit.telemetry import MetricsServer, log
from kit.unit import Unit
from kit.worker import chores, pruning, room
from kit.worker.entrypoints import Batches
from kit.worker.subscriptions import Subscriptions, Timer

U = TypeVar("U", bound=Unit)

# Kubernetes kills after 40 s, of which 5 go by before SIGTERM.
_DRAIN_SECONDS = 22.0
_PING_SECONDS = 5.0
_SILENCE_SECONDS = 20.0


def run(subscriptions: Subscriptions, database: Database[U], config: Settings) -> None:
    """Handle events and run timers until SIGTERM or SIGINT; then finish and acknowledge the batches under way.

    The process must have been patched by `kit.worker.green` at its very beginning.
    """
    name = subscriptions.service
    telemetry.configure_logs(name, "consume", config.log_level)
    telemetry.configure_tracing(name, "consume", endpoint=config.otlp_endpoint, ratio=config.trace_ratio)
    telemetry.tell_settings(config)
    timers = [*subscriptions.timers, pruning.timer(name), room.timer(name)]
    nameko.config.setup({MAX_WORKERS_CONFIG_KEY: 2 * (len(subscriptions.events) + len(timers))})
    runner = ServiceRunner()
    runner.add_service(_service(subscriptions, timers, database, config))
    health = Health(runner, database)
    metrics = MetricsServer(config.metrics_address, health.trouble)
    metrics.start()
    eventlet.spawn(health.watch)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: eventlet.spawn(_drain, runner))
    runner.start()
    log.info("consuming", queues=[entry.queue for entry in subscriptions.events], metrics=metrics.address)
    runner.wait()
    metrics.stop()
    database.close()
    telemetry.flush()
    log.info("stopped")


class Health:
    """Whether the worker can do its work: the broker connected, the database heard of a moment ago."""

    def __init__(self, runner: ServiceRunner, database: Database[Any]) -> None:
        self._runner = runner
        self._database = database
        self._heard = time.monotonic()

    def trouble(self) -> str | None:
        """What is wrong; None if nothing is."""
        if not all(entry.connected for entry in self._entrypoints()):
            return "the broker is not connected"
        if time.monotonic() - self._heard > _SILENCE_SECONDS:
            return "the database does not answer"
        return None

    def watch(self) -> None:
        """Ask the database from time to time, for ever."""
        while True:
            try:
                self._database.ping()
                self._heard = time.monotonic()
            except Fault:
                log.warning("the database does not answer")
            time.sleep(_PING_SECONDS)

    def _entrypoints(self) -> list[Batches]:
        return [
            entry
            for container in self._runner.containers
            for entry in container.entrypoints
            if isinstance(entry, Batches)
        ]


def _service(subscriptions: Subscriptions, timers: list[Timer], database: Database[Any], config: Settings) -> type:
    """The nameko service class: a method for each queue and each timer."""
    url = config.broker_url.get_secret_value()
    methods: dict[str, Any] = {"name": subscriptions.service}
    for entry in subscriptions.events:
        methods[entry.queue] = _method(Batches(entry, database, url, subscriptions), lambda work: work())
    for timer in timers:
        ticks = Ticks(interval=timer.interval.total_seconds())
        methods[timer.name] = _method(ticks, lambda timer=timer: chores.run(timer, database))
    return type("Worker", (), methods)


def _method(entrypoint: Entrypoint, body: Callable[..., None]) -> Callable[..., None]:
    def method(_: object, *arguments: object) -> None:
        body(*arguments)

    register_entrypoint(method, entrypoint)
    return method


def _drain(runner: ServiceRunner) -> None:
    log.info("draining")
    finished = False
    with eventlet.Timeout(_DRAIN_SECONDS, False):
        runner.stop()
        finished = True
    if not finished:
        log.error("not drained in time", seconds=_DRAIN_SECONDS)
        runner.kill()
