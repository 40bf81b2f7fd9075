"""A place to measure in: a real PostgreSQL that syncs to disk, a database per service, keys, processes beside it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg2

from deploy.local.postgres import Server, binaries
from gateway import envoy
from gateway import place as gateway_place
from gateway.bootstrap import render
from gateway.place import Address
from kit.db import migrations
from tests.support.rabbitmq import free_ports
from tests.support.rpc import Keys, make_keys
from tests.support.waiting import until

ROOT = Path(__file__).parents[1]
_POSTGRES = {
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "max_connections": "100",
    "maintenance_work_mem": "256MB",
    "shared_preload_libraries": "pg_stat_statements",
}


@dataclass(frozen=True)
class Installation:
    """Where the databases are, and what a process needs to know. `url` is the database of the first service."""

    url: str
    keys: Keys
    folder: Path
    urls: Mapping[str, str]

    @property
    def environment(self) -> dict[str, str]:
        """The settings of a process of the first service."""
        return self.settings(next(iter(self.urls)))

    def settings(self, service: str) -> dict[str, str]:
        """The settings of a process of a service."""
        return {
            "KEHU_DATABASE_URL": self.urls[service],
            "KEHU_JWKS_FILE": str(self.keys.jwks_file),
            "KEHU_SERVICE_KEY_FILE": str(self.keys.service_key_file),
            "KEHU_KEYRING_FILE": str(self.keys.keyring_file),
            "KEHU_PAGE_TOKEN_KEY": "a key of the benchmark",
            "KEHU_LOG_LEVEL": "warning",
            "KEHU_DATABASE_POOL_SIZE": "16",
        }

    def query(self, statement: str, service: str = "") -> list[tuple[object, ...]]:
        """Run a statement of its own in a service's database; answers its rows."""
        connection = psycopg2.connect(self.urls[service] if service else self.url)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    @contextmanager
    def serving(self, module: str, *arguments: str, **settings: str) -> Iterator[str]:
        """A process that serves gRPC, with settings beside the usual ones; answers its address."""
        address = f"127.0.0.1:{free_ports(1)[0]}"
        service = module.removeprefix("services.")
        usual = self.settings(service) if service in self.urls else self.environment
        environment = {**os.environ, **usual, **settings, "KEHU_GRPC_ADDRESS": address}
        with self.running([sys.executable, "-m", module, *arguments], environment):
            until(lambda: _listens(address), within=120)
            yield address

    @contextmanager
    def gateway(self, upstreams: Mapping[str, Sequence[str]]) -> Iterator[str]:
        """An Envoy in front of the processes of each service; answers its address."""
        listen, status, admin = (f"127.0.0.1:{port}" for port in free_ports(3))
        file = self.folder / "gateway.json"
        endpoints = {service: [Address.parse(each) for each in found] for service, found in upstreams.items()}
        place = replace(
            gateway_place.local(endpoints, jwks=str(self.keys.jwks_file)),
            listen=Address.parse(listen),
            status=Address.parse(status),
            admin=Address.parse(admin),
        )
        file.write_text(json.dumps(render(place)))
        with self.running(envoy.command(file)):
            until(lambda: _listens(listen), within=120)
            yield listen

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
def installation(*services: str) -> Iterator[Installation]:
    """A fresh one with the databases of some services (by default members alone), gone at the end of the block."""
    services = services or ("members",)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o711)
        (folder / "keys").mkdir()
        server = Server(folder / "postgres", free_ports(1)[0], password="bench", settings=_POSTGRES)  # noqa: S106 - lives for minutes
        server.initialise()
        process = subprocess.Popen(server.command(), cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - ours
        try:
            until(lambda: _answers(server.admin_url), within=120)
            urls = {service: _database(server.admin_url, service) for service in services}
            yield Installation(urls[services[0]], make_keys(folder / "keys"), folder, urls)
        finally:
            process.terminate()
            process.wait()


def _database(admin_url: str, service: str) -> str:
    connection = psycopg2.connect(admin_url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"create database {service}")
    connection.close()
    url = f"{admin_url.rpartition('/')[0]}/{service}"
    migrations.upgrade(f"services.{service}", url)
    with psycopg2.connect(url) as counting, counting.cursor() as cursor:
        cursor.execute("create extension pg_stat_statements")
    counting.close()
    return url


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
