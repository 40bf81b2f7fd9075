"""A RabbitMQ node of the suite's own: its ports, data, cookie and epmd; nothing is shared with the machine's broker."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from deploy.local import debian
from deploy.local.folder import PROJECT
from deploy.local.passwords import write_private
from deploy.local.problem import explained

USER = "kehu"
_PACKAGE = "rabbitmq-server"
_OTHERWISE = "name an existing broker in KEHU_BROKER_URL"
_NODE = "kehu@localhost"
_ERLANG = (
    "-start_epmd false",
    "-kernel inet_dist_use_interface {127,0,0,1}",
    # RabbitMQ lets idle schedulers sleep at once. Loading its modules then is mostly waking them up: 6 s instead of 4.
    "+sbwt very_short +sbwtdio very_short",
    # Freed memory goes back to the system at once, not into RabbitMQ's cache of it: 150 MiB in the demo instead of 180.
    "+MMmcs 0",
)


@dataclass(frozen=True)
class Programs:
    """Where RabbitMQ and Erlang are: under the root of the file system, or of a folder that they were unpacked into."""

    root: Path

    @property
    def scripts(self) -> Path:
        """The scripts that run a node as whoever calls them; those on PATH insist on root or the user rabbitmq."""
        return self._servers()[0]

    @property
    def epmd(self) -> Path:
        """The name server of Erlang's nodes."""
        return next(self._erlang.glob("erts-*/bin/epmd"))

    @property
    def path(self) -> str:
        """PATH for the scripts."""
        return f"{self._erlang / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin"

    @property
    def complete(self) -> bool:
        """Whether all of it is there."""
        return any(self._servers()) and (self._erlang / "bin" / "erl").exists()

    def relocate(self) -> None:
        """Let Erlang's start script, which names where Debian installs it, find itself wherever it is."""
        script = self._erlang / "bin" / "erl"
        itself = 'ROOTDIR=$(cd "$(dirname "$0")/.." && pwd)'
        script.write_text(script.read_text().replace("ROOTDIR=/usr/lib/erlang\n", f"{itself}\n"))

    @property
    def _erlang(self) -> Path:
        return self.root / "usr/lib/erlang"

    def _servers(self) -> list[Path]:
        return list((self.root / "usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin"))


def find() -> Programs:
    """The machine's own RabbitMQ, or the one unpacked in the project, or a fresh one from Debian."""
    unpacked = PROJECT / ".run" / "debian"
    for root in (Path("/"), unpacked):
        if Programs(root).complete:
            return Programs(root)
    if os.geteuid() == 0:
        debian.install(_PACKAGE, otherwise=_OTHERWISE)
        return Programs(Path("/"))
    debian.unpack(_PACKAGE, unpacked, otherwise=_OTHERWISE, finish=lambda root: Programs(root).relocate())
    return Programs(unpacked)


@dataclass(frozen=True)
class Node:
    """One node: its folder, and the ports of AMQP, of Erlang's distribution and of epmd."""

    programs: Programs
    folder: Path
    port: int
    distribution_port: int
    epmd_port: int
    password: str

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"amqp://{USER}:{self.password}@127.0.0.1:{self.port}/"

    @property
    def epmd(self) -> list[str]:
        """The command of the name server that a node registers with.

        Without one the node would start it as a daemon that nobody stops.
        """
        return [str(self.programs.epmd), "-address", "127.0.0.1", "-port", str(self.epmd_port)]

    @property
    def server(self) -> list[str]:
        """The command of the node itself."""
        return [str(self.programs.scripts / "rabbitmq-server")]

    def configure(self) -> None:
        """Write what the node reads at its start."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_private(self.folder / "rabbitmq.conf", self._configuration())
        (self.folder / "enabled_plugins").write_text("[].\n")

    def environment(self) -> dict[str, str]:
        """What the node is told, and so kept from reading the machine's configuration."""
        return {
            "HOME": str(self.folder),
            "PATH": self.programs.path,
            "RABBITMQ_NODENAME": _NODE,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(self.folder / "generated"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": " ".join(_ERLANG),
            # The script then becomes the node instead of standing between it and the supervisor.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def _configuration(self) -> str:
        return (
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            # Quorum queues keep their log in memory, up to 512 MB unless told: 319 MiB in the demo instead of 180.
            "raft.wal_max_size_bytes = 4000000\n"
            f"default_user = {USER}\n"
            f"default_pass = {self.password}\n"
            "log.console = true\n"
            "log.console.level = warning\n"
            "log.file = false\n"
        )


if __name__ == "__main__":
    with explained():
        find()
