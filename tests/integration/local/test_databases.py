from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2
import pytest
from psycopg2 import extensions

from deploy.local import databases
from deploy.local.problem import Problem
from tests.support.postgres import Databases

PASSWORDS = {"left": "one", "right": "two"}


@contextmanager
def session(url: str) -> Iterator[extensions.cursor]:
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor


@pytest.fixture(scope="module")
def admin_url(postgres: Databases) -> Iterator[str]:
    databases.prepare(postgres.admin_url, PASSWORDS)
    yield postgres.admin_url
    with session(postgres.admin_url) as cursor:
        for service in PASSWORDS:
            cursor.execute(f"drop database {databases.name(service)} with (force)")
            cursor.execute(f"drop role {databases.name(service)}")


def test_a_service_owns_its_database(admin_url: str) -> None:
    with session(databases.url(admin_url, "left", "one")) as cursor:
        cursor.execute("create table facts (id int)")
        cursor.execute("select current_user, current_database()")
        assert cursor.fetchone() == ("kehu_left", "kehu_left")


def test_a_service_is_not_let_into_another_ones_database(admin_url: str) -> None:
    url = databases.url(admin_url, "left", "one").removesuffix("left") + "right"

    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        psycopg2.connect(url)


def test_a_service_is_no_administrator(admin_url: str) -> None:
    url = databases.url(admin_url, "left", "one")

    with session(url) as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute("create role intruder")


def test_preparing_again_keeps_the_data_and_takes_the_new_password(admin_url: str) -> None:
    with session(databases.url(admin_url, "left", "one")) as cursor:
        cursor.execute("create table kept (id int)")

    databases.prepare(admin_url, {"left": "other"})
    with session(databases.url(admin_url, "left", "other")) as cursor:
        cursor.execute("drop table kept")
    databases.prepare(admin_url, PASSWORDS)


def test_a_role_that_may_not_create_databases_is_explained(admin_url: str) -> None:
    with pytest.raises(Problem, match="KEHU_POSTGRES_URL must name a role that may create roles and databases"):
        databases.prepare(databases.url(admin_url, "left", "one"), {"third": "three"})


def test_a_server_that_does_not_answer_is_explained() -> None:
    with pytest.raises(Problem, match=r"PostgreSQL does not let the suite in: .*refused"):
        databases.prepare("postgresql://nobody@127.0.0.1:1/postgres", {}, seconds=0)
