"""The role `relay`: wait for the lead, send, start over when the database or the broker was lost, finish on SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass
from datetime import timedelta

from kit import broker, telemetry
from kit.relay import metrics
from kit.relay.housekeeping import Housekeeping
from kit.relay.outbox import DATABASE_ERRORS, Outbox
from kit.relay.publisher import Publisher
from kit.relay.sending import Sending
from kit.relay.wire import BrokerLost
from kit.settings import Settings, load
from kit.telemetry import MetricsServer, log

# An empty look reads one page of a partial index; a NOTIFY makes commits queue (docs/adr/0018).
_POLL_SECONDS = 0.05
_PAUSE_SECONDS = 1.0
_SILENCE_SECONDS = 20.0
_DRAIN_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How much at once, how often, how long."""

    batch: int = 500
    attempts: int = 20
    retention: timedelta = timedelta(days=7)


def main(service: str) -> None:
    """Relay the service's events until SIGTERM or SIGINT, with the settings in the environment."""
    run(service, load(Settings))


def run(service: str, config: Settings, limits: Limits | None = None) -> None:
    """Relay the service's events until SIGTERM or SIGINT; the batch under way is finished."""
    telemetry.configure_logs(service, "relay", config.log_level)
    telemetry.configure_tracing(service, "relay", endpoint=config.otlp_endpoint, ratio=config.trace_ratio)
    telemetry.tell_settings(config)
    asyncio.run(_run(service, config, limits or Limits()))
    telemetry.flush()
    log.info("stopped")


async def _run(service: str, config: Settings, limits: Limits) -> None:
    relay = Relay(service, config.database_url.get_secret_value(), config.broker_url.get_secret_value(), limits)
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, relay.stop)
    server = MetricsServer(config.metrics_address, relay.trouble)
    server.start()
    log.info("relaying", metrics=server.address)
    await relay.run()
    server.stop()


class Relay:
    """The relay of one service."""

    def __init__(self, service: str, database_url: str, broker_url: str, limits: Limits) -> None:
        self._name = f"{service} relay"
        self._exchange = broker.events_exchange(service)
        self._database_url = database_url
        self._broker_url = broker_url
        self._limits = limits
        self._sending = Sending(service, limits.attempts)
        self._housekeeping = Housekeeping(database_url, name=self._name, retention=limits.retention)
        self._publisher: Publisher | None = None
        self._outbox: Outbox | None = None
        self._leading = False
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Finish the batch under way, then end."""
        log.info("draining")
        self._stopping.set()
        if self._outbox is not None:
            self._outbox.wake()
        if self._publisher is not None and self._publisher.blocked:
            self._publisher.abort()
        asyncio.get_running_loop().call_later(_DRAIN_SECONDS, self._give_up)

    def _give_up(self) -> None:
        """End a batch that the broker or the database holds up; the next relay sends it again."""
        log.error("not drained in time", seconds=_DRAIN_SECONDS)
        if self._publisher is not None:
            self._publisher.abort()
        if self._outbox is not None:
            self._outbox.abort()

    def trouble(self) -> str | None:
        """What is wrong; None if nothing is. Standing by is fine."""
        if time.monotonic() - self._housekeeping.heard > _SILENCE_SECONDS:
            return "the database does not answer"
        if self._leading and (self._publisher is None or self._publisher.trouble):
            return "the broker is not connected"
        return None

    async def run(self) -> None:
        """Until `stop`."""
        housekeeping = asyncio.create_task(self._housekeeping.run())
        while not self._stopping.is_set():
            try:
                await self._with_database()
            except DATABASE_ERRORS as error:
                log.warning("database lost", reason=type(error).__name__)
                await self._pause()
        housekeeping.cancel()
        await asyncio.gather(housekeeping, return_exceptions=True)
        if self._publisher is not None:
            await self._publisher.close()

    async def _with_database(self) -> None:
        self._outbox = outbox = await Outbox.connect(self._database_url, name=self._name)
        try:
            while not self._stopping.is_set() and not await outbox.lead():
                await self._pause()
            self._lead(leading=not self._stopping.is_set())
            while not self._stopping.is_set():
                await self._with_broker(outbox)
        finally:
            self._lead(leading=False)
            await outbox.close()

    async def _with_broker(self, outbox: Outbox) -> None:
        """Send what waits; then wait for more."""
        try:
            publisher = await self._connected()
        except BrokerLost as lost:
            log.warning("broker lost", reason=str(lost))
            await self._pause()
            return
        sent = await self._sending.send(outbox, publisher, batch=self._limits.batch)
        if not sent and not self._stopping.is_set():
            await outbox.wait(_POLL_SECONDS)

    async def _connected(self) -> Publisher:
        if self._publisher is not None and self._publisher.trouble:
            log.warning("broker lost", reason=self._publisher.trouble)
            refused, self._publisher = self._publisher.refusal, None
            if refused is not None:
                # Whatever it is about, it must not become a race of connections.
                await self._pause()
        if self._publisher is None:
            self._publisher = await Publisher.connect(self._broker_url, self._exchange, name=self._name)
            log.info("broker connected")
        return self._publisher

    def _lead(self, *, leading: bool) -> None:
        if leading != self._leading:
            log.info("leading" if leading else "not leading any more")
        self._leading = leading
        metrics.ACTIVE.set(leading)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(_PAUSE_SECONDS):
                await self._stopping.wait()
        except TimeoutError:
            return
