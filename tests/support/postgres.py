"""A real PostgreSQL for tests: one server for a test run, shared by the xdist workers, started by the first that asks.

`database_url` is an empty database for one test; `migrated("members")` is one at the head of that service's
migrations. Both are copies of a template database, which takes some 20 ms in memory. A module that wants one
database for all its tests takes `postgres`, the `Databases`, into a fixture of its own scope.
"""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest
from psycopg2.extensions import connection

from deploy.local.postgres import Server
from kit.db import migrations
from tests.support.session import guard, shared

_PATIENCE = 30.0
# Nothing here must survive a power cut.
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
}


@dataclass(frozen=True)
class Outage:
    """A database that is away; `end` brings it back before the block is over."""

    end: Callable[[], None]


@dataclass(frozen=True)
class Databases:
    """Fresh databases of one server."""

    admin_url: str

    def create(self, *, template: str = "template1") -> str:
        """A new database, a copy of `template`; its URL."""
        name = f"test_{secrets.token_hex(8)}"
        # Copying files is three times as fast as logging them, where nothing waits for the disk.
        self._execute(f'create database "{name}" template "{template}" strategy file_copy')
        return self._url(name)

    def migrated(self, service: str) -> str:
        """A new database at the head of `service`'s migrations; its URL."""
        return self.create(template=self._template(service))

    def drop(self, url: str) -> None:
        """Remove a database with everything that is connected to it."""
        self._execute(f'drop database "{url.rpartition("/")[2]}" with (force)')

    @contextmanager
    def away(self, url: str) -> Iterator[Outage]:
        """All connections to the database are cut, and none is taken until the outage ends."""
        name = url.rpartition("/")[2]
        self._execute(f'alter database "{name}" with allow_connections false')
        self._execute(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")
        outage = Outage(lambda: self._execute(f'alter database "{name}" with allow_connections true'))
        try:
            yield outage
        finally:
            outage.end()

    def _template(self, service: str) -> str:
        name = f"head_{service}"
        # One worker migrates, the others wait for it here.
        with closing(self._connect()) as connection, connection.cursor() as cursor:
            cursor.execute("select pg_advisory_lock(hashtext(%s))", (name,))
            cursor.execute("select 1 from pg_database where datname = %s", (name,))
            if cursor.fetchone() is None:
                cursor.execute(f'create database "{name}_draft"')
                migrations.upgrade(f"services.{service}", self._url(f"{name}_draft"))
                cursor.execute(f'alter database "{name}_draft" rename to "{name}"')
        return name

    def _url(self, name: str) -> str:
        return f"{self.admin_url.rpartition('/')[0]}/{name}"

    def _execute(self, statement: str) -> None:
        with closing(self._connect()) as connection, connection.cursor() as cursor:
            cursor.execute(statement)

    def _connect(self) -> connection:
        made = psycopg2.connect(self.admin_url)
        made.autocommit = True
        return made


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Databases:
    """The server of this test run."""
    with shared(request.config, "postgres") as folder:
        if not (folder / "url").exists():
            (folder / "url").write_text(_start(folder))
        return Databases((folder / "url").read_text())


@pytest.fixture
def database_url(postgres: Databases) -> Iterator[str]:
    """An empty database of this test's own."""
    url = postgres.create()
    yield url
    postgres.drop(url)


@pytest.fixture
def migrated(postgres: Databases) -> Iterator[Callable[[str], str]]:
    """`migrated("members")`: a database of this test's own at the head of that service's migrations."""
    with ExitStack() as made:

        def create(service: str) -> str:
            url = postgres.migrated(service)
            made.callback(postgres.drop, url)
            return url

        yield create


def _start(folder: Path) -> str:
    server = Server(folder / "data", _free_port(), password="test", settings=_SETTINGS)
    server.initialise()
    guard(folder, server.command(), signal="QUIT")
    _wait_until_ready(server.admin_url, folder / "log")
    return server.admin_url


def _wait_until_ready(url: str, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            psycopg2.connect(url).close()
        except psycopg2.OperationalError:
            if time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}") from None
            time.sleep(0.02)
        else:
            return


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
