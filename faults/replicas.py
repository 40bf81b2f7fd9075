"""Two replicas of every service behind a gateway of the harness's own, as an installation has them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import gateway
from deploy.local import health, ports
from deploy.local.account import Account
from deploy.local.folder import PROJECT, SERVICES
from faults import standin
from faults.arena import PATIENCE, Arena
from faults.standin import Original, StandIn
from faults.waiting import until
from gateway import envoy, place
from gateway.place import Address

_DRAIN = "3"
"""Seconds that a replica goes on answering after SIGTERM, so that Envoy (which asks every two) notices."""


@contextmanager
def second(arena: Arena, name: str, *, project: Path = PROJECT) -> Iterator[StandIn]:
    """One more process beside one of the suite, until the end of the block."""
    grpc, metrics = (f"{ports.HOST}:{port}" for port in ports.free(2))
    settings = {"KEHU_GRPC_ADDRESS": grpc, "KEHU_METRICS_ADDRESS": metrics, "KEHU_DRAIN_SECONDS": _DRAIN}
    made = standin.start(Original.of(arena.suite, name), arena.log(f"{name}-2"), settings, project=project)
    try:
        until(lambda: made.healthy, within=PATIENCE, what=f"a second {name}")
        yield made
    finally:
        standin.finish(made)


@contextmanager
def doubled(arena: Arena) -> Iterator[dict[str, StandIn]]:
    """A second `serve` of every service, and a gateway that knows both; writers go there until the end of the block."""
    with ExitStack() as stack:
        others = {service: stack.enter_context(second(arena, f"{service}-serve")) for service in SERVICES}
        stack.enter_context(in_front(arena, others))
        yield others


@contextmanager
def in_front(arena: Arena, others: Mapping[str, StandIn]) -> Iterator[None]:
    """A gateway before the suite's processes and others beside them; writers that begin then go there."""
    upstreams = {
        service: [
            Address.parse(arena.suite.state.process(f"{service}-serve").grpc_address or ""),
            *([Address.parse(others[service].address)] if service in others else []),
        ]
        for service in SERVICES
    }
    before = arena.gateway
    with _gateway(arena, upstreams) as address:
        arena.gateway = address
        try:
            yield
        finally:
            arena.gateway = before


@contextmanager
def _gateway(arena: Arena, upstreams: place.Upstreams) -> Iterator[str]:
    listen, status, admin = (Address(ports.HOST, port) for port in ports.free(3))
    here = replace(place.local(upstreams, jwks=arena.suite.state.jwks_file), listen=listen, status=status, admin=admin)
    file = arena.scratch / "gateway.json"
    file.write_text(json.dumps(gateway.render(here)))
    with arena.log("gateway-2").open("ab") as log:
        process = subprocess.Popen(Account().run(envoy.command(file), death_signal="KILL"), stdout=log, stderr=log)
    try:
        until(lambda: set(SERVICES) <= health.behind_gateway(str(admin)), within=PATIENCE, what="a second gateway")
        yield str(listen)
    finally:
        process.terminate()
        process.wait()
