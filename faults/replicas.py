"""Two replicas of every service behind a gateway of the harness's own, as an installation has them."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
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

_DRAINING = {"KEHU_DRAIN_SECONDS": "5"}
"""As in the chart: a replica goes on answering after SIGTERM until Envoy, which asks every 2 s, was told twice."""


@dataclass(frozen=True)
class Front:
    """A gateway of the harness."""

    address: str
    admin: str

    def knows(self, replica: StandIn) -> bool:
        """Whether it sends calls to a replica."""
        page = json.loads(health.page(self.admin, "/clusters?format=json") or '{"cluster_statuses": []}')
        hosts = (host for cluster in page["cluster_statuses"] for host in cluster.get("host_statuses", ()))
        well = (host["address"] for host in hosts if set(host["health_status"]) == {"eds_health_status"})
        addresses = (address.get("socket_address", {}) for address in well)
        return replica.address in {f"{each.get('address')}:{each.get('port_value')}" for each in addresses}


@dataclass(frozen=True)
class Doubled:
    """Two replicas of the `serve` of each service, and the gateway before them."""

    replicas: Mapping[str, Sequence[StandIn]]
    front: Front

    def restart(self, arena: Arena, service: str) -> None:
        """Restart the replicas of a service, each when the gateway knows the one before it again."""
        for number, replica in enumerate(self.replicas[service], start=1):
            replica.kill(signal.SIGTERM)
            replica.process = standin.start(replica.original, _log(arena, service, number), replica.environment).process
            until(lambda r=replica: self.front.knows(r), within=PATIENCE, what=f"a restarted {service}-serve")  # type: ignore[misc]


@contextmanager
def second(arena: Arena, name: str, *, project: Path = PROJECT) -> Iterator[StandIn]:
    """One more process beside one of the suite, until the end of the block."""
    grpc, metrics = (f"{ports.HOST}:{port}" for port in ports.free(2))
    settings = {"KEHU_GRPC_ADDRESS": grpc, "KEHU_METRICS_ADDRESS": metrics, **_DRAINING}
    made = standin.start(Original.of(arena.suite, name), arena.log(f"{name}-2"), settings, project=project)
    try:
        until(lambda: made.healthy, within=PATIENCE, what=f"a second {name}")
        yield made
    finally:
        standin.finish(made)


@contextmanager
def doubled(arena: Arena) -> Iterator[Doubled]:
    """Two `serve` of every service in place of the suite's one, and a gateway that knows both; writers go there until
    the end of the block. Who calls another service knows both of that, too.
    """
    free = iter(ports.free(4 * len(SERVICES)))
    addresses = {service: [f"{ports.HOST}:{next(free)}" for _ in range(2)] for service in SERVICES}
    peers = {f"KEHU_PEERS_{service.upper()}": f"ipv4:{','.join(both)}" for service, both in addresses.items()}
    originals = {service: Original.of(arena.suite, f"{service}-serve") for service in SERVICES}
    with ExitStack() as stack:
        replicas: dict[str, list[StandIn]] = {service: [] for service in SERVICES}
        for service, original in originals.items():
            for number, address in enumerate(addresses[service], start=1):
                here = {"KEHU_GRPC_ADDRESS": address, "KEHU_METRICS_ADDRESS": f"{ports.HOST}:{next(free)}"}
                made = standin.start(original, _log(arena, service, number), {**here, **peers, **_DRAINING})
                stack.callback(standin.finish, made)
                replicas[service].append(made)
        upstreams = {service: [Address.parse(each.address) for each in both] for service, both in replicas.items()}
        front = stack.enter_context(_gateway(arena, upstreams))
        for each in itertools.chain.from_iterable(replicas.values()):
            until(lambda r=each: front.knows(r), within=PATIENCE, what=f"{each.address} behind the gateway")  # type: ignore[misc]
        with _towards(arena, front):
            yield Doubled(replicas, front)


def _log(arena: Arena, service: str, number: int) -> Path:
    return arena.log(f"{service}-serve-{number}")


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
    with _gateway(arena, upstreams) as front, _towards(arena, front):
        yield


@contextmanager
def _towards(arena: Arena, front: Front) -> Iterator[None]:
    """Writers that begin in the block go there."""
    before, arena.gateway = arena.gateway, front.address
    try:
        yield
    finally:
        arena.gateway = before


@contextmanager
def _gateway(arena: Arena, upstreams: place.Upstreams) -> Iterator[Front]:
    listen, status, admin = (Address(ports.HOST, port) for port in ports.free(3))
    here = replace(place.local(upstreams, jwks=arena.suite.state.jwks_file), listen=listen, status=status, admin=admin)
    file = arena.scratch / "gateway.json"
    file.write_text(json.dumps(gateway.render(here)))
    with arena.log("gateway-2").open("ab") as log:
        process = subprocess.Popen(Account().run(envoy.command(file), death_signal="KILL"), stdout=log, stderr=log)
    try:
        until(lambda: set(SERVICES) <= health.behind_gateway(str(admin)), within=PATIENCE, what="a second gateway")
        yield Front(str(listen), str(admin))
    finally:
        process.terminate()
        process.wait()
