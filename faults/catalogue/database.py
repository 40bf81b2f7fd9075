"""PostgreSQL stops, refuses connections, ends them, makes everybody wait, or takes transactions back."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from urllib.parse import urlsplit

import psycopg2
from psycopg2 import extensions

from faults.arena import PATIENCE, Arena
from faults.fault import Fault, Finding, found
from faults.waiting import again_and_again

_RPC = "life-of-an-rpc.md#what-can-go-wrong-and-what-the-client-sees"
_SERIALIZATION = "could not serialize access"
_DEADLOCK = "deadlock detected"
_TERMINATE = "select count(pg_terminate_backend(pid)) from pg_stat_activity where usename like 'kehu\\_%'"
_STRICT = ("kehu_orders", "kehu_members", "kehu_campaigns")


def _admin(arena: Arena, service: str = "") -> extensions.connection:
    """The superuser's connection, to a service's database or to none of them."""
    parts = urlsplit(arena.suite.state.postgres_url)
    path = f"/kehu_{service}" if service else "/postgres"
    made = psycopg2.connect(parts._replace(path=path).geturl(), connect_timeout=5)
    made.autocommit = True
    return made


def _execute(arena: Arena, statement: str) -> None:
    with closing(_admin(arena)) as admin, admin.cursor() as cursor:
        cursor.execute(statement)


def _logged(arena: Arena, words: str) -> int:
    """How often the server's log says something."""
    return (arena.suite.folder.logs / "postgres.log").read_text(errors="replace").count(words)


def _stopped(arena: Arena, seconds: float) -> list[Finding]:
    with arena.away("postgres", signum=signal.SIGQUIT):
        time.sleep(seconds)
    return []


def _restarted(arena: Arena, seconds: float) -> list[Finding]:
    """Immediate stop, and back at once, as often as it is well again."""
    times = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pid = arena.suite.kill("postgres", signal.SIGQUIT)
        arena.suite.wait_ready("postgres", other_than=pid, seconds=PATIENCE)
        times += 1
        time.sleep(1)
    return [found("the server was stopped and started again", times > 0, f"{times} times")]


def _terminated(arena: Arena, seconds: float) -> list[Finding]:
    with closing(_admin(arena)) as admin, admin.cursor() as cursor:
        times = again_and_again(lambda: cursor.execute(_TERMINATE), seconds=seconds, pause=0.5)
    return [found("every connection of the services was ended", times > 0, f"{times} times")]


def _no_connections(arena: Arena, seconds: float) -> list[Finding]:
    """Take every connection there is, and end those of the services so that they must ask for new ones."""
    url = arena.suite.state.databases["orders"]
    held: list[extensions.connection] = []
    refused = 0
    try:
        with closing(_admin(arena)) as admin, admin.cursor() as cursor:
            end = time.monotonic() + PATIENCE
            while time.monotonic() < end:
                try:
                    held.append(psycopg2.connect(url, connect_timeout=5, application_name="hog"))
                except psycopg2.OperationalError:
                    if not refused:
                        end = time.monotonic() + seconds
                        cursor.execute(_TERMINATE + " and application_name <> 'hog'")
                    refused += 1
                    time.sleep(0.05)
    finally:
        for each in held:
            each.close()
    return [found("the server refused more connections", refused > 0, f"{len(held)} held, {refused} refused")]


def _locked(arena: Arena, seconds: float) -> list[Finding]:
    """Somebody's maintenance holds the tables of orders and of settlements."""
    with closing(_admin(arena, "orders")) as orders, closing(_admin(arena, "members")) as members:
        for database, table in ((orders, "orders"), (members, "purchases")):
            database.autocommit = False
            with database.cursor() as cursor:
                cursor.execute("set lock_timeout = '30s'")
                cursor.execute(f"lock table {table} in access exclusive mode")
        time.sleep(seconds)
    return []


@contextmanager
def _serializable(arena: Arena) -> Iterator[None]:
    """Let every transaction of the services run in the isolation level that takes transactions back."""
    try:
        for role in _STRICT:
            _execute(arena, f"alter role {role} set default_transaction_isolation = 'serializable'")
        _execute(arena, _TERMINATE)
        yield
    finally:
        for role in _STRICT:
            _execute(arena, f"alter role {role} reset default_transaction_isolation")
        _execute(arena, _TERMINATE)


def _serialization_failures(arena: Arena, seconds: float) -> list[Finding]:
    before = _logged(arena, _SERIALIZATION)
    with _serializable(arena):
        time.sleep(seconds)
    failures = _logged(arena, _SERIALIZATION) - before
    return [found("transactions were taken back", failures > 0, f"{failures} serialization failures")]


def _deadlocks(arena: Arena, seconds: float) -> list[Finding]:
    """Lock rows that the services lock in their order in the other order, and never be the one that gives way."""
    before = _logged(arena, _DEADLOCK)
    with closing(_admin(arena, "orders")) as orders, closing(_admin(arena, "members")) as members:
        for database in (orders, members):
            database.autocommit = False
        again_and_again(lambda: _cross(orders, "stocks", "product_id"), seconds=seconds / 2)
        again_and_again(lambda: _cross(members, "ledger_accounts", "id"), seconds=seconds / 2)
    deadlocks = _logged(arena, _DEADLOCK) - before
    return [found("services were the victims of deadlocks", deadlocks > 0, f"{deadlocks} deadlocks")]


def _cross(database: extensions.connection, table: str, key: str) -> None:
    with suppress(psycopg2.errors.DeadlockDetected, psycopg2.errors.LockNotAvailable), database.cursor() as cursor:
        cursor.execute("set local deadlock_timeout = '60s'; set local lock_timeout = '3s'")
        cursor.execute(f"select {key} from {table} order by {key} desc limit 400")  # noqa: S608 - constants
        keys = [row[0] for row in cursor.fetchall()]
        for each in keys[: random.randint(5, 60)]:  # noqa: S311 - not a secret
            cursor.execute(f"select 1 from {table} where {key} = %s for update", (each,))  # noqa: S608 - constants
            time.sleep(0.02)
    database.rollback()


FAULTS = (
    Fault(
        "connections-ended",
        "every connection of the services to PostgreSQL is ended, twice a second",
        "calls repeat; commits that nobody knows about are answered by their request id",
        _terminated,
        runbook=_RPC,
        quick=True,
        chaos=True,
    ),
    Fault(
        "postgres-restarted",
        "PostgreSQL stops at once (`pg_ctl -m immediate`) and starts again, again and again",
        "pools recover; repeated calls get their first answer",
        _restarted,
        runbook=_RPC,
        quick=True,
        chaos=True,
    ),
    Fault(
        "postgres-away",
        "PostgreSQL stops at once, and stays away",
        "calls end with UNAVAILABLE; consumers hold what they have; all goes on by itself",
        _stopped,
        runbook=_RPC,
        chaos=True,
    ),
    Fault(
        "connection-limit",
        "PostgreSQL takes no more connections",
        "calls end with UNAVAILABLE and repeat; nothing else",
        _no_connections,
        runbook=_RPC,
        chaos=True,
    ),
    Fault(
        "long-lock",
        "somebody locks the tables of orders and of settlements",
        "calls end with ABORTED when they waited 3 s, and keep no connection; consumers wait",
        _locked,
        runbook=_RPC,
        chaos=True,
    ),
    Fault(
        "serialization-failures",
        "PostgreSQL takes transactions back (SQLSTATE 40001)",
        "they are run again, at most three times; what is left is ABORTED and repeated",
        _serialization_failures,
        runbook=_RPC,
    ),
    Fault(
        "deadlocks",
        "rows are locked in the wrong order by somebody who does not give way (SQLSTATE 40P01)",
        "the services' transactions are run again",
        _deadlocks,
        runbook=_RPC,
    ),
)
