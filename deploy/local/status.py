"""How every process of a running suite is, asked now and not remembered."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from deploy.local import health
from deploy.local.state import Process, State
from deploy.local.supervisor import Remote

READY = "ready"
_STATES = {
    "STARTING": "starting",
    "RUNNING": "starting",
    "BACKOFF": "restarting",
    "EXITED": "restarting",
    "FATAL": "failed",
    "STOPPING": "stopping",
}


@dataclass(frozen=True)
class Found(Process):
    """A process as it is now. `state` is one of ready, starting, restarting, failed, stopping, stopped."""

    pid: int | None
    state: str


def look(state: State) -> list[Found]:
    """Every process, the services' last. `OSError` when there is no supervisor."""
    supervised = Remote(state.supervisor_url).states()
    behind = health.behind_gateway(state.gateway_admin)
    alive = [process for process in state.processes if supervised[process.name].pid]
    with ThreadPoolExecutor(max_workers=8) as pool:
        healthy = dict(zip((p.name for p in alive), pool.map(lambda p: _healthy(p, state, behind), alive), strict=True))
    return [
        Found(
            **vars(process),
            pid=supervised[process.name].pid,
            state=READY if healthy.get(process.name) else _STATES.get(supervised[process.name].state, "stopped"),
        )
        for process in state.processes
    ]


def _healthy(process: Process, state: State, behind: set[str]) -> bool:
    if process.role == "serve":
        # The gateway asks each service with the gRPC health protocol.
        return process.service in behind
    if process.role == "rabbitmq":
        return health.broker(urlsplit(state.broker_url).port or 5672)
    if process.role == "postgres":
        return health.database(state.postgres_url)
    if process.metrics_address is None:
        return True
    return health.http(process.metrics_address, "/ready" if process.role == "gateway" else "/healthz")
