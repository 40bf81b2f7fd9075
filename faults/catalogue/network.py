"""The network between two processes is slow, loses packets, or swallows everything without telling anybody."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from deploy.local import health, ports
from faults.arena import PATIENCE, Arena
from faults.fault import Fault, Finding, Skipped
from faults.proxy import Proxy, proxy
from faults.standin import standing_in
from faults.waiting import until

_RPC = "life-of-an-rpc.md#what-can-go-wrong-and-what-the-client-sees"
_LATENCY = 0.5
_LOSS = "0.05"
PRIVATE = "KEHU_FAULTS_PRIVATE"
"""In the environment of a harness that runs in a network namespace of its own (`faults/namespace.py`)."""


class _Between:
    """A process of the suite reaches something through a proxy, from before the writers begin."""

    def __init__(self, name: str, variable: str) -> None:
        self._name, self._variable = name, variable
        self.proxy: Proxy

    @contextmanager
    def setting(self, arena: Arena) -> Iterator[None]:
        """The process again, with an address that leads through the proxy."""
        state = arena.suite.state
        service = self._name.partition("-")[0]
        url = state.broker_url if self._variable == "KEHU_BROKER_URL" else state.databases[service]
        parts = urlsplit(url)
        with proxy(parts.port or 0) as self.proxy:
            through = parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{self.proxy.port}").geturl()
            with standing_in(arena.suite, self._name, arena.log(self._name), {self._variable: through}):
                yield

    def swallow(self, _: Arena, seconds: float) -> list[Finding]:
        """A black hole."""
        self.proxy.swallow()
        time.sleep(seconds)
        self.proxy.heal()
        return []

    def slow(self, _: Arena, seconds: float) -> list[Finding]:
        """Half a second for each question and its answer."""
        self.proxy.delay(_LATENCY)
        time.sleep(seconds)
        self.proxy.heal()
        return []


class _Behind(_Between):
    """The gateway and the peers reach a `serve` process through a proxy that listens where it used to."""

    @contextmanager
    def setting(self, arena: Arena) -> Iterator[None]:
        """The process elsewhere, the proxy in its place."""
        here = arena.suite.state.process(self._name).grpc_address or ""
        host, _, port = here.rpartition(":")
        elsewhere, log = ports.free(1)[0], arena.log(self._name)
        with (
            standing_in(arena.suite, self._name, log, {"KEHU_GRPC_ADDRESS": f"{host}:{elsewhere}"}),
            proxy(elsewhere, listen=int(port)) as self.proxy,
        ):
            until(lambda: _answers(arena, self._name), within=PATIENCE, what=f"{self._name} behind the proxy")
            yield


def _answers(arena: Arena, name: str) -> bool:
    return name.partition("-")[0] in health.behind_gateway(arena.suite.state.gateway_admin)


def _lossy(_: Arena, seconds: float) -> list[Finding]:
    """Lose packets between all processes of this network namespace."""
    if not os.environ.get(PRIVATE):
        raise Skipped("needs root, and Debian's iproute2")
    tool = shutil.which("iptables", path="/usr/sbin:/sbin:/usr/bin")
    if tool is None:
        raise Skipped("needs Debian's iptables")
    chance = ["-m", "statistic", "--mode", "random", "--probability", _LOSS]
    rule = ["INPUT", "-i", "lo", "-p", "tcp", *chance, "-j", "DROP"]
    subprocess.run([tool, "-A", *rule], check=True, capture_output=True)
    try:
        time.sleep(seconds)
    finally:
        subprocess.run([tool, "-D", *rule], check=True, capture_output=True)
    return []


def _between(name: str, title: str, expected: str, *, where: _Between, how: str, runbook: str = _RPC) -> Fault:
    play = where.swallow if how == "swallow" else where.slow
    return Fault(name, title, expected, play, setting=where.setting, runbook=runbook)


_EVENTS = "life-of-an-event.md#every-failure-point"
_DATABASE = _Between("orders-serve", "KEHU_DATABASE_URL")

FAULTS = (
    _between(
        "database-far",
        "each question of orders' `serve` to PostgreSQL takes 500 ms longer",
        "calls take long or end by their deadline; no storm of repeats",
        where=_DATABASE,
        how="slow",
    ),
    _between(
        "database-black-hole",
        "what orders' `serve` and PostgreSQL say to each other is swallowed",
        "calls end by their deadline; health says NOT_SERVING; connections are made anew",
        where=_DATABASE,
        how="swallow",
    ),
    _between(
        "relay-black-hole",
        "what orders' `relay` and RabbitMQ say to each other is swallowed",
        "noticed within two heartbeats; sent again",
        where=_Between("orders-relay", "KEHU_BROKER_URL"),
        how="swallow",
        runbook=_EVENTS,
    ),
    _between(
        "consumer-black-hole",
        "what members' `consume` and RabbitMQ say to each other is swallowed",
        "noticed within two heartbeats; delivered again, one effect",
        where=_Between("members-consume", "KEHU_BROKER_URL"),
        how="swallow",
        runbook=_EVENTS,
    ),
    _between(
        "consumer-database-black-hole",
        "what members' `consume` and PostgreSQL say to each other is swallowed",
        "the batch is rolled back and handled again",
        where=_Between("members-consume", "KEHU_DATABASE_URL"),
        how="swallow",
        runbook=_EVENTS,
    ),
    _between(
        "gateway-black-hole",
        "what the gateway and orders' `serve` say to each other is swallowed",
        "the gateway ends calls by their deadline and finds the service unwell",
        where=_Behind("orders-serve", "KEHU_GRPC_ADDRESS"),
        how="swallow",
    ),
    _between(
        "peer-black-hole",
        "members' `serve` answers neither the gateway nor orders: checkouts hang in the middle",
        "checkouts end by their deadline and give back what they hold, twice if need be",
        where=_Behind("members-serve", "KEHU_GRPC_ADDRESS"),
        how="swallow",
        runbook="checkout.md#where-it-may-break",
    ),
    Fault(
        "packets-lost",
        "5 % of all packets between all processes are lost",
        "calls take longer; nothing else",
        _lossy,
        runbook=_RPC,
    ),
)
