"""Three RabbitMQ nodes on one machine, each in a network namespace of its own: any can be cut off from the others.

It needs the harness's own namespace (`faults/namespace.py`), with which all of it is gone.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from deploy.local.account import Account
from deploy.local.passwords import write_private
from deploy.local.rabbitmq import find
from faults.proxy import Proxy, proxy
from faults.waiting import until

_NODES = (1, 2, 3)
_NETWORK = "10.77.0"
_PORT = 5672
_USER, _PASSWORD = "kehu", "faults"
_START_SECONDS = 240.0
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_LIGHT = "+sbwt very_short +sbwtdio very_short -start_epmd false"


class Cluster:
    """The nodes, and the address at which whichever answers is reached, as behind a load balancer."""

    def __init__(self, front: Proxy) -> None:
        self._front = front

    @property
    def url(self) -> str:
        """Where services connect."""
        return f"amqp://{_USER}:{_PASSWORD}@127.0.0.1:{self._front.port}/"

    @contextmanager
    def cut_off(self, node: int) -> Iterator[None]:
        """Nothing gets to a node or away from it until the end of the block."""
        _ip("link", "set", f"kehu{node}", "down")
        try:
            yield
        finally:
            _ip("link", "set", f"kehu{node}", "up")


@contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """A cluster whose nodes know each other, until the end of the block."""
    # Names of namespaces are files: of ours alone, as everything else.
    names = Path("/run/netns")
    names.mkdir(exist_ok=True)
    subprocess.run(["/usr/bin/mount", "-t", "tmpfs", "tmpfs", str(names)], check=True, capture_output=True)
    _ip("link", "add", "kehu0", "type", "bridge")
    _ip("addr", "add", f"{_NETWORK}.254/24", "dev", "kehu0")
    _ip("link", "set", "kehu0", "up")
    with ExitStack() as stack:
        for node in _NODES:
            _wire(node)
            stack.callback(_ip, "netns", "del", f"kehu{node}")
            for command in (_epmd(), [str(find().scripts / "rabbitmq-server")]):
                stack.enter_context(_running(folder, node, command))
        until(lambda: _members(folder) == len(_NODES), within=_START_SECONDS, what="a cluster of three nodes")
        front = stack.enter_context(proxy(_PORT, hosts=[_host(node) for node in reversed(_NODES)]))
        yield Cluster(front)
    _ip("link", "del", "kehu0")


def _host(node: int) -> str:
    return f"{_NETWORK}.{node}"


def _wire(node: int) -> None:
    """A namespace with one end of a cable; the other end is in the bridge."""
    name, inside = f"kehu{node}", f"inside{node}"
    _ip("netns", "add", name)
    _ip("link", "add", name, "type", "veth", "peer", "name", inside)
    _ip("link", "set", inside, "netns", name)
    _ip("link", "set", name, "master", "kehu0", "up")
    _ip("-n", name, "addr", "add", f"{_host(node)}/24", "dev", inside)
    _ip("-n", name, "link", "set", inside, "up")
    _ip("-n", name, "link", "set", "lo", "up")


@contextmanager
def _running(folder: Path, node: int, command: Sequence[str]) -> Iterator[None]:
    place = folder / f"node{node}"
    place.mkdir(parents=True, exist_ok=True)
    with (place / "log").open("ab") as log:
        process = subprocess.Popen(
            Account().run(_inside(node, command), death_signal="KILL"),
            env=_environment(place, node),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _environment(place: Path, node: int) -> dict[str, str]:
    write_private(place / ".erlang.cookie", "FAULTS")
    (place / ".erlang.cookie").chmod(0o400)
    (place / "rabbitmq.conf").write_text(_configuration())
    (place / "plugins").write_text("[].")
    return {
        "HOME": str(place),
        "PATH": find().path,
        "RABBITMQ_USE_LONGNAME": "true",
        "RABBITMQ_NODENAME": f"kehu@{_host(node)}",
        "RABBITMQ_MNESIA_BASE": str(place / "data"),
        "RABBITMQ_LOG_BASE": str(place / "logs"),
        "RABBITMQ_CONFIG_FILE": str(place / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(place / "plugins"),
        "RABBITMQ_PID_FILE": str(place / "pid"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _LIGHT,
        "RUNNING_UNDER_SYSTEMD": "true",
    }


def _configuration() -> str:
    nodes = "".join(f"cluster_formation.classic_config.nodes.{node} = kehu@{_host(node)}\n" for node in _NODES)
    return (
        f"listeners.tcp.1 = 0.0.0.0:{_PORT}\n"
        f"default_user = {_USER}\ndefault_pass = {_PASSWORD}\n"
        "raft.wal_max_size_bytes = 4000000\n"
        "vm_memory_high_watermark.absolute = 1GB\ndisk_free_limit.absolute = 50MB\n"
        "cluster_partition_handling = pause_minority\n"
        "cluster_formation.randomized_startup_delay_range.min = 0\n"
        "cluster_formation.randomized_startup_delay_range.max = 2\n"
        f"cluster_formation.peer_discovery_backend = classic_config\n{nodes}"
    )


def _epmd() -> list[str]:
    return [str(find().epmd)]


def _members(folder: Path) -> int:
    """How many nodes the first one sees, itself included; 0 while it does not answer."""
    ask = [str(find().scripts / "rabbitmqctl"), "-q", "eval", "length(rabbit_nodes:list_running())."]
    answer = subprocess.run(
        _inside(1, ask), env=_environment(folder / "node1", 1), capture_output=True, text=True, check=False
    )
    return int(answer.stdout) if answer.returncode == 0 else 0


def _inside(node: int, command: Sequence[str]) -> list[str]:
    return ["/usr/bin/env", f"PATH={_PATH}", "ip", "netns", "exec", f"kehu{node}", *command]


def _ip(*arguments: str) -> None:
    subprocess.run(["/usr/bin/env", f"PATH={_PATH}", "ip", *arguments], check=True, capture_output=True)
