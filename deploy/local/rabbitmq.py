"""A RabbitMQ node of the suite's own: its ports, data, cookie and epmd; nothing is shared with the machine's broker."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from deploy.local import debian
from deploy.local.passwords import write_private

USER = "kehu"
_PACKAGE = "rabbitmq-server"
_OTHERWISE = "name an existing broker in KEHU_BROKER_URL"
_NODE = "kehu@localhost"


@dataclass(frozen=True)
class Programs:
    """Where Erlang and RabbitMQ are on this machine."""

    root: Path

    @property
    def server(self) -> Path:
        """The script that runs a node as whoever calls it; the one on PATH insists on root or the user rabbitmq."""
        return max((self.root / "usr/lib/rabbitmq/lib").glob("rabbitmq_server-*")) / "sbin" / "rabbitmq-server"

    @property
    def erlang(self) -> Path:
        """Erlang's own root."""
        return self.root / "usr/lib/erlang"

    @property
    def complete(self) -> bool:
        """Whether both are there."""
        servers = (self.root / "usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server")
        return any(servers) and (self.erlang / "bin/erl").exists()


def find(unpacked: Path) -> Programs:
    """The machine's own RabbitMQ, or the one unpacked in a folder, or a fresh one from Debian."""
    for root in (Path("/"), unpacked):
        if Programs(root).complete:
            return Programs(root)
    return Programs(debian.obtain(_PACKAGE, unpacked, otherwise=_OTHERWISE))


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
        found = max((self.programs.erlang).glob("erts-*/bin/epmd"))
        return [str(found), "-address", "127.0.0.1", "-port", str(self.epmd_port)]

    @property
    def server(self) -> list[str]:
        """The command of the node itself."""
        return ["/bin/sh", str(self.programs.server)]

    def configure(self) -> None:
        """Write what the node reads at its start."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_private(self.folder / "rabbitmq.conf", self._configuration())
        (self.folder / "enabled_plugins").write_text("[].\n")
        (self.folder / "bin").mkdir(exist_ok=True)
        (self.folder / "bin" / "erl").write_text(self._erl())
        (self.folder / "bin" / "erl").chmod(0o755)

    def environment(self) -> dict[str, str]:
        """What the node is told, and so kept from reading the machine's configuration."""
        return {
            "HOME": str(self.folder),
            "PATH": f"{self.folder / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin",
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
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}",
            # The script then becomes the node instead of standing between it and the supervisor.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def _configuration(self) -> str:
        return (
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            f"default_user = {USER}\n"
            f"default_pass = {self.password}\n"
            "log.console = true\n"
            "log.console.level = warning\n"
            "log.file = false\n"
        )

    def _erl(self) -> str:
        """Erlang's start script, which names where it was installed, for where it is."""
        root = self.programs.erlang
        text = (root / "bin" / "erl").read_text()
        return re.sub(r"ROOTDIR=/usr/lib/erlang\b", f'ROOTDIR="{root}"', text)
