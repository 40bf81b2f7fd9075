"""The whole suite as `make up` starts it, with a shop that is open and members who may buy."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
from kehu.members.v1 import members_pb2

from bench import proc, shop
from bench.backlog import Backlog
from bench.proc import Usage
from cli.importing.gateway import Gateway
from cli.importing.messages import member_of
from deploy.local.status import Found
from deploy.local.suite import Suite

PRODUCTS = 1_000
MEMBERS = 2_000
_BATCH = 1_000


@dataclass(frozen=True)
class Stage:
    """A running suite. `members` are names of enrolled members."""

    suite: Suite
    token: str
    members: Sequence[str]
    backlog: Backlog
    processes: Sequence[Found]

    @property
    def gateway(self) -> str:
        """host:port of the gateway."""
        return self.suite.gateway.removeprefix("http://")

    @property
    def bearer(self) -> str:
        """What a call says for itself."""
        return f"Bearer {self.token}"

    def query(self, service: str, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Rows of a service's database."""
        connection = psycopg2.connect(self.suite.database_url(service))
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, values or None)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def services(self) -> list[Found]:
        """The processes of the services."""
        return [process for process in self.processes if process.service and process.pid]

    def usage(self) -> Usage:
        """The CPU that every kind of process has used so far."""
        used = {process.name: proc.cpu(process.pid) for process in self.processes if process.pid}
        used["rabbitmq"] = self._tree("rabbitmq")
        for database, seconds in proc.postgres(self._pid("postgres")).items():
            used[f"postgres {database.removeprefix('kehu_')}"] = seconds
        used.pop("postgres", None)
        used.pop("epmd", None)
        return Usage(used)

    def connections(self) -> dict[str, dict[str, int]]:
        """How many connections every process of a service has to the database and to the broker."""
        database = urlsplit(self.suite.state.postgres_url).port or 5432
        broker = urlsplit(self.suite.broker_url).port or 5672
        return {
            process.name: {
                "database": proc.connections(process.pid or 0, database),
                "broker": proc.connections(process.pid or 0, broker),
            }
            for process in self.services()
        }

    def _pid(self, name: str) -> int:
        return next(process.pid or 0 for process in self.processes if process.name == name)

    def _tree(self, name: str) -> float:
        pid = self._pid(name)
        return proc.cpu(pid) + sum(proc.cpu(child) for child, _ in proc.children(pid))


@contextmanager
def stage(*, members: int = MEMBERS, environment: dict[str, str] | None = None) -> Iterator[Stage]:
    """A fresh one, gone at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="kehu-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        started = time.monotonic()
        with Suite(folder, environment=environment) as suite:
            shop.open_shop(suite.database_url("orders"), PRODUCTS)
            token = suite.token("admin")
            names = asyncio.run(_enrol(suite.gateway, token, members))
            with Backlog(suite.database_url, suite.broker_url) as backlog:
                made = Stage(suite, token, names, backlog, suite.processes())
                backlog.settle(within=60)
                print(f"The suite is ready after {time.monotonic() - started:.0f} s.", flush=True)
                yield made


async def _enrol(gateway: str, token: str, count: int) -> list[str]:
    rows = [members_pb2.EnrollRow(channel="bench", external_id=f"customer-{number}") for number in range(count)]
    found: list[str] = []
    async with Gateway(gateway, token) as batch:
        for start in range(0, count, _BATCH):
            found += [member_of(answer) for answer in await batch.enroll(rows[start : start + _BATCH])]
    return found
