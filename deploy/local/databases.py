"""Four databases on one server, each owned by a role of its own that can't connect to the others."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import cursor

from deploy.local.problem import Problem


def name(service: str) -> str:
    """The database of a service, and its role."""
    return f"kehu_{service}"


def url(admin_url: str, service: str, password: str) -> str:
    """Where a service connects to its database."""
    parts = urlsplit(admin_url)
    address = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{name(service)}:{password}@{address}", path=f"/{name(service)}").geturl()


def prepare(admin_url: str, passwords: Mapping[str, str], *, seconds: float = 30.0) -> None:
    """Make the roles and the databases that are missing, as soon as the server answers."""
    with _admin(admin_url, seconds) as admin:
        for service, password in passwords.items():
            _ensure(admin, name(service), password)


@contextmanager
def _admin(admin_url: str, seconds: float) -> Iterator[cursor]:
    deadline = time.monotonic() + seconds
    while True:
        try:
            connection = psycopg2.connect(admin_url)
            break
        except psycopg2.OperationalError as error:
            if time.monotonic() > deadline:
                raise Problem(f"PostgreSQL does not let the suite in: {_line(error)}.") from error
            time.sleep(0.05)
    connection.autocommit = True
    try:
        with connection.cursor() as admin:
            yield admin
    except psycopg2.errors.InsufficientPrivilege as error:
        raise Problem(
            f"PostgreSQL refuses ({_line(error)}); "
            "KEHU_POSTGRES_URL must name a role that may create roles and databases."
        ) from error
    finally:
        connection.close()


def _ensure(admin: cursor, role: str, password: str) -> None:
    identifier = sql.Identifier(role)
    # A role of the same name may be there from an earlier run: it gets this run's password.
    admin.execute("select 1 from pg_roles where rolname = %s", (role,))
    verb = sql.SQL("create role" if admin.fetchone() is None else "alter role")
    admin.execute(sql.SQL("{} {} login password {}").format(verb, identifier, sql.Literal(password)))
    admin.execute("select 1 from pg_database where datname = %s", (role,))
    if admin.fetchone() is None:
        admin.execute(sql.SQL("grant {} to current_user").format(identifier))
        admin.execute(sql.SQL("create database {} owner {}").format(identifier, identifier))
    # Every role may connect to a new database until this is taken back.
    admin.execute(sql.SQL("revoke all on database {} from public").format(identifier))


def _line(error: psycopg2.Error) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")
