"""A real PostgreSQL for tests: one server for a test run, shared by the xdist workers, started by the first that asks.

`database_url` is an empty database for one test; `migrated("members")` is one at the head of that service's
migrations. Both are copies of a template database, which takes some 20 ms. A module that wants one database for all
its tests takes `postgres`, the `Databases`, into a fixture of its own scope.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import connection

from deploy.local.postgres import Server
from kit.db import migrations

_FOLDER = pytest.StashKey[Path]()
_LIFELINE = pytest.StashKey[int]()
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


def pytest_configure(config: pytest.Config) -> None:
    """Give the run a folder and a lifeline: a pipe whose end tells the server that the run is over."""
    if hasattr(config, "workerinput"):
        config.stash[_FOLDER] = Path(config.workerinput["postgres_folder"])
        return
    folder = Path(tempfile.mkdtemp(prefix="kehu-tests-"))
    # The server may run as another account, which must pass through.
    folder.chmod(0o711)
    os.mkfifo(folder / "lifeline")
    config.stash[_FOLDER] = folder
    config.stash[_LIFELINE] = os.open(folder / "lifeline", os.O_RDWR | os.O_CLOEXEC)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker where the shared server is, or will be."""
    node.workerinput["postgres_folder"] = str(node.config.stash[_FOLDER])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let go of the lifeline: the guard stops the server and removes the folder, however the run ends."""
    if _LIFELINE not in config.stash:
        return
    os.close(config.stash[_LIFELINE])
    if not (config.stash[_FOLDER] / "url").exists():
        shutil.rmtree(config.stash[_FOLDER], ignore_errors=True)


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
    folder = request.config.stash[_FOLDER]
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
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
    # Opened without blocking, for the run may be over already; the guard then reads the end at once.
    lifeline = os.open(folder / "lifeline", os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(lifeline, True)
    guard = f"""
        {shlex.join(server.command())} </dev/null &
        cat >/dev/null
        kill -QUIT $!
        wait
        rm -rf {shlex.quote(str(folder))}
    """
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            ["sh", "-c", guard], stdin=lifeline, stdout=log, stderr=log, start_new_session=True, cwd="/"
        )
    os.close(lifeline)
    _wait_until_ready(server.admin_url, folder / "log")
    # The guard outlives this worker on purpose.
    process.returncode = 0
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
