"""A real RabbitMQ for tests: one private node for a test run, shared by the xdist workers, started by the first that
asks, and gone with the run.

`broker_url` is an empty virtual host for one test. `own_broker` is a node of the test module's own, which its tests may
kill and restart.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import amqp
import pytest

from deploy.local.rabbitmq import find
from kit import broker
from tests.support.session import guard, shared
from tests.support.waiting import until

_PATIENCE = 60.0
_HOSTS = 32
_MADE = "rabbit_vhost:add(V, <<>>), rabbit_auth_backend_internal:set_permissions(G, V, All, All, All, <<>>)"
_MAKE_HOSTS = (
    'G = <<"guest">>, All = <<".*">>, '
    f'[begin V = list_to_binary("test-" ++ integer_to_list(I)), {_MADE} end || I <- lists:seq({{first}}, {{last}})].'
)
_CONFIGURATION = """
listeners.tcp.1 = 127.0.0.1:{port}
log.file.level = warning
# Memory of a test machine is no reason to block publishers.
vm_memory_high_watermark.absolute = 2GB
disk_free_limit.absolute = 50MB
max_message_size = 1048576
"""


@dataclass(frozen=True)
class Files:
    """Where a node lives: its folder and its ports."""

    folder: Path
    port: int
    distribution_port: int
    epmd_port: int

    def write(self) -> None:
        """Make the folder and the configuration."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "rabbitmq.conf").write_text(_CONFIGURATION.format(port=self.port))
        (self.folder / "plugins").write_text("[].")

    @property
    def environment(self) -> Mapping[str, str]:
        """What the server and its command line tool read."""
        return {
            "HOME": str(self.folder),
            "PATH": find().path,
            "RABBITMQ_NODENAME": "kehu@localhost",
            "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "logs"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            # Makes the start script become the server, so that a signal reaches it.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    @property
    def epmd(self) -> Sequence[str]:
        """The name service of Erlang; started first, or the server would leave one behind."""
        return _until_parent_dies(str(find().epmd), "-port", str(self.epmd_port), "-address", "127.0.0.1")

    @property
    def server(self) -> Sequence[str]:
        """The server, in the foreground."""
        return _until_parent_dies(str(find().scripts / "rabbitmq-server"))

    def control(self, *arguments: str) -> str:
        """Run `rabbitmqctl` and answer what it prints."""
        command = [str(find().scripts / "rabbitmqctl"), "-q", *arguments]
        environment = {**os.environ, **self.environment}
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    def url(self, host: str = "") -> str:
        """The address of a virtual host."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/{host}"

    def wait(self) -> None:
        """Wait until the server takes connections."""
        until(lambda: _answers(self.url()), within=_PATIENCE, what="the start of RabbitMQ")


@dataclass
class Node:
    """A node of a test's own: to be killed and started again."""

    files: Files
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _hosts: int = 0

    def start(self) -> None:
        """Start it, with the data it had."""
        if not self._running:
            self.files.write()
            self._run(self.files.epmd)
        self._run(self.files.server)
        self.files.wait()

    def kill(self) -> None:
        """Power off: SIGKILL, without a word to anybody."""
        server = self._running.pop()
        server.kill()
        server.wait()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It keeps its connections and says nothing, as if the network swallowed everything."""
        self._running[-1].send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._running[-1].send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Leave nothing behind."""
        while self._running:
            self.kill()
        shutil.rmtree(self.files.folder, ignore_errors=True)

    def fresh_url(self) -> str:
        """The address of an empty virtual host."""
        self._hosts += 1
        self.files.control("eval", _MAKE_HOSTS.format(first=self._hosts, last=self._hosts))
        return self.files.url(f"test-{self._hosts}")

    def _run(self, command: Sequence[str]) -> None:
        environment = {**os.environ, **self.files.environment}
        quiet = subprocess.DEVNULL
        self._running.append(subprocess.Popen(command, env=environment, stdin=quiet, stdout=quiet, stderr=quiet))


@pytest.fixture(scope="session")
def rabbitmq(request: pytest.FixtureRequest) -> Callable[[], str]:
    """The node of this test run: each call answers the address of a virtual host that nobody has used."""
    with shared(request.config, "rabbitmq") as folder:
        if not (folder / "ports").exists():
            ports = free_ports(3)
            _start_shared(Files(folder, *ports))
            (folder / "ports").write_text(" ".join(map(str, ports)))
        first, second, third = map(int, (folder / "ports").read_text().split())
    return lambda: _take_host(Files(folder, first, second, third))


@pytest.fixture
def broker_url(rabbitmq: Callable[[], str]) -> str:
    """An empty virtual host of this test's own."""
    return rabbitmq()


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A running node that the tests of this module may kill."""
    node = Node(Files(tmp_path_factory.mktemp("rabbitmq"), *free_ports(3)))
    try:
        node.start()
        yield node
    finally:
        node.stop()


def depth(url: str, queue: str) -> int:
    """How many messages lie ready in a queue; -1: there is no such queue."""
    with broker.connect(url) as connection:
        try:
            return int(connection.channel().queue_declare(queue, passive=True).message_count)
        except amqp.NotFound:
            return -1


def take(url: str, queue: str) -> Any:
    """Take the next message out of a queue; None if there is none."""
    with broker.connect(url) as connection:
        return connection.channel().basic_get(queue, no_ack=True)


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody listens on."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [server.getsockname()[1] for server in held]
    for server in held:
        server.close()
    return ports


def _start_shared(files: Files) -> None:
    files.write()
    guard(files.folder, files.epmd, files.server, environment=files.environment)
    files.wait()
    _make_hosts(files, 1)


def _make_hosts(files: Files, first: int) -> None:
    files.control("eval", _MAKE_HOSTS.format(first=first, last=first + _HOSTS - 1))


def _take_host(files: Files) -> str:
    """The next unused virtual host; made by the dozen, for each run of the command line tool takes half a second."""
    with (files.folder / "hosts").open("a+") as counter:
        fcntl.flock(counter, fcntl.LOCK_EX)
        number = counter.seek(0, os.SEEK_END) + 1
        if number > _HOSTS and number % _HOSTS == 1:
            _make_hosts(files, number)
        counter.write(".")
    return files.url(f"test-{number}")


def _answers(url: str) -> bool:
    try:
        broker.connect(url).close()
    except broker.BROKER_ERRORS:
        return False
    return True


def _until_parent_dies(*command: str) -> list[str]:
    return ["setpriv", "--pdeathsig=KILL", "--", *command]
