"""Three RabbitMQ nodes on this machine that are one cluster, and one of them cut off from the others.

The cut is made in Erlang: nodes that know each other's cookies wrongly, each in its own way, don't reach one another,
as if the network between them were gone. It needs no root, and clients still reach every node.
"""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from deploy.local import health, ports
from deploy.local.account import Account
from deploy.local.rabbitmq import Programs, find
from faults.waiting import until

NODES = 3
_START_SECONDS = 300.0
_COMMAND_SECONDS = 120.0
_USER = "kehu"
_ERLANG = (
    "-start_epmd false",
    "-kernel inet_dist_use_interface {127,0,0,1}",
    "+S 1:1 +sbwt none +sbwtdio none +sbwtdcpu none",
    "+MMmcs 0",
)


@dataclass(frozen=True)
class Member:
    """One node of the cluster."""

    name: str
    folder: Path
    port: int
    environment: dict[str, str]

    @property
    def up(self) -> bool:
        """Whether it greets clients. One that knows itself cut off does not."""
        return health.broker(self.port)


@dataclass(frozen=True)
class Cluster:
    """All of them."""

    programs: Programs
    members: Sequence[Member]
    password: str

    def url(self, port: int) -> str:
        """Where clients connect, through whatever listens on a port."""
        return f"amqp://{_USER}:{self.password}@127.0.0.1:{port}/"

    def ask(self, member: Member, *command: str) -> str:
        """Run RabbitMQ's command line tool at a node; what it prints."""
        tool = [str(self.programs.scripts / "rabbitmqctl"), "-q", "-n", member.name, *command]
        return subprocess.run(
            tool, env=member.environment, check=True, capture_output=True, text=True, timeout=_COMMAND_SECONDS
        ).stdout

    @property
    def whole(self) -> bool:
        """Whether each node sees all of them."""
        with suppress(subprocess.CalledProcessError):
            return all(
                int(self.ask(each, "eval", "length(rabbit_nodes:all_running()).")) == NODES for each in self.members
            )
        return False

    @contextmanager
    def cut_off(self, member: Member) -> Iterator[None]:
        """No word between a node and the others until the end of the block."""
        others = [each for each in self.members if each is not member]
        for each in others:
            self._misunderstand(member, each, "here")
            self._misunderstand(each, member, "there")
        self.ask(member, "eval", "[erlang:disconnect_node(N) || N <- nodes()].")
        try:
            yield
        finally:
            for each in others:
                self._misunderstand(each, member, "erlang:get_cookie()")
                self._misunderstand(member, each, "erlang:get_cookie()")
            until(lambda: self.whole, within=_START_SECONDS, what="a whole cluster again")

    def _misunderstand(self, one: Member, other: Member, cookie: str) -> None:
        self.ask(one, "eval", f"erlang:set_cookie('{other.name}', {cookie}).")


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Start it, and take it down at the end of the block."""
    programs, password, cookie = find(), secrets.token_hex(8), secrets.token_hex(10).upper()
    free = ports.free(1 + 2 * NODES)
    names = [f"kehu{number}@localhost" for number in range(1, NODES + 1)]
    members = []
    for number, name in enumerate(names):
        port, distribution = free[1 + 2 * number : 3 + 2 * number]
        here = folder / name.partition("@")[0]
        members.append(
            _configured(programs, name, here, names=names, at=(free[0], port, distribution), password=password)
        )
        (here / ".erlang.cookie").write_text(cookie)
        (here / ".erlang.cookie").chmod(0o400)
    made = Cluster(programs, members, password)
    epmd = [str(programs.epmd), "-address", "127.0.0.1", "-port", str(free[0])]
    with ExitStack() as stack:
        stack.enter_context(_running(epmd, {}, folder / "epmd.log"))
        for member in members:
            server = [str(programs.scripts / "rabbitmq-server")]
            stack.enter_context(_running(server, member.environment, member.folder / "log"))
            until(lambda m=member: m.up, within=_START_SECONDS, what=member.name)  # type: ignore[misc]
        until(lambda: made.whole, within=_START_SECONDS, what="a cluster of three")
        yield made


def _configured(
    programs: Programs, name: str, folder: Path, *, names: Sequence[str], at: tuple[int, int, int], password: str
) -> Member:
    epmd, port, distribution = at
    folder.mkdir(parents=True)
    lines = [
        f"listeners.tcp.1 = 127.0.0.1:{port}",
        "raft.wal_max_size_bytes = 4000000",
        f"default_user = {_USER}",
        f"default_pass = {password}",
        "log.console = true",
        "log.file = false",
        "cluster_partition_handling = pause_minority",
        "cluster_formation.peer_discovery_backend = classic_config",
        *(f"cluster_formation.classic_config.nodes.{number} = {each}" for number, each in enumerate(names, start=1)),
    ]
    (folder / "rabbitmq.conf").write_text("\n".join(lines) + "\n")
    (folder / "enabled_plugins").write_text("[].\n")
    environment = {
        "HOME": str(folder),
        "PATH": programs.path,
        "RABBITMQ_NODENAME": name,
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "ERL_EPMD_PORT": str(epmd),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": " ".join(_ERLANG),
        "RUNNING_UNDER_SYSTEMD": "true",
    }
    return Member(name, folder, port, environment)


@contextmanager
def _running(command: list[str], environment: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("ab") as out:
        process = subprocess.Popen(
            Account().run(command, death_signal="KILL"),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=environment,
        )
    try:
        yield
    finally:
        process.kill()
        process.wait()
