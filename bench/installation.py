"""A place to measure in: a real PostgreSQL that syncs to disk, members' schema in it, keys, and processes beside it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from deploy.local.postgres import Server, binaries
from kit.db import migrations
from tests.support.rabbitmq import free_ports
from tests.support.rpc import Keys, make_keys
from tests.support.waiting import until

ROOT = Path(__file__).parents[1]
_POSTGRES = {"shared_buffers": "1GB", "max_wal_size": "8GB", "max_connections": "100", "maintenance_work_mem": "256MB"}


@dataclass(frozen=True)
class Installation:
    """Where the database is, and what a process needs to know."""

    url: str
    keys: Keys
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """The settings of a process of members."""
        return {
            "KEHU_DATABASE_URL": self.url,
            "KEHU_JWKS_FILE": str(self.keys.jwks_file),
            "KEHU_SERVICE_KEY_FILE": str(self.keys.service_key_file),
            "KEHU_KEYRING_FILE": str(self.keys.keyring_file),
            "KEHU_PAGE_TOKEN_KEY": "a key of the benchmark",
            "KEHU_LOG_LEVEL": "warning",
            "KEHU_DATABASE_POOL_SIZE": "16",
        }

    def query(self, statement: str) -> list[tuple[object, ...]]:
        """Run a statement of its own; answers its rows."""
        connection = psycopg2.connect(self.url)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    @contextmanager
    def serving(self, module: str, *arguments: str) -> Iterator[str]:
        """A process that serves gRPC; answers its address."""
        address = f"127.0.0.1:{free_ports(1)[0]}"
        environment = {**os.environ, **self.environment, "KEHU_GRPC_ADDRESS": address}
        with self.running([sys.executable, "-m", module, *arguments], environment):
            until(lambda: _listens(address), within=30)
            yield address

    @contextmanager
    def running(
        self, command: Sequence[str], environment: dict[str, str] | None = None
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A process until the end of the block."""
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=ROOT)  # noqa: S603 - ours
        try:
            yield process
        finally:
            process.terminate()
            process.wait()

    def pgbench(self, script: str, *, clients: int, seconds: int) -> float:
        """Transactions per second of a script."""
        file = self.folder / "pgbench.sql"
        file.write_text(script)
        command = [str(binaries() / "pgbench"), "-n", "-M", "prepared", "-f", str(file), "-T", str(seconds)]
        done = subprocess.run(  # noqa: S603 - ours
            [*command, "-c", str(clients), "-j", "1", self.url], check=True, capture_output=True, text=True
        )
        line = next(line for line in done.stdout.splitlines() if line.startswith("tps"))
        return float(line.split()[2])


@contextmanager
def installation() -> Iterator[Installation]:
    """A fresh one, gone at the end of the block."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o711)
        (folder / "keys").mkdir()
        server = Server(folder / "postgres", free_ports(1)[0], password="bench", settings=_POSTGRES)  # noqa: S106 - lives for minutes
        server.initialise()
        process = subprocess.Popen(server.command(), cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - ours
        try:
            until(lambda: _answers(server.admin_url), within=30)
            migrations.upgrade("services.members", server.admin_url)
            yield Installation(server.admin_url, make_keys(folder / "keys"), folder)
        finally:
            process.terminate()
            process.wait()


def _answers(url: str) -> bool:
    try:
        psycopg2.connect(url).close()
    except psycopg2.OperationalError:
        return False
    return True


def _listens(address: str) -> bool:
    host, port = address.split(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True
